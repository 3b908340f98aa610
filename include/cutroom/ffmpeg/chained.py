"""Several files read as if they were one."""

import io
import os
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path
from typing import BinaryIO


class Chained(io.RawIOBase):
    """Files one after the other; never more than one of them is open."""

    def __init__(self, files: Sequence[Path]) -> None:
        self._files = files
        self._starts = [0, *accumulate(file.stat().st_size for file in files)]
        self._at = 0
        self._number = -1
        self._open: BinaryIO | None = None

    def readable(self) -> bool:  # noqa: D102  as io has it
        return True

    def seekable(self) -> bool:  # noqa: D102
        return True

    def tell(self) -> int:  # noqa: D102
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:  # noqa: D102
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._starts[-1]}[whence]
        self._at = base + offset
        return self._at

    def read(self, size: int = -1) -> bytes:
        """Up to so many bytes, never beyond the end of a file; none: there are no more."""
        number = bisect_right(self._starts, self._at) - 1
        if number >= len(self._files):
            return b""
        if number != self._number:
            self.close_file()
            self._open = self._files[number].open("rb", buffering=0)
            self._number = number
        assert self._open is not None
        self._open.seek(self._at - self._starts[number])
        data = self._open.read(size)
        self._at += len(data)
        return data

    def close_file(self) -> None:
        """Close the file that is being read."""
        if self._open is not None:
            self._open.close()
        self._open = None

    def close(self) -> None:  # noqa: D102
        self.close_file()
        super().close()
