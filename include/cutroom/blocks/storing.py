"""Storing a file in blocks: only what the Block Service does not have is sent."""

import hashlib
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any

from cutroom.blocks.block import Block, block_of, total_bytes
from cutroom.blocks.boundaries import Boundaries, Seekable, cut
from cutroom.blocks.service import BlockService, PresignedPut
from cutroom.errors import BlocksMissing, Conflict, LeaseUnknown, ReferenceUnknown, StoreUnavailable

ANNOUNCED_AT_ONCE = 3
"""Blocks that are announced together, once they are hashed. The service answers for them in one transaction."""

SENT_MEANWHILE = 2
"""Blocks that may still be on their way while the next are read and hashed, so that the store never waits. With those
that are read ahead, both numbers are what is in memory."""

CONFIRM_EVERY = 64
"""After so many blocks the service asks the store for what arrived. Who is killed sends no more than these again."""

Put = Callable[[PresignedPut, bytes], None]
"""Sends the bytes of a block to where the service wants them; called from several threads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """A file that consists of blocks now, and what that took."""

    sha256: str = ""
    """Digest of the whole file; empty where it was in blocks already, as nothing was read then."""
    bytes_total: int = 0
    bytes_sent: int = 0
    blocks_total: int = 0
    blocks_sent: int = 0

    def to_json(self) -> dict[str, Any]:
        """A plain value for XCom."""
        return asdict(self)


def stored_before(service: BlockService, reference_id: str) -> list[Block] | None:
    """The blocks of a file that is stored already; None where it is not."""
    try:
        return service.references(reference_id)
    except ReferenceUnknown:
        return None


def store_file(
    service: BlockService,
    source: Seekable,
    *,
    reference_id: str,
    owner: str,
    lease_id: str,
    boundaries: Boundaries,
    put: Put,
    done: Callable[[int], None] = lambda _: None,
) -> Stored:
    """Let `reference_id` consist of the blocks of a file.

    The file is read once. A file that is stored already is not read at all; one whose storing was cut short is read
    again, and what was confirmed of it is not sent again.

    Args:
        service: Knows which blocks there are.
        source: The file.
        reference_id: What is to consist of its blocks, a file version.
        owner: Whose blocks they are.
        lease_id: Holds the blocks until they are referenced.
        boundaries: Where the file is cut.
        put: Sends a block.
        done: Told how many bytes are through, after every few blocks; may raise to stop.

    Raises:
        StoreUnavailable: A store did not answer, or lost meanwhile what was sent: try again.
    """
    if (known := stored_before(service, reference_id)) is not None:
        return Stored(bytes_total=total_bytes(known), blocks_total=len(known))
    # An empty file has nothing to announce, and its reference needs a lease all the same.
    service.get_or_create_block_locations([], owner=owner, lease_id=lease_id)
    try:
        with ThreadPoolExecutor(ANNOUNCED_AT_ONCE + SENT_MEANWHILE, thread_name_prefix="block") as pool:
            sending = _Sending(service, pool, owner=owner, lease_id=lease_id, put=put)
            for data in cut(source, boundaries):
                sending.take(data)
                done(len(data))
            sending.finish()
        service.add_references(reference_id, sending.blocks, owner=owner, lease_id=lease_id)
    except (BlocksMissing, LeaseUnknown) as error:
        raise StoreUnavailable(
            f"Blocks of {reference_id} are gone from the store again: try again."
        ) from error
    except Conflict:
        # Somebody cut the same file elsewhere and came first: it is stored all the same.
        if stored_before(service, reference_id) is None:
            raise
    return Stored(
        sha256=sending.whole.hexdigest(),
        bytes_total=total_bytes(sending.blocks),
        bytes_sent=total_bytes(sending.sent),
        blocks_total=len(sending.blocks),
        blocks_sent=len(sending.sent),
    )


class _Sending:
    """What is known of a file while its blocks are hashed, announced and sent, a few of each at a time."""

    def __init__(
        self, service: BlockService, pool: ThreadPoolExecutor, *, owner: str, lease_id: str, put: Put
    ) -> None:
        self.whole = hashlib.sha256()
        self.blocks: list[Block] = []
        self.sent: list[Block] = []
        self._service, self._owner, self._lease_id = service, owner, lease_id
        self._pool, self._put = pool, put
        self._announced: set[Block] = set()
        self._hashing: list[tuple[Future[Block], bytes]] = []
        self._under_way: deque[tuple[Block, Future[None]]] = deque()
        self._unconfirmed: list[Block] = []

    def take(self, data: bytes) -> None:
        """The next block of the file."""
        self._hashing.append((self._pool.submit(block_of, data), data))
        # The digest of the whole grows on this thread while another makes that of the block.
        self.whole.update(data)
        if len(self._hashing) == ANNOUNCED_AT_ONCE:
            self._send_wanted()
            self._collect(SENT_MEANWHILE)
            if len(self._unconfirmed) >= CONFIRM_EVERY:
                self._confirm()

    def finish(self) -> None:
        """There are no more blocks: bring all that was taken to the store.

        Raises:
            StoreUnavailable: Some of it did not arrive.
        """
        self._send_wanted()
        self._collect(0)
        self._confirm()

    def _send_wanted(self) -> None:
        """Announce what is hashed, and begin to send what the service wants of it."""
        named = [(hashing.result(), data) for hashing, data in self._hashing]
        self._hashing.clear()
        new = {block: data for block, data in named if block not in self._announced}
        places = self._service.get_or_create_block_locations(
            list(new), owner=self._owner, lease_id=self._lease_id
        )
        for place in places:
            if place.upload is not None:
                sending = self._pool.submit(self._put, place.upload, new[place.block])
                self._under_way.append((place.block, sending))
        self._announced.update(new)
        self.blocks += [block for block, _ in named]

    def _collect(self, most: int) -> None:
        """Wait until no more than so many blocks are on their way."""
        while len(self._under_way) > most:
            block, sending = self._under_way.popleft()
            sending.result()
            self.sent.append(block)
            self._unconfirmed.append(block)

    def _confirm(self) -> None:
        """Let the service find what was sent.

        Raises:
            StoreUnavailable: Some of it did not arrive.
        """
        missing = self._service.missing_blocks(self._unconfirmed, owner=self._owner, lease_id=self._lease_id)
        if missing:
            raise StoreUnavailable(f"Block {missing[0].block_id} was sent and did not arrive: try again.")
        self._unconfirmed.clear()
