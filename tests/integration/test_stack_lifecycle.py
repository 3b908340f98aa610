"""The stack of `cutroom up`, without Airflow: it starts, comes back after kills, and keeps what it holds."""

import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from queue import Queue
from typing import Any

import boto3
import psutil
import pymongo
import pytest
import sqlalchemy
from botocore.exceptions import BotoCoreError, ClientError

from conftest import environment_of_its_own, home_of_a_stack, settings_of_a_new_stack
from cutroom.errors import UsageError
from cutroom.settings import Settings
from cutroom.stack.lifecycle import start_stack, stop_stack
from cutroom.stack.status import ServiceStatus, read_status
from own_port import own_port

pytestmark = pytest.mark.stack

KEY = "incoming/ä b+'\"%zz/" + "x" * 900


@pytest.fixture(scope="module")
def own() -> Iterator[Settings]:
    """A stack of this module's own, as its services get killed; its folder has a space in its name."""
    with home_of_a_stack() as folder, environment_of_its_own():
        settings = settings_of_a_new_stack(folder / "own stack")
        try:
            yield start_stack(settings, with_airflow=False)
        finally:
            stop_stack(settings)


@pytest.fixture(autouse=True)
def _environment(own: Settings) -> Iterator[None]:
    with environment_of_its_own():
        os.environ["CUTROOM_HOME"] = str(own.home)
        yield


def status_of(settings: Settings, name: str) -> ServiceStatus:
    return next(service for service in read_status(settings).services if service.name == name)


def client(settings: Settings, service: str):
    return boto3.client(
        service,
        endpoint_url=settings.s3_endpoint_url,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )


def eventually(ask: Callable[[], Any], within_s: float = 120) -> Any:
    """The first answer that is true."""
    deadline = time.monotonic() + within_s
    while True:
        with suppress(BotoCoreError, ClientError):
            if answer := ask():
                return answer
        assert time.monotonic() < deadline
        time.sleep(0.5)


def kill(settings: Settings, name: str) -> ServiceStatus:
    """Kill a service and wait until it is back."""
    before = status_of(settings, name)
    os.kill(before.pid, signal.SIGKILL)

    def back() -> ServiceStatus | None:
        now = status_of(settings, name)
        return now if now.restarts > before.restarts and now.state == "healthy" else None

    return eventually(back)


def take_event(sqs, queue: str) -> str | None:
    """The object version of the next upload in the queue, which is taken off."""
    for message in sqs.receive_message(QueueUrl=queue).get("Messages", ()):
        sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
        # Beside uploads, S3 sends a test event when its notifications are set up.
        for record in json.loads(message["Body"]).get("Records", ()):
            return record["s3"]["object"]["versionId"]
    return None


def test_every_service_is_healthy_and_named_in_the_status(own: Settings) -> None:
    status = read_status(own)
    assert status.healthy
    assert [service.name for service in status.services] == ["postgres", "documents", "localstack"]
    for service in status.services:
        assert psutil.pid_exists(service.pid)
        assert Path(service.log).is_file()


def test_a_second_start_leaves_everything_running(own: Settings) -> None:
    before = [service.pid for service in read_status(own).services]
    start_stack(own, with_airflow=False)
    assert [service.pid for service in read_status(own).services] == before


def test_a_start_waits_for_one_that_is_at_work(own: Settings) -> None:
    said: Queue[str] = Queue()
    with ThreadPoolExecutor(1) as pool:
        with (own.home / "start.lock").open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            start = pool.submit(start_stack, own, with_airflow=False, told=said.put)
            assert "another process" in said.get(timeout=300)
            assert not start.done()
        start.result()


def test_both_databases_are_there(own: Settings) -> None:
    engine = sqlalchemy.create_engine(own.database_url)
    with engine.connect() as connection:
        names = set(connection.scalars(sqlalchemy.text("select datname from pg_database")))
    engine.dispose()
    assert {"cutroom", "airflow"} <= names


def test_secrets_are_for_their_owner_only(own: Settings) -> None:
    for name in ("secrets.json", "stack.env", "supervisor.conf"):
        assert (own.home / name).stat().st_mode & 0o077 == 0


def test_a_killed_database_comes_back_with_what_was_committed(own: Settings) -> None:
    engine = sqlalchemy.create_engine(own.database_url, pool_pre_ping=True)
    with engine.begin() as connection:
        connection.execute(sqlalchemy.text("create table survives as select 42 as number"))
    # The service's process runs the server itself, so this is the postmaster.
    status = kill(own, "postgres")
    assert status.last_exit == "SIGKILL"
    assert "restarted 1×, last exit: SIGKILL" in status.detail
    with engine.connect() as connection:
        assert connection.scalar(sqlalchemy.text("select number from survives")) == 42
    engine.dispose()


def test_killed_documents_come_back_with_what_was_written(own: Settings) -> None:
    with pymongo.MongoClient(own.documents_url) as documents:
        documents["cutroom"]["survivors"].insert_one({"_id": 1, "name": "ä"})
    kill(own, "documents")
    with pymongo.MongoClient(own.documents_url) as documents:
        assert documents["cutroom"]["survivors"].find_one({"_id": 1}) == {"_id": 1, "name": "ä"}


def test_killed_s3_comes_back_with_objects_versions_and_undelivered_events(own: Settings) -> None:
    s3, sqs = client(own, "s3"), client(own, "sqs")
    first = s3.put_object(Bucket=own.uploads_bucket, Key=KEY, Body=b"one", Metadata={"title": "t"})[
        "VersionId"
    ]
    second = s3.put_object(Bucket=own.uploads_bucket, Key=KEY, Body=b"two", Tagging="a=b")["VersionId"]
    s3.put_object(Bucket=own.media_bucket, Key="a/master.m3u8", Body=b"old" * 999)
    s3.put_object(
        Bucket=own.media_bucket, Key="a/master.m3u8", Body=b"new" * 999, ContentType="application/x-mpegURL"
    )
    s3.put_object(Bucket=own.media_bucket, Key="gone", Body=b"x")
    s3.delete_object(Bucket=own.media_bucket, Key="gone")
    big = os.urandom(9 * 2**20)
    upload = s3.create_multipart_upload(Bucket=own.work_bucket, Key="big")["UploadId"]
    parts = [
        {
            "PartNumber": number,
            "ETag": s3.upload_part(
                Bucket=own.work_bucket, Key="big", UploadId=upload, PartNumber=number, Body=body
            )["ETag"],
        }
        for number, body in ((1, big[: 5 * 2**20]), (2, big[5 * 2**20 :]))
    ]
    s3.complete_multipart_upload(
        Bucket=own.work_bucket, Key="big", UploadId=upload, MultipartUpload={"Parts": parts}
    )
    s3.copy_object(Bucket=own.work_bucket, Key="copy", CopySource={"Bucket": own.work_bucket, "Key": "big"})
    queue = sqs.get_queue_url(QueueName=own.uploads_queue)["QueueUrl"]
    taken = eventually(lambda: take_event(sqs, queue))

    kill(own, "localstack")

    old = s3.get_object(Bucket=own.uploads_bucket, Key=KEY, VersionId=first)
    assert (old["Body"].read(), old["Metadata"]) == (b"one", {"title": "t"})
    new = s3.get_object(Bucket=own.uploads_bucket, Key=KEY)
    assert (new["Body"].read(), new["VersionId"]) == (b"two", second)
    assert s3.get_object_tagging(Bucket=own.uploads_bucket, Key=KEY)["TagSet"] == [{"Key": "a", "Value": "b"}]
    playlist = s3.get_object(Bucket=own.media_bucket, Key="a/master.m3u8")
    assert (playlist["Body"].read(), playlist["ContentType"]) == (b"new" * 999, "application/x-mpegURL")
    assert s3.get_object(Bucket=own.work_bucket, Key="big")["Body"].read() == big
    assert s3.get_object(Bucket=own.work_bucket, Key="copy")["Body"].read() == big
    assert s3.list_objects_v2(Bucket=own.media_bucket)["KeyCount"] == 1
    assert s3.get_bucket_cors(Bucket=own.media_bucket)["CORSRules"]
    assert {taken, eventually(lambda: take_event(sqs, queue))} == {first, second}


def test_a_refused_overwrite_leaves_the_object_as_it_was(own: Settings) -> None:
    s3 = client(own, "s3")
    s3.put_object(Bucket=own.media_bucket, Key="kept", Body=b"whole")
    with pytest.raises(ClientError, match="PreconditionFailed"):
        s3.put_object(Bucket=own.media_bucket, Key="kept", Body=b"other", IfNoneMatch="*")
    with pytest.raises(ClientError, match=r"BadDigest|InvalidRequest"):
        s3.put_object(Bucket=own.media_bucket, Key="kept", Body=b"other", ChecksumSHA256="A" * 43 + "=")
    assert s3.get_object(Bucket=own.media_bucket, Key="kept")["Body"].read() == b"whole"


def test_a_page_of_another_local_address_may_read_media(own: Settings) -> None:
    s3 = client(own, "s3")
    s3.put_object(Bucket=own.media_bucket, Key="page/seg.m4s", Body=b"x")
    request = urllib.request.Request(
        f"{own.media_base_url}/page/seg.m4s", headers={"Origin": "http://127.0.0.1:8099"}
    )
    with urllib.request.urlopen(request) as response:
        assert response.headers["Access-Control-Allow-Origin"] in ("*", "http://127.0.0.1:8099")


def test_a_taken_port_is_refused_before_anything_is_started(own: Settings, tmp_path: Path) -> None:
    with environment_of_its_own():
        settings = settings_of_a_new_stack(tmp_path)
        said = r"\(LocalStack\) is taken; set CUTROOM_LOCALSTACK_PORT"
        with (
            socket.create_server(("127.0.0.1", settings.localstack_port)),
            pytest.raises(UsageError, match=said),
        ):
            start_stack(settings, with_airflow=False)
        assert not (tmp_path / "supervisor.pid").exists()


def test_other_settings_than_those_of_the_running_stack_are_refused(own: Settings) -> None:
    with pytest.raises(UsageError, match="cutroom down"):
        start_stack(own.model_copy(update={"documents_port": own_port()}), with_airflow=False)


def test_stop_ends_every_process_and_start_brings_everything_back(own: Settings) -> None:
    s3 = client(own, "s3")
    s3.put_object(Bucket=own.media_bucket, Key="stays", Body=b"here")
    family = [psutil.Process(service.pid) for service in read_status(own).services]
    family += [child for process in family for child in process.children(recursive=True)]
    assert stop_stack(own)
    assert not [process for process in family if process.is_running()]
    stopped = read_status(own)
    assert not stopped.healthy
    assert {service.state for service in stopped.services} <= {"stopped"}
    assert not stop_stack(own)

    start_stack(own, with_airflow=False)
    assert s3.get_object(Bucket=own.media_bucket, Key="stays")["Body"].read() == b"here"


def test_the_command_line_tells_health_by_its_exit_code(own: Settings) -> None:
    program = "from cutroom.cli.main import main; main()"
    told = subprocess.run(
        [sys.executable, "-c", program, "status"], capture_output=True, text=True, check=False
    )
    # This stack has no Airflow; what was started is healthy.
    assert told.returncode == 0, told.stdout + told.stderr
    assert "LocalStack" in told.stdout


def test_a_transaction_that_nobody_goes_on_with_is_ended(own: Settings) -> None:
    """The workers of a killed scheduler keep its connection open; its locks would stop the runs for good."""
    engine = sqlalchemy.create_engine(own.database_url)
    with engine.connect() as connection:
        assert connection.scalar(sqlalchemy.text("show idle_in_transaction_session_timeout")) == "30s"
    engine.dispose()
