"""What a file says of itself, as ffmpeg takes it: its text format, and for Ogg the cover among the tags."""

import base64
import re
import struct
from pathlib import Path

from cutroom.media.tagging import Tagging

_SPECIAL = re.compile(r"([=;#\\\n])")

_ID3 = {"isrc": "TSRC", "subtitle": "TIT3"}
"""Frames of ID3 that ffmpeg knows by their own names alone."""

_FRONT_COVER = 3

_ID3_HEADER_BYTES = 10
"""Of a tag, and of each frame in it."""


def ffmetadata(tagging: Tagging, *, container: str, cover: Path | None = None) -> str:
    """Tags and chapters as a file of ffmpeg's `ffmetadata` format.

    Args:
        tagging: What is said.
        container: What it is written for: chapters of FLAC and Ogg, and the cover in Ogg, are tags.
        cover: A JPEG, for a container that has it among the tags.
    """
    names = _ID3 if container == "mp3" else {}
    tags = {names.get(name, name): value for name, value in tagging.tags.items()}
    # ffmpeg writes none into FLAC, and into Ogg those that begin in the second half of a second a second late.
    are_tags = container in {"flac", "ogg"}
    if are_tags:
        for number, one in enumerate(tagging.chapters, start=1):
            tags[f"CHAPTER{number:03}"] = _clock(round(one.start_s * 1000))
            tags[f"CHAPTER{number:03}NAME"] = one.title or ""
    if container == "ogg" and cover is not None:
        tags["METADATA_BLOCK_PICTURE"] = base64.b64encode(picture_block(cover.read_bytes())).decode()
    lines = [";FFMETADATA1", *(f"{_escaped(name)}={_escaped(value)}" for name, value in tags.items())]
    for one in () if are_tags else tagging.chapters:
        start, end = round(one.start_s * 1000), int(one.end_s * 1000)
        lines += ["[CHAPTER]", "TIMEBASE=1/1000", f"START={start}", f"END={max(end, start + 1)}"]
        lines.append(f"title={_escaped(one.title or '')}")
    return "\n".join(lines) + "\n"


def picture_block(jpeg: bytes) -> bytes:
    """A front cover as FLAC has it (RFC 9639, 8.8), which Ogg carries as a tag; size and colours may be left open."""
    mime = b"image/jpeg"
    head = struct.pack(f">II{len(mime)}s", _FRONT_COVER, len(mime), mime)
    return head + struct.pack(">6I", 0, 0, 0, 0, 0, len(jpeg)) + jpeg


def mend_chapter_sizes(mp3: Path) -> None:
    """Write the sizes of chapters in the ID3v2.4 tag of an MP3 in seven bits a byte, as all others are.

    ffmpeg writes them in eight, so that readers lose the chapters, or all behind them, once one has 128 bytes.

    Args:
        mp3: As ffmpeg wrote it; it is changed in place.
    """
    with mp3.open("r+b") as file:
        head = file.read(_ID3_HEADER_BYTES)
        if head[:4] != b"ID3\x04":
            return
        end = _ID3_HEADER_BYTES + seven_bits(head[6:])
        at = _ID3_HEADER_BYTES
        while at < end and (frame := file.read(_ID3_HEADER_BYTES))[:1].strip(b"\0"):
            size = seven_bits(frame[4:8])
            if frame[:4] in {b"CHAP", b"CTOC"}:
                size = int.from_bytes(frame[4:8])
                file.seek(at + 4)
                file.write(bytes(size >> shift & 0x7F for shift in (21, 14, 7, 0)))
            at += _ID3_HEADER_BYTES + size
            file.seek(at)


def seven_bits(size: bytes) -> int:
    """A size of ID3v2: four bytes of seven bits each (ID3v2.4, 6.2)."""
    return sum((byte & 0x7F) << shift for byte, shift in zip(size, (21, 14, 7, 0), strict=True))


def _escaped(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", text)


def _clock(ms: int) -> str:
    return f"{ms // 3_600_000:02}:{ms // 60_000 % 60:02}:{ms // 1000 % 60:02}.{ms % 1000:03}"
