"""Runs a media tool: own process group, no network, no standard input, limits, progress, a kept log.

The one place where Cutroom starts ffmpeg, ffprobe, Shaka Packager and its own packet cutter.
"""

import contextlib
import os
import re
import selectors
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from cutroom.errors import DiskFull, EncoderKilled, EncoderRefused, SourceTooLarge, ToolStalled
from cutroom.ffmpeg import confine, tools
from cutroom.media.limits import Limits

TAIL_BYTES = 4_000
"""How much of what a tool said an error tells."""

END_BYTES = 65_536
"""How much of the end of a log is looked through for the reason; every rung of a ladder may say something after it."""

LOOK_EVERY_S = 1.0
"""How often it is looked how much of the disk is free."""

_HANDED_ON = re.compile(r"PATH|HOME|TMPDIR|TZ|LANG|LC_\w+|LD_LIBRARY_PATH|PYTHON\w+")
"""What a tool is told of its surroundings: who gets hold of a decoder by a file finds no keys and passwords there."""

_BESIDE = re.compile(
    r"^(?:Input #|Output #|Stream mapping:).*\n(?:[ \t].*(?:\n|$))*|(?:frame|size)= .*[\r\n]+", re.MULTILINE
)
"""What ffmpeg says of its files before it begins, and of how far it is: long, and nothing on why it ended."""

_OUT_OF_MEMORY = re.compile(
    r"(cannot|failed to|could not|unable to) allocate|malloc of size \d+ failed|bad_alloc|MemoryError"
    r"|allocation (error|failed|failure)|insufficient resources",
    re.IGNORECASE,
)
"""How ffmpeg, its encoders, and tools in Python and C++ say that they get no more memory."""

_NO_THREAD = re.compile(
    r"(pthread_create\(\) failed|sending frames to consumers): Resource temporarily unavailable"
    r"|ff_frame_thread_\w+ failed"
)
"""How ffmpeg says that it can start no more threads."""

_CAUGHT = re.compile(r"^Exiting normally, received signal (\d+)\.$", re.MULTILINE)
"""What ffmpeg says, at the log level `info`, before it ends with 255: it catches the signals that ask it to end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """A tool that ended well."""

    stdout: bytes
    stderr: str
    """The end of it; all of it is in the log."""
    wall_s: float


def run(
    argv: Sequence[str],
    *,
    log: Path,
    limits: Limits | None = None,
    on_line: Callable[[str], None] | None = None,
    cwd: Path | None = None,
    descriptors: Sequence[int] = (),
    door: int | None = None,
) -> Finished:
    """Run a tool to its end.

    Args:
        argv: The tool (see `tools.path`) and its arguments; never a shell string.
        log: Where the command and the whole of stderr are kept.
        limits: What it may take.
        on_line: Called with every line of stdout, at once; without it stdout is collected and returned.
        cwd: Folder to run in.
        descriptors: Open files that the tool inherits, under the same numbers.
        door: A Unix socket through which a listener is handed out that the tool can connect to, and to nothing else;
            `confine.PORT` in the arguments becomes its port.

    Raises:
        EncoderRefused: The tool ended by itself with an error; the message carries the end of its log.
        EncoderKilled: The tool was ended by a signal.
        DiskFull: The disk under the log has less free than the limits leave; the tool was ended, or ended itself.
        SourceTooLarge: The tool took more memory, CPU or time, or wrote more, than its limits allow.
        ToolStalled: The tool said nothing for too long and was ended.
    """
    limits = limits or Limits()
    name = Path(argv[0]).name
    started = time.monotonic()
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as stderr:
        stderr.write(f"$ {shlex.join(argv)}\n".encode())
        stderr.flush()
        begins = stderr.tell()
        process = subprocess.Popen(
            [*_confined(limits, door), tools.path(argv[0]), *argv[1:]],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=stderr,
            cwd=cwd,
            env={name: value for name, value in os.environ.items() if _HANDED_ON.fullmatch(name)},
            pass_fds=descriptors if door is None else (*descriptors, door),
            process_group=0,
        )
        try:
            stdout = _follow(process, log, limits, on_line, name)
        finally:
            _end(process)
    if process.returncode == 0:
        said = _end_of(log, begins, TAIL_BYTES)
        return Finished(stdout=stdout, stderr=said, wall_s=time.monotonic() - started)
    said = _BESIDE.sub("", _end_of(log, begins, END_BYTES)).strip()
    tail = said if len(said) <= TAIL_BYTES else said[-TAIL_BYTES:].partition("\n")[2]
    sent = _signal_sent(process.returncode, said)
    if (reached := _limit_reached(sent, said, limits, name)) is not None:
        raise SourceTooLarge(f"The file asks for too much: {reached}")
    if sent:
        raise EncoderKilled(f"{name} was ended by {_signal_name(sent)}.\n{tail}")
    if _NO_THREAD.search(said):
        # Both end in the same words; with more of either it works.
        raise EncoderKilled(
            f"{name} could start no further thread: it needs more memory than the {limits.memory_bytes} bytes that "
            f"CUTROOM_TOOL_MEMORY_BYTES allows, or this machine allows no more threads.\n{tail}"
        )
    if "No space left on device" in said:
        raise DiskFull(f"{name} ran out of disk: free some, and try again.\n{tail}")
    raise EncoderRefused(f"{name} ended with exit code {process.returncode}.\n{tail}")


def _end_of(log: Path, begins: int, most_bytes: int) -> str:
    """The last of what a tool said; a damaged source can make it say gigabytes."""
    with log.open("rb") as file:
        file.seek(max(begins, file.seek(0, os.SEEK_END) - most_bytes))
        return file.read().decode(errors="replace")


def _signal_sent(returncode: int, said: str) -> int:
    """The signal that ended a tool, also where the tool caught it; 0: none did."""
    if returncode < 0:
        return -returncode
    if returncode == 123 and "Received > 3 system signals, hard exiting" in said:
        # Whoever asks it to end asks once; but SIGXCPU comes again with every second.
        return signal.SIGXCPU
    caught = _CAUGHT.search(said) if returncode == 255 else None
    return int(caught[1]) if caught else 0


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # most real-time signals have no name
        return f"signal {number}"


def _confined(limits: Limits, door: int | None) -> list[str]:
    taken = (
        os.getpid(),
        limits.memory_bytes,
        limits.cpu_s,
        limits.output_bytes,
        -1 if door is None else door,
    )
    return [sys.executable, "-I", "-S", confine.__file__, *map(str, taken)]


def _limit_reached(sent: int, said: str, limits: Limits, name: str) -> str | None:
    """Which limit ended a tool, in words that name its setting; None: it was something else."""
    if sent == signal.SIGXCPU:
        return f"{name} took more than the {limits.cpu_s} CPU seconds that CUTROOM_TOOL_CPU_S allows."
    if sent == signal.SIGXFSZ or "File too large" in said:
        return (
            f"{name} wrote more than the {limits.output_bytes} bytes that CUTROOM_TOOL_OUTPUT_BYTES allows."
        )
    if _OUT_OF_MEMORY.search(said):
        return f"{name} needs more memory than the {limits.memory_bytes} bytes that CUTROOM_TOOL_MEMORY_BYTES allows."
    return None


def _follow(
    process: "subprocess.Popen[bytes]",
    log: Path,
    limits: Limits,
    on_line: Callable[[str], None] | None,
    name: str,
) -> bytes:
    """Read stdout until it closes; a tool that neither prints nor logs is ended."""
    assert process.stdout is not None
    collected = bytearray()
    unfinished = b""
    began = last_sign = time.monotonic()
    looked = began - LOOK_EVERY_S
    logged = 0
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while True:
            now = time.monotonic()
            if selector.select(timeout=1.0):
                data = os.read(process.stdout.fileno(), 65_536)
                if not data:
                    try:
                        process.wait(timeout=limits.stall_s)
                    except subprocess.TimeoutExpired as error:
                        raise ToolStalled(
                            f"{name} did not end within the {limits.stall_s:.0f} s after its last word that "
                            "CUTROOM_STALL_TIMEOUT_S allows, and was ended."
                        ) from error
                    return bytes(collected)
                last_sign = now
                if on_line is None:
                    collected += data
                else:
                    *lines, unfinished = (unfinished + data).split(b"\n")
                    for line in lines:
                        on_line(line.decode(errors="replace"))
            looked = _look_at_disk(looked, log, limits, name)
            size = log.stat().st_size
            if size != logged:
                logged, last_sign = size, now
            if now - last_sign > limits.stall_s:
                raise ToolStalled(
                    f"{name} made no progress for the {limits.stall_s:.0f} s that CUTROOM_STALL_TIMEOUT_S allows, "
                    "and was ended."
                )
            if now - began > limits.total_s:
                raise SourceTooLarge(
                    f"The file asks for too much: {name} took longer than the {limits.total_s:.0f} s that "
                    "CUTROOM_TOOL_TIMEOUT_S allows."
                )


def _look_at_disk(looked: float, log: Path, limits: Limits, name: str) -> float:
    """Don't let a tool fill the disk, on which others work as well: a database, say.

    Takes when the disk was last looked at, and gives the same or, where that was some time ago, now.
    """
    now = time.monotonic()
    if now - looked < LOOK_EVERY_S:
        return looked
    if shutil.disk_usage(log.parent).free < limits.free_bytes:
        raise DiskFull(
            f"{name} was ended, as the disk of {log.parent} has less than the {limits.free_bytes} bytes free that "
            "CUTROOM_DISK_FREE_BYTES keeps: free some, and try again."
        )
    return now


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Ask, then force; the whole group, and reap it.

    A tool that has ended is not reaped before its group is gone: until then its number is nobody else's.
    """
    if process.returncode is None:
        for sent, patience in ((signal.SIGTERM, 5.0), (signal.SIGKILL, 30.0)):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, sent)
            _wait_unreaped(process.pid, patience)
        process.wait()
    if process.stdout is not None:
        process.stdout.close()


def _wait_unreaped(pid: int, patience_s: float) -> None:
    until = time.monotonic() + patience_s
    while os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is None and time.monotonic() < until:
        time.sleep(0.01)


class Progress:
    """Turns the lines of `-progress pipe:1` into seconds of output done.

    ffmpeg prints blocks of `key=value` lines; `out_time_us` is how far one of the outputs has come, now this, now that.
    What is told never goes back.
    """

    def __init__(self, report: Callable[[float], None]) -> None:
        self._report = report
        self._done = 0.0

    def __call__(self, line: str) -> None:
        """Take one line."""
        key, _, value = line.partition("=")
        if key == "out_time_us" and value.lstrip("-").isdigit():
            self._done = max(self._done, int(value) / 1_000_000)
            self._report(self._done)
