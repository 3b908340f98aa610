"""What is written while a tool reads it: both work at the same time, and nothing of it is kept on the disk."""

import fcntl
import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

T = TypeVar("T")

PIPE_BYTES = 2**20
"""What a pipe holds, so that the two seldom wait for each other; what Linux lets anybody have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Piped(Generic[T]):
    """The end of a pipe from which a tool reads."""

    path: Path
    """What the tool opens, and reads in order."""
    descriptor: int
    """What it has to inherit for that."""
    _written: "Future[T]"

    def written(self) -> T:
        """What the writing gave, once it is done."""
        return self._written.result()


@contextmanager
def piped(write: Callable[[Path], T]) -> Iterator[Piped[T]]:
    """Write into a pipe in a thread, as long as the block lasts.

    Where both fail, what the writing raised is raised, as the reader may have failed for that; but a writer that
    fails because nobody reads any more tells nothing, and the reader's own failure is raised.

    Args:
        write: Is given the path to write to, in order.
    """
    reading, writing = os.pipe()
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, PIPE_BYTES)

    def all_of_it() -> T:
        try:
            return write(Path(f"/dev/fd/{writing}"))
        finally:
            os.close(writing)

    with ThreadPoolExecutor(1, thread_name_prefix="piped") as pool:
        written = pool.submit(all_of_it)
        failed: Exception | None = None
        try:
            yield Piped(path=Path(f"/dev/fd/{reading}"), descriptor=reading, _written=written)
        except Exception as error:  # noqa: BLE001 - raised below
            failed = error
        finally:
            # Whoever still writes gets a broken pipe.
            os.close(reading)
        cause = written.exception()
    if cause is not None and not (failed is not None and isinstance(cause, BrokenPipeError)):
        raise cause from failed
    if failed is not None:
        raise failed
