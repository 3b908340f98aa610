"""Places for busy threads: never more than there are, whoever holds them, and free again however their holder ends."""

import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from cutroom.steps import cores

HOLD = """
import sys
from pathlib import Path
from cutroom.steps import cores
taken = cores.take(Path(sys.argv[1]), 2, 3)
print(len(taken), flush=True)
sys.stdin.read()
"""


def release(places: list[int] | None) -> None:
    for place in places or ():
        os.close(place)


def test_places_that_are_held_are_not_given_twice(tmp_path: Path) -> None:
    with cores.held(tmp_path, 2, 3):
        assert cores.take(tmp_path, 2, 3) is None
        last = cores.take(tmp_path, 1, 3)
        assert last is not None
        assert cores.take(tmp_path, 1, 3) is None
        release(last)
    everything = cores.take(tmp_path, 3, 3)
    assert everything is not None
    release(everything)


def test_places_that_are_given_back_early_are_free(tmp_path: Path) -> None:
    with cores.held(tmp_path, 2, 2) as mine:
        assert cores.take(tmp_path, 1, 2) is None
        mine.keep(1)
        other = cores.take(tmp_path, 1, 2)
        assert other is not None
        assert cores.take(tmp_path, 1, 2) is None
        release(other)


def test_who_wants_more_than_there_are_gets_all(tmp_path: Path) -> None:
    with cores.held(tmp_path, 5, 2):
        assert cores.take(tmp_path, 1, 2) is None


def test_a_killed_holder_gives_its_places_back(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, tmp_path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "2\n"
        assert cores.take(tmp_path, 2, 3) is None
        holder.kill()
    places = cores.take(tmp_path, 3, 3)
    assert places is not None
    release(places)


def test_many_holders_never_hold_more_than_there_are_and_all_get_their_turn(tmp_path: Path) -> None:
    counting = threading.Lock()
    now: list[int] = []
    most: list[int] = []

    def work(wanted: int) -> None:
        with cores.held(tmp_path, wanted, 3):
            with counting:
                now.append(wanted)
                most.append(sum(now))
            with counting:
                now.remove(wanted)

    with ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(work, 1 + n % 3) for n in range(24)]:
            done.result()
    assert len(most) == 24
    assert max(most) <= 3
