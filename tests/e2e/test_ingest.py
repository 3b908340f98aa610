"""A source is stored in blocks by the first task of its run, and read from there ever after."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest

from counted import make_counted, read_counters
from cutroom.ids import FileVersionId
from cutroom.settings import PROJECT_ROOT, Settings
from cutroom.stores.blocks import open_block_service
from cutroom.stores.catalog import Catalog
from cutroom.stores.s3 import s3_client
from cutroom.stores.uploads import find_upload
from e2e.conftest import wait_for_end, wait_until

pytestmark = pytest.mark.e2e

KEY = "incoming/through blocks.mp4"
# As no other film of these tests, so that each of its blocks is new.
SECONDS = 5


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    make_counted(path, seconds=SECONDS, audio=("-c:a", "aac"))
    return path


def run_of(api: httpx.Client, run: dict[str, Any]) -> Any:
    return api.get(f"/api/v2/dags/{run['dag_id']}/dagRuns/{run['run_id']}").json()


def xcom(api: httpx.Client, run: dict[str, Any], key: str) -> Any:
    where = f"/api/v2/dags/{run['dag_id']}/dagRuns/{run['run_id']}/taskInstances/ingest/xcomEntries/{key}"
    return api.get(where).raise_for_status().json()["value"]


def test_a_run_reads_its_source_from_blocks_when_the_object_is_gone(
    film: Path,
    airflow_stack: Settings,
    airflow_api: httpx.Client,
    catalog: Catalog,
    put: Callable[[Path, str], str],
    tmp_path: Path,
) -> None:
    asset_id = put(film, KEY)
    record = wait_for_end(catalog, asset_id)
    told = record.to_json(media_base_url="")
    assert told["status"] == "published", told["reason"]
    [first] = told["runs"]
    stored = xcom(airflow_api, first, "ingested")
    assert stored["bytes_sent"] == stored["bytes_total"] == film.stat().st_size
    assert open_block_service(airflow_stack).references(FileVersionId(stored["file_version_id"]))

    # Nothing but the blocks is left: no object, no copy, no encode chunk, no encode.
    upload = find_upload(s3_client(airflow_stack), bucket=airflow_stack.uploads_bucket, key=KEY)
    s3_client(airflow_stack).delete_object(Bucket=upload.bucket, Key=upload.key, VersionId=upload.version)
    shutil.rmtree(airflow_stack.scratch / "sources")
    work = boto3.resource("s3").Bucket(airflow_stack.work_bucket)
    for prefix in ("chunks/", "encodes/", "plans/", "sources/"):
        work.objects.filter(Prefix=prefix).delete()
    again = {"dag_id": first["dag_id"], "run_id": "again-from-blocks"}
    conf = {"upload": upload.to_json(), "profile": told["profile"]}
    airflow_api.post(
        f"/api/v2/dags/{again['dag_id']}/dagRuns",
        json={"dag_run_id": again["run_id"], "logical_date": None, "conf": conf},
    ).raise_for_status()
    wait_until(lambda: run_of(airflow_api, again)["state"] in {"success", "failed"}, "the second run to end")
    assert run_of(airflow_api, again)["state"] == "success"
    assert xcom(airflow_api, again, "ingested")["bytes_sent"] == 0
    smallest = min(
        (one for one in told["renditions"] if one["kind"] == "video"), key=lambda one: int(one["height"])
    )
    media = boto3.resource("s3").Bucket(airflow_stack.media_bucket)
    for item in media.objects.filter(Prefix=f"renditions/{smallest['rendition_key']}/"):
        media.download_file(item.key, str(tmp_path / item.key.rsplit("/", 1)[1]))
    assert read_counters(tmp_path / "media.m3u8") == list(range(SECONDS * 25))


def test_the_example_dag_stores_an_object(film: Path, airflow_stack: Settings, tmp_path: Path) -> None:
    """Its docs show it, so it has to work as it stands: in an Airflow of its own, without our DAGs."""
    key = "elsewhere/example.mp4"
    s3_client(airflow_stack).upload_file(str(film), airflow_stack.uploads_bucket, key)
    environment = {
        **os.environ,
        "AIRFLOW_HOME": str(tmp_path),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{tmp_path}/airflow.db",
        "AIRFLOW__CORE__DAGS_FOLDER": str(PROJECT_ROOT / "plugins" / "block_dedup" / "example_dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "PYTHONPATH": os.pathsep.join(str(PROJECT_ROOT / name) for name in ("include", "plugins")),
    }

    def airflow(*arguments: str) -> str:
        command = [sys.executable, "-m", "airflow", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout + done.stderr

    airflow("db", "migrate")
    said = airflow("dags", "test", "example_block_dedup", "--conf", f'{{"key": "{key}"}}')
    assert f"of {film.stat().st_size} bytes were there already" in said
