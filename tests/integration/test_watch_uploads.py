"""The trigger of the uploads sensor against real S3 and SQS, and what is taken off the queue."""

import asyncio
import json
import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from airflow.triggers.base import TaskSkippedEvent, TriggerEvent

from cutroom import ids
from cutroom.blocks.block import block_of
from cutroom.media import keys
from cutroom.media.s3_event import Batch
from cutroom.settings import Settings, get_settings
from cutroom.steps.watch import acknowledge, run_arguments
from cutroom.stores.catalog import Catalog
from cutroom.stores.file_records import NewUpload, VersionRecord
from cutroom.stores.file_service import open_file_service
from cutroom.stores.provision import provision, queue_url
from cutroom.stores.s3 import s3_client, sqs_client
from cutroom.stores.uploads import metadata_of
from s3_uploads import trigger as module
from s3_uploads.trigger import S3UploadsTrigger

pytestmark = pytest.mark.stack

BLOCK = block_of(b"x")

ODD_NAMES = [
    "plain.mp4",
    "a b+c.mp4",
    "ünï 日本語 😀.mp4",
    'it\'s "quoted" & <angled>.mp4',
    "100%.mp4",
    "%2B+%20.mp4",
    "{{ 7 * 7 }} {% raw %}.mp4",
    "empty.mp3",
    "x" * (1024 - len("incoming/") - 4) + ".mp4",
]


@pytest.fixture
def place(stack: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    """Buckets and a queue that only this test uses, and the settings that name them."""
    name = f"test-{uuid.uuid4().hex[:10]}"
    for variable, value in {
        "UPLOADS_BUCKET": f"{name}-uploads",
        "BLOCKS_BUCKET": f"{name}-blocks",
        "WORK_BUCKET": f"{name}-work",
        "MEDIA_BUCKET": f"{name}-media",
        "UPLOADS_QUEUE": name,
    }.items():
        monkeypatch.setenv(f"CUTROOM_{variable}", value)
    get_settings.cache_clear()
    settings = get_settings()
    provision(settings)
    module._handed_out.clear()
    # S3's own test message; it is read and taken off like any other.
    asyncio.run(first_event(waiting()))
    queues = sqs_client(settings)
    queues.purge_queue(QueueUrl=queue_url(queues, settings.uploads_queue))
    yield settings
    get_settings.cache_clear()


def put(settings: Settings, name: str, data: bytes = b"x", **said: Any) -> None:
    key = f"{settings.incoming_prefix}{name}"
    s3_client(settings).put_object(
        Bucket=settings.uploads_bucket, Key=key, Body=data, Metadata=metadata_of(**said)
    )


def waiting(**changes: Any) -> S3UploadsTrigger:
    chosen: dict[str, Any] = {
        "sqs_queue": None,
        "bucket": None,
        "prefix": None,
        "wait_s": 20,
        "list_every_s": 0.2,
        "max_uploads": 100,
        "visibility_timeout_s": 60,
        "aws_conn_id": None,
        "region_name": None,
    }
    path, kwargs = S3UploadsTrigger(**{**chosen, **changes}).serialize()
    assert path == "s3_uploads.trigger.S3UploadsTrigger"
    # As the triggerer gets them: through JSON.
    return S3UploadsTrigger(**json.loads(json.dumps(kwargs)))


async def first_event(trigger: S3UploadsTrigger) -> TriggerEvent:
    return await anext(aiter(trigger.run()))


def found(event: TriggerEvent) -> Batch:
    assert event.payload["status"] == "uploads"
    return Batch.from_json(event.payload)


def test_any_key_arrives_as_it_was_with_what_was_said_of_it(place: Settings) -> None:
    for name in ODD_NAMES:
        put(place, name, b"" if name == "empty.mp3" else b"x", title=name[:50], tags=["ä,b"])
    names: set[str] = set()
    while len(names) < len(ODD_NAMES):
        batch = found(asyncio.run(first_event(waiting())))
        for upload in batch.uploads:
            name = upload.key.removeprefix("incoming/")
            names.add(name)
            assert (upload.title, upload.tags) == (name[:50].strip(), ("ä,b",))
            assert upload.versioned
            assert upload.size_bytes == (0 if name == "empty.mp3" else 1)
        assert acknowledge(list(batch.receipts)) == len(batch.receipts)
    assert names == set(ODD_NAMES)


def test_an_upload_wakes_the_trigger_at_once(place: Settings) -> None:
    async def upload_while_waiting() -> Batch:
        # The quiet time, after which the bucket would be listed, is far longer than the test may take.
        task = asyncio.create_task(first_event(waiting(wait_s=3600)))
        await asyncio.sleep(2)
        await asyncio.to_thread(put, place, "a.mp4")
        return found(await task)

    batch = asyncio.run(upload_while_waiting())
    assert [upload.name for upload in batch.uploads] == ["a.mp4"]
    assert len(batch.receipts) == 1


def test_a_message_comes_again_until_it_is_acknowledged(place: Settings) -> None:
    put(place, "a.mp4")
    first = found(asyncio.run(first_event(waiting(visibility_timeout_s=3))))
    # A triggerer that dies here leaves the message in the queue.
    again = found(asyncio.run(first_event(waiting())))
    assert again.uploads == first.uploads
    assert run_arguments(again.uploads[0].to_json()) == run_arguments(first.uploads[0].to_json())
    assert acknowledge(list(again.receipts)) == 1
    queues = sqs_client(place)
    states = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
    left = queues.get_queue_attributes(QueueUrl=queue_url(queues, place.uploads_queue), AttributeNames=states)
    assert left["Attributes"] == dict.fromkeys(states, "0")


def test_a_trigger_that_is_cancelled_loses_nothing(place: Settings) -> None:
    async def cancelled() -> None:
        task = asyncio.create_task(first_event(waiting(visibility_timeout_s=1)))
        await asyncio.sleep(2)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(cancelled())
    put(place, "a.mp4")
    assert [upload.name for upload in found(asyncio.run(first_event(waiting()))).uploads] == ["a.mp4"]


def test_a_burst_is_taken_in_bounded_batches(place: Settings) -> None:
    for number in range(25):
        put(place, f"{number:02}.mp4")
    names: list[str] = []
    while len(names) < 25:
        batch = found(asyncio.run(first_event(waiting(max_uploads=20))))
        assert len(batch.uploads) <= 20
        names += [upload.name for upload in batch.uploads]
        acknowledge(list(batch.receipts))
    assert sorted(names) == [f"{number:02}.mp4" for number in range(25)]


def test_what_is_no_upload_is_taken_off_and_does_not_come_again(place: Settings) -> None:
    queues = sqs_client(place)
    url = queue_url(queues, place.uploads_queue)
    queues.send_message(QueueUrl=url, MessageBody="not json")
    put(place, "folder/")
    receipts = 0
    while receipts < 2:
        batch = found(asyncio.run(first_event(waiting())))
        assert batch.uploads == ()
        receipts += acknowledge(list(batch.receipts))


def test_an_upload_that_is_gone_is_let_go(place: Settings) -> None:
    put(place, "a.mp4")
    client = s3_client(place)
    [version] = client.list_object_versions(Bucket=place.uploads_bucket)["Versions"]
    client.delete_object(Bucket=place.uploads_bucket, Key=version["Key"], VersionId=version["VersionId"])
    batch = found(asyncio.run(first_event(waiting())))
    assert batch.uploads == ()
    assert len(batch.receipts) == 1


def test_a_quiet_time_ends_in_a_skip(place: Settings) -> None:
    assert isinstance(asyncio.run(first_event(waiting(wait_s=1))), TaskSkippedEvent)


@pytest.mark.parametrize("queue", ["", "no-such-queue"])
def test_without_a_queue_the_bucket_is_listed(place: Settings, queue: str) -> None:
    put(place, "old.mp4", b"1")
    put(place, "old.mp4", b"22")
    put(place, "ä +.mp3")
    put(place, "folder/")
    batch = found(asyncio.run(first_event(waiting(sqs_queue=queue))))
    assert {(upload.name, upload.size_bytes) for upload in batch.uploads} == {("old.mp4", 2), ("ä +.mp3", 1)}
    assert batch.receipts == ()
    assert acknowledge([]) == 0
    # They are in hand now, and a new one is found.
    put(place, "new.mp4")
    again = found(asyncio.run(first_event(waiting(sqs_queue=queue))))
    assert [upload.name for upload in again.uploads] == ["new.mp4"]


def test_an_upload_whose_event_was_lost_is_found_at_the_end_of_a_quiet_time(place: Settings) -> None:
    put(place, "a.mp4")
    queues = sqs_client(place)
    queues.purge_queue(QueueUrl=queue_url(queues, place.uploads_queue))
    batch = found(asyncio.run(first_event(waiting(wait_s=1))))
    assert [upload.name for upload in batch.uploads] == ["a.mp4"]


def test_a_listing_leaves_out_what_the_catalog_knows(
    place: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(place, "known.mp4")
    [upload] = found(asyncio.run(first_event(waiting()))).uploads
    started = run_arguments(upload.to_json())
    Catalog(place.database_url).start_run(
        run_id=started["trigger_run_id"],
        dag_id=started["trigger_dag_id"],
        upload=upload,
        profile="web",
        profile_digest=started["trigger_run_id"].rpartition("--")[2],
        attempt=1,
    )
    put(place, "unknown.mp4")
    batch = found(asyncio.run(first_event(waiting(sqs_queue=""))))
    assert [upload.name for upload in batch.uploads] == ["unknown.mp4"]


def test_audio_and_video_go_to_their_dags(place: Settings) -> None:
    for name in ("a.mp4", "a.MP3"):
        put(place, name)
    uploads = {
        upload.name: upload for upload in found(asyncio.run(first_event(waiting(sqs_queue="")))).uploads
    }
    video, audio = (run_arguments(uploads[name].to_json()) for name in ("a.mp4", "a.MP3"))
    assert (video["trigger_dag_id"], video["conf"]["profile"]) == ("process_video", "web")
    assert (audio["trigger_dag_id"], audio["conf"]["profile"]) == ("process_audio", "podcast")


def commit(settings: Settings, name: str, **said: Any) -> VersionRecord:
    """Upload an empty file through the File Service."""
    service = open_file_service(settings)
    owner = f"owner-{uuid.uuid4().hex[:8]}"
    new = NewUpload(name=name, folder_id="root", size_bytes=0, blocks=(), **said)
    session = service.uploads.begin(owner, new)
    service.uploads.missing(owner, session.session_id)
    version_id = service.uploads.complete(owner, session.session_id).version_id
    assert version_id is not None
    return service.versions.version(owner, version_id)


def test_a_commit_becomes_an_upload_with_what_was_said_of_it(place: Settings) -> None:
    version = commit(place, "Talk.MP3", title="A talk", tags=("talks",))
    batch = found(asyncio.run(first_event(waiting())))
    [upload] = batch.uploads
    assert (upload.asset_id, upload.file_version_id) == (version.asset_id, version.version_id)
    assert (upload.name, upload.title, upload.tags) == ("Talk.MP3", "A talk", ("talks",))
    assert run_arguments(upload.to_json())["trigger_dag_id"] == "process_audio"
    assert acknowledge(list(batch.receipts)) == 1


def test_a_commit_whose_event_was_lost_is_found_until_it_has_a_run(place: Settings) -> None:
    version = commit(place, "talk.mp4")
    queues = sqs_client(place)
    queues.purge_queue(QueueUrl=queue_url(queues, place.uploads_queue))
    [upload] = found(asyncio.run(first_event(waiting(wait_s=1)))).uploads
    assert upload.file_version_id == version.version_id
    module._handed_out.clear()
    started = run_arguments(upload.to_json())
    catalog = Catalog(place.database_url)
    catalog.start_run(
        run_id=started["trigger_run_id"], dag_id=started["trigger_dag_id"], upload=upload, profile="web",
        profile_digest="d", attempt=1,
    )  # fmt: skip
    assert isinstance(asyncio.run(first_event(waiting(wait_s=1, sqs_queue=""))), TaskSkippedEvent)
    assert catalog.asset(upload.asset_id).title == "talk"


def test_a_forged_manifest_starts_nothing(place: Settings) -> None:
    key = keys.upload_manifest(ids.FileId("fl_forged"), ids.FileVersionId("fv_forged"))
    s3_client(place).put_object(Bucket=place.uploads_bucket, Key=key, Body=b"{}")
    batch = found(asyncio.run(first_event(waiting())))
    assert batch.uploads == ()
    assert len(batch.receipts) == 1


def test_a_newer_commit_brings_its_title_to_the_asset(place: Settings) -> None:
    service = open_file_service(place)
    catalog = Catalog(place.database_url)
    owner = f"owner-{uuid.uuid4().hex[:8]}"
    for title, content in (("Old", ()), ("New", (BLOCK,))):
        new = NewUpload(name="a.mp4", folder_id="root", size_bytes=len(content), blocks=content, title=title)
        session = service.uploads.begin(owner, new)
        for one in service.uploads.missing(owner, session.session_id).missing:
            httpx.put(one.upload.url, content=b"x", headers=dict(one.upload.headers), timeout=300)
        service.uploads.complete(owner, session.session_id)
        [upload] = found(asyncio.run(first_event(waiting(sqs_queue="")))).uploads
        started = run_arguments(upload.to_json())
        catalog.start_run(
            run_id=started["trigger_run_id"], dag_id="process_video", upload=upload, profile="web",
            profile_digest="d",
        )  # fmt: skip
        assert catalog.asset(upload.asset_id).title == title
