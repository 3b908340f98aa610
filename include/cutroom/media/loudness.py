"""Loudness after EBU R 128, and the gain that brings a track to what a profile asks for. Pure."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

CEILING_DBTP = -1.0
"""Highest true peak that a gain of ours may lead to (EBU R 128, h)."""

NEAR_LU = 0.5
"""How near is near enough (EBU R 128)."""

SILENCE_LUFS = -70.0
"""The gate of ITU-R BS.1770: what is below is not measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Loudness:
    """What the meter of EBU R 128 showed of a whole track."""

    integrated_lufs: float | None = None
    """None: silence, or shorter than a window of 0.4 s."""
    range_lu: float | None = None
    true_peak_dbtp: float | None = None
    """None: digital silence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gain:
    """One gain for a whole track, so that its dynamics stay as they are."""

    gain_db: float = 0.0
    is_limited: bool = False
    """Whether the true peak did not allow as much as was asked for."""


def plan_gain(measured: Loudness, *, target_lufs: float | None) -> Gain:
    """The gain of a track.

    Args:
        measured: The track as it goes to the encoder, after a downmix.
        target_lufs: What the profile asks for; None: the gain only keeps a downmix from clipping.
    """
    headroom = None if measured.true_peak_dbtp is None else CEILING_DBTP - measured.true_peak_dbtp
    if target_lufs is None:
        return Gain(gain_db=round(min(0.0, headroom), 2) if headroom is not None else 0.0)
    if measured.integrated_lufs is None or headroom is None:
        return Gain()
    wanted = target_lufs - measured.integrated_lufs
    return Gain(gain_db=round(min(wanted, headroom), 2), is_limited=headroom < wanted)


def within_scale(peak_dbfs: float) -> Gain:
    """The gain that brings sound in floating point to full scale where it is above, as its encoder would clip it.

    Args:
        peak_dbfs: Its highest sample.
    """
    return Gain(gain_db=min(0.0, -math.ceil(peak_dbfs * 100) / 100)) if math.isfinite(peak_dbfs) else Gain()


def approached(gain: Gain, made: Loudness, *, target_lufs: float) -> Gain | None:
    """The gain with which an encode is as loud as was asked for; None: it is, or nothing more can be done.

    At low bit rates encoders leave out what is far to the sides, or add to what they can't keep.

    Args:
        gain: What it was made with.
        made: What it decodes to.
        target_lufs: What the profile asks for.
    """
    if made.integrated_lufs is None or made.true_peak_dbtp is None:
        return None
    more = target_lufs - made.integrated_lufs
    # As with `lowered`, what is encoded anew is not the same.
    room = CEILING_DBTP - made.true_peak_dbtp - 0.2
    if abs(more) <= NEAR_LU or (more > 0 and (gain.is_limited or room <= 0)):
        return None
    return Gain(gain_db=round(gain.gain_db + min(more, room), 2), is_limited=room < more)


def lowered(gain: Gain, made: Iterable[Loudness]) -> Gain | None:
    """The gain with which encodes stay below the ceiling; None: they do already.

    An encoder that leaves out what is not heard may make peaks higher than those that it was given.

    Args:
        gain: What they were made with.
        made: What they decode to.
    """
    peaks = [one.true_peak_dbtp for one in made if one.true_peak_dbtp is not None]
    above = max(peaks, default=CEILING_DBTP) - CEILING_DBTP
    if above <= 0:
        return None
    # The meter tells tenths, and what is encoded anew is not the same.
    return Gain(gain_db=round(gain.gain_db - above - 0.2, 2), is_limited=True)
