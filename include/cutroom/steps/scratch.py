"""The scratch folder of a machine, which all its processes share: folders for single steps, and sources for all.

What is in use is locked. The kernel gives a lock back when its holder ends, however it ends, so what a killed task has
left is told from what another one works in.
"""

import contextlib
import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from cutroom.errors import DiskFull

_YOUNG_S = 60
"""A folder that is younger may have been made, and not be locked yet."""

_FETCHED = ".sha256"
"""Beside a source that is whole: its digest, touched whenever somebody begins to read the source."""

_IN_USE, _FETCHING = ".lock", ".fetching"
"""Beside a source: locked, together, by all who read or fetch it; and by the one who fetches it."""


@dataclass(frozen=True, slots=True)
class Scratch:
    """A scratch folder.

    Args:
        root: The folder; made when it is first needed.
        sources_bytes: How much of it sources may take while nobody reads them.
        free_bytes: How much of its disk stays free.
    """

    root: Path
    sources_bytes: int = 20 * 2**30
    free_bytes: int = 2**30

    @contextlib.contextmanager
    def folder(self, name: str) -> Iterator[Path]:
        """A folder that is gone afterwards."""
        self.root.mkdir(parents=True, exist_ok=True)
        self._remove_abandoned()
        path = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=self.root))
        with _held(_lock_folder(path, fcntl.LOCK_EX)):
            try:
                yield path
            finally:
                shutil.rmtree(path, ignore_errors=True)

    @contextlib.contextmanager
    def source(self, name: str, size_bytes: int, fetch: Callable[[Path], str]) -> Iterator[tuple[Path, str]]:
        """A source as a local file, and its SHA-256; it is fetched once, and stays at least while it is read.

        Args:
            name: Of the source; no other bytes ever have it.
            size_bytes: How much of the disk it takes.
            fetch: Puts it at a path, and gives its SHA-256.

        Raises:
            DiskFull: The disk has no room for it, whatever else is removed.
        """
        path = self._sources / name
        self._sources.mkdir(parents=True, exist_ok=True)
        with _held(_lock_file(path.with_suffix(_IN_USE), fcntl.LOCK_SH)):
            if not _is_whole(path):
                # One fetches it, and the others find it then.
                with _held(_lock_file(path.with_suffix(_FETCHING), fcntl.LOCK_EX)):
                    if not _is_whole(path):
                        self._fetch(path, size_bytes, fetch)
            path.with_suffix(_FETCHED).touch()
            yield path, path.with_suffix(_FETCHED).read_text()

    @contextlib.contextmanager
    def kept_source(self, name: str) -> Iterator[Path | None]:
        """A source as a local file where this machine has it, which stays while it is read; None where it has not."""
        path = self._sources / name
        if not _is_whole(path):
            yield None
            return
        with _held(_lock_file(path.with_suffix(_IN_USE), fcntl.LOCK_SH)):
            yield path if _is_whole(path) else None

    @property
    def _sources(self) -> Path:
        return self.root / "sources"

    def _remove_abandoned(self) -> None:
        """Remove the folders whose steps were killed."""
        for path in self.root.iterdir():
            with contextlib.suppress(OSError):
                if time.time() - path.stat().st_mtime > _YOUNG_S and "-" in path.name:
                    with _held(_lock_folder(path, fcntl.LOCK_EX | fcntl.LOCK_NB)):
                        shutil.rmtree(path, ignore_errors=True)

    def _fetch(self, path: Path, size_bytes: int, fetch: Callable[[Path], str]) -> None:
        self._make_room(size_bytes, path)
        with self.folder("fetch") as folder:
            digest = fetch(folder / "source")
            (folder / "source").replace(path)
        path.with_suffix(_FETCHED).write_text(digest)

    def _make_room(self, size_bytes: int, path: Path) -> None:
        """Remove the sources that nobody reads, those that were not read for longest first, until this one fits."""
        others = [one for one in self._sources.iterdir() if not one.suffix and one != path]
        kept_bytes = sum(map(_size_bytes, others))
        for one in sorted(others, key=_read_at):
            if kept_bytes + size_bytes <= self.sources_bytes and self._left_bytes(size_bytes) >= 0:
                return
            with contextlib.suppress(BlockingIOError):
                kept_bytes -= _remove_unused(one)
        if self._left_bytes(size_bytes) < 0:
            raise DiskFull(
                f"The source has {size_bytes} bytes, and the disk of {self.root} has no room for them beside the "
                f"{self.free_bytes} bytes that CUTROOM_DISK_FREE_BYTES keeps free: free some, and try again."
            )

    def _left_bytes(self, size_bytes: int) -> int:
        return shutil.disk_usage(self.root).free - size_bytes - self.free_bytes


@contextlib.contextmanager
def _held(lock: int) -> Iterator[None]:
    try:
        yield
    finally:
        os.close(lock)


def _lock_folder(folder: Path, how: int) -> int:
    lock = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(lock, how)
    except BlockingIOError:
        os.close(lock)
        raise
    return lock


def _lock_file(path: Path, how: int) -> int:
    """Lock a file, which is made where it is missing; whoever holds it alone may remove it."""
    while True:
        lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(lock, how)
            if os.path.samestat(os.fstat(lock), path.stat()):
                return lock
        except BlockingIOError:
            os.close(lock)
            raise
        except FileNotFoundError:
            pass
        # It was removed before it was ours.
        os.close(lock)


def _is_whole(path: Path) -> bool:
    # Whoever writes the digest makes its file first.
    return path.is_file() and _size_bytes(path.with_suffix(_FETCHED)) > 0


def _remove_unused(path: Path) -> int:
    """Remove a source; gives its bytes. Raises `BlockingIOError` where somebody reads it."""
    with _held(_lock_file(path.with_suffix(_IN_USE), fcntl.LOCK_EX | fcntl.LOCK_NB)):
        size_bytes = _size_bytes(path)
        for suffix in (_FETCHED, "", _FETCHING, _IN_USE):
            path.with_suffix(suffix).unlink(missing_ok=True)
        return size_bytes


def _size_bytes(path: Path) -> int:
    with contextlib.suppress(FileNotFoundError):
        return path.stat().st_size
    return 0


def _read_at(path: Path) -> float:
    """When somebody last began to read a source, in seconds of the wall clock; 0: it was never whole."""
    with contextlib.suppress(FileNotFoundError):
        return path.with_suffix(_FETCHED).stat().st_mtime
    return 0.0
