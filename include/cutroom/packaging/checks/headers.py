"""Whether initialization segments and indexes, read back, still say what the facts and the bitstream say."""

import struct
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction

from cutroom.media.vp9_level import vp9_level
from cutroom.packaging import segment_index
from cutroom.packaging.boxes import edited_out
from cutroom.packaging.checks.report import Check
from cutroom.packaging.facts import RenditionFacts

COLOURS = {"SDR": (1, 1, 1), "PQ": (None, 16, 9), "HLG": (None, 18, 9)}
"""Primaries, transfer and matrix of each range, as they are encoded (ISO/IEC 23091-2); HDR has the primaries of its
source."""

HEVC_SPS = 33
HEVC_LEVEL_BYTES = 12
"""Profile, tier and level (ISO/IEC 23008-2, 7.3.3)."""


def headers(renditions: Sequence[RenditionFacts], inits: Mapping[str, bytes]) -> Check:
    """What the edit list leaves out in front, the colours, and the copies of profile and level that players go by.

    Args:
        renditions: Facts.
        inits: The initialization segments that are read, by the rendition's key.
    """
    wrong = [f"{one.name} {told}" for one in renditions for told in _wrong(one, inits.get(one.key, b""))]
    return Check(
        name="every initialization segment states the beginning, the colours and the level of its track",
        ok=not wrong,
        found="; ".join(wrong[:3]) if wrong else f"{len(inits)} segments",
    )


def _wrong(one: RenditionFacts, init: bytes) -> Iterator[str]:
    # Renditions of an older release have none noted.
    if one.lead_ticks and init and edited_out(init) != one.lead_ticks:
        yield f"leaves out {edited_out(init)} ticks in front, and not {one.lead_ticks}"
    avc, hevc, vp9, colours = (_content(init, kind) for kind in (b"avcC", b"hvcC", b"vpcC", b"colr"))
    # After the version; and after the number and the length of parameter sets and the first one's header.
    if avc[1:4] != avc[9:12]:
        yield f"states H.264 {avc[1:4].hex()}, is {avc[9:12].hex()}"
    stated, level = hevc[1 : 1 + HEVC_LEVEL_BYTES], _hevc_level(hevc) if hevc else b""
    if stated != level:
        yield f"states HEVC {stated.hex()}, is {level.hex()}"
    if vp9 and one.width and one.height:
        # After the version and the profile.
        lowest = vp9_level(one.width, one.height, one.frame_rate or 1)
        if vp9[5] < lowest:
            yield f"states level {vp9[5] / 10} of VP9, needs {lowest / 10}"
        if tuple(vp9[7:10]) != COLOURS["SDR"]:
            yield f"states colours {tuple(vp9[7:10])} of VP9, is SDR"
    if one.kind == "video" and colours[:4] == b"nclx":
        points, wanted = struct.unpack_from(">3H", colours, 4), COLOURS[one.video_range or "SDR"]
        if any(want not in {None, point} for point, want in zip(points, wanted, strict=True)) or colours[10]:
            yield f"states colours {points}{' of full range' if colours[10] else ''}, is {one.video_range}"


def _content(init: bytes, kind: bytes) -> bytes:
    """What follows the name of a box of a sample entry, up to the end of the data; empty: there is none."""
    at = init.find(kind)
    return init[at + 4 :] if at >= 0 else b""


def _hevc_level(configuration: bytes) -> bytes:
    """Profile, tier and level of the first sequence parameter set (ISO/IEC 14496-15, 8.3.3.1)."""
    at = 23
    for _ in range(configuration[22]):
        kind, count = configuration[at] & 0x3F, int.from_bytes(configuration[at + 1 : at + 3], "big")
        at += 3
        for _ in range(count):
            length = int.from_bytes(configuration[at : at + 2], "big")
            unit = configuration[at + 2 : at + 2 + length].replace(b"\0\0\3", b"\0\0")
            if kind == HEVC_SPS:
                # After the unit's header, and the byte of its layers.
                return unit[3 : 3 + HEVC_LEVEL_BYTES]
            at += 2 + length
    return b""


def indexes(renditions: Sequence[RenditionFacts], read: Mapping[str, bytes]) -> Check:
    """The index of a single file says where each segment lies and when it begins.

    Args:
        renditions: Facts.
        read: Indexes by the rendition's key.
    """
    wrong = [one.name for one in renditions if one.key in read and not _is_indexed(one, read[one.key])]
    return Check(
        name="the index of every single file states its segments",
        ok=not wrong,
        found=f"wrong: {', '.join(wrong)}" if wrong else f"{len(read)} indexes",
    )


def _is_indexed(one: RenditionFacts, index: bytes) -> bool:
    assert one.index is not None
    try:
        timescale, stated = segment_index.listed(index, one.index)
    except struct.error:
        return False
    half = Fraction(1, 2 * one.timescale)
    return len(stated) == len(one.segments) and all(
        (mine.offset, mine.size_bytes) == (known.offset, known.size_bytes)
        and abs(Fraction(mine.start_ticks, timescale) - Fraction(known.start_ticks, one.timescale)) <= half
        for mine, known in zip(stated, one.segments, strict=True)
    )
