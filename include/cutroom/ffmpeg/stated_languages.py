"""The languages of tracks as Matroska and MP4 state them in full (RFC 5646): ffprobe tells three letters of them.

Without the rest Brazilian and European Portuguese are one, and so are simplified and traditional Chinese.
"""

from pathlib import Path
from typing import BinaryIO

from cutroom.ffmpeg.matroska import TRACKS, elements, part
from cutroom.ffmpeg.movie_box import boxes, movie, tracks

_ENTRY, _TYPE, _LANGUAGE = (bytes.fromhex(one) for one in ("ae", "83", "22b59d"))

_READ_TYPES = {1, 2, 17, 33}
"""Kinds of tracks that ffmpeg counts: pictures, sound, subtitles, metadata."""


def stated_languages(source: Path | BinaryIO) -> dict[int, str]:
    """The tags of languages, by stream index; none where the container has no place for them, or can't be read.

    Args:
        source: A local file, or one that is read piece by piece.
    """
    if isinstance(source, Path):
        with source.open("rb") as file:
            return stated_languages(file)
    return _in_tracks(part(source, TRACKS)) or _in_movie(movie(source))


def _in_tracks(data: bytes) -> dict[int, str]:
    entries = [dict(elements(entry)) for name, entry in elements(data) if name == _ENTRY]
    counted = [one for one in entries if int.from_bytes(one.get(_TYPE, b"")) in _READ_TYPES]
    return {n: _text(one[_LANGUAGE]) for n, one in enumerate(counted) if _LANGUAGE in one}


def _in_movie(data: bytes) -> dict[int, str]:
    found = {}
    for number, track in enumerate(tracks(data)):
        media = dict(boxes(dict(boxes(track)).get(b"mdia", b"")))
        # `elng`, a full box (8.4.6).
        if b"elng" in media:
            found[number] = _text(media[b"elng"][4:])
    return found


def _text(data: bytes) -> str:
    return data.partition(b"\0")[0].decode("ascii", errors="replace")
