"""Progress on stderr, so that stdout stays for results."""

from threading import Lock
from types import TracebackType
from typing import Self

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

LONGEST_NAME = 40
"""Characters of a name, so that there is room for a bar."""

TOLD_EVERY_PERCENT = 10


def progress_bars() -> Progress:
    """Bars that show on a terminal, and nothing where stderr is not one."""
    console = Console(stderr=True)
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        console=console,
        disable=not console.is_terminal,
    )


class StepProgress:
    """How far the steps of one file are: a bar on a terminal, and a line now and then where stderr is none.

    Told from several threads.
    """

    def __init__(self, name: str) -> None:
        self._name = name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…"
        self._told = 0
        self._lock = Lock()
        self._console = Console(stderr=True)
        self._bars = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TaskProgressColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=self._console,
            disable=not self._console.is_terminal,
        )
        self._bar = self._bars.add_task(self._name, total=100)

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def __call__(self, percent: float, step: str) -> None:
        """The whole is so far, as this step tells."""
        said = f"{self._name}: {step.replace('_', ' ')}"
        self._bars.update(self._bar, completed=percent, description=said)
        with self._lock:
            if not self._console.is_terminal and percent >= self._told + TOLD_EVERY_PERCENT:
                self._told = int(percent // TOLD_EVERY_PERCENT) * TOLD_EVERY_PERCENT
                typer.echo(f"{said}, {self._told} % of all", err=True)
