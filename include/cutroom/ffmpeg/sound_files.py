"""Whether all of a file of sound is there: how much its own header says that it holds."""

from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal

from cutroom.ffmpeg.sound_streams import missing_frames, missing_page
from cutroom.ffmpeg.stated_ends import missing_of_wavpack, stated_end

SLACK_BYTES = 64
"""Headers count themselves in, or leave themselves out: no sound is missing for that."""

MOST_CHUNKS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Form:
    """A format that keeps its sound in one of several chunks, each with its size in front."""

    begins: bytes
    kind: tuple[bytes, ...]
    """What stands at `kind_at` in it."""
    kind_at: int
    first: int
    """Where the first chunk begins."""
    name_bytes: int = 4
    size_bytes: int = 4
    order: Literal["little", "big"]
    aligned: int = 2
    counts_header: bool = False
    data: bytes = b"data"


_FORMS = (
    *(
        _Form(begins=begins, kind=(b"WAVE",), kind_at=8, first=12, order="little")
        for begins in (b"RIFF", b"RF64", b"BW64")
    ),
    _Form(begins=b"FORM", kind=(b"AIFF", b"AIFC"), kind_at=8, first=12, order="big", data=b"SSND"),
    _Form(begins=b"caff", kind=(b"\0\1",), kind_at=4, first=8, size_bytes=8, order="big", aligned=1),
    _Form(
        begins=b"riff",
        kind=(b"wave",),
        kind_at=24,
        first=40,
        name_bytes=16,
        size_bytes=8,
        order="little",
        aligned=8,
        counts_header=True,
    ),
)


def missing_sound(path: Path) -> str | None:
    """How much sound is missing at the end of a file, in words.

    Of WAV, RF64, Wave64, AIFF, CAF, AU, FLAC, MP3, Ogg, WavPack, TTA, Monkey's Audio, DSF and DFF. None where nothing
    is, or nobody can tell: recorders that were cut off, and programs that write to a pipe, state no
    size, or the largest.
    """
    with path.open("rb") as file:
        head = file.read(64)
        size = path.stat().st_size
        if head.startswith(b"fLaC"):
            return _missing_samples(file, size)
        if head.startswith(b"wvpk"):
            return _of_samples(missing_of_wavpack(path))
        if head.startswith(b"OggS"):
            return missing_page(file, size)
        if head.startswith(b"ID3") or head[:1] == b"\xff":
            return missing_frames(file, size)
        if head.startswith(b".snd"):
            begins, length = int.from_bytes(head[4:8]), int.from_bytes(head[8:12])
            end = 0 if _is_open(length, 4) else begins + length
        else:
            form = next(
                (
                    one
                    for one in _FORMS
                    if head.startswith(one.begins) and head[one.kind_at :].startswith(one.kind)
                ),
                None,
            )
            end = (stated_end(path) or 0) if form is None else _end_of_data(file, form)
    if end - size <= SLACK_BYTES:
        return None
    return f"{size} of its {end} bytes ({100 * size // end} %) are there"


def _end_of_data(file: BinaryIO, form: _Form) -> int:
    """Where the chunk of sound ends; 0: nobody can tell."""
    at, large = form.first, None
    header = form.name_bytes + form.size_bytes
    for _ in range(MOST_CHUNKS):
        file.seek(at)
        head = file.read(header)
        if len(head) < header:
            break
        length = int.from_bytes(head[form.name_bytes :], form.order)
        if head.startswith(form.data):
            if large is not None and length == 0xFFFFFFFF:
                length = large
                return 0 if _is_open(length, 8) else at + header + length
            return 0 if _is_open(length, form.size_bytes) else at + length + header * (not form.counts_header)
        if head.startswith(b"ds64"):
            large = int.from_bytes(file.read(16)[8:], "little")
        at += length + header * (not form.counts_header)
        at += -at % form.aligned
    return 0


def _is_open(length: int, size_bytes: int) -> bool:
    """Whether a size is what programs write that do not know it."""
    if size_bytes == 8:
        return length == 0 or length >= 1 << 62
    return length == 0 or length >= 0xFFFF0000 or 0x7FFF0000 <= length <= 0x80000000


def _missing_samples(file: BinaryIO, size: int) -> str | None:
    """Hold the last frame of a FLAC file against the number of samples in its header (RFC 9639, 8.2 and 9.1)."""
    file.seek(8)
    info = file.read(34)
    total = int.from_bytes(info[13:18]) & ((1 << 36) - 1)
    smallest, largest = int.from_bytes(info[0:2]), int.from_bytes(info[2:4])
    if not total or len(info) < 34:
        return None
    # No frame is larger than its samples without compression.
    channels, bits = ((info[12] >> 1) & 7) + 1, ((int.from_bytes(info[12:14]) >> 4) & 31) + 1
    file.seek(max(0, size - 2 * (largest * channels * bits // 8 + 256)))
    tail = file.read()
    ends = []
    at = tail.find(b"\xff")
    while at >= 0:
        end = _end_of_frame(tail[at : at + 16], smallest)
        if end is not None and end <= total + largest:
            ends.append(end)
        at = tail.find(b"\xff", at + 1)
    there = min(total, max(ends, default=total))
    return _of_samples(None if there == total else (there, total))


def _of_samples(found: tuple[int, int] | None) -> str | None:
    return found and f"{found[0]} of its {found[1]} samples ({100 * found[0] // found[1]} %) are there"


def _end_of_frame(head: bytes, block: int) -> int | None:
    """The sample behind a frame that begins so; None: none does.

    Args:
        head: As many bytes as the header of a frame may have.
        block: Samples of each frame where they are numbered.
    """
    if len(head) < 6 or head[1] & 0xFE != 0xF8 or head[3] & 1:
        return None
    # The number is coded as UTF-8 codes characters, of up to seven bytes.
    ones = 8 - (head[4] ^ 0xFF).bit_length()
    if ones == 1:
        return None
    length = max(1, ones)
    number = head[4] & (0x7F >> ones)
    for byte in head[5 : 4 + length]:
        if byte & 0xC0 != 0x80:
            return None
        number = number << 6 | byte & 0x3F
    at = 4 + length
    code = head[2] >> 4
    if code in {6, 7}:
        samples = int.from_bytes(head[at : at + code - 5]) + 1
        at += code - 5
    elif code >= 8:
        samples = 256 << (code - 8)
    else:
        samples = {1: 192}.get(code, 576 << (code - 2) if code >= 2 else 0)
    at += {12: 1, 13: 2, 14: 2}.get(head[2] & 15, 0)
    if not samples or len(head) <= at or _crc8(head[:at]) != head[at]:
        return None
    return (number if head[1] & 1 else number * block) + samples


def _crc8(data: bytes) -> int:
    """Polynomial x^8 + x^2 + x + 1, from 0."""
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc << 1 ^ 0x107) if crc & 0x80 else crc << 1
    return crc
