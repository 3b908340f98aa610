"""What `transcode` waits for, and what a failure stops."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from cutroom.errors import SourceCorrupt
from cutroom.steps.local import _finish


def fails() -> None:
    raise SourceCorrupt("damaged")


def test_what_runs_beside_is_not_waited_for() -> None:
    over = threading.Event()
    with ThreadPoolExecutor(2) as pool:
        beside = pool.submit(over.wait, 10)
        _finish([pool.submit(int)], beside=[beside])
        assert not beside.done()
        over.set()


@pytest.mark.parametrize("is_beside", [False, True], ids=["one of them", "beside them"])
def test_the_first_failure_stops_what_has_not_begun(is_beside: bool) -> None:
    # One worker: what comes after the failure has begun, if at all, by the time that the failure is seen; not the last.
    begun, over = threading.Event(), threading.Event()

    def lasts() -> None:
        begun.set()
        over.wait(10)

    with ThreadPoolExecutor(1) as pool:
        failed = pool.submit(fails)
        running, last = pool.submit(lasts), pool.submit(int)
        begun.wait(10)
        threading.Thread(target=last.add_done_callback, args=[lambda _: over.set()]).start()
        waited = [running, last] if is_beside else [failed, running, last]
        with pytest.raises(SourceCorrupt):
            _finish(waited, beside=[failed] if is_beside else [])
        assert last.cancelled()
