"""The operator in a task of somebody's own DAG: what it gives, that it stops, and what it needs of memory."""

import json
import os
import subprocess
import sys
import uuid
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from block_dedup.hook import BlockServiceHook
from block_dedup.operator import BlockDedupOperator
from cutroom.errors import SourceMissing, TransientError, UsageError
from cutroom.media.upload import UploadedObject
from cutroom.settings import Settings
from cutroom.steps.sources import open_stored
from cutroom.stores.blocks import StoredBlocks, open_block_service
from cutroom.stores.s3 import s3_client
from cutroom.stores.uploads import find_upload
from killing import PYTHONPATH, small_blocks

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


KILLED_OPERATOR = """
import json, sys
from pathlib import Path
from types import SimpleNamespace
from block_dedup.operator import BlockDedupOperator
from cutroom.blocks import storing
from cutroom.client import block_transfer
from cutroom.settings import get_settings
from cutroom.steps import ingesting, sources
from cutroom.stores import blocks, uploads
from killing import kill_often, small_blocks

# Several rounds of confirming, as a large file has.
storing.CONFIRM_EVERY = 8

class Kept:
    "What Airflow keeps of a task from one try to the next."
    def __init__(self, number):
        self.path = Path(sys.argv[1], str(number))
    def get(self, key):
        return json.loads(self.path.read_text())[key] if self.path.exists() else None
    def set(self, key, value):
        self.path.write_text(json.dumps({key: value}))

task = BlockDedupOperator(task_id="store", key="", file_owner="killed", original="move", aws_conn_id=None)
_, s3 = task._clients

def prepare(number):
    task.key = f"killed/{number}.mp4"
    s3.put_object(Bucket=get_settings().uploads_bucket, Key=task.key, Body=small_blocks(number))
    s3.close()

def work(number):
    ti = SimpleNamespace(dag_id="killed", run_id=str(number), task_id="store", map_index=-1)
    assert task.execute({"ti": ti, "task_state_store": Kept(number)})["bytes_total"] == len(small_blocks(number))

# What is loaded and compiled at first takes longer than all that follows.
prepare(-1)
work(-1)
print(kill_often(work, kills=20, seed=6, prepare=prepare))
"""


def test_whoever_is_killed_at_any_point_is_followed_by_one_who_ends_well(
    stack: Settings, tmp_path: Path
) -> None:
    argv = [sys.executable, "-c", KILLED_OPERATOR, tmp_path]
    environment = {**os.environ, "PYTHONPATH": PYTHONPATH}
    said = subprocess.run(argv, env=environment, stdout=subprocess.PIPE, check=True).stdout.splitlines()
    client, service = s3_client(stack), open_block_service(stack)
    for number in range(int(said[-1])):
        upload = UploadedObject.from_json(json.loads((tmp_path / str(number)).read_text())["upload"])
        name = upload.file_version_id
        with open_stored(service, name, service.references(name)) as file:
            assert file.read() == small_blocks(number)
        moved = find_upload(client, bucket=upload.bucket, key=f"ingested/{upload.key}")
        assert moved.size_bytes == upload.size_bytes
        with pytest.raises(SourceMissing):
            find_upload(client, bucket=upload.bucket, key=upload.key)


def test_a_connection_names_another_block_service(stack: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    from cutroom.stores.block_rpc.client import RemoteBlocks

    assert isinstance(BlockServiceHook("no_such").get_conn(), StoredBlocks)
    named = json.dumps(
        {"conn_type": "block_service", "schema": "http", "host": "127.0.0.1", "port": 5, "password": "secret"}
    )
    monkeypatch.setenv("AIRFLOW_CONN_BLOCKS_ELSEWHERE", named)
    assert isinstance(BlockServiceHook("blocks_elsewhere").get_conn(), RemoteBlocks)
