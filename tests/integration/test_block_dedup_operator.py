"""The operator in a task of somebody's own DAG: what it gives, that it stops, and what it needs of memory."""

import json
import os
import uuid
from types import SimpleNamespace
from typing import Any

import pytest

from block_dedup.hook import BlockServiceHook
from block_dedup.operator import BlockDedupOperator
from cutroom.errors import SourceMissing, TransientError, UsageError
from cutroom.settings import Settings
from cutroom.stores.blocks import StoredBlocks, open_block_service
from cutroom.stores.s3 import s3_client

pytestmark = pytest.mark.stack

MIB = 2**20


@pytest.fixture
def key(stack: Settings) -> str:
    """An object of 9 MiB."""
    key = f"elsewhere/{uuid.uuid4().hex}.mp4"
    s3_client(stack).put_object(Bucket=stack.uploads_bucket, Key=key, Body=os.urandom(9 * MIB))
    return key


def operator(**arguments: Any) -> BlockDedupOperator:
    return BlockDedupOperator(task_id="store", file_owner=uuid.uuid4().hex, aws_conn_id=None, **arguments)


def executed(task: BlockDedupOperator) -> dict[str, Any]:
    ti = SimpleNamespace(dag_id="somebodys", run_id=uuid.uuid4().hex, task_id="store", map_index=-1)
    return task.execute({"ti": ti})  # type: ignore[typeddict-item]


def test_it_stores_the_newest_version_and_gives_little(stack: Settings, key: str) -> None:
    told = executed(operator(key=key))
    assert (told["bytes_total"], told["bytes_sent"], told["blocks_total"]) == (9 * MIB, 9 * MIB, 3)
    assert len(json.dumps(told)) < 400
    assert len(open_block_service(stack).references(told["file_version_id"])) == 3


def test_it_stores_the_version_that_it_is_told_to(stack: Settings, key: str) -> None:
    client = s3_client(stack)
    first = client.head_object(Bucket=stack.uploads_bucket, Key=key)["VersionId"]
    client.put_object(Bucket=stack.uploads_bucket, Key=key, Body=b"newer")
    assert executed(operator(key=key, version=first))["bytes_total"] == 9 * MIB
    assert executed(operator(key=key))["bytes_total"] == 5


def test_its_lease_ends_with_it(stack: Settings, key: str) -> None:
    from block_rigs import run
    from cutroom.stores.database import Database

    executed(operator(key=key))
    database = Database(stack.database_url)
    held = run(database, "SELECT 1 FROM block_leases WHERE lease_id LIKE 'task %' AND expires_at > now()")
    database.close()
    assert held == []


def test_an_object_that_is_not_there_is_named(stack: Settings) -> None:
    with pytest.raises(SourceMissing, match=r"s3://cutroom-uploads/no/such\.mp4"):
        executed(operator(key="no/such.mp4"))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [({"original": "burn"}, "keep, drop, move"), ({"boundaries": "rabin"}, "fixed, container, fastcdc")],
)
def test_what_can_not_be_meant_is_refused(wrong: dict[str, str], message: str, key: str) -> None:
    with pytest.raises(UsageError, match=message):
        executed(operator(key=key, **wrong))


def test_a_task_that_is_ended_stops_and_the_next_try_goes_on(key: str) -> None:
    task = operator(key=key, boundaries="fixed")
    task.on_kill()
    with pytest.raises(TransientError, match="ended from outside"):
        executed(task)
    assert executed(operator(key=key))["bytes_total"] == 9 * MIB


def test_a_connection_names_another_block_service(stack: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    from cutroom.stores.block_rpc.client import RemoteBlocks

    assert isinstance(BlockServiceHook("no_such").get_conn(), StoredBlocks)
    named = json.dumps(
        {"conn_type": "block_service", "schema": "http", "host": "127.0.0.1", "port": 5, "password": "secret"}
    )
    monkeypatch.setenv("AIRFLOW_CONN_BLOCKS_ELSEWHERE", named)
    assert isinstance(BlockServiceHook("blocks_elsewhere").get_conn(), RemoteBlocks)
