"""The index of what the embedded S3 and SQS keep."""

from pathlib import Path

import pytest

from cutroom.stack.kept_index import KeptIndex, KeptVersion


def a_version(version: str, file: str | None) -> KeptVersion:
    return KeptVersion(version=version, file=file, size_bytes=3, state=b"state of " + version.encode())


@pytest.fixture
def index(tmp_path: Path) -> KeptIndex:
    return KeptIndex(tmp_path)


def test_versions_come_back_in_their_order_after_a_new_start(index: KeptIndex, tmp_path: Path) -> None:
    key = "ä b+'\"%zz/" + "x" * 1000
    kept = [a_version("zz", "f1"), a_version("aa", None), a_version("mm", "f2")]
    index.keep_object("media", key, kept)
    assert KeptIndex(tmp_path).objects() == [("media", key, version) for version in kept]


def test_an_overwrite_names_the_file_that_is_no_longer_needed(index: KeptIndex) -> None:
    index.keep_object("media", "k", [a_version("null", "old")])
    assert index.keep_object("media", "k", [a_version("null", "new")]) == ["old"]
    assert index.keep_object("media", "k", []) == ["new"]
    assert index.objects() == []


def test_a_bucket_goes_with_its_objects(index: KeptIndex) -> None:
    index.keep_bucket("media", b"state")
    index.keep_object("media", "k", [a_version("null", "f")])
    index.forget_bucket("media")
    assert (index.buckets(), index.objects()) == ([], [])


def test_attributes_of_a_queue_add_up(index: KeptIndex) -> None:
    index.keep_queue("q", {"VisibilityTimeout": "60"})
    index.keep_queue("q", {"Policy": "{}"})
    assert index.queues() == {"q": {"VisibilityTimeout": "60", "Policy": "{}"}}


def test_messages_stay_in_order_until_they_are_taken_off(index: KeptIndex) -> None:
    for number in range(3):
        index.keep_message(f"id{number}", "q", f"body {number}")
    index.forget_messages(["id1"])
    assert index.messages() == [("id0", "q", "body 0"), ("id2", "q", "body 2")]
    index.forget_queue("q")
    assert index.messages() == []


def test_what_was_lost_leaves_the_list_of_objects(index: KeptIndex) -> None:
    index.keep_object("media", "k", [a_version("null", "f")])
    index.mark_lost([("media", "k", "null")])
    assert index.objects() == []
