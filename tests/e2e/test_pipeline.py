"""The main job: a file that lands in the bucket becomes media that play, by Airflow, on real servers."""

import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import boto3
import httpx
import pytest
from playwright.sync_api import Page

from browser.chromium import open_browser
from browser.playback import play_through
from counted import make_counted, read_counters
from cutroom import ids
from cutroom.ffmpeg import tools
from cutroom.settings import Settings
from cutroom.stores.catalog import Catalog
from cutroom.stores.documents import Documents
from cutroom.stores.outbox import documents_differ
from cutroom.stores.records import AssetRecord
from e2e.conftest import wait_for_end, wait_until

pytestmark = pytest.mark.e2e

SECONDS = 20
KEY = "incoming/Ein Film + 'two' \"quotes\"/ünïcødé 100 % 映画.mp4"


@dataclass(frozen=True)
class Published:
    source: Path
    frames: int
    asset_id: str


@pytest.fixture(scope="module")
def published(airflow_stack: Settings, tmp_path_factory: pytest.TempPathFactory) -> Published:
    """A film of four segments, one encode chunk each, uploaded and published."""
    source = tmp_path_factory.mktemp("film") / "film.mp4"
    frames = make_counted(source, seconds=SECONDS, size=(1280, 720), audio=("-c:a", "aac"))
    boto3.client("s3").upload_file(str(source), airflow_stack.uploads_bucket, KEY)
    catalog = Catalog(airflow_stack.database_url)
    return Published(
        source, frames, wait_for_end(catalog, ids.asset_id(airflow_stack.uploads_bucket, KEY)).asset_id
    )


@pytest.fixture
def record(published: Published, catalog: Catalog) -> AssetRecord:
    return catalog.asset(published.asset_id)


@pytest.fixture
def page() -> Iterator[Page]:
    with open_browser() as browser:
        yield browser.new_page()


def addresses(settings: Settings, record: AssetRecord) -> dict[str, str]:
    playback: dict[str, str] = record.to_json(media_base_url=settings.media_base_url)["playback"]
    return playback


def test_an_upload_is_published_with_everything_that_the_profile_asks_for(
    record: AssetRecord, airflow_stack: Settings
) -> None:
    told = record.to_json(media_base_url=airflow_stack.media_base_url)
    assert told["status"] == "published", told["reason"]
    assert told["title"] == "ünïcødé 100 % 映画"
    assert told["source"]["key"] == KEY
    sizes = [(one["width"], one["height"]) for one in told["renditions"] if one["kind"] == "video"]
    assert sorted(sizes, reverse=True) == [(1280, 720), (854, 480), (640, 360), (426, 240)]
    assert sum(one["kind"] == "audio" for one in told["renditions"]) == 2
    assert told["runs"][0]["progress"]["percent"] == 100
    steps = told["runs"][0]["progress"]["steps"]
    units = {(one["step"], one["unit"]) for one in steps if one["step"] in {"encode_video", "assemble"}}
    assert units == {("encode_video", "s"), ("assemble", "rendition")}
    playback = told["playback"]
    for address in (playback["hls"], playback["dash"], playback["poster"], *playback["thumbnails"].values()):
        assert httpx.get(address, timeout=300).status_code == 200, address


def test_every_rendition_in_the_bucket_shows_every_frame(
    published: Published, record: AssetRecord, airflow_stack: Settings, tmp_path: Path
) -> None:
    bucket = boto3.resource("s3").Bucket(airflow_stack.media_bucket)
    checked = 0
    for rendition in record.to_json(media_base_url="")["renditions"]:
        if rendition["kind"] != "video":
            continue
        folder = tmp_path / rendition["rendition_key"]
        folder.mkdir()
        for item in bucket.objects.filter(Prefix=f"renditions/{rendition['rendition_key']}/"):
            bucket.download_file(item.key, str(folder / item.key.rsplit("/", 1)[1]))
        assert read_counters(folder / "media.m3u8") == list(range(published.frames))
        checked += 1
    assert checked == 4


def test_the_source_was_encoded_in_chunks_and_each_command_was_kept(
    record: AssetRecord, catalog: Catalog
) -> None:
    run = record.to_json(media_base_url="")["runs"][0]
    tools = catalog.tools(run["run_id"])
    encodes = [tool for tool in tools if tool.step == "encode_video"]
    assert len(encodes) == 4
    for tool in encodes:
        assert tool.command.startswith("ffmpeg ")
        assert tool.command.count("libx264") == 4, "all rungs from one decode"
        assert tool.versions["ffmpeg"]
        log = boto3.client("s3").get_object(Bucket="cutroom-work", Key=tool.log_key)["Body"].read()
        assert b"libx264" in log


def test_the_documents_say_what_the_catalog_says(
    record: AssetRecord, catalog: Catalog, airflow_stack: Settings
) -> None:
    documents = Documents(airflow_stack.documents_url)
    wait_until(lambda: documents_differ(catalog, documents) == [], "the documents to follow", 30)
    assert documents.get(record.asset_id) is not None
    documents.close()


@pytest.mark.browser
@pytest.mark.parametrize("kind", ["hls", "dash"])
def test_it_plays_through_every_boundary_and_rung_switch(
    kind: str, record: AssetRecord, airflow_stack: Settings, page: Page
) -> None:
    result = play_through(page, addresses(airflow_stack, record)[kind], boundaries=[6.0, 12.0, 18.0])
    assert result.errors == []
    assert result.stall_details == []
    assert result.holes == []
    assert result.crossed == [6.0, 12.0, 18.0]
    assert result.duration_s == pytest.approx(SECONDS, abs=0.1)
    assert sorted(result.heights) == [240, 360, 480, 720]
    assert len(result.switches) == 2
    assert result.corrupted_frames == 0


def test_the_same_bytes_again_are_not_encoded_again(
    published: Published, record: AssetRecord, catalog: Catalog, put: Callable[[Path, str], str]
) -> None:
    runs = len(record.to_json(media_base_url="")["runs"])
    put(published.source, KEY)

    def over() -> bool:
        told = catalog.asset(published.asset_id).to_json(media_base_url="")
        return len(told["runs"]) > runs and told["status"] != "processing"

    wait_until(over, "the second run to end")
    told = catalog.asset(published.asset_id).to_json(media_base_url="")
    assert told["status"] == "published"
    assert told["version_id"] == record.to_json(media_base_url="")["version_id"]
    newest = max(told["runs"], key=lambda run: run["started_at"])
    assert [tool.step for tool in catalog.tools(newest["run_id"])] == []


def test_an_audio_file_goes_its_way(
    tmp_path: Path, catalog: Catalog, put: Callable[[Path, str], str]
) -> None:
    make_counted(tmp_path / "both.mov", seconds=8)
    talk = tmp_path / "talk.flac"
    subprocess.run(
        [tools.path("ffmpeg"), "-v", "error", "-i", tmp_path / "both.mov", "-vn", talk], check=True
    )
    told = wait_for_end(catalog, put(talk, "incoming/talk.flac")).to_json(media_base_url="http://media")
    assert told["status"] == "published", told["reason"]
    assert told["runs"][0]["dag_id"] == "process_audio"
    assert told["profile"] == "podcast"
    assert "waveform" in told["playback"]["thumbnails"]


def test_what_is_not_media_is_rejected_and_tried_once(
    tmp_path: Path, catalog: Catalog, put: Callable[[Path, str], str], airflow_api: httpx.Client
) -> None:
    whole = tmp_path / "whole.mp4"
    make_counted(whole, seconds=4, audio=("-c:a", "aac"))
    files = {
        "plain text": b"Not a film.\n" * 50,
        "empty": b"",
        "truncated": whole.read_bytes()[: whole.stat().st_size // 2],
        "image": b"\x89PNG\r\n\x1a\n" + bytes(100),
    }
    assets = {}
    for reason, content in files.items():
        path = tmp_path / f"{reason}.mp4"
        path.write_bytes(content)
        # The longest key that S3 takes, too.
        name = f"incoming/{reason}.mp4" if reason != "image" else "incoming/" + "ü" * 505 + "x.mp4"
        assets[reason] = put(path, name)
    for reason, asset_id in assets.items():
        told = wait_for_end(catalog, asset_id).to_json(media_base_url="")
        assert told["status"] == "rejected"
        assert reason in told["reason"]
        assert "Traceback" not in told["reason"]
        assert told["playback"] is None
        assert tries(airflow_api, told["runs"][0]) == {"ingest": 1, "probe": 1}


def tries(api: httpx.Client, run: dict[str, str]) -> dict[str, int]:
    """How often each task of a run was tried, by Airflow's own account."""
    told = api.get(f"/api/v2/dags/{run['dag_id']}/dagRuns/{run['run_id']}/taskInstances").json()
    return {
        one["task_id"]: one["try_number"]
        for one in told["task_instances"]
        if one["try_number"] and one["task_id"] != "conclude"
    }
