"""The uploads bucket: what is in it, what users say of a file, and the bytes of one version of it."""

import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

from sqlalchemy import text

from cutroom.blocks.reader import PieceReader
from cutroom.errors import Conflict, ObjectMissing, PermanentError, SourceMissing, UsageError
from cutroom.media.s3_event import real_version, utc
from cutroom.media.sidecars import MAX_SIDECAR_BYTES, SEPARATORS, sidecars_of, stem_of
from cutroom.media.upload import UploadedObject, is_subtitles
from cutroom.stores.database import Database
from cutroom.stores.s3 import translated

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_MARK = "UTF-8''"
"""How RFC 8187 starts a header value that is percent-encoded UTF-8."""

RANGE_BYTES = 4 * 2**20
"""Bytes that are asked for at a time: as many as a block has, so that memory is bounded in the same way."""

AHEAD = 3
"""Ranges that are read ahead: whoever stores them elsewhere holds as many of them again."""

METADATA_LIMIT_BYTES = 2048
"""S3's limit on the names and values of an object's metadata."""


def metadata_of(*, title: str = "", owner: str = "", tags: Iterable[str] = ()) -> dict[str, str]:
    """The S3 user metadata that says these things; any characters are possible.

    Raises:
        UsageError: It is more than S3 takes.
    """
    named = [tag.strip() for tag in tags if tag.strip()]
    joined = ",".join(_percent(tag) if _needs_mark(tag) or "," in tag else tag for tag in named)
    values = {"title": _encoded(title.strip()), "owner": _encoded(owner.strip())}
    values["tags"] = f"{_MARK}{joined}" if "%" in joined else joined
    metadata = {name: value for name, value in values.items() if value}
    size_bytes = sum(len(name) + len(value) for name, value in metadata.items())
    if size_bytes > METADATA_LIMIT_BYTES:
        raise UsageError(
            f"Title, owner and tags take {size_bytes} bytes of S3's metadata; "
            f"{METADATA_LIMIT_BYTES} are allowed."
        )
    return metadata


def described(upload: UploadedObject, metadata: Mapping[str, str]) -> UploadedObject:
    """The upload with what its user metadata says: `title`, `owner` and comma-separated `tags`."""
    tags = metadata.get("tags", "")
    parts = tags.removeprefix(_MARK).split(",") if tags.startswith(_MARK) else _decoded(tags).split(",")
    decoded = (unquote(part) if tags.startswith(_MARK) else part for part in parts)
    return replace(
        upload,
        title=_decoded(metadata.get("title", "")),
        owner=_decoded(metadata.get("owner", "")),
        tags=tuple(dict.fromkeys(tag.strip() for tag in decoded if tag.strip())),
    )


def head_request(upload: UploadedObject) -> dict[str, str]:
    """The arguments of S3's HeadObject for that version of the upload."""
    version = {"VersionId": upload.version} if upload.versioned else {}
    return {"Bucket": upload.bucket, "Key": upload.key, **version}


def confirmed(upload: UploadedObject, head: Mapping[str, Any]) -> UploadedObject | None:
    """The upload with its size and metadata by S3's answer to HeadObject; None where it was replaced."""
    if not upload.versioned and head["ETag"].strip('"') != upload.version:
        return None
    return described(replace(upload, size_bytes=head["ContentLength"]), head["Metadata"])


def find_upload(client: "S3Client", *, bucket: str, key: str, version: str | None = None) -> UploadedObject:
    """A version of an object, by default the newest, with what its metadata say.

    Raises:
        SourceMissing: There is none that can be read.
    """
    which = {"VersionId": version} if version else {}
    try:
        with translated(f"s3://{bucket}/{key}"):
            head = client.head_object(Bucket=bucket, Key=key, **which)  # type: ignore[arg-type]
    except PermanentError as error:
        raise SourceMissing(f"There is no object s3://{bucket}/{key} that can be read.") from error
    return described(uploaded_object(head, bucket=bucket, key=key), head["Metadata"])


def open_upload(client: "S3Client", upload: UploadedObject) -> io.BufferedReader:
    """That version of the upload as a file, which is fetched by ranges, in parallel while it is read in order.

    Reading raises `SourceMissing` where the version is gone, or, in a bucket without versions, was replaced.
    """
    which = {"VersionId": upload.version} if upload.versioned else {"IfMatch": f'"{upload.version}"'}
    starts = range(0, upload.size_bytes, RANGE_BYTES)
    sizes = [min(RANGE_BYTES, upload.size_bytes - start) for start in starts]

    def fetch(start: int) -> bytes:
        try:
            with translated(f"s3://{upload.bucket}/{upload.key}"):
                end = min(start + RANGE_BYTES, upload.size_bytes) - 1
                answer = client.get_object(
                    Bucket=upload.bucket,
                    Key=upload.key,
                    Range=f"bytes={start}-{end}",
                    **which,  # type: ignore[arg-type]
                )
                return answer["Body"].read()
        except (ObjectMissing, Conflict) as error:
            raise _missing(upload) from error

    return io.BufferedReader(PieceReader(starts, sizes, fetch, ahead=AHEAD, behind=0))


def read_sidecars(client: "S3Client", upload: UploadedObject) -> dict[str, bytes]:
    """The files of subtitles that lie beside an object, as they are now: bytes by name."""
    folder = upload.key[: -len(upload.name)]
    listing = client.get_paginator("list_objects_v2")
    with translated(f"s3://{upload.bucket}/{folder}"):
        # Not all that begins with the name alone: of a film called `1` that may be a whole library.
        sizes = {
            item["Key"]: item["Size"]
            for separator in SEPARATORS
            for page in listing.paginate(
                Bucket=upload.bucket, Prefix=f"{folder}{stem_of(upload.name)}{separator}", Delimiter="/"
            )
            for item in page.get("Contents", ())
        }
        names = [PurePosixPath(key).name for key in sizes]
        return {
            name: client.get_object(Bucket=upload.bucket, Key=f"{folder}{name}")["Body"].read()
            for name in sidecars_of(upload.name, names)
            if sizes[f"{folder}{name}"] <= MAX_SIDECAR_BYTES
        }


def uploaded_object(head: Mapping[str, Any], *, bucket: str, key: str) -> UploadedObject:
    """The object version that S3's answer to HeadObject speaks of, without its metadata."""
    version = real_version(head.get("VersionId"))
    return UploadedObject(
        bucket=bucket,
        key=key,
        version=version or head["ETag"].strip('"'),
        versioned=bool(version),
        size_bytes=head["ContentLength"],
        uploaded_at=utc(head["LastModified"]),
    )


def list_uploads(pages: Iterable[Mapping[str, Any]], *, bucket: str) -> Iterator[UploadedObject]:
    """The newest version of each object in the pages of an S3 listing of object versions; no folders, no subtitles."""
    for page in pages:
        for item in page.get("Versions", ()):
            if item["IsLatest"] and not item["Key"].endswith("/") and not is_subtitles(item["Key"]):
                version = real_version(item.get("VersionId"))
                yield UploadedObject(
                    bucket=bucket,
                    key=item["Key"],
                    version=version or item["ETag"].strip('"'),
                    versioned=bool(version),
                    size_bytes=item["Size"],
                    uploaded_at=utc(item["LastModified"]),
                )


def unknown_file_versions(database: Database, file_versions: Iterable[str]) -> set[str]:
    """Those of the file versions that have no run yet."""
    with database.snapshot() as session:
        rows = session.execute(
            text(
                "SELECT name FROM unnest(CAST(:names AS text[])) AS name"
                " WHERE NOT EXISTS (SELECT 1 FROM runs WHERE file_version_id = name)"
            ),
            {"names": list(file_versions)},
        )
        return set(rows.scalars())


def _missing(upload: UploadedObject) -> SourceMissing:
    return SourceMissing(f"{upload.name} is gone from the uploads bucket, or was replaced: upload it again.")


def _needs_mark(value: str) -> bool:
    return (
        not (value.isascii() and value.isprintable())
        or "%" in value
        or "=?" in value
        or value.startswith(_MARK)
    )


def _encoded(value: str) -> str:
    return _MARK + _percent(value) if _needs_mark(value) else value


def _percent(value: str) -> str:
    return quote(value, safe=" ", errors="replace")


def _decoded(value: str) -> str:
    if value.startswith(_MARK):
        return unquote(value.removeprefix(_MARK))
    if "=?" in value:
        # S3 gives back values that other tools wrote in UTF-8 as RFC 2047 words.
        try:
            return str(make_header(decode_header(value)))
        except (HeaderParseError, LookupError, UnicodeDecodeError):
            return value
    return value
