"""Idle workers of a scheduler that is gone are ended; those with a task, and everybody else, are not."""

import subprocess
from collections.abc import Callable, Iterator

import pytest

from cutroom.stack.left_workers import LeftWorkers

IDLE = "airflow worker -- LocalExecutor: <idle>"
BUSY = "airflow worker -- LocalExecutor: process_video.encode_video"


@pytest.fixture
def start() -> Iterator[Callable[[str], subprocess.Popen[str]]]:
    """Starts a child of this process with a title; it is there when its first line was read."""
    started = []

    def start(script: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            ["bash", "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        started.append(process)
        assert process.stdout
        assert process.stdout.readline() == "there\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def entitled(title: str, then: str = "") -> str:
    """A script of a process with this title that waits for ever, as it does when it has done something else."""
    return f"exec -a '{title}' bash -c '{then} echo there; read -r line; true'"


def test_a_worker_that_is_idle_twice_is_ended_and_no_other_process(
    start: Callable[[str], subprocess.Popen[str]],
) -> None:
    idle, other, busy = (
        start(entitled(IDLE)),
        start(entitled("airflow scheduler <idle>")),
        start(entitled(BUSY)),
    )
    # Its title is late, but there is a task below it.
    parent = start(entitled(IDLE, "cat <&0 >/dev/null &"))
    workers = LeftWorkers()
    assert workers.end_idle() == 0
    assert idle.poll() is None
    assert workers.end_idle() == 1
    assert idle.wait(60) == -9
    assert workers.end_idle() == 0
    assert [process.poll() for process in (other, busy, parent)] == [None] * 3
