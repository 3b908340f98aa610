"""What is encrypted, as containers state it: a decoder makes noise of it, or calls it damaged."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from cutroom.errors import SourceUnsupported
from cutroom.ffmpeg.ffprobe import Stream
from cutroom.ffmpeg.movie_box import boxes, movie, tracks

_WHAT = {b"encv": "picture", b"drmi": "picture", b"enca": "sound", b"drms": "sound"}
"""Sample entries of tracks in MP4: of Common Encryption (ISO/IEC 14496-12, 8.12), and of what Apple sold."""

_ASF = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
_ASF_ENCRYPTIONS = {
    bytes.fromhex("fbb3112223bdd211b4b700a0c955fc6e"),
    bytes.fromhex("14e68a292226174cb935dae07ee9289c"),
}
"""The content encryption objects (ASF specification, 3.14 and 3.15)."""

_MOST_OBJECTS = 1000

_MATROSKA_TAG = "enc_key_id"
"""What ffprobe calls the key of a track in Matroska and WebM."""

_TRANSPORT_TYPES = {("h264", 0xDB), ("aac", 0xCF), ("ac3", 0xC1), ("eac3", 0xC2)}
_TRANSPORT_NAMES = {"zavc", "zac3", "zec3"}
"""Types of streams in MPEG-TS whose samples are encrypted, and what they register as, which ffprobe tells of those that
do (Apple, MPEG-2 Stream Encryption Format for HTTP Live Streaming)."""


def reject_encrypted(source: Path | BinaryIO, streams: Sequence[Stream] = ()) -> None:
    """Refuse a file of whose sound or picture nothing can be decoded without a key.

    Args:
        source: A local file, or one that is read piece by piece.
        streams: Its tracks, as far as ffprobe can tell.

    Raises:
        SourceUnsupported: It is encrypted.
    """
    if isinstance(source, Path):
        with source.open("rb") as file:
            reject_encrypted(file, streams)
        return
    what = _in_movie(movie(source)) or next(
        (
            "picture" if one.codec_type == "video" else "sound"
            for one in streams
            if _MATROSKA_TAG in one.tags
            or (one.codec_name, one.codec_tag) in _TRANSPORT_TYPES
            or one.codec_tag_string in _TRANSPORT_NAMES
        ),
        None,
    )
    if what is not None or _is_locked_asf(source):
        raise SourceUnsupported(
            f"The {what or 'file'} is encrypted, and nothing can be decoded of it without its key. Upload it in clear."
        )


def _in_movie(data: bytes) -> str | None:
    for track in tracks(data):
        inside = track
        for kind in (b"mdia", b"minf", b"stbl", b"stsd"):
            inside = dict(boxes(inside)).get(kind, b"")
        # A full box, and how many entries there are.
        for kind, _ in boxes(inside[8:]):
            if kind in _WHAT:
                return _WHAT[kind]
    return None


def _is_locked_asf(file: BinaryIO) -> bool:
    length = file.seek(0, io.SEEK_END)
    file.seek(0)
    if not file.read(30).startswith(_ASF):
        return False
    at = 30
    for _ in range(_MOST_OBJECTS):
        file.seek(at)
        head = file.read(24)
        size = int.from_bytes(head[16:24], "little")
        if head[:16] in _ASF_ENCRYPTIONS:
            return True
        at += size
        # A size that is none may be more than can be sought.
        if size < len(head) or at >= length:
            break
    return False
