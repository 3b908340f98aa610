"""The gain of a track: what is asked for, as far as the true peak allows."""

import pytest

from cutroom.media.loudness import Gain, Loudness, lowered, plan_gain


def metered(integrated: float | None, peak: float | None) -> Loudness:
    return Loudness(integrated_lufs=integrated, range_lu=3.0, true_peak_dbtp=peak)


@pytest.mark.parametrize(
    ("integrated", "peak", "target", "wanted"),
    [
        (-23.0, -10.0, -16.0, Gain(gain_db=7.0)),
        (-10.0, 0.5, -16.0, Gain(gain_db=-6.0)),
        (-23.0, -3.0, -16.0, Gain(gain_db=2.0, is_limited=True)),
        (None, None, -16.0, Gain()),
        # A downmix that would clip is lowered, one that would not stays as it is.
        (-14.0, 4.6, None, Gain(gain_db=-5.6)),
        (-23.0, -6.0, None, Gain()),
        (None, None, None, Gain()),
    ],
)
def test_the_gain(integrated: float | None, peak: float | None, target: float | None, wanted: Gain) -> None:
    assert plan_gain(metered(integrated, peak), target_lufs=target) == wanted


def test_a_gain_is_lowered_by_what_encodes_peak_above_the_ceiling() -> None:
    gain = Gain(gain_db=4.0)
    assert lowered(gain, [Loudness(true_peak_dbtp=-1.0), Loudness(true_peak_dbtp=None)]) is None
    assert lowered(gain, []) is None
    less = lowered(gain, [Loudness(true_peak_dbtp=-3.0), Loudness(true_peak_dbtp=-0.4)])
    assert less == Gain(gain_db=3.2, is_limited=True)
