"""Ctrl-C in commands that may be ended at any moment."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_EXIT_INTERRUPTED = 130
_SHOW_CURSOR = b"\x1b[?25h"


@contextmanager
def ended_by_interrupts() -> Iterator[None]:
    """Within, the first Ctrl-C ends what is under way in good order, and a second one at once.

    Good order may take as long as a store that does not answer is waited for. Only for what survives a kill. A
    background job that was told to go on (`nohup`, a shell's `&`) goes on.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        yield
        return

    def end(*_: object) -> None:
        signal.signal(signal.SIGINT, lambda *_: _end_now())
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, end)
    yield
    # Not where it was interrupted: threads may still wait for a store when Python ends, and the second has to count.
    signal.signal(signal.SIGINT, before)


@contextmanager
def ended_at_once(said: str) -> Iterator[None]:
    """Within, Ctrl-C ends this process and its media tools at once; only for what goes on from a kill.

    A background job that was told to go on goes on.

    Args:
        said: What is told then.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        yield
        return
    before = signal.signal(signal.SIGINT, lambda *_: _end_now(said))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _end_now(said: str = "") -> None:
    if sys.stderr.isatty():
        os.write(sys.stderr.fileno(), _SHOW_CURSOR)
    if said:
        os.write(sys.stderr.fileno(), f"\n{said}\n".encode())
    os._exit(_EXIT_INTERRUPTED)
