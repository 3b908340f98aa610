"""A local file as blocks: hashed on all cores, with a few blocks in memory at a time."""

import hashlib
import itertools
import os
import stat
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from cutroom.blocks.block import Block
from cutroom.blocks.boundaries import block_ranges
from cutroom.errors import Conflict, UsageError
from cutroom.ids import BlockId

_PIECE_BYTES = 2**20
"""Bytes that are read and hashed at a time: what was just read is still in the processor's cache, and the lock is
rarely asked for."""

Told = Callable[[int], None]
"""Is told of bytes that are done, from any thread."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedBlock:
    """A block and where its bytes begin in the file."""

    offset: int
    block: Block


class LocalFile:
    """A file that is read by position from several threads, and must not change meanwhile."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            # A pipe that took the place of the file is not waited for.
            self._descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        except OSError as error:
            raise self._unreadable(error) from error
        if not stat.S_ISREG(os.fstat(self._descriptor).st_mode):
            os.close(self._descriptor)
            raise UsageError(f"{path} is not a file.")
        self._before = self._facts()
        self.size_bytes = self._before[0]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._descriptor)

    def check_unchanged(self) -> None:
        """Make sure that the file is as it was when it was opened.

        Raises:
            Conflict: It is not.
        """
        if self._facts() != self._before:
            raise self.changed()

    def changed(self) -> Conflict:
        """The error that says so."""
        return Conflict(f"{self.path} changed while it was read: upload it again when nothing writes to it.")

    def read_into(self, buffer: memoryview, offset: int) -> None:
        """Fill the buffer from that position on.

        Raises:
            Conflict: The file has become too short for that.
            UsageError: It can't be read.
        """
        filled = 0
        while filled < len(buffer):
            try:
                count = os.preadv(self._descriptor, [buffer[filled:]], offset + filled)
            except OSError as error:
                raise self._unreadable(error) from error
            if count == 0:
                raise self.changed()
            filled += count

    def digest_of(self, offset: int, size_bytes: int, buffer: memoryview) -> str:
        """SHA-256 of a part of the file in hex, read through the buffer as often as that takes.

        Raises:
            Conflict: The file has become too short for that.
        """
        digest = hashlib.sha256()
        for start in range(0, size_bytes, len(buffer)):
            piece = buffer[: size_bytes - start]
            self.read_into(piece, offset + start)
            digest.update(piece)
        return digest.hexdigest()

    def opened(self) -> BinaryIO:
        """The same file to be read from place to place, whatever has its name by now; to be closed."""
        return os.fdopen(os.dup(self._descriptor), "rb")

    def _facts(self) -> tuple[int, int, int]:
        facts = os.fstat(self._descriptor)
        return facts.st_size, facts.st_mtime_ns, facts.st_ino

    def _unreadable(self, error: OSError) -> UsageError:
        return UsageError(f"{self.path} can't be read: {error.strerror}.")


def hash_blocks(file: LocalFile, *, threads: int, told: Told = lambda _: None) -> list[PlacedBlock]:
    """The blocks of a file in order. Each thread keeps a piece of one in memory; SHA-256 leaves Python's lock.

    Raises:
        Conflict: The file changed meanwhile.
    """
    with file.opened() as headers:
        ranges = block_ranges(headers)
    digests: list[str] = [""] * len(ranges)
    turns = itertools.count()
    stop = threading.Event()

    def work() -> None:
        buffer = memoryview(bytearray(_PIECE_BYTES))
        # The next number is taken under Python's lock, so no two threads have the same.
        while (number := next(turns)) < len(ranges) and not stop.is_set():
            offset, size_bytes = ranges[number]
            try:
                digests[number] = file.digest_of(offset, size_bytes, buffer)
            except BaseException:
                stop.set()
                raise
            told(size_bytes)

    _in_threads(work, min(threads, max(1, len(ranges))), stop)
    file.check_unchanged()
    return [
        PlacedBlock(offset=offset, block=Block(block_id=BlockId(digest), size_bytes=size_bytes))
        for (offset, size_bytes), digest in zip(ranges, digests, strict=True)
    ]


def blocks_of(placed: Sequence[PlacedBlock]) -> list[Block]:
    """The blocks without their places."""
    return [one.block for one in placed]


def _in_threads(work: Callable[[], None], count: int, stop: threading.Event) -> None:
    with ThreadPoolExecutor(count, thread_name_prefix="hash") as pool:
        try:
            for done in [pool.submit(work) for _ in range(count)]:
                done.result()
        finally:
            # Whoever is interrupted here does not wait for the rest of the file.
            stop.set()
