"""The scratch folder: what is in use stays, what nobody uses makes room, and what a killed task left is removed."""

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from cutroom.errors import DiskFull
from cutroom.steps.scratch import Scratch

DATA = bytes(1000)
WORK = """
import sys
from pathlib import Path
from cutroom.steps.scratch import Scratch
with Scratch(Path(sys.argv[1])).folder("encode") as folder:
    (folder / "half.mp4").write_bytes(b"half")
    print(folder, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def fetched() -> list[str]:
    return []


@pytest.fixture
def fetch(fetched: list[str]) -> Callable[[Path], str]:
    def fetch(path: Path) -> str:
        path.write_bytes(DATA)
        fetched.append(str(path))
        return hashlib.sha256(DATA).hexdigest()

    return fetch


def read(scratch: Scratch, name: str, fetch: Callable[[Path], str]) -> None:
    with scratch.source(name, len(DATA), fetch) as (path, digest):
        assert path.read_bytes() == DATA
        assert digest == hashlib.sha256(DATA).hexdigest()


def test_a_source_is_fetched_once_for_all_who_read_it(
    tmp_path: Path, fetch: Callable[[Path], str], fetched: list[str]
) -> None:
    start = threading.Barrier(8)

    def begin(_: int) -> None:
        start.wait()
        read(Scratch(tmp_path), "fv_one", fetch)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(begin, range(8)))
    assert len(fetched) == 1


def test_a_source_whose_digest_is_not_written_yet_is_not_whole(
    tmp_path: Path, fetch: Callable[[Path], str], fetched: list[str]
) -> None:
    (tmp_path / "sources").mkdir()
    (tmp_path / "sources" / "fv_one").write_bytes(DATA)
    (tmp_path / "sources" / "fv_one.sha256").touch()
    with Scratch(tmp_path).kept_source("fv_one") as kept:
        assert kept is None
    read(Scratch(tmp_path), "fv_one", fetch)
    assert len(fetched) == 1


def test_all_who_read_a_source_read_it_at_the_same_time(tmp_path: Path, fetch: Callable[[Path], str]) -> None:
    scratch = Scratch(tmp_path)
    together = threading.Barrier(3, timeout=30)

    def begin(_: int) -> None:
        with scratch.source("fv_one", len(DATA), fetch):
            together.wait()

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(begin, range(3)))


def test_the_source_that_was_not_read_for_longest_makes_room(
    tmp_path: Path, fetch: Callable[[Path], str], fetched: list[str]
) -> None:
    scratch = Scratch(tmp_path, sources_bytes=2 * len(DATA))
    for age, name in enumerate(["fv_two", "fv_one"], 1):
        read(scratch, name, fetch)
        os.utime(tmp_path / "sources" / f"{name}.sha256", (0, 1000 - age))
    read(scratch, "fv_one", fetch)
    read(scratch, "fv_three", fetch)
    assert len(fetched) == 3
    with scratch.kept_source("fv_one") as one, scratch.kept_source("fv_two") as two:
        assert one is not None
        assert two is None
    assert {path.stem for path in (tmp_path / "sources").iterdir()} == {"fv_one", "fv_three"}


def test_a_source_that_somebody_reads_never_makes_room(tmp_path: Path, fetch: Callable[[Path], str]) -> None:
    scratch = Scratch(tmp_path, sources_bytes=len(DATA))
    with scratch.source("fv_one", len(DATA), fetch) as (path, _):
        read(scratch, "fv_two", fetch)
        assert path.read_bytes() == DATA
    with scratch.kept_source("fv_one") as kept:
        read(scratch, "fv_three", fetch)
        assert kept is not None
        assert kept.read_bytes() == DATA
    read(scratch, "fv_four", fetch)
    with scratch.kept_source("fv_one") as kept:
        assert kept is None


def test_a_source_is_whole_for_all_though_it_has_to_make_room_again_and_again(
    tmp_path: Path, fetch: Callable[[Path], str]
) -> None:
    def begin(turn: int) -> None:
        read(Scratch(tmp_path, sources_bytes=len(DATA)), f"fv_{turn % 3}", fetch)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(begin, range(400)))


def test_a_fetch_that_fails_leaves_nothing(tmp_path: Path, fetch: Callable[[Path], str]) -> None:
    scratch = Scratch(tmp_path)

    def fail(path: Path) -> str:
        path.write_bytes(DATA[:10])
        raise ConnectionError

    with pytest.raises(ConnectionError), scratch.source("fv_one", len(DATA), fail):
        pass
    assert [one for one in tmp_path.rglob("*") if one.is_file() and one.stat().st_size] == []
    read(scratch, "fv_one", fetch)


def test_a_source_that_the_disk_has_no_room_for_is_not_fetched(
    tmp_path: Path, fetch: Callable[[Path], str], fetched: list[str]
) -> None:
    read(Scratch(tmp_path), "fv_old", fetch)
    full = Scratch(tmp_path, free_bytes=shutil.disk_usage(tmp_path).total)
    with pytest.raises(DiskFull, match="CUTROOM_DISK_FREE_BYTES"):
        read(full, "fv_new", fetch)
    assert len(fetched) == 1
    with full.kept_source("fv_old") as old:
        assert old is None, "it made room, though not enough"


def test_what_a_killed_task_left_is_removed_and_what_others_work_in_is_not(tmp_path: Path) -> None:
    command = [sys.executable, "-c", WORK, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as task:
        assert task.stdout is not None
        folder = Path(task.stdout.readline().strip())
        os.utime(folder, (0, 0))
        with Scratch(tmp_path).folder("other"):
            assert (folder / "half.mp4").is_file()
        task.send_signal(signal.SIGKILL)
    with Scratch(tmp_path).folder("other") as other:
        assert [*tmp_path.iterdir()] == [other]
    assert [*tmp_path.iterdir()] == []
