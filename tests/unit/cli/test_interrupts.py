"""Ctrl-C in a command whose threads wait for something that never comes."""

import signal
import subprocess
import sys

WAITING = """
import signal, sys, threading
from cutroom.cli.interrupts import ended_by_interrupts

signal.signal(signal.SIGINT, getattr(signal, sys.argv[1]))
threading.Thread(target=threading.Event().wait).start()
with ended_by_interrupts():
    try:
        print("waiting", flush=True)
        threading.Event().wait()
    finally:
        print("ending", flush=True)
"""


def test_the_second_interrupt_ends_at_once() -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", WAITING, "default_int_handler"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    for said in ("waiting\n", "ending\n"):
        assert process.stdout.readline() == said
        process.send_signal(signal.SIGINT)
    assert process.wait(timeout=60) == 130


def test_a_background_job_goes_on() -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", WAITING, "SIG_IGN"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "waiting\n"
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGTERM)
    # It has not said that it was ending.
    assert process.stdout.read() == ""
    assert process.wait(timeout=60) == -signal.SIGTERM
