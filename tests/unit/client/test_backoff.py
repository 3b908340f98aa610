"""Trying again."""

import pytest

from cutroom.client.backoff import LONGEST_S, PATIENCE_S, TRIES, patiently, pause_s
from cutroom.errors import Conflict, StoreUnavailable


def test_what_is_away_for_a_moment_is_asked_again() -> None:
    answers: list[object] = [StoreUnavailable("away"), StoreUnavailable("away"), "here"]
    pauses: list[float] = []

    def ask() -> object:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    assert patiently(ask, sleep=pauses.append) == "here"
    assert len(pauses) == 2


def test_what_stays_away_is_told_after_every_try() -> None:
    pauses: list[float] = []

    def ask() -> None:
        raise StoreUnavailable("away")

    with pytest.raises(StoreUnavailable):
        patiently(ask, sleep=pauses.append)
    assert len(pauses) == TRIES - 1


def test_what_swallows_each_request_is_not_asked_for_ever() -> None:
    now = 0.0

    def ask() -> None:
        nonlocal now
        now += 120
        raise StoreUnavailable("no answer")

    with pytest.raises(StoreUnavailable):
        patiently(ask, sleep=lambda _: None, clock=lambda: now)
    assert now < PATIENCE_S + 120 + 1


def test_what_can_not_succeed_is_asked_once() -> None:
    asked: list[int] = []

    def ask() -> None:
        asked.append(1)
        raise Conflict("taken")

    with pytest.raises(Conflict):
        patiently(ask, sleep=lambda _: None)
    assert asked == [1]


def test_pauses_grow_to_a_limit() -> None:
    for attempt in range(20):
        assert pause_s(attempt) <= min(LONGEST_S, 0.25 * 2**attempt)
        assert pause_s(attempt) >= min(LONGEST_S, 0.25 * 2**attempt) / 2
