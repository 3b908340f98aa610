"""Storing a file in blocks: only what the Block Service does not have is sent."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any

from cutroom.blocks.block import Block, block_of, total_bytes
from cutroom.blocks.boundaries import Boundaries, Seekable, cut
from cutroom.blocks.service import BlockService, PresignedPut
from cutroom.errors import BlocksMissing, Conflict, LeaseUnknown, ReferenceUnknown, StoreUnavailable

AT_ONCE = 4
"""Blocks that are hashed, and then sent, at the same time: with as many that are read ahead, what is in memory."""

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
    sending = _Sending(service, owner=owner, lease_id=lease_id, put=put)
    # An empty file has nothing to announce, and its reference needs a lease all the same.
    service.get_or_create_block_locations([], owner=owner, lease_id=lease_id)
    try:
        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="block") as pool:
            for few in _by_few(cut(source, boundaries)):
                sending.take(few, pool)
                done(sum(len(data) for data in few))
        sending.confirm()
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
    """What is known of a file while its blocks are sent."""

    def __init__(self, service: BlockService, *, owner: str, lease_id: str, put: Put) -> None:
        self.whole = hashlib.sha256()
        self.blocks: list[Block] = []
        self.sent: list[Block] = []
        self._service, self._owner, self._lease_id, self._put = service, owner, lease_id, put
        self._announced: set[Block] = set()
        self._unconfirmed: list[Block] = []

    def take(self, few: Sequence[bytes], pool: ThreadPoolExecutor) -> None:
        """The next blocks of the file: sent as far as the service wants them."""
        hashing = pool.map(block_of, few)
        # The digest of the whole grows on this thread while the others make those of the blocks.
        for data in few:
            self.whole.update(data)
        named = list(hashing)
        new = {block: data for block, data in zip(named, few, strict=True) if block not in self._announced}
        places = self._service.get_or_create_block_locations(
            list(new), owner=self._owner, lease_id=self._lease_id
        )
        sent = [
            (place.block, pool.submit(self._put, place.upload, new[place.block]))
            for place in places
            if place.upload is not None
        ]
        for block, sending in sent:
            sending.result()
            self.sent.append(block)
            self._unconfirmed.append(block)
        self._announced.update(new)
        self.blocks += named
        if len(self._unconfirmed) >= CONFIRM_EVERY:
            self.confirm()

    def confirm(self) -> None:
        """Let the service find what was sent.

        Raises:
            StoreUnavailable: Some of it did not arrive.
        """
        missing = self._service.missing_blocks(self._unconfirmed, owner=self._owner, lease_id=self._lease_id)
        if missing:
            raise StoreUnavailable(f"Block {missing[0].block_id} was sent and did not arrive: try again.")
        self._unconfirmed.clear()


def _by_few(blocks: Iterator[bytes]) -> Iterator[Sequence[bytes]]:
    few: list[bytes] = []
    for block in blocks:
        few.append(block)
        if len(few) == AT_ONCE:
            yield few
            few = []
    if few:
        yield few
