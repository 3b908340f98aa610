"""What a report notes of a version's files, and what is said of each that changed since."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from cutroom.media import keys
from cutroom.packaging.facts import RenditionFacts, Segment, TrickPlay
from cutroom.steps import stored
from cutroom.stores.files import FileStore

FOLDER = "assets/as_1/av_1/"
SEGMENTS = ("seg_00001.m4s", "seg_00002.m4s")


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


FACTS = RenditionFacts(
    key="rn_1", name="h264-720p", kind="video", container="cmaf", rung="720p", track=0, codec_string="avc1.64001f",
    timescale=1000, bandwidth_bps=1, average_bandwidth_bps=1, size_bytes=1,
    segments=tuple(
        Segment(start_ticks=6000 * n, duration_ticks=6000, size_bytes=1, file=name) for n, name in enumerate(SEGMENTS)
    ),
    files={name: digest(name.encode()) for name in SEGMENTS},
    trick_play=TrickPlay(files={"trick_00001.m4s": digest(b"trick_00001.m4s")}, sizes_bytes=(1,)),
)  # fmt: skip


@pytest.fixture
def store(tmp_path: Path) -> FileStore:
    """A version with the bytes of each file its own name, and one of another asset beside it."""
    store = FileStore(tmp_path)
    for name in ("master.m3u8", "poster.jpg", "report.json"):
        store.put_bytes(FOLDER + name, name.encode())
    store.put_bytes("assets/as_2/av_1/poster.jpg", b"other")
    for name in (*SEGMENTS, "trick_00001.m4s", "media.m3u8"):
        store.put_bytes(keys.rendition("rn_1", name), name.encode())
    store.put_bytes(keys.rendition_facts("rn_1"), FACTS.dump())
    return store


def failed(store: FileStore, spoil: Callable[[], object]) -> list[str]:
    report = {"files": stored.digests(store, FOLDER, [FACTS])}
    spoil()
    return [one["found"] for one in stored.check(store, FOLDER, report, [FACTS]) if not one["ok"]]


def test_what_no_facts_know_is_noted_but_for_the_report_itself(store: FileStore) -> None:
    noted = stored.digests(store, FOLDER, [FACTS])
    rendition = {"renditions/rn_1/media.m3u8", "renditions/rn_1/rendition.json"}
    assert noted.keys() == {"master.m3u8", "poster.jpg", *rendition}
    assert noted["poster.jpg"] == digest(b"poster.jpg")


def test_what_is_as_it_was_holds(store: FileStore) -> None:
    assert failed(store, lambda: None) == []


@pytest.mark.parametrize(
    ("key", "told"),
    [
        (f"{FOLDER}master.m3u8", "master.m3u8"),
        (f"{FOLDER}poster.jpg", "poster.jpg"),
        ("renditions/rn_1/media.m3u8", "media.m3u8 of h264-720p"),
        ("renditions/rn_1/rendition.json", "rendition.json of h264-720p"),
        ("renditions/rn_1/seg_00002.m4s", "seg_00002.m4s of h264-720p (6 to 12 s)"),
        ("renditions/rn_1/trick_00001.m4s", "trick_00001.m4s of h264-720p"),
    ],
)
def test_a_file_that_is_gone_or_other_is_told_with_what_and_where(
    store: FileStore, key: str, told: str
) -> None:
    assert failed(store, lambda: store.put_bytes(key, b"other")) == [f"{told} is changed"]
    store.put_bytes(key, FACTS.dump() if key.endswith(".json") else key.rsplit("/", 1)[1].encode())
    assert failed(store, lambda: store.delete(key)) == [f"{told} is missing"]


def test_many_faults_are_counted(store: FileStore) -> None:
    report = {"files": {f"sprite_{number:05d}.jpg": "0" * 64 for number in range(10)}}
    (first, _) = stored.check(store, FOLDER, report, [FACTS])
    assert first["found"].endswith("; and 2 more")


def test_a_report_of_an_older_release_is_said_not_to_know(store: FileStore) -> None:
    first, second = stored.check(store, FOLDER, {}, [FACTS])
    assert (first["skipped"], first["ok"], second["ok"]) == (True, True, True)
