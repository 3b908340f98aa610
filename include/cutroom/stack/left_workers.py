"""Ends the workers that a killed scheduler leaves behind, once they are idle: a part of the supervisor's daemon.

The daemon is the subreaper of its services, so a worker that is its own child has lost its scheduler. Tasks of such a
worker go on; when they have ended, nobody will ever give it another one.
"""

import contextlib
from typing import Any

import psutil  # type: ignore[import-untyped]
from supervisor import events

_WORKER = "airflow worker -- LocalExecutor"
_IDLE = "<idle>"
"""How Airflow's LocalExecutor entitles its processes, and those without a task."""


class LeftWorkers:
    """Looks for such workers again and again."""

    def __init__(self) -> None:
        self._idle: set[psutil.Process] = set()

    def end_idle(self) -> int:
        """End those that were idle the last time, too, as one is between two tasks; tells how many."""
        idle = {process for process in psutil.Process().children() if _is_idle(process)}
        ended = idle & self._idle
        for process in ended:
            with contextlib.suppress(psutil.NoSuchProcess):
                # It holds nothing, and does not listen to SIGTERM.
                process.kill()
        self._idle = idle - ended
        return len(ended)


def _is_idle(process: psutil.Process) -> bool:
    try:
        title = " ".join(process.cmdline())
        return title.startswith(_WORKER) and _IDLE in title and not process.children()
    except psutil.NoSuchProcess:
        return False


def make_rpc_interface(supervisord: Any) -> object:
    """Let the daemon look every five seconds; the supervisor calls this where its configuration names it."""
    workers = LeftWorkers()

    def look(_: events.Event) -> None:
        if ended := workers.end_idle():
            supervisord.options.logger.info("ended %(ended)d idle workers of a lost scheduler", ended=ended)

    events.subscribe(events.Tick5Event, look)
    return object()
