"""What was moved, repeated, lost or silenced is told from what was only coded."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from cutroom.media.likeness import RATE_HZ, Coded, Likeness, compare, read

Sound = npt.NDArray[np.float64]
JOINS = [Fraction(2), Fraction(4)]


def coded(sound: Sound) -> Coded:
    """In 8 bits after ITU-T G.711, written down from the recommendation's segments."""
    size = np.minimum(np.abs(np.round(sound * 32768)).astype(int), 32635) + 132
    exponent = np.floor(np.log2(size)).astype(int) - 7
    mantissa = size >> exponent + 3 & 15
    code = exponent << 4 | mantissa | np.where(sound < 0, 128, 0)
    return (~code & 0xFF).astype(np.uint8)


def noise(seconds: float = 6.0, seed: int = 3) -> Sound:
    return np.random.default_rng(seed).normal(0, 0.1, round(seconds * RATE_HZ))


def compared(before: Sound, after: Sound) -> Likeness:
    found = compare(coded(before), coded(after), JOINS)
    assert found is not None
    return found


def at(second: float) -> int:
    return round(second * RATE_HZ)


def moved(sound: Sound) -> Sound:
    """20 ms late between the joins."""
    return np.concatenate([sound[: at(2)], sound[at(2) - 160 : at(4) - 160], sound[at(4) :]])


def lost(sound: Sound) -> Sound:
    """20 ms are left out at a join, and come back at the end."""
    return np.concatenate([sound[: at(2)], sound[at(2.02) :], sound[: at(0.02)]])


def repeated(sound: Sound) -> Sound:
    """A fifth of a second is heard twice, in place of what comes after it."""
    return np.concatenate([sound[: at(2)], sound[at(1.8) : at(2)], sound[at(2.2) :]])


def silenced(sound: Sound) -> Sound:
    return np.concatenate([sound[: at(3.98)], np.zeros(at(4.01) - at(3.98)), sound[at(4.01) :]])


def swapped(sound: Sound) -> Sound:
    return np.concatenate([sound[: at(2)], sound[at(4) :], sound[at(2) : at(4)]])


def stretched(sound: Sound) -> Sound:
    """One sample in a thousand more."""
    places = np.arange(len(sound)) / 1.001
    return np.interp(places, np.arange(len(sound)), sound)


def test_the_same_sound_is_the_same_everywhere() -> None:
    found = compared(noise(), noise())
    assert (found.windows, found.joins) == (26, 2)
    assert found.least == pytest.approx(1, abs=1e-3)
    assert (found.lag_ms, found.spread_ms, found.drift_ms, found.silenced) == (0, 0, 0, 0)


def test_noise_of_a_codec_does_not_count() -> None:
    found = compared(noise(), 0.8 * noise() + 0.4 * noise(seed=4))
    assert found.least > 0.8
    assert abs(found.spread_ms) < 0.1


def test_sound_that_is_late_all_along_is_told_to_a_fraction_of_a_sample() -> None:
    found = compared(noise(), np.concatenate([np.zeros(40), noise()]))
    assert found.lag_ms == pytest.approx(5, abs=0.01)
    assert found.spread_ms == pytest.approx(0, abs=0.01)


@pytest.mark.parametrize(
    ("fault", "is_told"),
    [
        (moved, lambda found: found.spread_ms == pytest.approx(20, abs=0.1)),
        (lost, lambda found: abs(found.spread_ms) == pytest.approx(20, abs=0.1)),
        (repeated, lambda found: found.least < 0.4 and 1.75 <= found.least_at_s <= 2.2),
        (silenced, lambda found: found.silenced >= 4 and found.silenced_at_s == pytest.approx(3.98, abs=0.006)),
        (swapped, lambda found: found.least < 0.1 and found.least_at_s >= 1.875),
        (stretched, lambda found: found.drift_ms == pytest.approx(6, abs=1)),
    ],
    ids=lambda one: getattr(one, "__name__", ""),
)  # fmt: skip
def test_a_fault_shows(fault: Callable[[Sound], Sound], is_told: Callable[[Likeness], bool]) -> None:
    assert is_told(compared(noise(), fault(noise())))


def test_what_is_meant_to_be_quieter_is_not_taken_for_silenced() -> None:
    """A loud recording in floating point that is brought to the loudness of podcasts is 30 dB quieter."""
    quieter = noise() / 30
    assert compared(noise(), quieter).silenced > 1000
    found = compare(coded(noise()), coded(quieter), JOINS, is_as_loud=False)
    assert found is not None
    assert found.silenced == 0
    spoiled = compare(coded(noise()), coded(silenced(quieter)), JOINS, is_as_loud=False)
    assert spoiled is not None
    # 30 ms, of which what lies at both ends is left out.
    assert spoiled.silenced == 4


def test_a_tone_is_not_looked_for_a_period_away() -> None:
    tone = 0.3 * np.sin(2 * np.pi * 440 * np.arange(at(6)) / RATE_HZ)
    found = compared(tone, tone + 0.02 * noise(seed=9))
    assert abs(found.spread_ms) < 0.1


def test_silence_is_not_compared() -> None:
    assert compare(coded(np.zeros(at(3))), coded(noise(3)), JOINS) is None
    assert compare(coded(np.zeros(0)), coded(noise(3)), JOINS) is None


def test_a_sound_of_an_instant_is_compared(tmp_path: Path) -> None:
    path = tmp_path / "heard"
    path.write_bytes(coded(noise(0.05)).tobytes())
    found = compare(read(path), read(path), [])
    assert found is not None
    assert (found.windows, found.least) == (1, pytest.approx(1, abs=1e-3))


def test_nothing_is_heard_in_an_empty_file(tmp_path: Path) -> None:
    path = tmp_path / "heard"
    path.touch()
    assert compare(read(path), read(path), []) is None
