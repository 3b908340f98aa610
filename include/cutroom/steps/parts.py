"""Parts of a rendition's stored files: its initialization segment, its index, each of its segments."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from cutroom.media import keys

if TYPE_CHECKING:
    from cutroom.packaging.facts import ByteRange, RenditionFacts, Segment
    from cutroom.stores.objects import ObjectStore


class Parts:
    """Reads them by way of the disk, a file at a time: a film in a single file does not fit into memory."""

    def __init__(self, store: "ObjectStore", one: "RenditionFacts", folder: Path) -> None:
        self._store = store
        self._one = one
        self._folder = folder

    def read(self, part: "ByteRange | Segment | None") -> bytes:
        """The bytes of a part; none of one that the rendition has not.

        Raises:
            ObjectMissing: Its file is not there.
        """
        if part is None:
            return b""
        path = self._folder / part.file
        if not path.exists():
            # What is asked for next is nearly always in the same file, or in one that follows.
            for other in self._folder.iterdir():
                other.unlink()
            self._store.get_file(keys.rendition(self._one.key, part.file), path)
        with path.open("rb") as file:
            file.seek(part.offset)
            return file.read(part.size_bytes)


@contextmanager
def parts(store: "ObjectStore", one: "RenditionFacts") -> Iterator[Parts]:
    """The parts of a rendition, for as long as they are read."""
    with TemporaryDirectory(prefix="cutroom-") as folder:
        yield Parts(store, one, Path(folder))
