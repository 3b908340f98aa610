"""Any process may be killed at any time: the run completes, and what was encoded is not encoded again."""

import os
import signal
from collections.abc import Callable, Sequence
from contextlib import suppress
from fractions import Fraction
from pathlib import Path

import boto3
import psutil
import pytest

from counted import make_counted, read_counters
from cutroom.settings import Settings
from cutroom.stack.status import read_status
from cutroom.stores.catalog import Catalog
from cutroom.stores.records import AssetRecord
from e2e.conftest import status_of, wait_for_end, wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

SECONDS = 36
VICTIMS = (
    ("airflow-api", "airflow-dag-processor", "airflow-triggerer"),
    ("airflow-scheduler",),
    ("postgres",),
    ("documents", "localstack"),
    ("a task",),
)
"""Every service, some of them at once: each group is a run."""


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three encode chunks of two segments."""
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    make_counted(path, seconds=SECONDS, size=(640, 360), audio=("-c:a", "aac"))
    return path


@pytest.mark.parametrize("victims", VICTIMS, ids=" and ".join)
def test_a_run_survives_the_sudden_death_of(
    victims: Sequence[str],
    film: Path,
    airflow_stack: Settings,
    catalog: Catalog,
    put: Callable[[Path, str], str],
    tmp_path: Path,
) -> None:
    other = tmp_path / "film.mp4"
    # Bytes after the film make it another one, so that nothing of an earlier run is reused.
    other.write_bytes(film.read_bytes() + b"\0\0\0\x18free" + os.urandom(16))
    asset_id = put(other, f"incoming/killed {victims[0]}.mp4")
    wait_until(lambda: status_of(catalog, asset_id) is not None, "the run to begin", 60)
    wait_until(lambda: len(encoded(catalog, asset_id)) >= 1, "the first encode to be done")
    before = encoded(catalog, asset_id)
    left = workers_of(airflow_stack) if "airflow-scheduler" in victims else []
    for victim in victims:
        kill(victim, airflow_stack)
    record = wait_for_end(catalog, asset_id)
    told = record.to_json(media_base_url="")
    assert told["status"] == "published", told["reason"]
    assert len(told["runs"]) == 1
    # A command that ran again would have been recorded again.
    after = encoded(catalog, asset_id)
    assert {part: after[part] for part in before} == before
    assert_plays_every_frame(record, airflow_stack, tmp_path)
    wait_until(lambda: read_status(airflow_stack).healthy, "the stack to be whole again", 120)
    # Those that had a task when their scheduler was killed went on with it first: no encode was lost above.
    assert len(left) > 2 or "airflow-scheduler" not in victims
    wait_until(lambda: not any(one.is_running() for one in left), "the workers that were left to go", 60)


def encoded(catalog: Catalog, asset_id: str) -> dict[str, str]:
    """When each encode chunk that is done was encoded."""
    told = catalog.asset(asset_id).to_json(media_base_url="")
    run = told["runs"][0]
    done = {
        step["part"]
        for step in run["progress"]["steps"]
        if step["step"] == "encode_video" and step["percent"] == 100
    }
    tools = [
        tool for tool in catalog.tools(run["run_id"]) if tool.step == "encode_video" and tool.part in done
    ]
    return {tool.part: str(tool.recorded_at) for tool in tools}


def kill(victim: str, settings: Settings) -> None:
    """SIGKILL: nobody gets to say goodbye."""
    if victim == "a task":
        tasks: list[int] = []
        wait_until(lambda: tasks.extend(encoding_tasks(settings)) or tasks, "a task that encodes", 60)
        os.kill(tasks[0], signal.SIGKILL)
        return
    service = next(one for one in read_status(settings).services if one.name == victim)
    os.kill(service.pid, signal.SIGKILL)


def workers_of(settings: Settings) -> list[psutil.Process]:
    """The processes of the scheduler that run tasks one after the other."""
    scheduler = next(one for one in read_status(settings).services if one.name == "airflow-scheduler")
    children = psutil.Process(scheduler.pid).children()
    return [one for one in children if "LocalExecutor" in " ".join(one.cmdline())]


def encoding_tasks(settings: Settings) -> list[int]:
    """Process ids of the stack's tasks that encode: the parents of ffmpeg with x264."""
    scheduler = next(one for one in read_status(settings).services if one.name == "airflow-scheduler")
    found = []
    with suppress(psutil.NoSuchProcess):
        for process in psutil.Process(scheduler.pid).children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                if "libx264" in process.cmdline():
                    found.append(process.ppid())
    return found


def assert_plays_every_frame(record: AssetRecord, settings: Settings, folder: Path) -> None:
    bucket = boto3.resource("s3").Bucket(settings.media_bucket)
    renditions = record.to_json(media_base_url="")["renditions"]
    smallest = min((one for one in renditions if one["kind"] == "video"), key=lambda one: one["height"])
    for item in bucket.objects.filter(Prefix=f"renditions/{smallest['rendition_key']}/"):
        bucket.download_file(item.key, str(folder / item.key.rsplit("/", 1)[1]))
    assert read_counters(folder / "media.m3u8") == list(range(round(SECONDS * Fraction(25))))
