"""Every object store keeps the contract of `cutroom.stores.objects`."""

import os
import threading
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from cutroom.errors import AccessRefused, ObjectMissing, StoreUnavailable, UsageError
from cutroom.settings import Settings
from cutroom.stores.files import FileStore
from cutroom.stores.memory import MemoryStore
from cutroom.stores.objects import KEY_LIMIT_BYTES, ObjectStore
from cutroom.stores.s3 import S3Store, s3_client

ODD_KEYS = [
    "plain.m4s",
    "renditions/rn_x/seg_00001.m4s",
    "with space/and+plus.mp4",
    'quotes\'and"double".mp4',
    "percent%20%.mp4",
    "ünï/日本語/😀.mp4",
    "decomposed/u\u0308.mp4",
    "back\\slash:colon?question*star.mp4",
    "line\nbreak\ttab.mp4",
    "trailing space /dot./x",
    ".hidden/..double",
    "/".join(["n" * 204] * 5),
]
assert len(ODD_KEYS[-1]) == KEY_LIMIT_BYTES

REFUSED_KEYS = [
    "",
    "/absolute",
    "a//b",
    "a/",
    "../up",
    "a/../b",
    "./a",
    "x" * (KEY_LIMIT_BYTES + 1),
    "nul\0",
    "\ud800",
]


@pytest.fixture(params=["memory", "files", pytest.param("s3", marks=pytest.mark.stack)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ObjectStore]:
    if request.param == "memory":
        yield MemoryStore()
    elif request.param == "files":
        yield FileStore(tmp_path / "store")
    else:
        settings: Settings = request.getfixturevalue("stack")
        client = s3_client(settings)
        bucket = f"conformance-{uuid.uuid4().hex[:12]}"
        client.create_bucket(Bucket=bucket)
        # LocalStack, unlike S3, replaces an object under its readers where the bucket keeps no versions.
        client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        yield S3Store(client, bucket)


@pytest.mark.parametrize("key", ODD_KEYS)
def test_an_object_is_found_under_its_key_and_no_other(store: ObjectStore, key: str, tmp_path: Path) -> None:
    store.put_bytes(key, b"one")
    assert store.get_bytes(key) == b"one"
    found = store.head(key)
    assert found is not None
    assert (found.key, found.size_bytes) == (key, 3)
    assert [info.key for info in store.list("")] == [key]
    assert [info.key for info in store.list(key[:-1])] == [key]
    store.get_file(key, tmp_path / "got")
    assert (tmp_path / "got").read_bytes() == b"one"
    store.delete(key)
    assert store.head(key) is None
    assert list(store.list("")) == []


@pytest.mark.parametrize("key", REFUSED_KEYS)
def test_a_key_that_no_store_can_hold_is_refused(store: ObjectStore, key: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    for call in (
        lambda: store.put_bytes(key, b"x"),
        lambda: store.put_file(key, tmp_path / "file"),
        lambda: store.get_bytes(key),
        lambda: store.get_file(key, tmp_path / "got"),
        lambda: store.head(key),
        lambda: store.delete(key),
    ):
        with pytest.raises(UsageError):
            call()
    assert list(store.list("")) == []


def test_an_empty_object_is_an_object(store: ObjectStore, tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    store.put_bytes("a", b"")
    store.put_file("b", tmp_path / "empty")
    assert store.get_bytes("a") == store.get_bytes("b") == b""
    store.get_file("a", tmp_path / "got")
    assert (tmp_path / "got").read_bytes() == b""
    found = store.head("a")
    assert found is not None
    assert found.size_bytes == 0


def test_what_is_missing_is_told_as_missing(store: ObjectStore, tmp_path: Path) -> None:
    store.put_bytes("folder/object", b"x")
    for key in ("nothing", "folder", "folder/object/below", "folder/other"):
        assert store.head(key) is None
        with pytest.raises(ObjectMissing):
            store.get_bytes(key)
        with pytest.raises(ObjectMissing):
            store.get_file(key, tmp_path / "got")
        assert not (tmp_path / "got").exists()
    assert list(store.list("nothing")) == []


def test_a_local_file_that_is_missing_is_no_matter_of_the_store(store: ObjectStore, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        store.put_file("a", tmp_path / "nothing")
    assert store.head("a") is None


def test_deleting_twice_is_the_same_as_once(store: ObjectStore) -> None:
    store.put_bytes("a/b", b"x")
    store.delete("a/b")
    store.delete("a/b")
    store.delete("never/was")
    assert store.head("a/b") is None


def test_the_etag_changes_when_the_bytes_do(store: ObjectStore) -> None:
    store.put_bytes("a", b"one")
    before = store.head("a")
    store.put_bytes("a", b"two")
    after = store.head("a")
    assert before is not None
    assert after is not None
    assert before.etag != after.etag
    assert [info.etag for info in store.list("a")] == [after.etag]


def test_listings_are_in_the_order_of_utf_8_bytes(store: ObjectStore) -> None:
    keys = ["a", "a b", "a-b", "a.b", "a0", "ab", "b/a", "b.c/x", "b/z", "Z", "ß", "é/x", "日", "😀"]
    for key in keys:
        store.put_bytes(key, b"x")
    expected = sorted(keys, key=lambda key: key.encode())
    assert [info.key for info in store.list("")] == expected
    for prefix in ("a", "b", "b/", "é", "b/z", "c"):
        assert [info.key for info in store.list(prefix)] == [
            key for key in expected if key.startswith(prefix)
        ]


def test_a_listing_goes_beyond_one_page(store: ObjectStore) -> None:
    keys = [f"many/{number:04}" for number in range(1005)]
    with ThreadPoolExecutor(max_workers=8) as writers:
        list(writers.map(lambda key: store.put_bytes(key, b""), keys))
    assert [info.key for info in store.list("many/")] == keys


def test_a_big_file_comes_back_as_it_was(store: ObjectStore, tmp_path: Path) -> None:
    data = os.urandom(20 * 2**20 + 1)
    (tmp_path / "big").write_bytes(data)
    store.put_file("big", tmp_path / "big")
    store.put_file("big", tmp_path / "big")
    store.get_file("big", tmp_path / "new" / "folder" / "got")
    assert (tmp_path / "new" / "folder" / "got").read_bytes() == data
    assert [info.key for info in store.list("")] == ["big"]
    assert [path.name for path in (tmp_path / "new" / "folder").iterdir()] == ["got"]


def test_readers_see_the_old_or_the_new_object_whole(store: ObjectStore, tmp_path: Path) -> None:
    # Above the size from which S3 objects come in ranges.
    versions = [bytes([number]) * (17 * 2**20 + number) for number in range(4)]
    store.put_bytes("object", versions[0])
    done = threading.Event()
    seen: list[bytes] = []
    errors: list[BaseException] = []

    def read(turn: Callable[[int], bytes]) -> None:
        count = 0
        try:
            while not done.is_set():
                seen.append(turn(count))
                count += 1
        except BaseException as error:  # noqa: BLE001
            errors.append(error)

    def as_file(count: int) -> bytes:
        path = tmp_path / f"got{count}"
        store.get_file("object", path)
        return path.read_bytes()

    threads = [
        threading.Thread(target=read, args=(lambda _: store.get_bytes("object"),)),
        threading.Thread(target=read, args=(as_file,)),
    ]
    for thread in threads:
        thread.start()
    for version in [*versions[1:], *versions]:
        store.put_bytes("object", version)
    done.set()
    for thread in threads:
        thread.join()
    assert errors == []
    assert seen
    assert all(data in versions for data in seen)


def test_the_end_of_a_failed_write_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = FileStore(tmp_path / "store")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(StoreUnavailable, match="disk is full"):
        store.put_bytes("a/b", b"x")
    assert list(store.list("")) == []
    assert [path for path in (tmp_path / "store").rglob("*") if path.is_file()] == []


def test_files_are_links_where_that_is_possible_and_copies_where_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = FileStore(tmp_path / "store")
    source = tmp_path / "source"
    source.write_bytes(b"x")
    # A link onto itself must not leave its unfinished name behind.
    store.put_file("a", source)
    store.put_file("a", source)
    store.get_file("a", tmp_path / "got")
    store.get_file("a", tmp_path / "got")
    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file()) == ["a", "got", "source"]
    assert source.stat().st_ino == (tmp_path / "got").stat().st_ino

    def other_device(*_: object) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(Path, "hardlink_to", other_device)
    store.put_file("b", source)
    store.get_file("b", tmp_path / "copied")
    assert (tmp_path / "copied").read_bytes() == b"x"
    assert source.stat().st_ino != (tmp_path / "copied").stat().st_ino


def test_a_folder_refuses_names_too_long_for_a_file_and_names_in_each_others_way(tmp_path: Path) -> None:
    store = FileStore(tmp_path / "store")
    with pytest.raises(UsageError, match="255"):
        store.put_bytes("ü" * 128, b"x")
    store.put_bytes("a", b"x")
    with pytest.raises(UsageError, match="in its way"):
        store.put_bytes("a/b", b"x")
    store.put_bytes("c/d", b"x")
    with pytest.raises(UsageError, match="in its way"):
        store.put_bytes("c", b"x")
    with pytest.raises(UsageError, match="unfinished"):
        store.put_bytes(".cutroom-partial-x", b"x")
    assert [info.key for info in store.list("")] == ["a", "c/d"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "store").mkdir(mode=0o500)
    with pytest.raises(AccessRefused):
        FileStore(tmp_path / "store").put_bytes("a", b"x")


def test_where_an_object_is_can_be_told(store: ObjectStore) -> None:
    store.put_bytes("a/b.json", b"{}")
    address = store.address("a/b.json")
    assert address.endswith("a/b.json")
    if isinstance(store, FileStore):
        assert Path(address).read_bytes() == b"{}"
    with pytest.raises(UsageError):
        store.address("../up")
