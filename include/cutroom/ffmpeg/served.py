"""A source that a tool of ours reads piece by piece from the process that started it.

The tool parses a file from outside and has neither credentials nor network for it: it asks through a socket that it
inherits, and gets bytes that were verified. Its questions are `<offset, count>`; an answer is as many bytes, or fewer
at the end of the file.
"""

import io
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from cutroom.errors import CutroomError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_SCHEME = "served:"
_QUESTION = struct.Struct(">QI")
_LENGTH = struct.Struct(">I")
BUFFER_BYTES = 2**20
"""How much a tool asks for at a time: large against the cost of asking, small against a block."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Readable:
    """A source as an argument of a tool of ours."""

    name: str
    """Path of a local file, or what `opened` understands."""
    descriptors: tuple[int, ...] = ()
    """What the tool has to inherit for that."""


@contextmanager
def served(file: BinaryIO) -> Iterator[Readable]:
    """Let tools that are started inside the block read the file; one at a time.

    What the reading raised is raised in place of the tool's own failure.
    """
    ours, theirs = socket.socketpair()
    failed: list[Exception] = []
    answering = threading.Thread(target=_answer, args=(file, ours, failed), name="served", daemon=True)
    answering.start()
    try:
        yield Readable(
            name=f"{_SCHEME}{theirs.fileno()}:{file.seek(0, io.SEEK_END)}", descriptors=(theirs.fileno(),)
        )
    except CutroomError as error:
        if failed:
            raise failed[0] from error
        raise
    finally:
        theirs.close()
        answering.join()
        ours.close()
    if failed:
        raise failed[0]


def _answer(file: BinaryIO, ours: socket.socket, failed: list[Exception]) -> None:
    """Answer until the other end is closed; a failure closes this end, which ends the tool."""
    try:
        with ours.makefile("rb") as questions:
            while len(question := questions.read(_QUESTION.size)) == _QUESTION.size:
                offset, count = _QUESTION.unpack(question)
                file.seek(offset)
                data = file.read(min(count, BUFFER_BYTES))
                ours.sendall(_LENGTH.pack(len(data)) + data)
    except BrokenPipeError:
        return  # the tool ended before it had its answer, and says itself why
    except Exception as error:  # noqa: BLE001 - it is raised where the tool was started
        failed.append(error)
        ours.shutdown(socket.SHUT_RDWR)


def opened(name: str) -> "str | io.BufferedReader":
    """What PyAV opens: the local file of that name, or the one that is served under it."""
    if not name.startswith(_SCHEME):
        return f"file:{name}"
    descriptor, size = name.removeprefix(_SCHEME).split(":")
    return io.BufferedReader(_Served(socket.socket(fileno=int(descriptor)), int(size)), BUFFER_BYTES)


class _Served(io.RawIOBase):
    """The tool's end."""

    def __init__(self, theirs: socket.socket, size: int) -> None:
        self._socket, self._answers = theirs, theirs.makefile("rb")
        self._size, self._place = size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._place

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self._size}[whence]
        self._place = max(0, base + offset)
        return self._place

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        view = memoryview(buffer).cast("B")
        self._socket.sendall(_QUESTION.pack(self._place, min(len(view), BUFFER_BYTES)))
        length = self._answers.read(_LENGTH.size)
        if len(length) < _LENGTH.size:
            raise OSError("The source is not served any more.")
        count: int = _LENGTH.unpack(length)[0]
        view[:count] = self._answers.read(count)
        self._place += count
        return count
