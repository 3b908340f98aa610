"""S3 as it is on a real server: what is made, what stays, and what its errors mean."""

import uuid
from pathlib import Path

import pytest

from cutroom.errors import Conflict, ObjectMissing, SourceMissing, StoreUnavailable, UsageError
from cutroom.media.upload import UploadedObject
from cutroom.settings import Settings
from cutroom.stores.provision import provision, queue_url
from cutroom.stores.s3 import S3Store, s3_client, sqs_client, translated
from cutroom.stores.uploads import list_uploads, metadata_of, open_upload, read_sidecars, uploaded_object
from own_port import own_port

pytestmark = pytest.mark.stack


@pytest.fixture
def elsewhere(stack: Settings) -> Settings:
    """Settings whose buckets and queue do not exist yet."""
    name = f"test-{uuid.uuid4().hex[:10]}"
    return stack.model_copy(
        update={
            "uploads_bucket": f"{name}-uploads",
            "blocks_bucket": f"{name}-blocks",
            "work_bucket": f"{name}-work",
            "media_bucket": f"{name}-media",
            "uploads_queue": name,
        }
    )


def test_everything_is_made_once(elsewhere: Settings) -> None:
    made = provision(elsewhere)
    assert f"bucket {elsewhere.work_bucket}" in made
    assert f"queue {elsewhere.uploads_queue}" in made
    assert provision(elsewhere) == []
    client = s3_client(elsewhere)
    assert client.get_bucket_versioning(Bucket=elsewhere.uploads_bucket)["Status"] == "Enabled"
    [rule] = client.get_bucket_cors(Bucket=elsewhere.media_bucket)["CORSRules"]
    assert rule["AllowedOrigins"] == ["*"]
    queues = sqs_client(elsewhere)
    url = queue_url(queues, elsewhere.uploads_queue)
    attributes = queues.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert attributes["VisibilityTimeout"] == "60"
    assert "RedrivePolicy" not in attributes


def test_what_others_configured_stays(elsewhere: Settings) -> None:
    client, queues = s3_client(elsewhere), sqs_client(elsewhere)
    client.create_bucket(Bucket=elsewhere.uploads_bucket)
    other = queues.create_queue(QueueName=f"{elsewhere.uploads_queue}-other")["QueueUrl"]
    arn = queues.get_queue_attributes(QueueUrl=other, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    client.put_bucket_notification_configuration(
        Bucket=elsewhere.uploads_bucket,
        NotificationConfiguration={
            "QueueConfigurations": [{"Id": "theirs", "QueueArn": arn, "Events": ["s3:ObjectRemoved:*"]}]
        },
    )
    client.create_bucket(Bucket=elsewhere.media_bucket)
    theirs = {"AllowedMethods": ["GET"], "AllowedOrigins": ["https://example.org"]}
    client.put_bucket_cors(Bucket=elsewhere.media_bucket, CORSConfiguration={"CORSRules": [theirs]})

    provision(elsewhere)
    provision(elsewhere.model_copy(update={"incoming_prefix": "other/"}))

    told = client.get_bucket_notification_configuration(Bucket=elsewhere.uploads_bucket)
    by_id = {each["Id"]: each for each in told["QueueConfigurations"]}
    assert set(by_id) == {"theirs", "cutroom-uploads", "cutroom-uploads-1"}
    assert by_id["theirs"]["Events"] == ["s3:ObjectRemoved:*"]
    assert by_id["cutroom-uploads"]["Filter"]["Key"]["FilterRules"][0]["Value"] == "other/"
    [rule] = client.get_bucket_cors(Bucket=elsewhere.media_bucket)["CORSRules"]
    assert rule["AllowedOrigins"] == ["https://example.org"]


def test_a_store_that_is_away_is_not_one_where_the_object_is_missing(stack: Settings, tmp_path: Path) -> None:
    away = stack.model_copy(update={"s3_endpoint_url": f"http://127.0.0.1:{own_port()}"})
    store = S3Store(s3_client(away), "bucket")
    for call in (
        lambda: store.get_bytes("a"),
        lambda: store.head("a"),
        lambda: store.get_file("a", tmp_path / "got"),
    ):
        with pytest.raises(StoreUnavailable):
            call()


def test_a_precondition_that_fails_is_a_conflict(stack: Settings) -> None:
    client = s3_client(stack)
    client.put_object(Bucket=stack.work_bucket, Key="once", Body=b"1")
    with pytest.raises(Conflict), translated("once"):
        client.put_object(Bucket=stack.work_bucket, Key="once", Body=b"2", IfNoneMatch="*")


def test_a_bucket_that_is_missing_may_come_back(stack: Settings) -> None:
    store = S3Store(s3_client(stack), "no-such-bucket-anywhere")
    with pytest.raises(StoreUnavailable, match="NoSuchBucket"):
        store.get_bytes("a")


def test_a_queue_that_is_missing_is_missing(stack: Settings) -> None:
    with pytest.raises(ObjectMissing):
        queue_url(sqs_client(stack), "no-such-queue")


def test_each_version_of_an_upload_can_be_read(elsewhere: Settings) -> None:
    provision(elsewhere)
    client, bucket, key = s3_client(elsewhere), elsewhere.uploads_bucket, "incoming/ä +%.mp4"
    uploads: list[UploadedObject] = []
    for data in (b"one", b"other"):
        client.put_object(Bucket=bucket, Key=key, Body=data, Metadata=metadata_of(title="Zwölf"))
        uploads.append(uploaded_object(client.head_object(Bucket=bucket, Key=key), bucket=bucket, key=key))
    for upload, data in zip(uploads, (b"one", b"other"), strict=True):
        assert open_upload(client, upload).read() == data
    pages = client.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix="incoming/")
    assert [each.file_version_id for each in list_uploads(pages, bucket=bucket)] == [
        uploads[1].file_version_id
    ]
    client.delete_object(Bucket=bucket, Key=key, VersionId=uploads[0].version)
    with pytest.raises(SourceMissing, match="upload it again"):
        open_upload(client, uploads[0]).read()


def test_subtitles_lie_beside_their_film_and_are_no_uploads_themselves(elsewhere: Settings) -> None:
    provision(elsewhere)
    client, bucket = s3_client(elsewhere), elsewhere.uploads_bucket
    names = [
        "film.mp4",
        "film.en.srt",
        "film.de.vtt",
        "film.2.en.srt",
        "film.2.mp4",
        "deeper/film.fr.srt",
        "a.srt",
    ]
    for name in names:
        client.put_object(Bucket=bucket, Key=f"incoming/{name}", Body=name.encode())
    pages = client.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix="incoming/")
    films = {each.name: each for each in list_uploads(pages, bucket=bucket)}
    assert films.keys() == {"film.mp4", "film.2.mp4"}
    assert read_sidecars(client, films["film.mp4"]) == {
        "film.de.vtt": b"film.de.vtt",
        "film.en.srt": b"film.en.srt",
    }
    assert read_sidecars(client, films["film.2.mp4"]).keys() == {"film.2.en.srt"}


def test_an_upload_without_versions_is_gone_once_it_is_replaced(elsewhere: Settings) -> None:
    client, bucket, key = s3_client(elsewhere), elsewhere.uploads_bucket, "incoming/a.mp4"
    client.create_bucket(Bucket=bucket)
    client.put_object(Bucket=bucket, Key=key, Body=b"one")
    upload = uploaded_object(client.head_object(Bucket=bucket, Key=key), bucket=bucket, key=key)
    assert not upload.versioned
    assert open_upload(client, upload).read() == b"one"
    client.put_object(Bucket=bucket, Key=key, Body=b"two")
    with pytest.raises(SourceMissing):
        open_upload(client, upload).read()


def test_more_metadata_than_s3_takes_is_refused_before_the_upload() -> None:
    with pytest.raises(UsageError, match="2048"):
        metadata_of(title="ü" * 400)
