"""Recordings of television with teletext: pages of subtitles in packets as EN 300 706 and EN 300 472 have them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av

PACKET_BYTES = 188
TICKS_PER_S = 90_000
SUBTITLES, FOR_THE_HARD_OF_HEARING = 2, 5


@dataclass(frozen=True, slots=True)
class Page:
    """A page that a recording announces."""

    number: int
    """As viewers know it: 888."""
    language: str
    kind: int = SUBTITLES


def hamming(value: int) -> int:
    """Four bits, protected (EN 300 706, 8.2)."""
    d1, d2, d3, d4 = (value >> n & 1 for n in range(4))
    p1, p2, p3 = 1 ^ d1 ^ d3 ^ d4, 1 ^ d1 ^ d2 ^ d4, 1 ^ d1 ^ d2 ^ d3
    p4 = 1 ^ p1 ^ d1 ^ p2 ^ d2 ^ p3 ^ d3 ^ d4
    return p1 | d1 << 1 | p2 << 2 | d2 << 3 | p3 << 4 | d3 << 5 | p4 << 6 | d4 << 7


def odd(value: int) -> int:
    """Seven bits with parity."""
    return value if value.bit_count() % 2 else value | 0x80


def row(page: int, number: int, rest: bytes) -> bytes:
    """A data unit of one row: 46 bytes."""
    magazine = page // 100 % 8
    address = bytes((hamming(magazine | (number & 1) << 3), hamming(number >> 1)))
    sent = bytes(int(f"{one:08b}"[::-1], 2) for one in address + rest)
    assert len(sent) == 42
    return b"\x03\x2c\xe7\xe4" + sent


def shown(page: int, lines: Sequence[str]) -> bytes:
    """The rows of a page: its header, which erases what it showed, and lines in boxes from row 20 on."""
    erased, subtitle, no_header, serial = 8, 8, 1, 1
    header = (page % 10, page // 10 % 10, 0, erased, 0, subtitle, no_header, serial)
    rows = [row(page, 0, bytes(map(hamming, header)) + bytes([odd(0x20)] * 32))]
    for number, line in enumerate(lines):
        boxed = ("\x0b\x0b" + line + "\x0a\x0a").ljust(40)
        rows.append(row(page, 20 + 2 * number, bytes(odd(ord(one)) for one in boxed)))
    return b"".join(rows)


def end_of_page(page: int) -> bytes:
    """A header of a page that nobody watches: what is before it is complete."""
    return row(page, 0, bytes(map(hamming, (15, 15, 0, 0, 0, 0, 1, 1))) + bytes([odd(0x20)] * 32))


def filled(units: bytes) -> bytes:
    """The payload of a packet: it ends where a transport packet does, behind its header of 45 bytes."""
    while len(units) // 46 % 4 != 3:
        units += b"\xff\x2c" + b"\xff" * 44
    return b"\x10" + units


def make_teletext(
    path: Path, film: Path, pages: Sequence[Page], cues: Mapping[Fraction, tuple[int, Sequence[str]]]
) -> None:
    """A transport stream of a film, with teletext in a track of its own.

    Args:
        path: What is written.
        film: Its first track of pictures is copied.
        pages: What the track says that it holds.
        cues: By when, in seconds of the film: the page, and the lines that it shows from then on.
    """
    bare = path.with_name("bare.ts")
    with av.open(str(film)) as source, av.open(str(bare), "w", format="mpegts") as output:
        pictures = source.streams.video[0]
        copied, text = output.add_stream_from_template(pictures), output.add_data_stream("bin_data")
        text.time_base = Fraction(1, TICKS_PER_S)
        packets = [packet for packet in source.demux(pictures) if packet.size]
        for packet in packets:
            packet.stream = copied
        for at, (page, lines) in cues.items():
            data = av.Packet(filled(shown(page, lines) + end_of_page(page)))
            data.pts = data.dts = round(at * TICKS_PER_S)
            data.time_base, data.stream = text.time_base, text
            packets.append(data)
        for packet in sorted(packets, key=lambda one: Fraction(one.dts or 0) * one.time_base):
            output.mux(packet)
    descriptor = b"".join(
        page.language.encode()
        + bytes((page.kind << 3 | page.number // 100 % 8, page.number // 10 % 10 << 4 | page.number % 10))
        for page in pages
    )
    path.write_bytes(described(bare.read_bytes(), bytes((0x56, len(descriptor))) + descriptor))


def described(stream: bytes, descriptor: bytes) -> bytes:
    """A transport stream whose tracks of private data have this descriptor in the programme map."""
    packets = [bytearray(stream[at : at + PACKET_BYTES]) for at in range(0, len(stream), PACKET_BYTES)]
    for packet in packets:
        table = packet[5:]
        if packet[1] & 0x40 and packet[3] & 0x20 == 0 and table[0] == 2:
            length = (table[1] & 0x0F) << 8 | table[2]
            body = table[: 3 + length - 4]
            at = 12 + ((body[10] & 0x0F) << 8 | body[11])
            while at < len(body):
                size = (body[at + 3] & 0x0F) << 8 | body[at + 4]
                if body[at] == 6:
                    body[at + 3 : at + 5 + size] = (0xF000 | len(descriptor)).to_bytes(2, "big") + descriptor
                    size = len(descriptor)
                at += 5 + size
            body[1:3] = (0xB000 | len(body) + 4 - 3).to_bytes(2, "big")
            packet[5:] = (body + crc(body).to_bytes(4, "big")).ljust(PACKET_BYTES - 5, b"\xff")
    return b"".join(packets)


def crc(data: bytes) -> int:
    """CRC-32 of MPEG (ISO/IEC 13818-1, annex A)."""
    value = 0xFFFFFFFF
    for byte in data:
        value ^= byte << 24
        for _ in range(8):
            value = (value << 1 ^ (0x04C11DB7 if value & 0x80000000 else 0)) & 0xFFFFFFFF
    return value
