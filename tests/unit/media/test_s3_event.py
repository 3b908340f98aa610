import contextlib
import json
from typing import Any
from urllib.parse import quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cutroom.ids import FileId, FileVersionId
from cutroom.media import keys
from cutroom.media.s3_event import Batch, Message, UnreadableEventError, parse_message, read_batch

KEYS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=40)


def record(key: str = "incoming/a.mp4", **changes: Any) -> dict[str, Any]:
    made = {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "eventTime": "2026-03-01T10:00:00.123Z",
        "eventName": "ObjectCreated:Put",
        "s3": {
            "bucket": {"name": "uploads"},
            "object": {
                "key": quote_plus(key),
                "size": 7,
                "eTag": "e1",
                "versionId": "v1",
                "sequencer": "0055",
            },
        },
    }
    made["s3"]["object"] |= changes.pop("item", {})
    return made | changes


def body(*records: dict[str, Any]) -> str:
    return json.dumps({"Records": list(records)})


def batch(*bodies: str) -> Batch:
    messages = [Message(receipt=f"r{number}", body=text) for number, text in enumerate(bodies)]
    return read_batch(messages, bucket="uploads", prefix="incoming/")


@given(KEYS)
def test_every_key_comes_back_as_it_was(key: str) -> None:
    [upload] = parse_message(body(record(key)))
    assert upload.key == key


@given(st.text())
def test_any_text_is_refused_in_our_words(text: str) -> None:
    with pytest.raises(UnreadableEventError, match="The message"):
        parse_message(text)


NAMES = st.sampled_from(
    ["Records", "s3", "object", "bucket", "name", "key", "eTag", "eventName", "eventTime", "Event"]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda each: st.lists(each) | st.dictionaries(NAMES, each),
)


@given(JSON)
def test_any_json_is_read_or_refused_in_our_words(value: Any) -> None:
    records = [record() | value] if isinstance(value, dict) else value
    with contextlib.suppress(UnreadableEventError):
        parse_message(json.dumps({"Records": records}))


@given(st.lists(KEYS, max_size=4))
def test_a_batch_survives_being_a_trigger_event(keys: list[str]) -> None:
    made = batch(body(*(record(f"incoming/{key}x") for key in keys)))
    again = Batch.from_json(json.loads(json.dumps(made.to_json())))
    assert (again.uploads, again.receipts) == (made.uploads, made.receipts)


def test_an_event_gives_the_facts_of_the_object() -> None:
    [upload] = parse_message(body(record("incoming/ä +%20'.mp4")))
    assert (upload.bucket, upload.key, upload.version, upload.versioned, upload.size_bytes) == (
        "uploads", "incoming/ä +%20'.mp4", "v1", True, 7,
    )  # fmt: skip
    assert upload.uploaded_at == "2026-03-01T10:00:00.123+00:00"


@pytest.mark.parametrize("version", [None, "null"])
def test_without_versions_the_etag_names_the_version(version: str | None) -> None:
    [upload] = parse_message(body(record(item={"versionId": version, "eTag": '"e1"'})))
    assert (upload.version, upload.versioned) == ("e1", False)


def test_several_records_of_one_message_are_several_uploads() -> None:
    made = batch(body(record("incoming/a"), record("incoming/b")))
    assert [upload.key for upload in made.uploads] == ["incoming/a", "incoming/b"]
    assert made.receipts == ("r0",)


def test_a_duplicate_is_one_upload_but_two_messages_to_take_off() -> None:
    made = batch(body(record()), body(record()))
    assert len(made.uploads) == 1
    assert made.receipts == ("r0", "r1")


def test_the_oldest_upload_comes_first() -> None:
    late, early = (
        record("incoming/a", eventTime="2026-03-01T10:00:00Z"),
        record("incoming/b", eventTime="2026-02-01T00:00:00Z"),
    )
    assert [upload.key for upload in batch(body(late, early)).uploads] == ["incoming/b", "incoming/a"]


@pytest.mark.parametrize(
    "text",
    [
        json.dumps({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "uploads"}),
        body(record(eventName="ObjectRemoved:Delete")),
        body(),
    ],
)
def test_what_is_no_upload_is_taken_off_in_silence(text: str) -> None:
    assert batch(text) == Batch(receipts=("r0",))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "not JSON"),
        ("[]", "not a JSON object"),
        ("{}", "no list of records"),
        ('{"Records": [{}]}', "KeyError"),
        (body(record(item={"key": "%ff"})), "UnicodeDecodeError"),
        (body(record(eventTime="yesterday")), "ValueError"),
        (body(record("incoming/folder/")), "is a folder"),
        (body(record("incoming/a.en.srt")), "is subtitles"),
        (body(record("elsewhere/a.mp4")), "not under incoming/"),
        (body(record() | {"s3": record()["s3"] | {"bucket": {"name": "theirs"}}}), "not in uploads"),
    ],
)
def test_what_leads_nowhere_is_told_and_taken_off(text: str, reason: str) -> None:
    made = batch(text, body(record()))
    assert [upload.key for upload in made.uploads] == ["incoming/a.mp4"]
    assert made.receipts == ("r0", "r1")
    [line] = made.ignored
    assert reason in line


def test_a_message_through_a_topic_is_unwrapped() -> None:
    wrapped = json.dumps({"Type": "Notification", "Message": body(record())})
    assert [upload.key for upload in parse_message(wrapped)] == ["incoming/a.mp4"]


def test_names_with_and_without_s3_before_them_are_known() -> None:
    assert len(parse_message(body(record(eventName="s3:ObjectCreated:CompleteMultipartUpload")))) == 1


def test_an_empty_file_is_an_upload() -> None:
    [upload] = parse_message(body(record(item={"size": 0})))
    assert upload.size_bytes == 0


def test_an_upload_manifest_tells_of_a_committed_version() -> None:
    def told_of(key: str, bucket: str = "uploads") -> Batch:
        record = {
            "eventName": "ObjectCreated:Put",
            "eventTime": "2026-11-22T10:00:00.000Z",
            "s3": {"bucket": {"name": bucket}, "object": {"key": key, "size": 9, "eTag": "e"}},
        }
        return read_batch(
            [Message(receipt="r", body=json.dumps({"Records": [record, record]}))],
            bucket="uploads",
            prefix="incoming/",
        )

    key = keys.upload_manifest(FileId("fl_abc"), FileVersionId("fv_xyz234"))
    batch = told_of(key)
    assert (batch.uploads, batch.commits, batch.ignored) == ((), ("fv_xyz234",), ())
    for other in (key + "x", "manifests/readme.txt", "manifests/fl_abc/../fv_x.json"):
        assert told_of(other).commits == ()
        assert told_of(other).ignored
    assert told_of(key, bucket="other").commits == ()
