"""MP4 with an edit list that plays stretches of all its tracks."""

import struct
from collections.abc import Sequence
from pathlib import Path

from containers import box
from cutroom.ffmpeg.movie_box import boxes

Entry = tuple[float, float | None, float]
"""How long it lasts in seconds, where it begins in the film (None: nothing is shown), and how fast it is."""


def write_edited(film: Path, target: Path, edits: Sequence[Entry]) -> None:
    """Write a film with another edit list; where its encoders began is left out as before."""
    made = b""
    for kind, content in boxes(film.read_bytes()):
        made += box(kind, _edited_movie(content, edits) if kind == b"moov" else content)
    target.write_bytes(made)


def _edited_movie(movie: bytes, edits: Sequence[Entry]) -> bytes:
    timescale = int.from_bytes(dict(boxes(movie))[b"mvhd"][12:16])
    return b"".join(
        box(kind, _edited_track(content, edits, timescale) if kind == b"trak" else content)
        for kind, content in boxes(movie)
    )


def _edited_track(track: bytes, edits: Sequence[Entry], timescale: int) -> bytes:
    parts = dict(boxes(track))
    own = int.from_bytes(dict(boxes(parts[b"mdia"]))[b"mdhd"][12:16])
    begun = int.from_bytes(dict(boxes(parts[b"edts"]))[b"elst"][12:16])
    entries = b"".join(
        struct.pack(
            ">Iii",
            round(lasts * timescale),
            -1 if begins is None else begun + round(begins * own),
            round(speed * 65536),
        )
        for lasts, begins, speed in edits
    )
    parts[b"edts"] = box(b"elst", bytes(4) + len(edits).to_bytes(4) + entries)
    return b"".join(box(kind, content) for kind, content in parts.items())
