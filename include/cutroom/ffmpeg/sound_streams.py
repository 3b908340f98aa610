"""Whether all of an MP3 or Ogg file is there: streams of frames and pages, which have no header over all of them."""

from typing import BinaryIO

from cutroom.ffmpeg.metadata import seven_bits
from cutroom.ffmpeg.ogg import CAPTURE, HEADER_BYTES

LARGEST_FRAME_BYTES = 1441
"""Of MP3: 320 kbit/s at 32 kHz, padded. A cut last frame is lost sound that nobody hears."""

LARGEST_PAGE_BYTES = HEADER_BYTES + 255 + 255 * 255

_TAGS = (b"Xing", b"Info")


def missing_frames(file: BinaryIO, size: int) -> str | None:
    """Hold an MP3 against the number of bytes that the tag in its first frame states.

    None where nothing is missing, or there is no such tag: Xing's, which LAME and ffmpeg write.
    """
    file.seek(0)
    head = file.read(10)
    begin = 0
    if head.startswith(b"ID3") and len(head) == 10:
        # It counts without this header.
        begin = 10 + seven_bits(head[6:10])
        begin += 10 * bool(head[5] & 0x10)
    file.seek(begin)
    frame = file.read(64)
    if len(frame) < 64 or frame[0] != 0xFF or frame[1] & 0xE6 != 0xE2:
        return None
    is_version_1, is_mono = frame[1] & 0x18 == 0x18, frame[3] >> 6 == 3
    at = 4 + ((17 if is_mono else 32) if is_version_1 else (9 if is_mono else 17))
    if frame[at : at + 4] not in _TAGS:
        return None
    flags = int.from_bytes(frame[at + 4 : at + 8])
    if not flags & 2:
        return None
    place = at + 8 + 4 * (flags & 1)
    end = begin + int.from_bytes(frame[place : place + 4])
    if end - size <= LARGEST_FRAME_BYTES:
        return None
    return f"{size} of its {end} bytes ({100 * size // end} %) are there"


def missing_page(file: BinaryIO, size: int) -> str | None:
    """Whether the last page of an Ogg file is cut (RFC 3533, 6); None: it is whole.

    A last page without the flag that ends the stream is no sign: recordings of a live stream lack it.
    """
    begin = max(0, size - LARGEST_PAGE_BYTES)
    file.seek(begin)
    tail = file.read()
    at = tail.rfind(CAPTURE + b"\0")
    if at < 0:
        return None
    header = tail[at : at + HEADER_BYTES + 255]
    sizes = header[HEADER_BYTES : HEADER_BYTES + header[26]] if len(header) > 26 else b""
    if (
        len(header) > 26
        and len(sizes) == header[26]
        and at + HEADER_BYTES + len(sizes) + sum(sizes) <= len(tail)
    ):
        return None
    return "its last page is cut, and nobody can tell what came behind it"
