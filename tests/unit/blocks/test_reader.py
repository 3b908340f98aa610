"""A file in blocks reads as the plain file does, and never gives a byte that was not verified."""

import hashlib
import io
import random
import shutil
import threading
from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cutroom.blocks import reader
from cutroom.blocks.block import Block
from cutroom.blocks.reader import PieceReader, open_blocks
from cutroom.errors import ObjectCorrupt, ObjectMissing, StoreUnavailable


def blocks_of(data: bytes, places: list[int]) -> tuple[list[Block], dict[str, bytes]]:
    """The data, cut at these places."""
    edges = sorted({0, len(data), *(place for place in places if place < len(data))})
    parts = [data[start:end] for start, end in pairwise(edges)]
    blocks = [Block(block_id=hashlib.sha256(part).hexdigest(), size_bytes=len(part)) for part in parts]
    return blocks, {block.block_id: part for block, part in zip(blocks, parts, strict=True)}


moves = st.one_of(
    st.tuples(st.just("read"), st.integers(0, 300)),
    st.tuples(st.just("seek"), st.integers(0, 300)),
    st.tuples(st.just("back"), st.integers(-50, 50)),
    st.tuples(st.just("end"), st.integers(-300, 20)),
)


@given(
    data=st.binary(max_size=200),
    places=st.lists(st.integers(1, 199), max_size=20),
    steps=st.lists(moves, max_size=30),
)
def test_it_reads_as_the_plain_file_does(
    data: bytes, places: list[int], steps: list[tuple[str, int]]
) -> None:
    blocks, stored = blocks_of(data, places)
    plain = io.BytesIO(data)
    with open_blocks(blocks, lambda block: stored[block.block_id]) as file:
        for step, number in steps:
            if step == "read":
                assert file.read(number) == plain.read(number)
            else:
                whence = {"seek": 0, "back": 1, "end": 2}[step]
                base = {"seek": 0, "back": plain.tell(), "end": len(data)}[step]
                if base + number >= 0:
                    assert file.seek(number, whence) == plain.seek(number, whence)
            assert file.tell() == plain.tell()


def test_a_place_before_the_file_is_refused() -> None:
    with open_blocks([], lambda _: b"") as file:
        assert file.read() == b""
        with pytest.raises(ValueError, match="no place -1"):
            file.raw.seek(-1)


DATA = random.Random(3).randbytes(40_000)
BLOCKS, STORED = blocks_of(DATA, list(range(1000, 40_000, 1000)))


class Store:
    """Gives blocks, and remembers what was asked of it."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.together = 0
        self.most_together = 0
        self._lock = threading.Lock()
        self._meet = threading.Barrier(reader.AHEAD)

    def fetch(self, block: Block) -> bytes:
        with self._lock:
            self.asked.append(block.block_id)
            self.together += 1
            self.most_together = max(self.most_together, self.together)
        data = STORED[block.block_id]
        with self._lock:
            self.together -= 1
        return data

    def fetch_together(self, block: Block) -> bytes:
        """Gives the first block only when as many as are read ahead are asked for at the same time."""
        if block in BLOCKS[: reader.AHEAD]:
            self._meet.wait(60)
        return self.fetch(block)


def test_a_file_that_is_copied_is_fetched_once_and_in_parallel() -> None:
    store = Store()
    copy = io.BytesIO()
    with open_blocks(BLOCKS, store.fetch_together) as file:
        shutil.copyfileobj(file, copy, 700)
    assert copy.getvalue() == DATA
    assert sorted(store.asked) == sorted(STORED)
    assert store.most_together <= reader.AHEAD


def test_no_more_than_a_few_pieces_are_held() -> None:
    store = Store()
    with PieceReader(BLOCKS, [block.size_bytes for block in BLOCKS], store.fetch) as file:
        most = 0
        while file.read(100):
            most = max(most, len(file._kept))
        assert most <= reader.AHEAD + 1 + reader.BEHIND


def test_reading_here_and_there_fetches_no_more_than_it_needs() -> None:
    store = Store()
    with open_blocks(BLOCKS, store.fetch) as file:
        for place in (30_500, 10_500, 20_500):
            file.seek(place)
            assert file.read(10) == DATA[place : place + 10]
    # The buffer in front asks for 8 KiB at a time, and gets the rest of the piece.
    assert len(set(store.asked)) == 3


def test_equal_blocks_are_fetched_once() -> None:
    store = Store()
    with open_blocks([BLOCKS[5]] * 1000, store.fetch) as file:
        assert file.read() == STORED[BLOCKS[5].block_id] * 1000
    assert len(store.asked) == 1


@pytest.mark.parametrize(
    "damage",
    [lambda data: data[:-1], lambda data: data + b"x", lambda data: bytes([data[0] ^ 1]) + data[1:]],
    ids=["shorter", "longer", "another byte"],
)
def test_a_damaged_block_is_never_given_and_is_named(damage: Callable[[bytes], bytes]) -> None:
    wrong = BLOCKS[7]

    def fetch(block: Block) -> bytes:
        data = STORED[block.block_id]
        return damage(data) if block == wrong else data

    with open_blocks(BLOCKS, fetch) as file:
        assert file.read(7000) == DATA[:7000]
        with pytest.raises(ObjectCorrupt, match=wrong.block_id):
            file.read(1)
        file.seek(8000)
        assert file.read(10) == DATA[8000:8010]


def test_a_failure_does_not_stay_when_the_store_is_back() -> None:
    failures = [StoreUnavailable("away"), ObjectMissing("gone")]

    def fetch(block: Block) -> bytes:
        if block == BLOCKS[0] and failures:
            raise failures.pop()
        return STORED[block.block_id]

    with open_blocks(BLOCKS, fetch) as file:
        with pytest.raises(ObjectMissing):
            file.read(1)
        with pytest.raises(StoreUnavailable):
            file.read(1)
        assert file.read(1) == DATA[:1]


def test_a_piece_of_another_length_is_an_error_not_a_shorter_file() -> None:
    with PieceReader([0, 1], [5, 5], lambda piece: b"12345" if piece == 0 else b"123") as file:
        assert file.read(5) == b"12345"
        with pytest.raises(StoreUnavailable, match="3 bytes where 5 are due"):
            file.read(5)


def test_a_closed_file_is_not_read() -> None:
    file = open_blocks(BLOCKS, lambda block: STORED[block.block_id])
    file.read(10)
    file.close()
    with pytest.raises(ValueError, match="closed"):
        file.read(10)
