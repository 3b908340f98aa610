"""`collect_garbage` in Airflow: what nothing holds goes in two runs, and nothing while a file's blocks are missing."""

import logging
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from block_rigs import contents, real_rig, run
from cutroom.blocks.block import block_of
from cutroom.settings import Settings
from cutroom.stores.blocks import open_block_service
from cutroom.stores.database import Database
from cutroom.stores.s3 import s3_client
from e2e.conftest import wait_until

pytestmark = pytest.mark.e2e
logger = logging.getLogger(__name__)

DAG = "/api/v2/dags/collect_garbage/dagRuns"
Collect = Callable[..., dict[str, Any]]


@pytest.fixture
def collect(airflow_api: httpx.Client) -> Collect:
    """Runs the DAG by hand; gives how each task ended, and what `collect_blocks` told."""

    def scheduled_run_is_over() -> bool:
        runs = airflow_api.get(DAG).json()["dag_runs"]
        return any(run["run_type"] == "scheduled" and run["end_date"] for run in runs)

    # A new stack begins with the run of the day, which would do the work of those by hand.
    wait_until(scheduled_run_is_over, "the end of the day's run")

    def collect(name: str, **params: Any) -> dict[str, Any]:
        airflow_api.post(
            DAG, json={"dag_run_id": name, "logical_date": None, "conf": params}
        ).raise_for_status()

        def state() -> str:
            return str(airflow_api.get(f"{DAG}/{name}").json()["state"])

        wait_until(lambda: state() in {"success", "failed"}, f"the end of {name}")
        tasks = airflow_api.get(f"{DAG}/{name}/taskInstances").json()["task_instances"]
        for task in tasks:
            if task["state"] == "failed":
                logger.error(airflow_api.get(f"{DAG}/{name}/taskInstances/{task['task_id']}/logs/1").text)
        told = airflow_api.get(f"{DAG}/{name}/taskInstances/collect_blocks/xcomEntries/return_value")
        return {
            "states": {task["task_id"]: task["state"] for task in tasks},
            "tries": {task["task_id"]: task["try_number"] for task in tasks},
            "told": told.json()["value"] if told.is_success else None,
        }

    return collect


def test_the_dag_takes_what_nothing_holds_and_nothing_while_a_file_misses_blocks(
    airflow_stack: Settings, airflow_api: httpx.Client, collect: Collect
) -> None:
    for wrong in ({"dry_run": "yes"}, {"grace_hours": 0}):
        assert airflow_api.post(DAG, json={"logical_date": None, "conf": wrong}).status_code == 400
    service, database = open_block_service(airflow_stack), Database(airflow_stack.database_url)
    s3 = s3_client(airflow_stack)
    kept, free = contents(2), contents(3)

    def objects_of(data: list[bytes]) -> list[str]:
        return [
            found["Key"]
            for each in data
            for found in s3.list_objects_v2(
                Bucket=airflow_stack.blocks_bucket,
                Prefix=f"blocks/{block_of(each).block_id[:2]}/{block_of(each).block_id}",
            ).get("Contents", [])
        ]

    def backdate(column: str, data: list[bytes]) -> None:
        """As if it had been so for longer than the grace period."""
        ids = ", ".join(f"'\\x{block_of(each).block_id}'" for each in data)
        run(
            database,
            f"UPDATE blocks SET {column} = {column} - interval '100 hours' WHERE block_id IN ({ids})",
        )

    everything = {"end_uploads", "collect_blocks", "collect_leftovers"}
    with httpx.Client(timeout=300) as client:
        rig = real_rig(service, database, client)
        rig.upload(kept, owner="eva", lease_id="garbage-kept", reference_id="fv_garbage_kept")
        rig.upload(free, owner="eva", lease_id="garbage-free", reference_id="fv_garbage_free")
        service.release_blocks("fv_garbage_free")
        for data in (kept, free):
            backdate("stored_at", data)

        looked = collect("only-look", dry_run=True)
        assert looked["states"] == dict.fromkeys(everything, "success")
        assert looked["told"]["condemned_blocks"] >= 3
        condemned = collect("condemn")
        assert condemned["told"]["condemned_blocks"] == looked["told"]["condemned_blocks"]
        assert (condemned["told"]["removed_blocks"], len(objects_of(free))) == (0, 3)

        # A file's block gets lost: even what is due stays, and the run says so at its first try.
        backdate("condemned_at", free)
        # The lease that they were put under was over by then.
        run(
            database,
            "UPDATE block_leases SET expires_at = expires_at - interval '100 hours' WHERE lease_id = 'garbage-free'",
        )
        lost = objects_of(kept)[0]
        body = s3.get_object(Bucket=airflow_stack.blocks_bucket, Key=lost)["Body"].read()
        s3.delete_object(Bucket=airflow_stack.blocks_bucket, Key=lost)
        refused = collect("refuse")
        assert refused["states"] == {**dict.fromkeys(everything, "success"), "collect_blocks": "failed"}
        assert refused["tries"]["collect_blocks"] == 1
        assert len(objects_of(free)) == 3

        s3.put_object(Bucket=airflow_stack.blocks_bucket, Key=lost, Body=body)
        assert collect("remove")["told"]["removed_blocks"] == 3
        assert objects_of(free) == []
        assert rig.read("fv_garbage_kept") == b"".join(kept)
    service.release_blocks("fv_garbage_kept")
