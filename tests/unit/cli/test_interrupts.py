"""Ctrl-C in a command whose threads wait for something that never comes."""

import signal
import subprocess
import sys

WAITING = """
import threading
from cutroom.cli.interrupts import ended_by_interrupts

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
        [sys.executable, "-c", WAITING], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert process.stdout is not None
    for said in ("waiting\n", "ending\n"):
        assert process.stdout.readline() == said
        process.send_signal(signal.SIGINT)
    assert process.wait(timeout=60) == 130
