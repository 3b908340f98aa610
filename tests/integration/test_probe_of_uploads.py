"""The probe reads an upload through its blocks, on the real servers: of what is refused no more than that takes."""

import random
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from awkward import ffmpeg
from cutroom.blocks.block import Block
from cutroom.errors import ObjectCorrupt, SourceCorrupt, SourceMissing, SourceTooLarge
from cutroom.ffmpeg import probe as prober
from cutroom.media.limits import Limits, SourceLimits
from cutroom.media.upload import UploadedObject
from cutroom.settings import Settings
from cutroom.steps import planning, sources
from cutroom.steps.ingesting import ingest
from cutroom.steps.local import LocalRecord
from cutroom.steps.scratch import Scratch
from cutroom.steps.workshop import Workshop
from cutroom.stores.blocks import open_block_service
from cutroom.stores.files import FileStore
from cutroom.stores.s3 import s3_client
from cutroom.stores.uploads import find_upload, metadata_of

pytestmark = [pytest.mark.stack, pytest.mark.media]

MIB = 2**20


@pytest.fixture
def ingested(stack: Settings) -> Callable[[bytes], UploadedObject]:
    """Stores a file in blocks as `ingest` does, and gives its upload."""

    def stored(data: bytes) -> UploadedObject:
        client, key, owner = s3_client(stack), f"incoming/{uuid.uuid4().hex}.mp4", uuid.uuid4().hex
        client.put_object(Bucket=stack.uploads_bucket, Key=key, Body=data, Metadata=metadata_of(owner=owner))
        upload = find_upload(client, bucket=stack.uploads_bucket, key=key)
        ingest(
            open_block_service(stack),
            client,
            upload,
            owner=owner,
            lease_id=f"test {owner}",
            boundaries="fixed",
            original="keep",
            moved_prefix="",
        )
        return upload

    return stored


@pytest.fixture
def fetched(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The ids of the blocks that are fetched, as they are."""
    ids: list[str] = []
    fetch = sources.get_unverified

    def noted(client: Any, url: str, block: Block) -> bytes:
        ids.append(block.block_id)
        return fetch(client, url, block)

    monkeypatch.setattr(sources, "get_unverified", noted)
    return ids


def workshop(stack: Settings, folder: Path, **most: int) -> Workshop:
    return Workshop(
        run_id="test",
        work=FileStore(folder / "work"),
        media=FileStore(folder / "media"),
        scratch=Scratch(folder / "scratch"),
        sources=sources.open_sources(stack, lease_id=f"run {uuid.uuid4().hex}"),
        record=LocalRecord(dag_id="process_video", listener=lambda *_: None),
        source_limits=SourceLimits(**most),
    )


def probed(shop: Workshop, upload: UploadedObject) -> dict[str, Any]:
    return planning.probe(shop, {"upload": upload.to_json(), "profile": "web"})


@pytest.fixture(scope="module")
def film(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """50 MB with the index at its end."""
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    ffmpeg("-i", corpus / "bbb-full-10min-720p-h264-aac.mp4", "-c", "copy", path)
    data = path.read_bytes()
    assert data.rfind(b"moov") > 40 * MIB
    return data


def test_of_a_file_that_is_no_media_some_blocks_are_fetched(
    stack: Settings, ingested: Callable[..., UploadedObject], fetched: list[str], tmp_path: Path
) -> None:
    upload = ingested(random.Random(5).randbytes(32 * MIB))
    with pytest.raises(SourceCorrupt, match="not video or audio"):
        probed(workshop(stack, tmp_path), upload)
    assert 0 < len(fetched) <= 5
    assert list((tmp_path / "scratch").iterdir()) == []


def test_of_a_film_that_passes_a_limit_its_beginning_and_its_index_are_fetched(
    stack: Settings,
    ingested: Callable[..., UploadedObject],
    fetched: list[str],
    film: bytes,
    tmp_path: Path,
) -> None:
    upload = ingested(film)
    for limit, setting in (
        ({"tracks": 1}, "TRACKS"),
        ({"pixels": 1000}, "PIXELS"),
        ({"duration_s": 20}, "DURATION"),
    ):
        del fetched[:]
        with pytest.raises(SourceTooLarge, match=setting):
            probed(workshop(stack, tmp_path, **limit), upload)
        assert 0 < len(set(fetched)) <= 7 < len(film) // (4 * MIB)


def test_a_film_is_found_to_be_what_its_local_copy_is(
    stack: Settings,
    ingested: Callable[..., UploadedObject],
    fetched: list[str],
    film: bytes,
    tmp_path: Path,
) -> None:
    upload = ingested(film)
    shop = workshop(stack, tmp_path)
    job = probed(shop, upload)
    (tmp_path / "copy").write_bytes(film)
    expected = prober.probe(tmp_path / "copy", sha256=job["sha256"], log=tmp_path / "log", limits=Limits())
    assert planning.source_facts(shop, job["sha256"]) == expected
    assert len(fetched) - len(set(fetched)) <= 7
    # A second time this machine has the copy.
    del fetched[:]
    assert probed(shop, upload) == job
    assert fetched == []


def test_a_damaged_block_is_named_and_never_taken_for_a_damaged_file(
    stack: Settings, ingested: Callable[..., UploadedObject], film: bytes, tmp_path: Path
) -> None:
    """Its first one, its last one, which the index is in, and one that only the copy reads."""
    upload = ingested(film)
    blocks = open_block_service(stack).references(upload.file_version_id)
    client = s3_client(stack)
    for block in (blocks[0], blocks[-1], blocks[len(blocks) - 3]):
        listed = client.list_objects_v2(
            Bucket=stack.blocks_bucket, Prefix=f"blocks/{block.block_id[:2]}/{block.block_id}"
        )
        [key] = [item["Key"] for item in listed["Contents"]]
        right = client.get_object(Bucket=stack.blocks_bucket, Key=key)["Body"].read()
        client.put_object(Bucket=stack.blocks_bucket, Key=key, Body=b"x" + right[1:-1] + b"x")
        with pytest.raises(ObjectCorrupt, match=block.block_id):
            probed(workshop(stack, tmp_path), upload)
        client.put_object(Bucket=stack.blocks_bucket, Key=key, Body=right)


def test_a_file_that_is_deleted_while_it_is_described_is_missing(
    stack: Settings,
    ingested: Callable[..., UploadedObject],
    film: bytes,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    upload = ingested(film)
    shop = workshop(stack, tmp_path)
    ask = prober.ffprobe.ask

    def meanwhile(*arguments: Any, **named: Any) -> Any:
        open_block_service(stack).release_blocks(upload.file_version_id)
        return ask(*arguments, **named)

    monkeypatch.setattr(prober.ffprobe, "ask", meanwhile)
    with pytest.raises(SourceMissing, match="deleted"):
        probed(shop, upload)


def test_what_is_read_all_over_is_fetched_first(
    stack: Settings,
    ingested: Callable[..., UploadedObject],
    film: bytes,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A film in fragments without an index, say: its limits are held against the copy."""
    monkeypatch.setattr("cutroom.ffmpeg.ranged.MOST_PIECES", 1)
    upload = ingested(film)
    assert probed(workshop(stack, tmp_path), upload)["sha256"]
    with pytest.raises(SourceTooLarge, match="TRACKS"):
        probed(workshop(stack, tmp_path / "other", tracks=1), upload)
