"""The edit list of a track of an MP4 (ISO/IEC 14496-12, 8.6.6), and what ffmpeg passes over of it."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

from cutroom.ffmpeg.movie_box import boxes, movie, tracks
from cutroom.media.edits import Edit

_HEAD = 8
"""Bytes in front of the edits: version and flags, and how many there are."""


def read(path: Path, track: int) -> tuple[Edit, ...]:
    """The edits of a track; none where the file is no MP4, or has no list.

    Args:
        path: A local file.
        track: Stream index.
    """
    with path.open("rb") as file:
        described = movie(file)
    found = tracks(described)
    return edits(found[track], _timescale(described, b"mvhd")) if track < len(found) else ()


def edits(track: bytes, timescale: int) -> tuple[Edit, ...]:
    """The edits of a track; what is cut off has none. Pure.

    Args:
        track: The content of its box.
        timescale: Ticks per second of the film, which durations are told in.
    """
    own = _timescale(_inside(track, b"mdia"), b"mdhd")
    listed = _inside(_inside(track, b"edts"), b"elst")
    if not timescale or not own:
        return ()
    size = 8 if listed[:1] == b"\x01" else 4
    count, length = int.from_bytes(listed[4:_HEAD]), 2 * size + 4
    found = []
    for at in range(_HEAD, min(_HEAD + count * length, len(listed) - length + 1), length):
        lasts = int.from_bytes(listed[at : at + size])
        begins = int.from_bytes(listed[at + size : at + 2 * size], signed=True)
        speed = int.from_bytes(listed[at + 2 * size : at + length], signed=True)
        found.append(
            Edit(
                Fraction(lasts, timescale),
                Fraction(begins, own) if begins >= 0 else None,
                Fraction(speed, 1 << 16),
            )
        )
    return tuple(found)


def notes(found: Sequence[Edit], what: str) -> tuple[str, ...]:
    """That a track is meant to be played faster, slower, or backwards, in words. Pure.

    Args:
        found: Its edits.
        what: Which track it is: `The picture`.
    """
    others = {one.speed for one in found if one.begins_s is not None} - {Fraction(1)}
    if not others:
        return ()
    told = ", ".join(f"{float(one):g}" for one in sorted(others))
    return (
        f"{what} is meant to be played at another speed ({told} times its own); it is played at its own.",
    )


def _inside(content: bytes, kind: bytes) -> bytes:
    return next((inside for name, inside in boxes(content) if name == kind), b"")


def _timescale(content: bytes, kind: bytes) -> int:
    """Ticks per second by a header (ISO/IEC 14496-12, 8.2.2 and 8.4.2); 0 where there is none."""
    header = _inside(content, kind)
    at = 20 if header[:1] == b"\x01" else 12
    return int.from_bytes(header[at : at + 4])
