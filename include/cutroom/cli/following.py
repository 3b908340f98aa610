"""Following an upload's run to its end."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import typer

from cutroom.errors import StoreUnavailable

if TYPE_CHECKING:
    from rich.progress import Progress

_POLL_S = 0.5
_PATIENCE_S = 60
"""How long to wait for a run to appear, or for an answer, before saying so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """How a run is doing."""

    status: str
    percent: float
    reason: str
    playback: dict[str, Any] | None


def follow(ask: Callable[[], Seen | None], name: str, bars: "Progress") -> dict[str, Any]:
    """How the run of an upload ended, after waiting for it.

    Args:
        ask: Looks at the run; None before there is one.
        name: What to call the upload.
        bars: Where to show how far it is.

    Raises:
        StoreUnavailable: Whoever is asked stays away for a minute.
    """
    bar = bars.add_task(f"{name}: waiting for its run", total=100, said="")
    heard_at = time.monotonic()
    told = False
    while True:
        run: Seen | None = None
        try:
            run = ask()
            heard_at = time.monotonic() if run else heard_at
        except StoreUnavailable:
            # A service that starts again is waited for; one that stays away is not.
            if time.monotonic() - heard_at > _PATIENCE_S:
                raise
        if run and run.status != "processing":
            bars.update(bar, description=f"{name}: {run.status}", completed=100)
            # A run whose result was overtaken by a newer upload did its work.
            status = "published" if run.status == "superseded" else run.status
            return {"status": status, "reason": run.reason, "playback": run.playback}
        if run:
            bars.update(bar, description=f"{name}: processing", completed=run.percent)
        elif not told and time.monotonic() - heard_at > _PATIENCE_S:
            told = True
            typer.echo(f"{name} has no run yet: does `cutroom status` show Airflow running?", err=True)
        time.sleep(_POLL_S)
