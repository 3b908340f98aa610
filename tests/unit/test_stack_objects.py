"""What published assets miss in the embedded S3."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from cutroom.media.version import PublishedRendition, PublishedVersion
from cutroom.settings import Settings
from cutroom.stack import objects
from cutroom.stack.kept_index import KeptIndex, KeptVersion

PREFIX = "assets/as_1/av_1/"
KEYS = [
    f"{PREFIX}master.m3u8",
    f"{PREFIX}manifest.mpd",
    f"{PREFIX}poster.jpg",
    "renditions/rn_1/seg_1",
    "renditions/rn_1/seg_2",
]


def a_version() -> PublishedVersion:
    rendition = PublishedRendition(
        rendition_key="rn_1",
        kind="video",
        codec_string="avc1.64001f",
        container="cmaf",
        bandwidth_bps=1,
        average_bandwidth_bps=1,
        bytes=1,
        segments=2,
        prefix="renditions/rn_1/",
    )
    return PublishedVersion(
        asset_id="as_1",
        version_id="av_1",
        profile="web",
        profile_digest="p",
        source_sha256="0" * 64,
        prefix=PREFIX,
        hls=KEYS[0],
        dash=KEYS[1],
        poster=KEYS[2],
        duration_s="12",
        renditions=(rendition,),
    )


@dataclass(frozen=True)
class ARecord:
    asset_id: str
    version: PublishedVersion | None
    status: str
    reason: str = ""


class OnePublishedAsset:
    """A catalog that holds one published asset and one that never was."""

    def __init__(self, _url: str) -> None: ...

    def assets(self, *, limit: int, offset: int, status: str | None = None) -> list[ARecord]:
        assert status is None
        records = [ARecord("as_1", a_version(), "published"), ARecord("as_2", None, "processing")]
        return records[offset : offset + limit]

    def close(self) -> None: ...


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setattr(objects, "Catalog", OnePublishedAsset)
    return Settings(home=tmp_path, AWS_ENDPOINT_URL="", s3="embedded")


@pytest.fixture
def keep(settings: Settings) -> Callable[[list[str]], None]:
    def write(keys: list[str]) -> None:
        index = KeptIndex(settings.home / "objects")
        for key in keys:
            version = KeptVersion(version="null", file="f", size_bytes=1, state=b"")
            index.keep_object(settings.media_bucket, key, [version])

    return write


def test_nothing_is_missing_when_every_named_object_is_there(
    settings: Settings, keep: Callable[[list[str]], None]
) -> None:
    keep(KEYS)
    assert objects.lost_content(settings) is None


def test_missing_objects_are_counted_with_their_asset(
    settings: Settings, keep: Callable[[list[str]], None]
) -> None:
    # A neighbour with the same beginning is no segment of it.
    keep([KEYS[0], KEYS[3], "renditions/rn_10/seg_1"])
    lost = objects.lost_content(settings)
    assert lost is not None
    assert (lost.objects, lost.asset_ids) == (3, ("as_1",))
    assert "3 objects of 1 published assets are missing (as_1)" in lost.message


def test_an_index_that_is_gone_means_that_everything_is(settings: Settings) -> None:
    lost = objects.lost_content(settings)
    assert lost is not None
    assert lost.objects == len(KEYS)


def test_a_store_of_somebody_else_is_not_judged(settings: Settings) -> None:
    assert objects.lost_content(settings.model_copy(update={"s3": "aws"})) is None


def test_an_asset_whose_objects_were_lost_says_so_and_names_no_address(
    settings: Settings, keep: Callable[[list[str]], None]
) -> None:
    keep(KEYS[1:])
    lost, never_published = objects.PlayableAssets(settings).assets()
    assert (lost.status, lost.version) == ("failed", None)
    assert "1 objects of 1 published assets are missing" in lost.reason
    assert never_published.status == "processing"


def test_an_asset_whose_objects_are_there_is_told_as_it_is(
    settings: Settings, keep: Callable[[list[str]], None]
) -> None:
    keep(KEYS)
    told = objects.PlayableAssets(settings).assets()[0]
    assert (told.status, told.version) == ("published", a_version())
