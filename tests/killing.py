"""SIGKILL at points that chance chooses, of real processes.

A *moment* is right before a statement or a commit goes to PostgreSQL, right after a transaction ended there, before
anything is sent to a socket, and before a piece of a file is read: between two of them nothing changes for anybody
else. Moments are counted, not timed, so the points are spread over the whole work on every machine, and a seed repeats
them.

Whoever uses this does so in a process without threads, as it forks.
"""

import ctypes
import itertools
import os
import random
import signal
import socket
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.pool import Pool

PYTHONPATH = os.pathsep.join(str(Path(__file__).parents[1] / name) for name in ("tests", "plugins"))
"""For a script that imports this."""


def count_moments(*, die_at: int | None) -> Callable[[], int]:
    """Count the moments of this process from now on, and end it before the one with this number, from 1.

    Gives a function that tells how many there were.
    """
    numbers = itertools.count(1)

    def moment(*_: object) -> None:
        if next(numbers) == die_at:
            os.kill(os.getpid(), signal.SIGKILL)

    for owner, names in ((socket.socket, ("send", "sendall")), (os, ("preadv",))):
        for name in names:
            setattr(owner, name, _after(moment, getattr(owner, name)))
    event.listen(Engine, "before_cursor_execute", moment)
    event.listen(Engine, "commit", moment)
    event.listen(Pool, "checkin", moment)
    return lambda: next(numbers) - 1


def kill_often(
    work: Callable[[int], object], *, kills: int, seed: int, prepare: Callable[[int], object] = lambda _: None
) -> int:
    """Do pieces of work, numbered from 0, in processes of which so many are killed; gives how many pieces there are.

    `prepare` is called once before each piece, and not killed. A piece is begun again until it comes to its end, so in
    the end all are done. The first is not disturbed: it tells how many moments one has.
    """
    chance = random.Random(seed)
    prepare(0)
    moments = forked(work, 0, die_at=None)
    assert moments
    for piece in itertools.count(1):
        prepare(piece)
        while forked(work, piece, die_at=chance.randint(1, moments) if kills else None) is None:
            kills -= 1
        if not kills:
            return piece + 1
    raise AssertionError


def forked(work: Callable[[int], object], piece: int, *, die_at: int | None) -> int | None:
    """Do a piece of work in a process of its own; gives the moments that it had, None if it was killed."""
    read, write = os.pipe()
    child = os.fork()
    if not child:
        status = 1
        try:
            # Not to be left behind where the test that waits for all this is ended.
            ctypes.CDLL(None).prctl(1, signal.SIGKILL)
            moments = count_moments(die_at=die_at)
            work(piece)
            os.write(write, str(moments()).encode())
            status = 0
        except BaseException:  # noqa: BLE001 - whatever it is, a fork must not go on as its parent
            traceback.print_exc()
        finally:
            os._exit(status)
    os.close(write)
    with os.fdopen(read) as pipe:
        said = pipe.read()
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if status == -signal.SIGKILL:
        return None
    assert status == 0, f"Piece {piece} ended with {status}."
    return int(said)


def small_blocks(number: int, count: int = 8) -> bytes:
    """A film of `2 * count` small blocks, as each `mdat` begins two; half of them are those of no other number."""
    bytes_of = random.Random(number).randbytes
    box = b"\0\0\0\x10ftypisom" + bytes_of(4)
    return box + b"".join((1008).to_bytes(4) + b"mdat" + bytes_of(1000) for _ in range(count))


def _after(moment: Callable[[], None], real: Callable[..., Any]) -> Callable[..., Any]:
    def counted(*arguments: Any, **named: Any) -> Any:
        moment()
        return real(*arguments, **named)

    return counted
