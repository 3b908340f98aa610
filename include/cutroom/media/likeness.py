"""Whether two recordings hold the same sound at the same time, all along. Pure.

Both are first reduced to one channel at a low rate (see `cutroom.ffmpeg.sound`). There every codec keeps the waveform,
so that what was moved, repeated, left out or silenced can be told from what was only coded.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import numpy.typing as npt

RATE_HZ = 8000
"""Samples a second of what is compared."""

WINDOW = 2000
"""Samples that are held against each other at a time: a quarter of a second."""

REACH = 800
"""How far a window is looked for from its place, in samples: a tenth of a second."""

STEP = 40
"""Samples of the shortest silence that is looked for: 5 ms, so that no lost frame of a codec is missed."""

LOOSE = 8
"""Samples on both sides that have to be silent, too, for what containers round."""

AUDIBLE = 0.006
"""Least level of what is compared, 44 dB below full scale: of what is quieter low bit rates keep no waveform."""

FAINT = 0.1
"""What may be left of a level before it counts as silenced: -20 dB."""

MASKED = 0.1
"""What lies so far below the level of its quarter of a second is masked: encoders may leave it out beside a burst."""

CLOSE = 0.1
"""Correlations that differ by less say the same: a tone is like itself at every period."""

Coded = npt.NDArray[np.uint8]
"""Samples in 8 bits after ITU-T G.711, µ-law."""

Samples = npt.NDArray[np.float32]

_SIZE = 4096
_BATCH = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class Likeness:
    """What comparing a recording with an earlier one showed."""

    windows: int
    """How many were compared: those in which the earlier one is not silent."""
    joins: int
    """Those of them that lie across a join."""
    least: float
    """Least correlation of a window with the most alike near its place."""
    least_at_s: float
    lag_ms: float
    """How late the sound is in most windows; negative: early."""
    spread_ms: float
    """How far the lag of any window is from that."""
    spread_at_s: float
    drift_ms: float
    """By how much the lag grows from the beginning to the end."""
    silenced: int
    """Stretches of 5 ms that are heard in the earlier one alone."""
    silenced_at_s: float | None = None


def read(path: Path) -> Coded:
    """A recording that lies in a file, of which only what is looked at is read."""
    return np.memmap(path, np.uint8, "r") if path.stat().st_size else np.empty(0, np.uint8)


def compare(
    before: Coded, after: Coded, joins_s: Sequence[Fraction], *, is_as_loud: bool = True
) -> Likeness | None:
    """Look for each window of a recording in a later one, and for what cannot be heard there any more.

    Args:
        before: The earlier recording; it may lie in a file, and is read window by window.
        after: The later one.
        joins_s: Where the later one is joined, in seconds: windows across these are compared besides.
        is_as_loud: Whether the later one is meant to be as loud; else it may be quieter all along.

    Returns:
        None: the earlier one is silent.
    """
    last = max(0, len(before) - WINDOW)
    joins = [round(at * RATE_HZ) - WINDOW // 2 for at in joins_s]
    starts = [*range(0, last, WINDOW), last]
    places = sorted({*starts, *(at for at in joins if 0 <= at <= last)})
    faint = FAINT if is_as_loud else FAINT * _left(before, after, starts)
    silences = [at for start in starts for at in _silenced(before, after, start, faint)]
    found = [
        window
        for first in range(0, len(places), _BATCH)
        for window in _windows(before, after, places[first : first + _BATCH])
    ]
    if not found:
        return None
    lags = np.array([lag for _, lag, _ in found])
    usual = float(np.median(lags))
    furthest = int(np.argmax(np.abs(lags - usual)))
    least = min(found, key=lambda window: window[2])
    times = np.array([at for at, _, _ in found], float)
    slope = np.polyfit(times, lags, 1)[0] if len(found) > 1 else 0.0
    heard = {at for at, _, _ in found}
    return Likeness(
        windows=len(found),
        joins=len(heard.intersection(joins)),
        least=round(least[2], 3),
        least_at_s=round(least[0] / RATE_HZ, 3),
        lag_ms=_ms(usual),
        spread_ms=_ms(float(lags[furthest] - usual)),
        spread_at_s=round(found[furthest][0] / RATE_HZ, 3),
        drift_ms=_ms(float(slope * (times[-1] - times[0]))),
        silenced=len(silences),
        silenced_at_s=round(silences[0] / RATE_HZ, 3) if silences else None,
    )


def _ms(samples: float) -> float:
    return round(1000 * samples / RATE_HZ, 3)


def _expansion() -> Samples:
    """The value of each code of G.711's µ-law, full scale at 1."""
    code = ~np.arange(256) & 0xFF
    size = (((code & 15) << 3) + 132 << (code >> 4 & 7)) - 132
    return (np.where(code & 128, -size, size) / 32768).astype(np.float32)


_VALUES = _expansion()


def _part(coded: Coded, start: int, end: int) -> Samples:
    """The samples from `start` up to `end`, with silence beyond both ends."""
    inside = _VALUES[coded[max(0, start) : max(0, end)]]
    return np.pad(inside, (max(0, -start), end - max(0, start) - len(inside)))


def _windows(before: Coded, after: Coded, places: Sequence[int]) -> Iterator[tuple[int, float, float]]:
    """Of each window that can be heard: its place, how many samples late it is, and how alike it is there."""
    wanted = np.stack([_part(before, at, at + WINDOW) for at in places])
    near = np.stack([_part(after, at - REACH, at + WINDOW + REACH) for at in places])
    spectrum = np.fft.rfft(near, _SIZE) * np.conj(np.fft.rfft(wanted, _SIZE))
    products = np.fft.irfft(spectrum, _SIZE)[:, : 2 * REACH + 1]
    energy = np.pad(np.cumsum(near.astype(float) ** 2, axis=1), ((0, 0), (1, 0)))
    energy = energy[:, WINDOW:] - energy[:, :-WINDOW]
    own = (wanted.astype(float) ** 2).sum(axis=1, keepdims=True)
    # Of what is silent now, noise of the arithmetic must not look like the sound.
    alike = products / np.sqrt(np.maximum(energy, own * FAINT**4) * own + 1e-12)
    for at, level, row in zip(places, np.sqrt(own[:, 0] / WINDOW), alike, strict=True):
        if level >= AUDIBLE:
            lag = _nearest_peak(row)
            yield at, lag - REACH, float(row[round(lag)])


def _nearest_peak(alike: npt.NDArray[np.float64]) -> float:
    """Where a correlation peaks, to a fraction of a sample: the peak nearest to the middle of those that are close."""
    inner = alike[1:-1]
    peaks = 1 + np.flatnonzero((inner >= alike[:-2]) & (inner >= alike[2:]) & (inner >= alike.max() - CLOSE))
    if not len(peaks):
        return float(np.argmax(alike))
    peak = int(peaks[np.argmin(np.abs(peaks - REACH))])
    left, top, right = alike[peak - 1 : peak + 2]
    bend = left - 2 * top + right
    return peak + (0.5 * (left - right) / bend if bend else 0.0)


def _left(before: Coded, after: Coded, starts: Sequence[int]) -> float:
    """What is left of the level in most windows, at most all of it."""
    levels = [
        [float(np.sqrt((_part(one, at, at + WINDOW).astype(float) ** 2).mean())) for one in (before, after)]
        for at in starts
    ]
    return min(
        1.0, float(np.median([after / before for before, after in levels if before >= AUDIBLE] or [1.0]))
    )


def _silenced(before: Coded, after: Coded, start: int, faint: float) -> Iterator[int]:
    """Where in a window something was heard before, and next to nothing is after."""
    first = _part(before, start, start + WINDOW).reshape(-1, STEP)
    second = _part(after, start - LOOSE, start + WINDOW + LOOSE)
    second = np.lib.stride_tricks.sliding_window_view(second, STEP + 2 * LOOSE)[::STEP]
    was, still = (np.sqrt((one.astype(float) ** 2).mean(axis=1)) for one in (first, second))
    heard = np.maximum(AUDIBLE, MASKED * np.sqrt((was**2).mean()))
    for number in np.flatnonzero((was >= heard) & (still < faint * was)):
        yield start + int(number) * STEP
