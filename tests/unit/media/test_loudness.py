"""The gain of a track: what is asked for, as far as the true peak allows."""

from dataclasses import replace

import pytest

from cutroom.media.loudness import Gain, Loudness, corrected, lowered, plan_gain, within_scale


def metered(integrated: float | None, peak: float | None) -> Loudness:
    return Loudness(integrated_lufs=integrated, range_lu=3.0, true_peak_dbtp=peak)


@pytest.mark.parametrize(
    ("integrated", "peak", "target", "wanted"),
    [
        (-23.0, -10.0, -16.0, Gain(gain_db=7.0)),
        (-10.0, 0.5, -16.0, Gain(gain_db=-6.0)),
        # Single peaks are held below the ceiling, where they are not too far above the rest.
        (-23.0, -3.0, -16.0, Gain(gain_db=7.0, is_limited=True)),
        (-43.0, -3.0, -16.0, Gain(gain_db=12.0, is_limited=True)),
        (None, None, -16.0, Gain()),
        # A downmix that would clip is lowered, one that would not stays as it is.
        (-14.0, 4.6, None, Gain(gain_db=-5.6)),
        (-23.0, -6.0, None, Gain()),
        (None, None, None, Gain()),
    ],
)
def test_the_gain(integrated: float | None, peak: float | None, target: float | None, wanted: Gain) -> None:
    assert plan_gain(metered(integrated, peak), target_lufs=target) == wanted


def test_peaks_are_held_lower_by_what_encodes_peak_above_the_ceiling() -> None:
    gain = Gain(gain_db=4.0)
    assert lowered(gain, [Loudness(true_peak_dbtp=-1.0), Loudness(true_peak_dbtp=None)]) is None
    assert lowered(gain, []) is None
    less = lowered(gain, [Loudness(true_peak_dbtp=-3.0), Loudness(true_peak_dbtp=-0.4)])
    assert less == Gain(gain_db=4.0, is_limited=True, ceiling_dbtp=-1.8)
    assert lowered(less, [Loudness(true_peak_dbtp=-0.9)]) == replace(less, ceiling_dbtp=-2.1)


def test_sound_above_full_scale_is_brought_to_it_and_no_other_is_changed() -> None:
    assert within_scale(12.941) == Gain(gain_db=-12.95)
    assert within_scale(-0.3) == within_scale(float("-inf")) == Gain()


@pytest.mark.parametrize(
    ("integrated", "peak", "wanted"),
    [
        (-16.4, -9.0, None),
        (-17.7, -9.0, Gain(gain_db=5.7)),
        (-12.0, -9.0, Gain(gain_db=0.0)),
        # Peaks that come above the ceiling with it are held below.
        (-18.0, -2.2, Gain(gain_db=6.0, is_limited=True)),
        (-25.0, -12.0, Gain(gain_db=6.0)),
        (-16.0, -0.4, Gain(gain_db=4.0, is_limited=True, ceiling_dbtp=-1.8)),
        (None, None, None),
    ],
)
def test_an_encode_that_is_louder_or_quieter_is_made_with_another_gain(
    integrated: float | None, peak: float | None, wanted: Gain | None
) -> None:
    assert corrected(Gain(gain_db=4.0), metered(integrated, peak), target_lufs=-16.0) == wanted


@pytest.mark.parametrize(
    ("integrated", "peak", "wanted"),
    [
        (-16.4, -1.0, None),
        # A decibel of gain makes it less than one louder, and peaks are held lower at once.
        (-16.8, -1.2, Gain(gain_db=5.2, is_limited=True, ceiling_dbtp=-2.0)),
        (-16.8, -0.5, Gain(gain_db=5.2, is_limited=True, ceiling_dbtp=-2.7)),
        # As far as it stays near, it gets quieter: what the encoder adds may be as much below a lower ceiling.
        (-16.0, -0.9, Gain(gain_db=3.7, is_limited=True, ceiling_dbtp=-2.3)),
        (-16.3, -0.9, Gain(gain_db=4.0, is_limited=True, ceiling_dbtp=-2.3)),
    ],
)
def test_an_encode_whose_peaks_were_held_is_brought_to_the_loudness_below_the_ceiling(
    integrated: float, peak: float, wanted: Gain | None
) -> None:
    gain = Gain(gain_db=4.0, is_limited=True, ceiling_dbtp=-2.0)
    assert corrected(gain, metered(integrated, peak), target_lufs=-16.0) == wanted
