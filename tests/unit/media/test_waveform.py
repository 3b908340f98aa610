"""Waveform data in the format of audiowaveform, version 2."""

import json

from cutroom.media.waveform import read_peaks, samples_per_peak, waveform_json


def test_peaks_are_read_and_written_as_players_expect() -> None:
    lines = [
        "frame:0    pts:0       pts_time:0",
        "lavfi.astats.Overall.Min_level=-0.500000",
        "lavfi.astats.Overall.Max_level=0.250000",
        "frame:1    pts:2205    pts_time:0.05",
        "lavfi.astats.Overall.Min_level=-1.700000",
        "lavfi.astats.Overall.Max_level=inf",
    ]
    made = json.loads(waveform_json(read_peaks(lines), 44_100))
    assert made == {
        "version": 2, "channels": 1, "sample_rate": 44_100, "samples_per_pixel": 2205, "bits": 8, "length": 2,
        "data": [-64, 32, -128, 127],
    }  # fmt: skip
    assert samples_per_peak(8) == 1
