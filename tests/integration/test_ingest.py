"""An object that came by plain S3 is stored in blocks on the real servers, and read from there."""

import hashlib
import json
import os
import subprocess
import sys
import uuid
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cutroom.errors import ObjectCorrupt, ObjectMissing, SourceMissing
from cutroom.media.upload import UploadedObject
from cutroom.settings import Settings
from cutroom.steps.ingesting import ingest
from cutroom.steps.sources import StoredSources, open_sources
from cutroom.stores.blocks import open_block_service
from cutroom.stores.s3 import s3_client
from cutroom.stores.uploads import find_upload, list_uploads, metadata_of

pytestmark = pytest.mark.stack

MIB = 2**20


@pytest.fixture
def put(stack: Settings) -> Callable[[bytes], UploadedObject]:
    """Puts an object of a new name as any S3 tool would, with an owner of its own."""

    def put(data: bytes, **metadata: Any) -> UploadedObject:
        client, key = s3_client(stack), f"incoming/{uuid.uuid4().hex} ä+.mp4"
        said = metadata_of(**{"owner": uuid.uuid4().hex, **metadata})
        client.put_object(Bucket=stack.uploads_bucket, Key=key, Body=data, Metadata=said)
        return find_upload(client, bucket=stack.uploads_bucket, key=key)

    return put


def ingested(settings: Settings, upload: UploadedObject, **changed: Any) -> dict[str, Any]:
    given = {
        "owner": upload.owner,
        "lease_id": f"test {upload.file_version_id}",
        "boundaries": "fixed",
        "original": "keep",
        "moved_prefix": "ingested/",
    }
    return ingest(open_block_service(settings), s3_client(settings), upload, **{**given, **changed})


def sources(settings: Settings) -> StoredSources:
    return open_sources(settings, lease_id=f"run {uuid.uuid4().hex}")


def read(settings: Settings, upload: UploadedObject) -> bytes:
    with sources(settings).open(upload) as file:
        return file.read()


def remove_original(settings: Settings, upload: UploadedObject) -> None:
    s3_client(settings).delete_object(Bucket=upload.bucket, Key=upload.key, VersionId=upload.version)


def test_what_was_ingested_is_read_from_its_blocks(
    stack: Settings, put: Callable[..., UploadedObject], tmp_path: Path
) -> None:
    data = os.urandom(10 * MIB + 5)
    upload = put(data)
    told = ingested(stack, upload)
    assert told == {
        "file_version_id": upload.file_version_id, "sha256": hashlib.sha256(data).hexdigest(),
        "bytes_total": len(data), "bytes_sent": len(data), "blocks_total": 3, "blocks_sent": 3,
    }  # fmt: skip
    remove_original(stack, upload)
    assert sources(stack).fetch(upload, tmp_path / "copy") == told["sha256"]
    assert (tmp_path / "copy").read_bytes() == data
    assert [path.name for path in tmp_path.iterdir()] == ["copy"]


def test_a_second_time_sends_and_reads_nothing(stack: Settings, put: Callable[..., UploadedObject]) -> None:
    upload = put(os.urandom(5 * MIB))
    ingested(stack, upload)
    remove_original(stack, upload)
    again = ingested(stack, upload)
    assert (again["bytes_total"], again["bytes_sent"], again["blocks_sent"]) == (5 * MIB, 0, 0)


def test_the_same_bytes_under_another_key_send_nothing(
    stack: Settings, put: Callable[..., UploadedObject]
) -> None:
    data = os.urandom(5 * MIB)
    first = put(data)
    ingested(stack, first)
    other = put(data, owner=first.owner)
    assert ingested(stack, other)["bytes_sent"] == 0
    remove_original(stack, other)
    assert read(stack, other) == data


def test_an_object_that_is_not_in_blocks_is_read_itself(
    stack: Settings, put: Callable[..., UploadedObject], tmp_path: Path
) -> None:
    data = os.urandom(9 * MIB)
    upload = put(data)
    assert read(stack, upload) == data
    remove_original(stack, upload)
    with pytest.raises(SourceMissing, match="upload it again"):
        sources(stack).fetch(upload, tmp_path / "gone")
    with pytest.raises(SourceMissing, match="upload it again"):
        ingested(stack, upload)
    assert list(tmp_path.iterdir()) == []


def test_an_empty_object_has_no_blocks_and_reads_as_empty(
    stack: Settings, put: Callable[..., UploadedObject]
) -> None:
    upload = put(b"")
    assert ingested(stack, upload, original="drop")["blocks_total"] == 0
    assert read(stack, upload) == b""
    assert find_upload(s3_client(stack), bucket=upload.bucket, key=upload.key) == upload


def test_a_file_that_came_through_the_file_service_is_in_blocks_already(
    stack: Settings, put: Callable[..., UploadedObject]
) -> None:
    data = os.urandom(9 * MIB)
    first = put(data)
    ingested(stack, first)
    service = open_block_service(stack)
    blocks = service.references(first.file_version_id)
    name = f"fv_{uuid.uuid4().hex}"
    service.get_or_create_block_locations(blocks, owner=first.owner, lease_id=name)
    service.add_references(name, blocks, owner=first.owner, lease_id=name)
    upload = replace(first, key="files/x", version=name, versioned=False, file_name="film.mp4")
    told = ingested(stack, upload, original="drop", lease_id=f"run {name}")
    assert (told["bytes_total"], told["bytes_sent"]) == (len(data), 0)
    assert read(stack, upload) == data
    # The run holds the blocks, whatever its user does with the file.
    service.release_blocks(name)
    assert service.renew_lease(f"run {name}", owner=first.owner)
    with pytest.raises(SourceMissing):
        read(stack, upload)


def block_objects(settings: Settings, upload: UploadedObject, place: int) -> list[str]:
    """The objects of a block of an upload."""
    block = open_block_service(settings).references(upload.file_version_id)[place]
    listed = s3_client(settings).list_objects_v2(
        Bucket=settings.blocks_bucket, Prefix=f"blocks/{block.block_id[:2]}/{block.block_id}"
    )
    return [item["Key"] for item in listed["Contents"]]


def test_a_block_that_is_gone_is_named(
    stack: Settings, put: Callable[..., UploadedObject], tmp_path: Path
) -> None:
    upload = put(os.urandom(10 * MIB))
    ingested(stack, upload)
    [key] = block_objects(stack, upload, 1)
    s3_client(stack).delete_object(Bucket=stack.blocks_bucket, Key=key)
    with pytest.raises(ObjectMissing, match=key.split("/")[2].split(".")[0]):
        sources(stack).fetch(upload, tmp_path / "copy")
    assert list(tmp_path.iterdir()) == []


def test_a_block_that_is_damaged_is_never_given_and_named(
    stack: Settings, put: Callable[..., UploadedObject], tmp_path: Path
) -> None:
    data = os.urandom(10 * MIB)
    upload = put(data)
    ingested(stack, upload)
    [key] = block_objects(stack, upload, 1)
    s3_client(stack).put_object(Bucket=stack.blocks_bucket, Key=key, Body=b"x" + data[4 * MIB + 1 : 8 * MIB])
    with pytest.raises(ObjectCorrupt, match=key.split("/")[2].split(".")[0]):
        sources(stack).fetch(upload, tmp_path / "copy")
    assert list(tmp_path.iterdir()) == []
    with sources(stack).open(upload) as file:
        assert file.read(4 * MIB) == data[: 4 * MIB]


def versions_of(settings: Settings, upload: UploadedObject, prefix: str = "") -> list[str]:
    pages = s3_client(settings).get_paginator("list_object_versions")
    found = list_uploads(
        pages.paginate(Bucket=upload.bucket, Prefix=f"{prefix}{upload.key}"), bucket=upload.bucket
    )
    return [one.version for one in found]


@pytest.mark.parametrize("original", ["drop", "move"])
def test_the_original_may_go_and_the_run_can_be_repeated(
    stack: Settings, put: Callable[..., UploadedObject], original: str
) -> None:
    data = os.urandom(9 * MIB)
    upload = put(data)
    ingested(stack, upload, original=original)
    assert versions_of(stack, upload) == []
    assert len(versions_of(stack, upload, "ingested/")) == (original == "move")
    assert read(stack, upload) == data
    assert ingested(stack, upload, original=original)["bytes_total"] == len(data)
    if original == "move":
        moved = find_upload(s3_client(stack), bucket=upload.bucket, key=f"ingested/{upload.key}")
        assert moved.owner == upload.owner


def test_an_original_that_its_blocks_do_not_hold_stays(
    stack: Settings, put: Callable[..., UploadedObject]
) -> None:
    data = os.urandom(9 * MIB)
    upload = put(data)
    ingested(stack, upload)
    [key] = block_objects(stack, upload, 2)
    s3_client(stack).delete_object(Bucket=stack.blocks_bucket, Key=key)
    with pytest.raises(ObjectMissing):
        ingested(stack, upload, original="drop")
    assert versions_of(stack, upload) == [upload.version]


def test_an_original_without_versions_stays(stack: Settings) -> None:
    bucket, client = f"test-{uuid.uuid4().hex[:10]}", s3_client(stack)
    client.create_bucket(Bucket=bucket)
    client.put_object(Bucket=bucket, Key="a.mp4", Body=os.urandom(MIB))
    upload = find_upload(client, bucket=bucket, key="a.mp4")
    assert not upload.versioned
    assert ingested(stack, upload, original="drop")["blocks_sent"] == 1
    assert find_upload(client, bucket=bucket, key="a.mp4") == upload


def test_an_object_without_versions_that_was_replaced_is_not_taken_for_it(stack: Settings) -> None:
    bucket, client = f"test-{uuid.uuid4().hex[:10]}", s3_client(stack)
    client.create_bucket(Bucket=bucket)
    client.put_object(Bucket=bucket, Key="a.mp4", Body=os.urandom(MIB))
    upload = find_upload(client, bucket=bucket, key="a.mp4")
    client.put_object(Bucket=bucket, Key="a.mp4", Body=os.urandom(MIB))
    with pytest.raises(SourceMissing, match="replaced"):
        ingested(stack, upload)


IN_A_PROCESS = """
import json, sys
from pathlib import Path
from cutroom.media.upload import UploadedObject
from cutroom.settings import get_settings
from cutroom.steps.ingesting import ingest
from cutroom.stores.blocks import open_block_service
from cutroom.stores.s3 import s3_client

ingest(
    open_block_service(get_settings()), s3_client(get_settings()),
    UploadedObject.from_json(json.loads(sys.argv[1])), owner="", lease_id="test memory", boundaries="container",
    original="keep", moved_prefix="",
)
print(int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) // 1024)
"""


def test_a_large_object_needs_little_memory(stack: Settings, put: Callable[..., UploadedObject]) -> None:
    """The benchmark does it with 10 GiB; what is held does not depend on the length."""
    upload = put(os.urandom(MIB) * 300)
    argv = [sys.executable, "-c", IN_A_PROCESS, json.dumps(upload.to_json())]
    peak_mib = int(subprocess.run(argv, stdout=subprocess.PIPE, check=True).stdout)
    assert peak_mib < 200
