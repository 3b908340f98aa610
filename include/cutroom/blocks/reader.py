"""Files that are fetched piece by piece: from blocks, or by ranges of an object."""

import hashlib
import io
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import accumulate
from typing import TYPE_CHECKING, Generic, TypeVar

from cutroom.blocks.block import Block
from cutroom.errors import ObjectCorrupt, StoreUnavailable

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

AHEAD = 4
"""Pieces that are fetched before they are asked for, at the same time, while a file is read in order."""

BEHIND = 3
"""Pieces that are kept for one who goes back: with those ahead and the one that is read, 32 MiB of blocks in memory."""

Piece = TypeVar("Piece", bound=Hashable)


class PieceReader(io.RawIOBase, Generic[Piece]):
    """A seekable, read-only file over pieces that are fetched when they are needed.

    A file that is read in order is fetched ahead, in parallel; one that is read here and there gets no more pieces
    than it asks for. Equal pieces are fetched once as long as they are kept. It is for one thread.

    Args:
        pieces: What the file consists of, in order.
        sizes: The bytes of each piece.
        fetch: Gives the bytes of a piece, or raises what the reading of it then raises; called from several threads,
            and again for a piece that is not kept any more.
        ahead: How many pieces are fetched before they are asked for.
        behind: How many are kept that were read. With those ahead and the one that is read, what is in memory.
        on_close: Called once when the file is closed and nothing is fetched any more.
    """

    def __init__(
        self,
        pieces: Sequence[Piece],
        sizes: Sequence[int],
        fetch: Callable[[Piece], bytes],
        *,
        ahead: int = AHEAD,
        behind: int = BEHIND,
        on_close: Callable[[], None] = lambda: None,
    ) -> None:
        self._ahead = ahead
        self._most_kept = ahead + 1 + behind
        self._pieces = pieces
        self._ends = list(accumulate(sizes))
        self._fetch = fetch
        self._on_close = on_close
        self._kept: OrderedDict[Piece, Future[bytes]] = OrderedDict()
        self._pool = ThreadPoolExecutor(ahead, thread_name_prefix="piece")
        self._place = 0
        self._next = 0

    @property
    def size_bytes(self) -> int:
        """How long the file is."""
        return self._ends[-1] if self._ends else 0

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def tell(self) -> int:
        """Where the next read begins."""
        return self._place

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Go to a place, which may lie behind the end; tells where that is. Nothing is fetched."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self.size_bytes}[whence]
        if base + offset < 0:
            raise ValueError(f"A file has no place {base + offset}.")
        self._place = base + offset
        return self._place

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        """Fill the buffer as far as the piece at this place goes."""
        self._check_open()
        index = bisect_right(self._ends, self._place)
        if index == len(self._ends):
            return 0
        data = self._piece(index)
        begin = self._ends[index] - len(data)
        view = memoryview(buffer).cast("B")
        part = memoryview(data)[self._place - begin :][: len(view)]
        view[: len(part)] = part
        self._place += len(part)
        return len(part)

    def close(self) -> None:
        """Let go of what was fetched; what is on its way is not waited for longer than it takes."""
        if not self.closed:
            self._pool.shutdown(cancel_futures=True)
            self._kept.clear()
            self._on_close()
        super().close()

    def _piece(self, index: int) -> bytes:
        wanted = [index]
        if index == self._next:
            wanted += range(index + 1, min(index + 1 + self._ahead, len(self._pieces)))
        for place in wanted:
            self._ask_for(self._pieces[place])
        # Those ahead were asked for after this one: they stay when something has to go.
        while len(self._kept) > self._most_kept:
            self._kept.popitem(last=False)[1].cancel()
        piece = self._pieces[index]
        size = self._ends[index] - (self._ends[index - 1] if index else 0)
        try:
            data = self._kept[piece].result()
        except BaseException:
            # Whoever tries again shall meet the store again, not this error.
            self._kept.pop(piece, None)
            raise
        if len(data) != size:
            del self._kept[piece]
            raise StoreUnavailable(f"A piece of a file arrived with {len(data)} bytes where {size} are due.")
        self._next = index + 1
        return data

    def _ask_for(self, piece: Piece) -> None:
        if piece in self._kept:
            self._kept.move_to_end(piece)
        else:
            self._kept[piece] = self._pool.submit(self._fetch, piece)

    def _check_open(self) -> None:
        if self.closed:
            raise ValueError("The file is closed.")


def open_blocks(
    blocks: Sequence[Block],
    fetch: Callable[[Block], bytes],
    *,
    on_close: Callable[[], None] = lambda: None,
) -> io.BufferedReader:
    """The file that these blocks are, in order, each verified when it arrives.

    Reading raises what `fetch` raises, and `ObjectCorrupt` for a block whose bytes are not those of its id.

    Args:
        blocks: The blocks; none for an empty file.
        fetch: Gives the bytes of a block; called from several threads.
        on_close: Called once when the file is closed.
    """

    def verified(block: Block) -> bytes:
        return checked(block, fetch(block))

    return io.BufferedReader(
        PieceReader(blocks, [one.size_bytes for one in blocks], verified, on_close=on_close)
    )


def checked(block: Block, data: bytes) -> bytes:
    """The bytes, if they are this block.

    Raises:
        ObjectCorrupt: They are not; the message names the block.
    """
    found = hashlib.sha256(data).hexdigest()
    if found != block.block_id or len(data) != block.size_bytes:
        raise ObjectCorrupt(
            f"Block {block.block_id} is damaged: its {len(data)} bytes have the digest {found}. "
            "Whoever runs the store can restore it from another copy of the source: `cutroom check --repair`."
        )
    return data
