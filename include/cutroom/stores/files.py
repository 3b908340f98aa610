"""Objects as files in a folder, under their natural names.

A file appears by a rename within its folder, so that readers see the old or the new one; bringing it to disk
is left to the operating system. Files are linked where the file system can, and copied where it can't.
"""

import errno
import os
import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from cutroom.errors import AccessRefused, CutroomError, ObjectMissing, StoreUnavailable, UsageError
from cutroom.stores.objects import ObjectInfo, checked_key

PARTIAL_PREFIX = ".cutroom-partial-"
"""Names of files that are not whole yet: never listed, and refused as keys."""

NAME_LIMIT_BYTES = 255
"""The limit of the usual file systems on one name. Longer parts are refused, not renamed."""

_NO_LINK = {errno.EXDEV, errno.EPERM, errno.EACCES, errno.EMLINK, errno.ENOTSUP, errno.ENOSYS}
"""Why a hard link may be refused where a copy is possible."""

_ERRORS: dict[int, tuple[type[CutroomError], str]] = {
    errno.ENOENT: (ObjectMissing, "is not in the folder"),
    errno.EISDIR: (ObjectMissing, "is a folder, not an object"),
    errno.ENOTDIR: (ObjectMissing, "is not in the folder"),
    errno.EACCES: (AccessRefused, "may not be touched by this user"),
    errno.EPERM: (AccessRefused, "may not be touched by this user"),
    errno.EROFS: (AccessRefused, "is on a read-only file system"),
    errno.ENAMETOOLONG: (UsageError, "has a part that is too long for a file name (255 bytes)"),
    errno.EINVAL: (UsageError, "is not a possible file name here"),
    errno.EILSEQ: (UsageError, "is not a possible file name here"),
    errno.ENOSPC: (StoreUnavailable, "could not be written: the disk is full"),
    errno.EDQUOT: (StoreUnavailable, "could not be written: the disk quota is used up"),
}
"""Operating system errors and ours; any other is `StoreUnavailable`."""


class FileStore:
    """An object store in a local folder, which is made when first written to."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def put_bytes(self, key: str, data: bytes, *, content_type: str = "application/octet-stream") -> None:
        """Write an object from memory, replacing what was there."""
        del content_type
        self._place(key, lambda partial: partial.write_bytes(data))

    def put_file(self, key: str, path: Path, *, content_type: str = "application/octet-stream") -> None:
        """Write an object from a local file, as a link where that is possible."""
        del content_type
        source = path.resolve(strict=True)
        self._place(key, lambda partial: _link_or_copy(source, partial))

    def get_bytes(self, key: str) -> bytes:
        """The whole object."""
        with _translated(key):
            return self._path(key).read_bytes()

    def get_file(self, key: str, path: Path) -> None:
        """Give the object at `path`, as a link where that is possible."""
        with _translated(key):
            source = self._path(key)
            if not source.is_file():
                raise FileNotFoundError(errno.ENOENT, "no such object", str(source))
            path.parent.mkdir(parents=True, exist_ok=True)
            _appear(path, lambda partial: _link_or_copy(source, partial))

    def head(self, key: str) -> ObjectInfo | None:
        """What is known of the object; None where there is none."""
        with _translated(key):
            path = self._path(key)
            return _info(key, path.stat()) if path.is_file() else None

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """The objects whose keys start with `prefix`, in the order of their keys' UTF-8 bytes."""
        if ".." in prefix.split("/") or prefix.startswith("/"):
            raise UsageError(f"The prefix {prefix!r} leads out of the store.")
        with _translated(prefix):
            yield from self._walk(prefix.rpartition("/")[0], prefix)

    def delete(self, key: str) -> None:
        """Remove the object and the folders that it leaves empty; nothing happens where there is none."""
        path = self._path(key)
        with _translated(key):
            try:
                path.unlink()
            except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
                return
        for folder in path.parents:
            if folder == self._root:
                return
            try:
                folder.rmdir()
            except OSError:
                return

    def address(self, key: str) -> str:
        """The path of the file."""
        return str(self._path(key))

    def _path(self, key: str) -> Path:
        parts = checked_key(key).split("/")
        if any(len(part.encode()) > NAME_LIMIT_BYTES for part in parts):
            raise UsageError(
                f"The key {key[:80]!r}… has a part over {NAME_LIMIT_BYTES} bytes: too long for a file."
            )
        if any(part.startswith(PARTIAL_PREFIX) for part in parts):
            raise UsageError(f"The key {key!r} uses {PARTIAL_PREFIX!r}, the name of unfinished files.")
        return self._root.joinpath(*parts)

    def _place(self, key: str, write: Callable[[Path], object]) -> None:
        target = self._path(key)
        for attempt in range(8):
            try:
                target.parent.mkdir(parents=True, exist_ok=True)
                _appear(target, write)
            except FileNotFoundError:
                # Somebody deleted the last object of this folder, and the folder with it.
                if attempt < 7:
                    continue
                raise StoreUnavailable(f"{key} could not be written: its folder keeps vanishing.") from None
            except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
                raise UsageError(f"{key} can't be a file: a file or a folder is in its way.") from error
            except OSError as error:
                raise _translation(key, error) from error
            return

    def _walk(self, folder: str, prefix: str) -> Iterator[ObjectInfo]:
        try:
            entries = list(os.scandir(self._root / folder))
        except (FileNotFoundError, NotADirectoryError):
            return
        # "a.b" comes before "a/b" as "." comes before "/": a folder sorts as its name with the slash.
        named = [(f"{entry.name}/" if entry.is_dir() else entry.name, entry) for entry in entries]
        for name, entry in sorted(named, key=lambda pair: os.fsencode(pair[0])):
            key = f"{folder}/{name}" if folder else name
            if entry.name.startswith(PARTIAL_PREFIX):
                continue
            if name.endswith("/"):
                if key.startswith(prefix) or prefix.startswith(key):
                    yield from self._walk(key.rstrip("/"), prefix)
            elif key.startswith(prefix):
                try:
                    yield _info(key, entry.stat())
                except FileNotFoundError:
                    continue


def _appear(target: Path, write: Callable[[Path], object]) -> None:
    partial = target.parent / f"{PARTIAL_PREFIX}{uuid.uuid4().hex}"
    try:
        write(partial)
        partial.replace(target)
    finally:
        # A rename onto another link of the same file does nothing, and leaves the partial name.
        partial.unlink(missing_ok=True)


def _link_or_copy(source: Path, partial: Path) -> None:
    try:
        partial.hardlink_to(source)
    except OSError as error:
        if error.errno not in _NO_LINK:
            raise
        shutil.copyfile(source, partial)


def _info(key: str, stat: os.stat_result) -> ObjectInfo:
    return ObjectInfo(
        key=key, size_bytes=stat.st_size, etag=f"{stat.st_ino:x}-{stat.st_mtime_ns:x}-{stat.st_size:x}"
    )


def _translation(key: str, error: OSError) -> CutroomError:
    kind, fact = _ERRORS.get(error.errno or 0, (StoreUnavailable, f"could not be reached: {error.strerror}"))
    return kind(f"{key} {fact}.")


@contextmanager
def _translated(key: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise _translation(key, error) from error
