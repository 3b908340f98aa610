"""Identifiers: short, typed, and derived from what they name, so that doing a thing twice names it once."""

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import NewType

AssetId = NewType("AssetId", str)
"""One title, stable across re-uploads: `as_` and a digest of bucket and key."""

FileId = NewType("FileId", str)
"""One named file, whatever its content: `fl_` and a digest of bucket and key."""

FileVersionId = NewType("FileVersionId", str)
"""One immutable content of a file: `fv_` and a digest of bucket, key and S3 version."""

VersionId = NewType("VersionId", str)
"""One published version of an asset: `av_` and a digest of content and recipe."""

RenditionKey = NewType("RenditionKey", str)
"""One packaged track: `rn_` and a digest of content and recipe."""

BlockId = NewType("BlockId", str)
"""One block, by its content: the SHA-256 of its bytes in lower-case hex."""

Json = None | bool | int | float | str | Sequence["Json"] | Mapping[str, "Json"]


def digest(value: Json, length: int = 24) -> str:
    """The digest of a JSON value, independent of key order: lower-case base32, 5 bits a character."""
    canonical = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    raw = hashlib.sha256(canonical.encode()).digest()
    return base64.b32encode(raw).decode().lower().rstrip("=")[:length]


def file_id(bucket: str, key: str) -> FileId:
    """The file that is kept under `key` in `bucket`."""
    return FileId("fl_" + digest([bucket, key], 20))


def asset_id(bucket: str, key: str) -> AssetId:
    """The asset of the object that a user names `key` in `bucket`."""
    return AssetId("as_" + digest([bucket, key], 20))


def file_version_id(bucket: str, key: str, version: str) -> FileVersionId:
    """The file version of one S3 object version; `version` is S3's version id, or the ETag without versioning."""
    return FileVersionId("fv_" + digest([bucket, key, version], 20))


def committed_version_id(session_id: str) -> FileVersionId:
    """The file version that an upload session commits: known before the commit, so that it can be repeated."""
    return FileVersionId("fv_" + digest([session_id], 20))


def run_id(file_version: FileVersionId, profile_digest: str) -> str:
    """The Airflow run id of a file version under a profile: the same work always has the same name."""
    return f"{file_version}--{profile_digest}"
