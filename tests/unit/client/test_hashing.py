"""A local file as blocks, and files that change meanwhile."""

import hashlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from cutroom.blocks.block import BLOCK_BYTES, block_of
from cutroom.blocks.boundaries import cut
from cutroom.client.hashing import LocalFile, hash_blocks
from cutroom.errors import Conflict, UsageError


@pytest.mark.parametrize("size", [0, 1, BLOCK_BYTES - 1, BLOCK_BYTES, BLOCK_BYTES + 1, 3 * BLOCK_BYTES + 7])
def test_the_blocks_of_a_file_are_its_bytes_in_order(tmp_path: Path, size: int) -> None:
    path = tmp_path / "file"
    path.write_bytes(os.urandom(size))
    done: list[int] = []
    with LocalFile(path) as file:
        placed = hash_blocks(file, threads=3, told=done.append)
    data = path.read_bytes()
    assert sum(done) == size
    at = 0
    for one in placed:
        assert one.offset == at
        part = data[at : at + one.block.size_bytes]
        assert one.block.block_id == hashlib.sha256(part).hexdigest()
        at += one.block.size_bytes
    assert at == size
    assert all(one.block.size_bytes == BLOCK_BYTES for one in placed[:-1])


def test_blocks_begin_where_ingest_begins_them(tmp_path: Path) -> None:
    """A file that is uploaded by a client and by plain S3 has to be stored once."""
    path = tmp_path / "film.mp4"
    path.write_bytes(
        b"\0\0\0\x10ftypisom\0\0\0\0" + (BLOCK_BYTES + 8).to_bytes(4) + b"mdat" + bytes(BLOCK_BYTES) + b"end"
    )
    with LocalFile(path) as file, path.open("rb") as plain:
        assert [one.block for one in hash_blocks(file, threads=2)] == [
            block_of(data) for data in cut(plain, "container")
        ]


def test_a_file_that_grows_while_it_is_hashed_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x" * (BLOCK_BYTES + 1))

    def grow(_: int) -> None:
        with path.open("ab") as more:
            more.write(b"y")

    with LocalFile(path) as file, pytest.raises(Conflict, match="changed while it was read"):
        hash_blocks(file, threads=1, told=grow)


def test_a_file_that_shrinks_while_it_is_hashed_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x" * (3 * BLOCK_BYTES))
    with LocalFile(path) as file, pytest.raises(Conflict, match="changed while it was read"):
        hash_blocks(file, threads=2, told=lambda _: os.truncate(path, 10))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nowhere"):
        LocalFile(tmp_path / "nowhere")


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Ctrl-C counts, also where the tests themselves are a shell's background job, which leaves it out."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_who_interrupts_does_not_wait_for_the_rest_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with path.open("wb") as file:
        file.truncate(256 * BLOCK_BYTES)
    done: list[int] = []

    def interrupt(size_bytes: int) -> None:
        done.append(size_bytes)
        if len(done) == 1:
            os.kill(os.getpid(), signal.SIGINT)

    with LocalFile(path) as local, pytest.raises(KeyboardInterrupt):
        hash_blocks(local, threads=2, told=interrupt)
    assert len(done) < 256


def test_a_pipe_that_took_the_place_of_a_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UsageError, match="is not a file"):
        LocalFile(tmp_path / "pipe")
