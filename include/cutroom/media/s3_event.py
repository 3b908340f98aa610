"""S3 event messages: which uploads a message from the queue tells of.

Keys in events are form-encoded: `+` is a space and everything else is percent-encoded UTF-8. Events may come
twice, late and in any order; a message may hold several.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self
from urllib.parse import unquote_plus

from cutroom.errors import PermanentError
from cutroom.media import keys
from cutroom.media.upload import UploadedObject, is_subtitles


class UnreadableEventError(PermanentError):
    """A message of the queue is not an S3 event; the message says what is wrong with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A message as the queue gave it."""

    receipt: str
    """What the queue wants to see when the message is taken off."""
    body: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """The uploads of some messages, and what to take off the queue once their runs exist."""

    uploads: tuple[UploadedObject, ...] = ()
    """Each object version once, oldest first."""
    commits: tuple[str, ...] = ()
    """File versions that an upload manifest tells of, each once."""
    receipts: tuple[str, ...] = ()
    """Of every message that was read, those without an upload included."""
    ignored: tuple[str, ...] = ()
    """One line for each message or record that leads to nothing, for the log."""

    def to_json(self) -> dict[str, Any]:
        """A plain value for a trigger event, without the commits: they have become uploads."""
        return {"uploads": [upload.to_json() for upload in self.uploads], "receipts": list(self.receipts)}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Self:
        """The reverse of `to_json`."""
        uploads = tuple(UploadedObject.from_json(upload) for upload in value["uploads"])
        return cls(uploads=uploads, receipts=tuple(value["receipts"]))


def read_batch(messages: Iterable[Message], *, bucket: str, prefix: str) -> Batch:
    """The uploads under `prefix` of `bucket`, and the upload manifests in it, that the messages tell of.

    Messages that are no S3 events, and events that are no uploads, lead to a line in `ignored` instead; their
    receipts are among the others, so that they don't come again and again.
    """
    uploads: list[UploadedObject] = []
    commits: dict[str, None] = {}
    receipts: list[str] = []
    ignored: list[str] = []
    for message in messages:
        receipts.append(message.receipt)
        try:
            found = parse_message(message.body)
        except UnreadableEventError as error:
            ignored.append(f"{error} It starts: {message.body[:200]!r}")
            continue
        for upload in found:
            version_id = keys.version_of_manifest(upload.key)
            if upload.bucket == bucket and version_id:
                commits[version_id] = None
            elif reason := _reason_to_ignore(upload, bucket=bucket, prefix=prefix):
                ignored.append(f"s3://{upload.bucket}/{upload.key} {reason}.")
            else:
                uploads.append(upload)
    return Batch(
        uploads=distinct(uploads), commits=tuple(commits), receipts=tuple(receipts), ignored=tuple(ignored)
    )


def distinct(uploads: Iterable[UploadedObject]) -> tuple[UploadedObject, ...]:
    """Each object version once, oldest first."""
    first: dict[str, UploadedObject] = {}
    for upload in uploads:
        first.setdefault(upload.file_version_id, upload)
    return tuple(sorted(first.values(), key=lambda upload: (upload.uploaded_at, upload.key)))


def parse_message(body: str) -> tuple[UploadedObject, ...]:
    """The object versions whose creation a message tells of; none for S3's test message and for removals.

    A message that came through an SNS topic is unwrapped.

    Raises:
        UnreadableEventError: The message is not what S3 sends.
    """
    document = _json_object(body)
    if document.get("Type") == "Notification" and isinstance(document.get("Message"), str):
        document = _json_object(document["Message"])
    if document.get("Event") == "s3:TestEvent":
        return ()
    records = document.get("Records")
    if not isinstance(records, list):
        raise UnreadableEventError("The message has no list of records.")
    return tuple(_uploads(records))


def utc(time: str | datetime) -> str:
    """A time as uploads hold it: ISO 8601 in UTC with milliseconds, so that text order is time order.

    Raises:
        ValueError: The text is not an ISO 8601 time.
    """
    moment = datetime.fromisoformat(time) if isinstance(time, str) else time
    return (
        (moment if moment.tzinfo else moment.replace(tzinfo=UTC))
        .astimezone(UTC)
        .isoformat(timespec="milliseconds")
    )


def real_version(version: str | None) -> str:
    """S3's version id; empty where the bucket keeps no versions, which S3 also writes as `null`."""
    return "" if version in {None, "null"} else str(version)


def _uploads(records: list[Any]) -> Iterator[UploadedObject]:
    for record in records:
        try:
            if not str(record["eventName"]).removeprefix("s3:").startswith("ObjectCreated:"):
                continue
            item = record["s3"]["object"]
            version = real_version(item.get("versionId"))
            yield UploadedObject(
                bucket=_text(record["s3"]["bucket"]["name"]),
                key=unquote_plus(_text(item["key"]), errors="strict"),
                version=version or _text(item["eTag"]).strip('"'),
                versioned=bool(version),
                size_bytes=int(item.get("size", 0)),
                uploaded_at=utc(_text(record["eventTime"])),
            )
        except (KeyError, TypeError, AttributeError, ValueError, OverflowError) as error:
            raise UnreadableEventError(
                f"A record of the message can't be read ({type(error).__name__}: {error})."
            ) from error


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise TypeError(f"{value!r} where text is due")
    return value


def _json_object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UnreadableEventError(f"The message is not JSON ({error}).") from error
    if not isinstance(value, dict):
        raise UnreadableEventError("The message is not a JSON object.")
    return value


def _reason_to_ignore(upload: UploadedObject, *, bucket: str, prefix: str) -> str:
    if upload.bucket != bucket:
        return f"is not in {bucket}"
    if not upload.key.startswith(prefix):
        return f"is not under {prefix}"
    if upload.key.endswith("/"):
        return "is a folder"
    if is_subtitles(upload.key):
        return "is subtitles, which are taken when the film beside them is processed"
    return ""
