"""Films with closed captions in their pictures: pairs of CEA-608, written into messages of H.264 as encoders do."""

from collections.abc import Mapping, Sequence
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
