"""What a picture in HDR says of the display that it was mastered on."""

from collections.abc import Iterable, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

from cutroom.errors import EncoderRefused
from cutroom.ffmpeg import ffprobe
from cutroom.media.limits import Limits
from cutroom.media.source import VideoTrack


def read_hdr(path: Path, track: VideoTrack, *, log: Path, limits: Limits) -> tuple[str, ...]:
    """Notes on the HDR of a track, from the container and from its first frame; what can't be read says nothing."""
    shown = ("-select_streams", str(track.index), "-read_intervals", "%+#1", "-show_streams", "-show_frames")
    try:
        said, _ = ffprobe.ask(path, *shown, log=log, limits=limits)
    except EncoderRefused:
        return ()
    found = (entry for one in ("streams", "frames") for entry in said.get(one, ()))
    return hdr_notes(data for entry in found for data in entry.get("side_data_list", ()))


def hdr_notes(side_data: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """What ffprobe's side data say, in words, each once. Pure."""
    notes = []
    for one in side_data:
        match one:
            case {"side_data_type": "Mastering display metadata", "max_luminance": brightest}:
                notes.append(f"The picture was mastered on a display of {_nits(brightest)} cd/m².")
            case {
                "side_data_type": "Content light level metadata",
                "max_content": pixel,
                "max_average": frame,
            }:
                notes.append(
                    f"Its brightest pixel has {pixel} cd/m², its brightest frame {frame} on average."
                )
    return tuple(dict.fromkeys(notes))


def _nits(ratio: str) -> str:
    return f"{float(Fraction(ratio)):g}"
