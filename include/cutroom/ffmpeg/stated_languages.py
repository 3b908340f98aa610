"""What ffprobe does not tell: languages of tracks as Matroska and MP4 state them in full (RFC 5646), ordered chapters.

Of languages it tells three letters. Without the rest Brazilian and European Portuguese are one, and so are simplified
and traditional Chinese.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from cutroom.ffmpeg.movie_box import MOST_BOXES, MOST_BYTES, boxes, movie, tracks

_EBML, _SEGMENT, _CLUSTER, _TRACKS = (
    bytes.fromhex(one) for one in ("1a45dfa3", "18538067", "1f43b675", "1654ae6b")
)
_CHAPTERS, _EDITION, _ORDERED = (bytes.fromhex(one) for one in ("1043a770", "45b9", "45dd"))
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
    source.seek(0)
    head = source.read(12)
    if head.startswith(_EBML):
        return _in_tracks(_part(source, _TRACKS))
    return _in_movie(movie(source))


def order_notes(source: Path) -> tuple[str, ...]:
    """That a file in Matroska orders its chapters anew, in words (EditionFlagOrdered of RFC 9559)."""
    with source.open("rb") as file:
        if not file.read(4).startswith(_EBML):
            return ()
        editions = [
            dict(_elements(one)) for name, one in _elements(_part(file, _CHAPTERS)) if name == _EDITION
        ]
    if not any(int.from_bytes(one.get(_ORDERED, b"")) for one in editions):
        return ()
    return (
        "The chapters say in which order to play the file (ordered chapters); it is published as it lies.",
    )


def _part(file: BinaryIO, wanted: bytes) -> bytes:
    """What an element of the segment holds; nothing where frames come before it."""
    at = 0
    for _ in range(MOST_BOXES):
        file.seek(at)
        head = file.read(12)
        name, size, length = _element(head)
        if not name or name == _CLUSTER:
            break
        if name == wanted:
            return (head[length:] + file.read(min(size, MOST_BYTES)))[:size]
        # The segment holds what comes after its head.
        at += length + (0 if name == _SEGMENT else size)
    return b""


def _element(head: bytes) -> tuple[bytes, int, int]:
    """Name and size of an element that begins so, and how long both are (RFC 8794, 4)."""
    if not head or not head[0]:
        return b"", 0, 0
    name = head[: 9 - head[0].bit_length()]
    rest = head[len(name) :]
    if not rest or not rest[0]:
        return b"", 0, 0
    length = 9 - rest[0].bit_length()
    return name, int.from_bytes(rest[:length]) & ((1 << 7 * length) - 1), len(name) + length


def _elements(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 0
    while at < len(data):
        name, size, length = _element(data[at : at + 12])
        if not name or at + length + size > len(data):
            return
        yield name, data[at + length : at + length + size]
        at += length + size


def _in_tracks(data: bytes) -> dict[int, str]:
    entries = [dict(_elements(entry)) for name, entry in _elements(data) if name == _ENTRY]
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
