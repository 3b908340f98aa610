"""Waveform data as players read it: the JSON of audiowaveform and peaks.js, format version 2. Pure."""

import json
from collections.abc import Iterable

PEAKS_PER_S = 20
"""Pairs of lowest and highest sample for a second of sound; a player draws one a pixel, and zooms out by itself."""

_FULL_SCALE = 127
"""Of 8 bits."""


def samples_per_peak(sample_rate_hz: int) -> int:
    """How many samples make one pair."""
    return max(1, sample_rate_hz // PEAKS_PER_S)


def read_peaks(lines: Iterable[str]) -> list[int]:
    """Lowest and highest sample by turns, in 8 bits, out of what ffmpeg printed of each stretch of sound.

    Args:
        lines: `lavfi.astats.Overall.Min_level=-0.25` and the same with `Max`, among other lines.
    """
    data = []
    for line in lines:
        name, _, value = line.strip().partition("=")
        if name.endswith((".Min_level", ".Max_level")):
            # Samples of floating point may be infinite.
            data.append(round(max(-_FULL_SCALE - 1.0, min(float(_FULL_SCALE), float(value) * _FULL_SCALE))))
    return data


def waveform_json(data: list[int], sample_rate_hz: int) -> str:
    """The whole file: one channel, which is the mean of all; of surround, weighted as it is mixed down."""
    return json.dumps(
        {
            "version": 2,
            "channels": 1,
            "sample_rate": sample_rate_hz,
            "samples_per_pixel": samples_per_peak(sample_rate_hz),
            "bits": 8,
            "length": len(data) // 2,
            "data": data,
        },
        separators=(",", ":"),
    )
