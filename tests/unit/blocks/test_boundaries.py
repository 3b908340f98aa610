"""Blocks of any file are together its bytes; of a container, they survive a change of its header."""

import hashlib
import io
import os
import random
from collections.abc import Callable
from typing import get_args

import pytest
from hypothesis import given

from containers import box, element, lying_files
from cutroom.blocks import boundaries
from cutroom.blocks.block import BLOCK_BYTES
from cutroom.blocks.boundaries import Boundaries, boundaries_of, cut, section_starts
from cutroom.errors import UsageError

MIB = 2**20
PAYLOAD = random.Random(1).randbytes(11 * MIB)


def mp4(
    *, moov: bytes = b"index", payload: bytes = PAYLOAD, fast_start: bool = False, large: bool = False
) -> bytes:
    index, media = box(b"moov", moov), box(b"mdat", payload, large=large)
    return box(b"ftyp", b"isom") + (index + media if fast_start else media + index)


def fragmented(*, moov: bytes = b"index") -> bytes:
    fragments = [
        box(b"moof", bytes([n]) * 100) + box(b"mdat", PAYLOAD[n * MIB : (n + 1) * MIB]) for n in range(9)
    ]
    return box(b"ftyp", b"iso5") + box(b"moov", moov) + b"".join(fragments)


def matroska(*, tags: bytes = b"title", unknown: bool = False) -> bytes:
    clusters = [element(0x1F43B675, PAYLOAD[n * MIB : (n + 1) * MIB]) for n in range(9)]
    segment = element(0x1254C367, tags) + b"".join(clusters) + element(0x1C53BB6B, b"cues")
    return element(0x1A45DFA3, b"\x42\x82\x88matroska") + element(0x18538067, segment, unknown=unknown)


def ids(data: bytes, kind: Boundaries) -> dict[str, int]:
    return {hashlib.sha256(block).hexdigest(): len(block) for block in cut(io.BytesIO(data), kind)}


def new_bytes(before: bytes, after: bytes, kind: Boundaries) -> int:
    """How much of a file the store would not have, after another one was stored."""
    known = ids(before, kind)
    return sum(size for block_id, size in ids(after, kind).items() if block_id not in known)


every_kind = pytest.mark.parametrize("kind", get_args(Boundaries))


@every_kind
@pytest.mark.parametrize("size", [0, 1, BLOCK_BYTES - 1, BLOCK_BYTES, BLOCK_BYTES + 1, 3 * BLOCK_BYTES])
def test_blocks_are_together_the_file_and_none_is_empty_or_too_large(kind: Boundaries, size: int) -> None:
    data = os.urandom(size)
    blocks = list(cut(io.BytesIO(data), kind))
    assert b"".join(blocks) == data
    assert all(0 < len(block) <= BLOCK_BYTES for block in blocks)


class Stuttering(io.BytesIO):
    """Gives less than was asked for, as a network may."""

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(min(size or 1, 1000) if size and size > 0 else size)


@every_kind
def test_short_reads_change_no_block(kind: Boundaries) -> None:
    data = mp4(payload=PAYLOAD[: 5 * MIB])
    assert list(cut(Stuttering(data), kind)) == list(cut(io.BytesIO(data), kind))


@given(data=lying_files)
def test_the_ranges_are_those_of_the_blocks(data: bytes) -> None:
    blocks = list(cut(io.BytesIO(data), "container"))
    ranges = boundaries.block_ranges(io.BytesIO(data))
    assert [data[start : start + size] for start, size in ranges] == blocks


@every_kind
@given(data=lying_files)
def test_a_file_that_lies_about_itself_is_cut_without_a_gap(kind: Boundaries, data: bytes) -> None:
    assert b"".join(cut(io.BytesIO(data), kind)) == data
    starts = section_starts(io.BytesIO(data), len(data))
    assert starts == sorted(set(starts))
    assert starts[0] == 0
    assert all(start < max(len(data), 1) for start in starts)


def test_a_file_of_nothing_but_headers_does_not_take_for_ever() -> None:
    reads = 0

    class Counting(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            nonlocal reads
            reads += 1
            return super().read(size)

    data = box(b"free", b"") * 100_000
    assert section_starts(Counting(data), len(data)) == [0]
    assert reads <= boundaries.MOST_ELEMENTS + 1
    many = box(b"mdat", b"x") * 10_000
    assert len(section_starts(io.BytesIO(many), len(many))) == boundaries.MOST_SECTIONS


CHANGES: dict[str, tuple[bytes, bytes]] = {
    "fast start": (mp4(), mp4(moov=b"index with other places", fast_start=True)),
    "tags of an MP4": (mp4(fast_start=True), mp4(moov=b"index with a title", fast_start=True)),
    "bytes in front": (mp4(), box(b"free", bytes(1000)) + mp4()),
    "a large mdat": (mp4(), mp4(large=True)),
    "tags of a fragmented MP4": (fragmented(), fragmented(moov=b"index with a title")),
    "tags of a Matroska": (matroska(), matroska(tags=b"a longer title")),
    "tags of a live Matroska": (matroska(unknown=True), matroska(tags=b"a longer title", unknown=True)),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_header_leaves_the_blocks_of_the_payload(change: str) -> None:
    before, after = CHANGES[change]
    assert new_bytes(before, after, "container") < 2000
    assert new_bytes(before, after, "fixed") > 8 * MIB


def insert(data: bytes) -> bytes:
    middle = len(data) // 2
    return data[:middle] + b"new" + data[middle:]


OTHERS: dict[str, Callable[[bytes], bytes]] = {
    "appended": lambda data: data + PAYLOAD[:MIB],
    "put in front": lambda data: PAYLOAD[:MIB] + data,
    "put in the middle": insert,
}


@pytest.mark.parametrize("change", OTHERS)
def test_blocks_by_content_find_again_what_was_moved(change: str) -> None:
    data = random.Random(2).randbytes(16 * MIB)
    assert new_bytes(data, OTHERS[change](data), "fastcdc") <= 5 * MIB


def test_a_way_of_cutting_is_known_by_its_name() -> None:
    assert boundaries_of("container") == "container"
    with pytest.raises(UsageError, match="'rabin'; choose one of fixed, container, fastcdc"):
        boundaries_of("rabin")
