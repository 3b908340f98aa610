"""Loudness after EBU R 128, and the gain that brings a track to what a profile asks for. Pure."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

CEILING_DBTP = -1.0
"""Highest true peak that a gain of ours may lead to (EBU R 128, h)."""

MOST_LIMITED_DB = 10.0
"""By how much peaks are lowered at most, at first: voices that nobody has worked on need about 8 dB. What is further
above the rest is no peak in it, but what the recording is about."""

NEAR_LU = 0.5
"""How near is near enough (EBU R 128)."""

MOST_RAISED_LU = 2.0
"""By how much a try is made louder than the one before, for what encoders, and what holds peaks down, take."""

HELD = 1.5
"""How many decibels of gain make sound one louder whose peaks are held down."""

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
    """One gain for a whole track, so that its dynamics stay as they are, but for single peaks."""

    gain_db: float = 0.0
    is_limited: bool = False
    """Whether what it would bring above the ceiling is held below."""
    ceiling_dbtp: float = CEILING_DBTP
    """Where that is held: lower than what is allowed for encoders that make it higher again."""


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
    wanted = min(target_lufs - measured.integrated_lufs, headroom + MOST_LIMITED_DB)
    return Gain(gain_db=round(wanted, 2), is_limited=headroom < wanted)


def within_scale(peak_dbfs: float) -> Gain:
    """The gain that brings sound in floating point to full scale where it is above, as its encoder would clip it.

    Args:
        peak_dbfs: Its highest sample.
    """
    return Gain(gain_db=min(0.0, -math.ceil(peak_dbfs * 100) / 100)) if math.isfinite(peak_dbfs) else Gain()


def lowered(gain: Gain, made: Iterable[Loudness]) -> Gain | None:
    """The same gain with peaks so far below the ceiling that encodes stay below it; None: they do already.

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
    return replace(gain, is_limited=True, ceiling_dbtp=round(gain.ceiling_dbtp - above - 0.2, 2))


def corrected(gain: Gain, made: Loudness, *, target_lufs: float) -> Gain | None:
    """The gain with which an encode is as loud as was asked for, and stays below the ceiling; None: it does already.

    At low bit rates encoders leave out what is far to the sides, or add to what they can't keep; and what is held below
    the ceiling is less loud.

    Args:
        gain: What it was made with.
        made: What it decodes to.
        target_lufs: What the profile asks for.
    """
    if made.integrated_lufs is None or made.true_peak_dbtp is None:
        return None
    more = target_lufs - made.integrated_lufs
    held = lowered(gain, [made]) or gain
    if abs(more) <= NEAR_LU:
        if held is gain:
            return None
        # What an encoder adds to peaks may be as much wherever they are held.
        less = gain.ceiling_dbtp - held.ceiling_dbtp
        return replace(held, gain_db=round(gain.gain_db - less, 2)) if more + less <= NEAR_LU else held
    if gain.is_limited and more > 0:
        more *= HELD
    more = min(more, MOST_RAISED_LU)
    is_limited = held.is_limited or made.true_peak_dbtp + more > CEILING_DBTP
    return replace(held, gain_db=round(gain.gain_db + more, 2), is_limited=is_limited)
