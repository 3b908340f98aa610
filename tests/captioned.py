"""Films with closed captions: pairs of CEA-608 in their pictures, as encoders write them, or in a track."""

import re
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path

from awkward import ffmpeg
from counted import make_counted

Bytes = tuple[int, int]

RCL, EOC, EDM, CR, RDC, RU2 = (
    (0x14, 0x20),
    (0x14, 0x2F),
    (0x14, 0x2C),
    (0x14, 0x2D),
    (0x14, 0x29),
    (0x14, 0x25),
)
BOTTOM, TOP, INDENTED = (0x14, 0x70), (0x11, 0x50), (0x14, 0x74)
ITALIC = (0x14, 0x6E)
"""Row 15 in italics."""


def twice(*codes: Bytes) -> list[Bytes]:
    """Codes that steer are sent twice."""
    return [code for code in codes for _ in range(2)]


def letters(words: str) -> list[Bytes]:
    """Letters of ASCII, two by two."""
    return [(ord(words[n]), ord(words[n + 1]) if n + 1 < len(words) else 0) for n in range(0, len(words), 2)]


def pop_on(words: str, place: Bytes = BOTTOM) -> list[Bytes]:
    """Words that are loaded, and shown when the last pair but one comes."""
    return [*twice(RCL, place), *letters(words), *twice(EOC)]


def second_channel(codes: Sequence[Bytes]) -> list[Bytes]:
    """The same for the other channel of the field."""
    return [(first | 8 if 0x10 <= first < 0x18 else first, second) for first, second in codes]


def with_parity(code: Bytes) -> bytes:
    """As the pairs are sent: an odd number of ones in each byte."""
    return bytes(one | (0 if one.bit_count() % 2 else 0x80) for one in code)


def message(pairs: Sequence[tuple[int, Bytes]], more: bytes = b"") -> bytes:
    """A message of H.264 with pairs by field, and triplets of CEA-708."""
    triplets = b"".join(bytes((0xFC | field,)) + with_parity(code) for field, code in pairs) + more
    body = b"\xb5\x00\x31GA94\x03" + bytes((0xC0 | len(triplets) // 3, 0xFF)) + triplets + b"\xff"
    return b"\0\0\0\1\x06\x04" + bytes((len(body),)) + body + b"\x80"


def make_captioned(
    path: Path,
    captions: Mapping[int, Sequence[Bytes]],
    *options: str,
    frames: int = 150,
    second: bool = False,
) -> None:
    """A film of 25 frames a second whose picture n shows n, with the codes that begin at a picture, one in each.

    Args:
        path: What is written.
        captions: Codes by the number of the picture that the first of them is in; others have empty pairs.
        options: The codec of the pictures and so on; B-frames and clocks are theirs.
        frames: How many.
        second: Whether they are sent in the second field.
    """
    plain = path.with_name("plain.h264")
    intra = ("-c:v", "libx264", "-preset", "ultrafast", "-crf", "12", "-g", "1", "-x264-params", "aud=1")
    make_counted(plain, seconds=frames / 25, size=(160, 90), video=intra, audio=None)
    sent = {start + n: code for start, codes in captions.items() for n, code in enumerate(codes)}
    assert len(sent) == sum(map(len, captions.values())), "captions overlap"
    delimiter = b"\0\0\0\1\x09"
    units = plain.read_bytes().split(delimiter)[1:]
    assert len(units) == frames
    written = []
    for number, unit in enumerate(units):
        pairs = [(field, sent.get(number, (0, 0)) if field == second else (0, 0)) for field in (0, 1)]
        written.append(delimiter + unit[:1] + message(pairs) + unit[1:])
    captioned = path.with_name("captioned.h264")
    captioned.write_bytes(b"".join(written))
    ffmpeg("-r", "25", "-i", captioned, *options, path)


def make_captioned_mpeg2(
    path: Path,
    captions: Mapping[int, Sequence[Bytes]],
    *,
    dvd: bool,
    frames: int = 90,
    bottom_first: bool = False,
) -> None:
    """A film of MPEG-2 at 30000/1001 whose picture n shows n, with pairs of the first field as before A/53.

    Args:
        path: What is written.
        captions: Codes by the number of the picture that the first of them is in, one in each.
        dvd: Whether they lie in front of each group of pictures, as on discs, or in each picture (SCTE 20).
        frames: How many.
        bottom_first: Whether the bottom field of each is shown first, so that pairs of the first field shown are those
            of the second one of captions.
    """
    plain, rate = path.with_name("plain.m2v"), Fraction(30000, 1001)
    video = ("-c:v", "mpeg2video", "-b:v", "2M", "-bf", "2", "-g", "12")
    make_counted(plain, seconds=float(frames / rate), rate=rate, size=(160, 90), video=video, audio=None)
    sent = {start + n: code for start, codes in captions.items() for n, code in enumerate(codes)}
    pieces = re.split(rb"(?=\x00\x00\x01[\x00\xb8])", plain.read_bytes())
    groups = [at for at, piece in enumerate(pieces) if piece[3] == 0xB8]
    written, first = [*pieces[: groups[0]]], 0
    for at, end in zip(groups, [*groups[1:], len(pieces)], strict=True):
        pictures = pieces[at + 1 : end]
        pairs = [sent.get(number, (0, 0)) for number in range(first, first + len(pictures))]
        written.append(pieces[at] + (_of_group(pairs) if dvd else b""))
        for picture in pictures:
            place = (picture[4] << 8 | picture[5]) >> 6
            header = bytearray(picture[: picture.index(b"\0\0\x01\xb5") + 9])
            header[-2] = header[-2] & 0x7F | (0 if bottom_first else 0x80)
            written += [header, b"" if dvd else _of_picture(pairs[place]), picture[len(header) :]]
        first += len(pictures)
    assert first == frames
    captioned = path.with_name("captioned.m2v")
    captioned.write_bytes(b"".join(written))
    ffmpeg("-r", "30000/1001", "-i", captioned, "-c", "copy", path)


def _of_group(pairs: Sequence[Bytes]) -> bytes:
    """As discs have them: both fields of each picture, with a count that counts for nothing."""
    blocks = b"".join(b"\xff" + with_parity(code) + b"\xfe\x80\x80" for code in pairs)
    return b"\0\0\x01\xb2CC\x01\xf8\x80" + blocks


def _of_picture(code: Bytes) -> bytes:
    """As SCTE 20 has it: a pair for each field."""
    fields = ((1, with_parity(code)), (2, b"\x80\x80"))
    each = (
        f"01{field:02b}01010" + "".join(f"{one:08b}"[::-1] for one in data) + "1" for field, data in fields
    )
    bits = f"{2:05b}" + "".join(each)
    bits += "1" * (-len(bits) % 8)
    return b"\0\0\x01\xb2\x03\x81" + int(bits, 2).to_bytes(len(bits) // 8, "big")


def make_caption_track(
    path: Path, captions: Mapping[Fraction, Sequence[Bytes]], *, language: str, second: bool
) -> None:
    """A film of six seconds in QuickTime, with captions in a track of their own.

    Args:
        path: What is written.
        captions: Codes by when the first of them is sent, in seconds; those of a time lie in one packet.
        language: Of the track.
        second: Whether they are sent in the second field.
    """
    plain, words = path.with_name("plain.mp4"), path.with_name("words.scc")
    make_counted(plain, seconds=6, size=(160, 90), audio=None)
    lines = ["Scenarist_SCC V1.0"]
    for at, codes in captions.items():
        pairs = " ".join(with_parity(code).hex() for code in codes)
        lines.append(f"00:00:{int(at):02}:{int(at % 1 * 30):02}\t{pairs}")
    words.write_text("\n\n".join(lines) + "\n")
    ffmpeg("-i", plain, "-i", words, "-map", "0", "-map", "1", "-c", "copy", "-metadata:s:s:0", f"language={language}",
           path)  # fmt: skip
    if second:
        path.write_bytes(path.read_bytes().replace(b"cdat", b"cdt2"))
