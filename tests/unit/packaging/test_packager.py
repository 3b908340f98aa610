"""What the packager is trusted with beside its bytes."""

import fcntl
import os
import struct
import subprocess
import termios
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from cutroom.ffmpeg import coded, runner, tools
from cutroom.ffmpeg.join import join
from cutroom.ffmpeg.piped import piped
from cutroom.media.content_key import ContentKey
from cutroom.media.limits import Limits
from cutroom.packaging import packager

FRAGMENTED = ("-g", "25", "-movflags", "frag_keyframe+delay_moov+default_base_moof")


def packaged(write: Callable[[Path], object], folder: Path) -> Path:
    """A folder with what the packager makes of a track of pictures that is written into a pipe, in segments of 1 s."""
    files = folder / "files"
    files.mkdir()
    with piped(write) as given:
        packager.package(
            "video",
            given.path,
            files,
            segment_s=Fraction(1),
            log=folder / "packager.log",
            limits=Limits(),
            inherited=[given.descriptor],
        )
    return files


@pytest.mark.media
def test_its_main_thread_works_and_does_not_wait_for_another(tmp_path: Path) -> None:
    """Version 3.8 waits for ever for one that ends before it begins to wait: once in 5000 runs on a busy machine."""
    film = tmp_path / "film.mp4"
    command = [tools.path("ffmpeg"), "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=160x90:r=25:d=4"]
    subprocess.run([*command, "-pix_fmt", "yuv420p", *FRAGMENTED, film], check=True, timeout=60)
    whole, works = film.read_bytes(), False
    half, until = len(whole) // 2, time.monotonic() + 60

    def slowly(into: Path) -> None:
        nonlocal works
        with into.open("wb", buffering=0) as pipe:
            pipe.write(whole[:half])
            while _waiting_in(pipe.fileno()) and time.monotonic() < until:
                time.sleep(0.01)
            (waited,) = _waits_of_packagers()
            pipe.write(whole[half:-1])
            while not works and time.monotonic() < until:
                works = _waits_of_packagers() > [waited]
            pipe.write(whole[-1:])

    files = packaged(slowly, tmp_path)
    assert works
    assert len(list(files.glob("*.m4s"))) == 4


@pytest.mark.media
@pytest.mark.parametrize(
    ("late", "timescale"), [(5670, 10_000), (5005, 30_000), (26_889, 24_000), (512, 12_800)]
)
def test_a_first_frame_that_is_late_is_as_late_in_what_is_packaged(
    late: int, timescale: int, tmp_path: Path
) -> None:
    """It reckons in floating point, and one in 30 such films was a tick early: it was refused for that."""
    film = tmp_path / "film.nut"
    picture = ("-f", "lavfi", "-i", "testsrc2=s=64x64:r=25:d=0.2", "-c:v", "libx264", "-pix_fmt", "yuv420p")
    subprocess.run([tools.path("ffmpeg"), "-v", "error", *picture, "-bf", "0", film], check=True, timeout=60)
    ticks = [late + number * timescale // 25 for number in range(5)]
    files = packaged(lambda into: join([film], [ticks], timescale, into), tmp_path)
    track = [files / "init.mp4", *sorted(files.glob("*.m4s"))]
    assert list(coded.read(track, timescale).ticks) == ticks


def _waiting_in(pipe: int) -> int:
    """Bytes that nobody has read."""
    (waiting,) = struct.unpack("i", fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)))
    return int(waiting)


def _waits_of_packagers() -> list[int]:
    """How often the main thread of each packager that was started here has waited for something."""
    children = Path(f"/proc/{os.getpid()}/task").glob("*/children")
    ours = [Path("/proc") / pid for one in children for pid in one.read_text().split()]
    told = [(one / "status").read_text() for one in ours if "packager" in (one / "comm").read_text()]
    return [int(one.partition("\nvoluntary_ctxt_switches:")[2].split()[0]) for one in told]


@pytest.mark.media
def test_a_key_is_in_no_file_and_in_no_argument_while_the_packager_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = ContentKey(key_id="0" * 32, key="c0ffee11deadbeef0123456789abcdef")
    film, files = tmp_path / "film.mp4", tmp_path / "files"
    files.mkdir()
    command = [tools.path("ffmpeg"), "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=160x90:r=25:d=2"]
    subprocess.run([*command, "-pix_fmt", "yuv420p", *FRAGMENTED, film], check=True, timeout=60)
    run, looked = runner.run, []

    def watched(argv: list[str], **told: Any) -> runner.Finished:
        kept = [
            path for path in tmp_path.rglob("*") if path.is_file() and key.key.encode() in path.read_bytes()
        ]
        looked.append((kept, key.key in " ".join(argv)))
        return run(argv, **told)

    monkeypatch.setattr(runner, "run", watched)
    told: dict[str, Any] = {"log": tmp_path / "packager.log", "limits": Limits()}
    packager.package("video", film, files, segment_s=Fraction(1), lock=("cenc", key, bytes(16)), **told)
    locked, opened = tmp_path / "locked.mp4", tmp_path / "opened.mp4"
    pieces = [files / "init.mp4", *sorted(files.glob("seg_*.m4s"))]
    locked.write_bytes(b"".join(path.read_bytes() for path in pieces))
    packager.unlock("video", locked, opened, key=key, **told)
    assert looked == [([], False)] * 2
    assert b"encv" in locked.read_bytes()
    assert coded.read([opened], 1000).digests == coded.read([film], 1000).digests
