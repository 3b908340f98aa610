"""The runner, with small real processes."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cutroom.errors import DiskFull, EncoderKilled, EncoderRefused, SourceTooLarge, ToolStalled
from cutroom.ffmpeg import runner
from cutroom.media.limits import Limits


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "logs" / "tool.log"


def python(program: str, *args: str) -> list[str]:
    return [sys.executable, "-S", "-c", program, *args]


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def dies_within(pid: int, patience_s: float = 20) -> bool:
    until = time.monotonic() + patience_s
    while is_alive(pid) and time.monotonic() < until:
        time.sleep(0.02)
    return not is_alive(pid)


def test_what_a_tool_prints_is_returned(log: Path) -> None:
    done = runner.run(python("import sys; print('out'); print('err', file=sys.stderr)"), log=log)
    assert done.stdout == b"out\n"
    assert done.stderr == "err\n"


def test_a_tool_begins_with_no_signal_ignored_that_python_ignores(log: Path) -> None:
    """Python ignores two, and hands that on; a program that is not Python tells. Shells may have others ignored."""
    told = runner.run(["/bin/grep", "SigIgn", "/proc/self/status"], log=log).stdout
    ignored = int(told.split()[1], 16)
    assert [one for one in (signal.SIGPIPE, signal.SIGXFSZ) if ignored & 1 << (one - 1)] == []


def test_the_log_keeps_the_command_as_one_can_run_it_and_all_that_was_said(log: Path) -> None:
    runner.run(python("import sys; sys.stderr.write('x' * 9000)", "a b; c"), log=log)
    first, said = log.read_text().split("\n", 1)
    assert first.startswith("$ ")
    assert first.endswith("'a b; c'")
    assert said == "x" * 9000


def test_an_exit_code_is_a_refusal_with_the_end_of_the_log(log: Path) -> None:
    program = "import sys; sys.stderr.write('old\\n' * 5000 + 'Invalid data found'); sys.exit(69)"
    with pytest.raises(EncoderRefused) as error:
        runner.run(python(program), log=log)
    assert "exit code 69" in str(error.value)
    assert str(error.value).endswith("Invalid data found")
    assert len(str(error.value)) < runner.TAIL_BYTES + 200


@pytest.mark.parametrize("name", ["SIGKILL", "SIGSEGV", "SIGABRT"])
def test_a_signal_is_a_kill_that_names_it(log: Path, name: str) -> None:
    program = f"import os, signal; os.kill(os.getpid(), signal.{name})"
    with pytest.raises(EncoderKilled, match=name):
        runner.run(python(program), log=log)


def test_a_signal_without_a_name_is_told_by_its_number(log: Path) -> None:
    number = signal.SIGRTMIN + 1
    with pytest.raises(EncoderKilled, match=f"signal {number}"):
        runner.run(python(f"import os; os.kill(os.getpid(), {number})"), log=log)


def test_a_full_disk_is_no_fault_of_the_file_and_another_try_may_help(log: Path) -> None:
    with pytest.raises(DiskFull, match="disk"):
        runner.run(python("import sys; sys.exit('av_write_frame: No space left on device')"), log=log)


WRITES = """
import signal
signal.signal(signal.SIGXFSZ, signal.{})
with open("written", "wb", 0) as file:
    while True: file.write(bytes(1024))
"""
"""Python ignores the signal and has an error instead, as have the libraries in it; ffmpeg is ended."""


ENCODERS = """
import sys
print("x264 [error]: malloc of size 3418304 failed", file=sys.stderr)
for rung in range(8):
    files = f"Output #{rung}, nut, to 'rung':\\n" + "  Stream: Video\\n" * 40
    print(files + "frame=  1 fps=0.0\\r" * 90, file=sys.stderr)
sys.exit(187)
"""
"""What a ladder says after its reason to end is much more than an error tells."""


@pytest.mark.parametrize(
    ("program", "limits", "setting"),
    [
        ("b = bytearray(2**31)", Limits(memory_bytes=2**30), "CUTROOM_TOOL_MEMORY_BYTES"),
        ("import sys; sys.exit('av_malloc: Cannot allocate memory')", Limits(), "CUTROOM_TOOL_MEMORY_BYTES"),
        (ENCODERS, Limits(), "CUTROOM_TOOL_MEMORY_BYTES"),
        ("while True: pass", Limits(cpu_s=1), "CUTROOM_TOOL_CPU_S"),
        (WRITES.format("SIG_DFL"), Limits(output_bytes=2000), "CUTROOM_TOOL_OUTPUT_BYTES"),
        (WRITES.format("SIG_IGN"), Limits(output_bytes=2000), "CUTROOM_TOOL_OUTPUT_BYTES"),
        ("while True: print('.', flush=True)", Limits(total_s=1), "CUTROOM_TOOL_TIMEOUT_S"),
    ],
    ids=["memory", "memory that is told of", "memory of a ladder", "CPU", "output", "output that is told of", "time"],
)  # fmt: skip
def test_a_limit_that_ends_a_tool_is_named_with_its_setting(
    log: Path, tmp_path: Path, program: str, limits: Limits, setting: str
) -> None:
    with pytest.raises(SourceTooLarge, match=setting):
        runner.run(python(program), log=log, limits=limits, cwd=tmp_path)


def test_a_tool_is_ended_before_it_fills_the_disk(log: Path) -> None:
    limits = Limits(free_bytes=shutil.disk_usage(log.parents[1]).total)
    with pytest.raises(DiskFull, match="CUTROOM_DISK_FREE_BYTES"):
        runner.run(python("while True: print('.', flush=True)"), log=log, limits=limits)


def test_a_refusal_leaves_out_what_ffmpeg_says_of_its_files(log: Path) -> None:
    made = ["-f", "lavfi", "-i", "testsrc2=duration=1", "-metadata", "title=Long"]
    with pytest.raises(EncoderRefused) as error:
        runner.run(
            ["ffmpeg", "-nostdin", *made, "-c:v", "libx264", "-preset", "odd", "-f", "null", "-"], log=log
        )
    first, *said = str(error.value).splitlines()
    assert "exit code" in first
    assert any("preset" in line for line in said)
    assert not any(line.startswith(("Input #", "Output #", "Stream mapping", "  Stream")) for line in said)
    assert "Input #0" in log.read_text()


ENDLESS = [
    "ffmpeg",
    "-nostdin",
    "-progress",
    "pipe:1",
    "-stats_period",
    "0.05",
    "-f",
    "lavfi",
    "-i",
    "testsrc2",
]
ENDLESS += ["-f", "null", "-"]


def test_the_limit_of_cpu_is_named_though_ffmpeg_catches_its_signal(log: Path) -> None:
    with pytest.raises(
        SourceTooLarge, match="ffmpeg took more than the 1 CPU seconds that CUTROOM_TOOL_CPU_S"
    ):
        runner.run(ENDLESS, log=log, limits=Limits(cpu_s=1))


def test_the_limit_of_cpu_is_named_where_ffmpeg_takes_long_to_end(log: Path) -> None:
    program = "import sys; print('Received > 3 system signals, hard exiting', file=sys.stderr); sys.exit(123)"
    with pytest.raises(SourceTooLarge, match="CUTROOM_TOOL_CPU_S"):
        runner.run(python(program), log=log)


def test_ffmpeg_that_is_asked_to_end_was_killed_and_refused_nothing(log: Path) -> None:
    """As when a machine is shut down: another try may help."""

    asked = []

    def end_it(_: str) -> None:
        children = Path(f"/proc/self/task/{threading.get_native_id()}/children").read_text().split()
        for child in map(int, children):
            if not asked and b"ffmpeg" in Path(f"/proc/{child}/cmdline").read_bytes().split(b"\0")[0]:
                asked.append(child)
                os.kill(child, signal.SIGTERM)

    with pytest.raises(EncoderKilled, match="ffmpeg was ended by SIGTERM"):
        runner.run(ENDLESS, log=log, on_line=end_it)


@pytest.mark.parametrize(
    "said",
    [
        "pthread_create() failed: Resource temporarily unavailable",
        "[rawvideo @ 0x1] ff_frame_thread_encoder_init failed",
        "[fc#0 @ 0x1] Error sending frames to consumers: Resource temporarily unavailable",
    ],
)
def test_threads_that_can_t_be_started_are_no_fault_of_the_source(log: Path, said: str) -> None:
    with pytest.raises(EncoderKilled, match="CUTROOM_TOOL_MEMORY_BYTES allows, or this machine"):
        runner.run(python(f"import sys; sys.exit({said!r})"), log=log)


def test_a_tool_is_told_no_key_and_no_password(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CUTROOM_CONTENT_KEYS", "AWS_SECRET_ACCESS_KEY", "AIRFLOW__CORE__FERNET_KEY", "PGPASSWORD"):
        monkeypatch.setenv(name, "5ec2e7")
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    told = runner.run(python("import os; print(dict(os.environ))"), log=log).stdout
    assert b"5ec2e7" not in told
    assert b"Asia/Tokyo" in told


def test_a_tool_has_no_network(log: Path) -> None:
    """Not even this machine's own; only where the kernel lets nobody make a network may it have one."""
    allowed = subprocess.run(["unshare", "--net", "true"], capture_output=True, check=False).returncode == 0
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        port = server.getsockname()[1]
        program = (
            f"import socket\ntry: socket.create_connection(('127.0.0.1', {port}), 2); print('reached')\n"
            "except OSError: print('refused')"
        )
        said = runner.run(python(program), log=log).stdout
        assert said == (b"refused\n" if allowed else b"reached\n")
        if allowed:
            with pytest.raises(TimeoutError):
                server.accept()


def test_a_tool_that_is_not_there_is_told_so(log: Path) -> None:
    with pytest.raises(EncoderRefused, match="no-such-tool can't be started: No such file"):
        runner.run(["no-such-tool"], log=log)


def test_no_core_is_dumped(log: Path) -> None:
    program = "import resource; print(resource.getrlimit(resource.RLIMIT_CORE))"
    assert runner.run(python(program), log=log).stdout == b"(0, 0)\n"


def test_standard_input_is_closed(log: Path) -> None:
    assert runner.run(python("import sys; print(len(sys.stdin.read()))"), log=log).stdout == b"0\n"


GRANDCHILD = (
    "import subprocess, sys, time\n"
    "child = subprocess.Popen([sys.executable, '-S', '-c', "
    "'import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(1, flush=True); time.sleep(60)'],"
    " stdout=subprocess.PIPE)\n"
    "child.stdout.readline()\n"
    "print(child.pid, flush=True)\n"
)


@pytest.mark.parametrize(
    "ending", ["time.sleep(60)", "sys.exit(0)"], ids=["that waits for it", "that leaves it behind"]
)
def test_a_tool_that_stalls_is_ended_with_its_whole_group(log: Path, ending: str) -> None:
    # The one that is left behind holds the pipe open, and does not mind being asked.
    program = GRANDCHILD.replace(" stdout=subprocess.PIPE)\nchild.stdout.readline()", ")\ntime.sleep(0.5)")
    pids: list[int] = []
    started = time.monotonic()
    with pytest.raises(ToolStalled, match=r"no progress for .* CUTROOM_STALL_TIMEOUT_S"):
        runner.run(
            python(program + ending),
            log=log,
            limits=Limits(stall_s=2),
            on_line=lambda line: pids.append(int(line)),
        )
    assert time.monotonic() - started < 30
    (pid,) = [pid for pid in pids if pid > 1]
    assert dies_within(pid)


def test_a_tool_that_ends_its_output_but_not_itself_has_stalled(log: Path) -> None:
    with pytest.raises(ToolStalled, match=r"did not end .* CUTROOM_STALL_TIMEOUT_S"):
        runner.run(
            python("import os, time; os.close(1); time.sleep(60)"), log=log, limits=Limits(stall_s=0.5)
        )


def test_a_tool_that_only_logs_does_not_stall(log: Path) -> None:
    program = (
        "import sys, time\nfor _ in range(15): sys.stderr.write('.'); sys.stderr.flush(); time.sleep(0.2)"
    )
    assert runner.run(python(program), log=log, limits=Limits(stall_s=2)).stderr == "." * 15


@given(
    st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\n"), max_size=9), max_size=9),
    st.data(),
)
@settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_lines_arrive_whole_wherever_the_pipe_cuts_them(
    log: Path, lines: list[str], data: st.DataObject
) -> None:
    raw = "".join(line + "\n" for line in lines).encode()
    cuts = sorted(data.draw(st.sets(st.integers(0, len(raw)), max_size=6)))
    pieces = [raw[a:b] for a, b in zip([0, *cuts], [*cuts, len(raw)], strict=True)]
    program = f"import os, time\nfor piece in {pieces!r}:\n    os.write(1, piece)\n    time.sleep(0.02)"
    seen: list[str] = []
    runner.run(python(program), log=log, on_line=seen.append)
    assert seen == lines


def test_what_goes_wrong_while_listening_ends_the_tool(log: Path) -> None:
    pids: list[int] = []

    def listen(line: str) -> None:
        pids.append(int(line))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        runner.run(
            python("import os, time; print(os.getpid(), flush=True); time.sleep(60)"), log=log, on_line=listen
        )
    assert not is_alive(pids[0])


def test_a_tool_dies_with_the_process_that_started_it(tmp_path: Path) -> None:
    starter = (
        "import sys; from pathlib import Path; from cutroom.ffmpeg import runner\n"
        "runner.run([sys.executable, '-S', '-c', 'import os, time; print(os.getpid(), flush=True); time.sleep(60)'],"
        f" log=Path({str(tmp_path / 'log')!r}), on_line=lambda line: print(line, flush=True))"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(runner.__file__).parents[2])}
    with subprocess.Popen([sys.executable, "-c", starter], stdout=subprocess.PIPE, env=environment) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        try:
            assert is_alive(pid)
            parent.kill()
            parent.wait()
            assert dies_within(pid)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


class TestProgress:
    def seen(self, *lines: str) -> list[float]:
        seen: list[float] = []
        progress = runner.Progress(seen.append)
        for line in lines:
            progress(line)
        return seen

    def test_it_reports_seconds_of_output(self) -> None:
        assert self.seen("frame=12", "out_time_us=1500000", "out_time=00:00:01.5", "progress=continue") == [
            1.5
        ]

    def test_times_that_are_not_known_yet_or_before_the_start_are_no_progress_backwards(self) -> None:
        assert self.seen("out_time_us=N/A", "out_time_us=-21333") == [0.0]

    def test_it_never_goes_back_where_outputs_take_turns(self) -> None:
        assert self.seen("out_time_us=8000000", "out_time_us=6000000", "out_time_us=9000000") == [
            8.0,
            8.0,
            9.0,
        ]
