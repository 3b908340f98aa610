"""Objects in memory, for tests and trials."""

import hashlib
import uuid
from collections.abc import Iterator
from pathlib import Path

from cutroom.errors import ObjectMissing
from cutroom.stores.objects import ObjectInfo, checked_key, key_order


class MemoryStore:
    """An object store that ends with the process."""

    def __init__(self) -> None:
        self._objects: dict[str, bytes] = {}

    def put_bytes(self, key: str, data: bytes, *, content_type: str = "application/octet-stream") -> None:
        """Write an object from memory, replacing what was there."""
        del content_type
        self._objects[checked_key(key)] = bytes(data)

    def put_file(self, key: str, path: Path, *, content_type: str = "application/octet-stream") -> None:
        """Write an object from a local file."""
        self.put_bytes(checked_key(key), path.read_bytes(), content_type=content_type)

    def get_bytes(self, key: str) -> bytes:
        """The whole object."""
        try:
            return self._objects[checked_key(key)]
        except KeyError:
            raise ObjectMissing(f"{key} is not in memory.") from None

    def get_file(self, key: str, path: Path) -> None:
        """Copy the object to `path`, which appears whole or not at all."""
        data = self.get_bytes(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.parent / f".{uuid.uuid4().hex}.partial"
        try:
            partial.write_bytes(data)
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)

    def head(self, key: str) -> ObjectInfo | None:
        """What is known of the object; None where there is none."""
        data = self._objects.get(checked_key(key))
        return None if data is None else _info(key, data)

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """The objects whose keys start with `prefix`, in the order of their keys' UTF-8 bytes."""
        found = [_info(key, data) for key, data in list(self._objects.items()) if key.startswith(prefix)]
        return iter(sorted(found, key=key_order))

    def delete(self, key: str) -> None:
        """Remove the object; nothing happens where there is none."""
        self._objects.pop(checked_key(key), None)

    def address(self, key: str) -> str:
        """The key: nobody else sees the object."""
        return checked_key(key)


def _info(key: str, data: bytes) -> ObjectInfo:
    return ObjectInfo(key=key, size_bytes=len(data), etag=hashlib.sha256(data).hexdigest()[:32])
