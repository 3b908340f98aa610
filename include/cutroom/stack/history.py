"""What happened to the services since the stack was started, read from the supervisor's own log."""

import re
from dataclasses import dataclass

_SPAWNED = re.compile(r"INFO spawned: '(?P<name>[^']+)' with pid (?P<pid>\d+)")
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


def read_history(log: str) -> dict[str, Restarts]:
    """The restarts of each service in a supervisor's log; a stop that was asked for is none."""
    history: dict[str, Restarts] = {}
    died: set[str] = set()
    for line in log.splitlines():
        if match := _EXITED.search(line):
            name = match["name"]
            before = history.get(name, Restarts())
            history[name] = Restarts(
                count=before.count, last_exit=_cause(match["how"]), last_exit_at=match["at"]
            )
            died.add(name)
        elif match := _STOPPED.search(line):
            died.discard(match["name"])
        elif (match := _SPAWNED.search(line)) and match["name"] in died:
            name = match["name"]
            before = history[name]
            history[name] = Restarts(
                count=before.count + 1, last_exit=before.last_exit, last_exit_at=before.last_exit_at
            )
            died.discard(name)
    return history


def _cause(how: str) -> str:
    return how.partition(";")[0].removeprefix("terminated by ")
