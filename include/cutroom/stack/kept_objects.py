"""A storage backend for LocalStack's S3 that keeps every object in a file of its own.

An overwrite goes to a new file, and the old one stays until the index names the new: a crash in the middle leaves
the old object whole. Files are open only while they are read or written, so their number is not limited.
Runs in LocalStack's environment.
"""

import uuid
from pathlib import Path
from threading import RLock
from typing import Any, BinaryIO, Literal

from localstack.services.s3.storage import ephemeral  # type: ignore[import-not-found]
from readerwriterlock import rwlock  # type: ignore[import-not-found]


class Slot:
    """Where the bytes of one object version are: the file that counts, and the one being written.

    It stands where LocalStack expects a file with two locks: `position_lock` makes seek-and-read one step,
    `readwrite_lock` keeps readers and the writer apart.
    """

    def __init__(self, folder: Path, name: str | None = None, last_modified: int = 0) -> None:
        self.position_lock = RLock()
        self.readwrite_lock = rwlock.RWLockWrite()
        self.internal_last_modified = last_modified
        self.name = name
        """The file with the bytes; None while there are none."""
        self.name_in_index = name
        """The file that the index names, which a failed overwrite goes back to."""
        self._folder = folder
        self._writing: str | None = None
        self._file: BinaryIO | None = None
        self._users = 0

    def path(self, name: str) -> Path:
        """The path of a file of this folder."""
        return self._folder / name[:2] / name

    def enter(self) -> None:
        """Count a reader or writer."""
        with self.position_lock:
            self._users += 1

    def leave(self) -> None:
        """Discount a reader or writer; what was written counts from here on."""
        with self.position_lock:
            self._users -= 1
            if self._writing is not None:
                self._close_file()
                self.name, self._writing = self._writing, None
            elif self._users == 0:
                self._close_file()

    def discard(self) -> bool:
        """Drop what was written and is not in the index; tells whether nothing is left."""
        with self.position_lock:
            if self._writing is None and self.name == self.name_in_index:
                return True
            self._close_file()
            dropped = self._writing or self.name
            if dropped:
                self.path(dropped).unlink(missing_ok=True)
            self._writing = None
            self.name = self.name_in_index
            return self.name is None

    def seek(self, offset: int, whence: int = 0) -> int:
        """As of a file."""
        return self._opened().seek(offset, whence)

    def tell(self) -> int:
        """As of a file."""
        return self._opened().tell()

    def read(self, size: int = -1) -> bytes:
        """As of a file."""
        return self._opened().read(-1 if size is None else size)

    def write(self, data: bytes) -> int:
        """As of a file; the first write begins a new one."""
        return self._opened_for_writing().write(data)

    def truncate(self, size: int | None = None) -> int:
        """As of a file."""
        return self._opened_for_writing().truncate(size)

    def close(self) -> None:
        """Close the file; its bytes stay."""
        with self.position_lock:
            self._close_file()

    def _close_file(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _opened(self) -> BinaryIO:
        if self._file is None:
            if self.name is None:
                return self._opened_for_writing()
            self._file = self.path(self.name).open("rb")
        return self._file

    def _opened_for_writing(self) -> BinaryIO:
        if self._writing is None:
            self._close_file()
            self._writing = uuid.uuid4().hex
            path = self.path(self._writing)
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("w+b")
        if self._file is None:
            self._file = self.path(self._writing).open("r+b")
        return self._file


class KeptStoredObject(ephemeral.EphemeralS3StoredObject):  # type: ignore[misc]
    """One reader or writer of a slot."""

    def __init__(self, s3_object: Any, file: Slot, mode: Literal["r", "w"] = "r") -> None:
        """Wait for the lock, then take part."""
        super().__init__(s3_object, file, mode)
        file.enter()

    def close(self) -> None:
        """Let others go on; harmless when done twice."""
        if not self.closed:
            self.file.leave()
            super().close()


class KeptObjectStore(ephemeral.EphemeralS3ObjectStore):  # type: ignore[misc]
    """All objects, as files in one folder; parts of unfinished uploads are temporary files beside them."""

    def __init__(self, folder: Path) -> None:
        """Work in this folder."""
        self._files = folder / "files"
        uploads = folder / "uploads"
        uploads.mkdir(parents=True, exist_ok=True)
        super().__init__(str(uploads))

    def open(self, bucket: str, s3_object: Any, mode: Literal["r", "w"] = "r") -> KeptStoredObject:
        """A reader or writer of an object's bytes."""
        return KeptStoredObject(s3_object, self.slot(bucket, s3_object), mode)

    def slot(self, bucket: str, s3_object: Any) -> Slot:
        """The slot of an object version."""
        slots = self._filesystem[bucket]["keys"]
        return slots.setdefault(self._key_from_s3_object(s3_object), Slot(self._files))  # type: ignore[no-any-return]

    def remove(self, bucket: str, s3_object: Any) -> None:
        """Forget bytes; a file that the index names stays until the index does not."""
        slots = self._filesystem[bucket]["keys"]
        for each in s3_object if isinstance(s3_object, list) else [s3_object]:
            key = self._key_from_s3_object(each)
            slot = slots.get(key)
            if slot is not None and slot.discard():
                del slots[key]

    def restore(self, bucket: str, s3_object: Any, name: str) -> None:
        """Take up a file of an earlier start."""
        slot = Slot(self._files, name, s3_object.internal_last_modified)
        self._filesystem[bucket]["keys"][self._key_from_s3_object(s3_object)] = slot

    def delete_files(self, names: list[str]) -> None:
        """Delete files that the index names no longer."""
        for name in names:
            (self._files / name[:2] / name).unlink(missing_ok=True)

    def delete_files_but(self, names: set[str]) -> None:
        """Delete whatever else is there: what a crash left half-written."""
        for path in self._files.glob("*/*"):
            if path.name not in names:
                path.unlink(missing_ok=True)

    def has_file(self, name: str, size_bytes: int) -> bool:
        """Whether a file is there in its full size."""
        path = self._files / name[:2] / name
        return path.is_file() and path.stat().st_size == size_bytes

    @staticmethod
    def _key_from_s3_object(s3_object: Any) -> str:
        return f"{s3_object.version_id or 'null'}?{s3_object.key}"
