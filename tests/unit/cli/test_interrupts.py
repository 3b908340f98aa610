"""Ctrl-C in a command whose threads wait for something that never comes."""

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

WAITING = """
import signal, sys, threading
from cutroom.cli.interrupts import ended_by_interrupts

signal.signal(signal.SIGINT, getattr(signal, sys.argv[1]))
threading.Thread(target=threading.Event().wait, daemon=True).start()
with ended_by_interrupts():
    try:
        print("waiting", flush=True)
        sys.stdin.readline()
        print("going on", flush=True)
        sys.stdin.readline()
    except KeyboardInterrupt:
        print("ending", flush=True)
        threading.Event().wait()
"""

WORKING = """
import signal, sys, threading
from pathlib import Path
from cutroom.cli.interrupts import ended_at_once
from cutroom.ffmpeg import runner

# Whoever runs the tests in the background has it ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)

def tell(line):
    print(line, flush=True)

def work():
    runner.run(["sh", "-c", "echo $$; exec sleep 600"], log=Path(sys.argv[1]), on_line=tell)

with ended_at_once("Stopped."):
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
"""

Start = Callable[[str], "subprocess.Popen[str]"]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts a command that waits, with what happens at Ctrl-C."""
    started = []

    def one(at_interrupt: str) -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            [sys.executable, "-c", WAITING, at_interrupt],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        started.append(process)
        return process

    yield one
    for process in started:
        process.kill()
        process.communicate()


def said(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline()


def test_the_second_interrupt_ends_at_once(start: Start) -> None:
    process = start("default_int_handler")
    for word in ("waiting\n", "ending\n"):
        assert said(process) == word
        process.send_signal(signal.SIGINT)
    assert process.wait(timeout=60) == 130


def test_a_background_job_goes_on(start: Start) -> None:
    process = start("SIG_IGN")
    assert said(process) == "waiting\n"
    process.send_signal(signal.SIGINT)
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()
    assert said(process) == "going on\n"


def test_a_command_that_goes_on_from_a_kill_ends_at_once_with_its_media_tools(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", WORKING, tmp_path / "log"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        tool = psutil.Process(int(said(process)))
        process.send_signal(signal.SIGINT)
        try:
            _, told = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == 130
    assert told == "\nStopped.\n"
    with suppress(psutil.NoSuchProcess):
        tool.wait(timeout=60)
