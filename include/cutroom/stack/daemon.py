"""The supervisor's process: it leaves the shell that started it, and what its services leave behind stays its own.

The process that is started prints the pid of the daemon and ends; the daemon reads the supervisor's arguments.
"""

import ctypes
import os
import sys
from pathlib import Path

from supervisor.supervisord import main

_PR_SET_CHILD_SUBREAPER = 36
"""From Linux's prctl.h: orphans below this process become its children instead of init's."""


def run(output: Path) -> None:
    """Leave a daemon behind that writes to `output`."""
    if pid := os.fork():
        sys.stdout.write(f"{pid}\n")
        return
    os.setsid()
    with output.open("wb") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    main()


if __name__ == "__main__":
    run(Path(sys.argv.pop(1)))
