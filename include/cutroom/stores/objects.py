"""Object stores: named, immutable-by-convention bytes in a bucket or a folder.

The contract, held by one conformance suite for every store:

- Keys are relative, `/`-separated names of 1 to 1,024 bytes of UTF-8 without `..` or empty parts.
- A write is atomic: a reader sees the old object or the whole new one, never a part. A failed write leaves
  nothing.
- A key that no store can hold raises `UsageError` before a write. A folder takes no part over 255 bytes.
- A missing object raises `ObjectMissing`, refused access `AccessRefused`, a store that is away
  `StoreUnavailable`.
- Every call may be repeated.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from cutroom.errors import UsageError


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectInfo:
    """What a store says of an object without giving its bytes."""

    key: str
    size_bytes: int
    etag: str
    """Changes when the bytes change; a version id is not meant."""


class ObjectStore(Protocol):
    """One bucket or folder."""

    def put_bytes(self, key: str, data: bytes, *, content_type: str = "application/octet-stream") -> None:
        """Write an object from memory, replacing what was there."""

    def put_file(self, key: str, path: Path, *, content_type: str = "application/octet-stream") -> None:
        """Write an object from a local file; the file may be linked, so it must not change afterwards.

        A file that is not there raises `FileNotFoundError`: the store has no say in it.
        """

    def get_bytes(self, key: str) -> bytes:
        """The whole object."""

    def get_file(self, key: str, path: Path) -> None:
        """Copy the object to `path`, which appears whole or not at all; it may be a link: do not write to it.

        Folders above `path` are made.
        """

    def head(self, key: str) -> ObjectInfo | None:
        """What is known of the object; None where there is none."""

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """The objects whose keys start with `prefix`, in the order of their keys' UTF-8 bytes."""

    def delete(self, key: str) -> None:
        """Remove the object; nothing happens where there is none."""

    def address(self, key: str) -> str:
        """Where a person finds the object."""


KEY_LIMIT_BYTES = 1024
"""S3's limit on a key."""


def checked_key(key: str) -> str:
    """The key as it is, if every store may hold it.

    Raises:
        UsageError: The key is empty, too long, absolute, not UTF-8, or has an empty, `.` or `..` part.
    """
    try:
        size_bytes = len(key.encode())
    except UnicodeEncodeError as error:
        raise UsageError(f"The key {key!r} can't be written as UTF-8.") from error
    if not 0 < size_bytes <= KEY_LIMIT_BYTES:
        raise UsageError(f"The key {key[:80]!r} has {size_bytes} bytes; 1 to {KEY_LIMIT_BYTES} are allowed.")
    if "\0" in key or any(part in {"", ".", ".."} for part in key.split("/")):
        raise UsageError(f"The key {key!r} has an empty, '.' or '..' part or a zero byte.")
    return key


def key_order(info: ObjectInfo) -> bytes:
    """What listings are sorted by: a key's UTF-8 bytes, as S3 does."""
    return info.key.encode()
