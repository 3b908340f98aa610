"""Progress of uploads on stderr: a bar for each file and one in total, with speed and time left."""

import threading
from pathlib import Path
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.filesize import decimal
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn, TransferSpeedColumn


class TransferBars:
    """Bars that show on a terminal, and nothing where stderr is not one. Told from several threads.

    A file is done when it is hashed and each of its bytes is sent or need not be: both count the same here.
    """

    def __init__(self, total_bytes: int, *, files: int) -> None:
        console = Console(stderr=True)
        self._bars = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TextColumn("{task.fields[said]}"),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
        )
        self._lock = threading.Lock()
        self._total = _Counts(total_bytes)
        self._total_bar = self._bars.add_task(
            "in total", total=2 * total_bytes or 1, said="", visible=files > 1
        )
        self._file = _Counts(0)
        self._file_bar: TaskID | None = None

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    @property
    def progress(self) -> Progress:
        """The bars themselves, for whoever goes on after the upload."""
        return self._bars

    def begin(self, path: Path, size_bytes: int) -> None:
        """What is told from now on is of this file."""
        self._file = _Counts(size_bytes)
        self._file_bar = self._bars.add_task(path.name, total=2 * size_bytes or 1, said="")

    def end(self) -> None:
        """The file is uploaded."""
        if self._file_bar is not None:
            self._bars.update(self._file_bar, completed=2 * self._file.size_bytes or 1)

    def hashed(self, size_bytes: int) -> None:
        """So many more bytes are hashed."""
        self._count("hashed_bytes", size_bytes)

    def skipped(self, size_bytes: int) -> None:
        """So many more bytes need not be sent."""
        self._count("skipped_bytes", size_bytes)

    def sent(self, size_bytes: int) -> None:
        """So many more bytes are sent."""
        self._count("sent_bytes", size_bytes)

    def _count(self, name: str, size_bytes: int) -> None:
        with self._lock:
            for counts, bar in ((self._file, self._file_bar), (self._total, self._total_bar)):
                setattr(counts, name, getattr(counts, name) + size_bytes)
                if bar is not None:
                    self._bars.update(bar, completed=counts.done_bytes, said=counts.said())


class _Counts:
    def __init__(self, size_bytes: int) -> None:
        self.size_bytes = size_bytes
        self.hashed_bytes = self.skipped_bytes = self.sent_bytes = 0

    @property
    def done_bytes(self) -> int:
        return self.hashed_bytes + self.skipped_bytes + self.sent_bytes

    def said(self) -> str:
        parts = (
            ("hashed", self.hashed_bytes),
            ("skipped", self.skipped_bytes),
            ("sent", self.sent_bytes),
        )
        return ", ".join(f"{name} {decimal(count)}" for name, count in parts if count)
