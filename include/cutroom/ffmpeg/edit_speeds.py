"""How fast the edit list of an MP4 plays a track (ISO/IEC 14496-12, 8.6.6), which ffmpeg passes over."""

from fractions import Fraction
from pathlib import Path

from cutroom.ffmpeg.movie_box import boxes, movie, tracks

_HEAD = 8
"""Bytes in front of the edits: version and flags, and how many there are."""


def notes(path: Path, track: int) -> tuple[str, ...]:
    """That the picture is meant to be shown faster, slower, or backwards, in words.

    Args:
        path: A local file; of one that is no MP4 nothing is told.
        track: Stream index.
    """
    with path.open("rb") as file:
        found = tracks(movie(file))
    asked = edit_speeds(found[track]) if track < len(found) else set()
    if not (others := asked - {Fraction(1)}):
        return ()
    told = ", ".join(f"{float(one):g}" for one in sorted(others))
    return (
        f"Its edit list asks for another speed ({told} times that of the film); it is shown at that of the film.",
    )


def edit_speeds(track: bytes) -> set[Fraction]:
    """The speeds of the stretches that a track's edit list plays; what is cut off tells none. Pure.

    Args:
        track: The content of its box.
    """
    edits = next((list_ for kind, edts in boxes(track) if kind == b"edts" for _, list_ in boxes(edts)), b"")
    size = 8 if edits[:1] == b"\x01" else 4
    count, length = int.from_bytes(edits[4:_HEAD]), 2 * size + 4
    found = set()
    for at in range(_HEAD, min(_HEAD + count * length, len(edits) - length + 1), length):
        begins = int.from_bytes(edits[at + size : at + 2 * size], signed=True)
        # Another one is a pause, which has no speed.
        if begins >= 0:
            speed = int.from_bytes(edits[at + 2 * size : at + length], signed=True)
            found.add(Fraction(speed, 1 << 16))
    return found
