"""What happened to the services since the stack was started, read from the supervisor's own log."""

import re
from dataclasses import dataclass, replace

_RUNS = re.compile(r"INFO success: (?P<name>\S+) entered RUNNING state")
_EXITED = re.compile(r"(?P<at>^[\d-]+ [\d:]+),\d+ \w+ exited: (?P<name>\S+) \((?P<how>.*)\)$")
_STOPPED = re.compile(r"\w+ stopped: (?P<name>\S+) \(")


@dataclass(frozen=True, slots=True, kw_only=True)
class Restarts:
    """How often a service came back by itself, and why it went last."""

    count: int = 0
    last_exit: str = ""
    """`SIGKILL`, `exit status 1`; empty when it never went."""
    last_exit_at: str = ""
    """Local time of the last exit."""
    exits: int = 0
    """How often it went, be it before it was ready."""


def read_history(log: str) -> dict[str, Restarts]:
    """The restarts of each service in a supervisor's log; a stop that was asked for is none.

    A service is back when it has stayed up. Attempts that fail until then belong to the same restart, and
    their exits do not hide its cause: a PostgreSQL that was killed can't start while its children end.
    """
    history: dict[str, Restarts] = {}
    away: set[str] = set()
    """Services that ran, and have gone by themselves."""
    ran: set[str] = set()
    for line in log.splitlines():
        if match := _EXITED.search(line):
            name = match["name"]
            before = history.get(name, Restarts())
            history[name] = replace(before, exits=before.exits + 1)
            if name not in away:
                history[name] = replace(
                    history[name], last_exit=_cause(match["how"]), last_exit_at=match["at"]
                )
            if name in ran:
                away.add(name)
        elif match := _STOPPED.search(line):
            away.discard(match["name"])
            ran.discard(match["name"])
        elif match := _RUNS.search(line):
            name = match["name"]
            if name in away:
                history[name] = replace(history[name], count=history[name].count + 1)
            away.discard(name)
            ran.add(name)
    return history


def _cause(how: str) -> str:
    return how.partition(";")[0].removeprefix("terminated by ")
