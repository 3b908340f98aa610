"""Trying again: what did not answer is asked again, later each time."""

import random
import time
from collections.abc import Callable
from typing import TypeVar

from cutroom.errors import TransientError

T = TypeVar("T")

TRIES = 10
FIRST_S = 0.25
LONGEST_S = 20.0
PATIENCE_S = 300.0
"""After so long nothing is tried again: who takes connections and answers none lets each try last for minutes."""


def pause_s(attempt: int) -> float:
    """How long to wait after the attempt with this number, from 0: doubled each time, half of it by chance."""
    longest = min(LONGEST_S, FIRST_S * 2.0**attempt)
    return longest * (0.5 + random.random() / 2)  # noqa: S311 - spreads clients, keeps no secret


def patiently(
    ask: Callable[[], T],
    *,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> T:
    """What `ask` gives; a transient error is tried again, about a minute long, and then raised."""
    until = clock() + PATIENCE_S
    for attempt in range(TRIES - 1):
        try:
            return ask()
        except TransientError:
            if clock() > until:
                raise
            sleep(pause_s(attempt))
    return ask()
