"""An MP4 whose pictures are described anew midway, as of films that were joined without encoding them."""

from collections.abc import Callable
from pathlib import Path

from containers import box

PATH = (b"moov", b"trak", b"mdia", b"minf", b"stbl")

Replaced = dict[bytes, Callable[[bytes], bytes]]


def parts(data: bytes) -> list[tuple[bytes, bytes]]:
    """Kind and content of the boxes that lie side by side."""
    found, at = [], 0
    while at < len(data):
        size = int.from_bytes(data[at : at + 4])
        found.append((data[at + 4 : at + 8], data[at + 8 : at + size]))
        at += size
    return found


def replaced(data: bytes, changes: Replaced, path: tuple[bytes, ...] = PATH) -> bytes:
    """The same boxes with the content of some of those in the last of `path` changed."""
    if not path:
        return b"".join(box(kind, changes.get(kind, bytes)(content)) for kind, content in parts(data))
    return b"".join(
        box(kind, replaced(content, changes, path[1:]) if kind == path[0] else content)
        for kind, content in parts(data)
    )


def content_of(data: bytes, *path: bytes) -> bytes:
    """The content of the box at a path."""
    for kind in path:
        data = dict(parts(data))[kind]
    return data


def with_second_entry(joined: Path, second: Path, samples: int) -> None:
    """Let a film, whose index is behind its only `mdat`, have the description of another from this sample on.

    Args:
        joined: The packets of two films, with the description of the first.
        second: The second film.
        samples: How many packets the first has.
    """
    data = joined.read_bytes()
    entry = content_of(second.read_bytes(), *PATH, b"stsd")[8:]
    sizes = content_of(data, *PATH, b"stsz")[12:]
    at, offsets = data.index(b"mdat") + 4, b""
    for place in range(0, len(sizes), 4):
        offsets += at.to_bytes(4)
        at += int.from_bytes(sizes[place : place + 4])
    # A chunk is one sample: from which on, how many samples, which description.
    runs = b"".join(n.to_bytes(4) for n in (1, 1, 1, samples + 1, 1, 2))
    changes: Replaced = {
        b"stsd": lambda told: told[:4] + (2).to_bytes(4) + told[8:] + entry,
        b"stsc": lambda _: bytes(4) + (2).to_bytes(4) + runs,
        b"stco": lambda _: bytes(4) + (len(sizes) // 4).to_bytes(4) + offsets,
    }
    joined.write_bytes(replaced(data, changes))
