"""How a picture is cropped and turned, by what lies beside it in its container. Pure."""

import math
from collections.abc import Mapping
from typing import Any

from cutroom.ffmpeg.ffprobe import Stream


def cropped(stream: Stream) -> tuple[int, int, int, int] | None:
    """What a clean aperture (ISO/IEC 14496-12, 12.1.4) or PixelCrop (Matroska) takes off, where something is left."""
    for entry in stream.side_data_list:
        if entry.get("side_data_type") == "Frame Cropping":
            left, top, right, bottom = (
                int(entry[f"crop_{side}"]) for side in ("left", "top", "right", "bottom")
            )
            if (
                any((left, top, right, bottom))
                and left + right < stream.width
                and top + bottom < stream.height
            ):
                return left, top, right, bottom
    return None


def orientation(side_data: tuple[Mapping[str, Any], ...]) -> tuple[int, bool]:
    """Clockwise degrees, in quarters as players turn pictures, and mirroring."""
    degrees, mirrored = _turn(side_data)
    return round(degrees / 90) % 4 * 90, mirrored


def turn_notes(stream: Stream) -> tuple[str, ...]:
    """That a picture is meant to be turned by what is no quarter, in words. Pure."""
    degrees, _ = _turn(stream.side_data_list)
    shown, _ = orientation(stream.side_data_list)
    if abs((degrees - shown + 180) % 360 - 180) < 1:
        return ()
    return (
        f"The picture is meant to be turned by {degrees:.0f}°; it is shown turned by {shown}°, a whole quarter.",
    )


def _turn(side_data: tuple[Mapping[str, Any], ...]) -> tuple[float, bool]:
    """Clockwise degrees, 0 to 360, and mirroring out of a display matrix (ISO/IEC 14496-12, 8.3.2.3).

    ffprobe prints the matrix as three rows of fixed-point numbers after a line number.
    """
    for entry in side_data:
        if entry.get("side_data_type") != "Display Matrix":
            continue
        rows = [
            line.split(":", 1)[1].split() for line in str(entry["displaymatrix"]).splitlines() if ":" in line
        ]
        a, b = int(rows[0][0]), int(rows[0][1])
        c, d = int(rows[1][0]), int(rows[1][1])
        mirrored = a * d - b * c < 0
        if mirrored:
            a, b = -a, -b
        return math.degrees(math.atan2(b, a)) % 360, mirrored
    return 0, False
