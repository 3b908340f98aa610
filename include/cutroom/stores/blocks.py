"""The Block Service of this process, over PostgreSQL and S3, and how to open whichever is configured."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import text

from cutroom.blocks.block import Block
from cutroom.blocks.service import (
    BlockLocation,
    BlockService,
    checked_batch,
    checked_content,
    checked_names,
)
from cutroom.errors import ObjectMissing, ReferenceUnknown, UsageError
from cutroom.ids import BlockId
from cutroom.settings import Settings
from cutroom.stores import block_ledger as ledger
from cutroom.stores.block_objects import BlockObjects
from cutroom.stores.database import Database
from cutroom.stores.gates import BLOCKS
from cutroom.stores.s3 import presigning_client, s3_client


class StoredBlocks:
    """The Block Service over a ledger and a bucket; keeps the contract of `cutroom.blocks.service`.

    Args:
        database: Where the ledger is.
        objects: Where the bytes are.
        lease_s: How long a lease lasts after a call under it.
        across_owners: Whether a stored block is known to everybody.
    """

    def __init__(
        self, database: Database, objects: BlockObjects, *, lease_s: int, across_owners: bool = False
    ) -> None:
        self._database = database
        self._objects = objects
        self._lease_s = lease_s
        self._across_owners = across_owners

    def get_or_create_block_locations(
        self, blocks: Sequence[Block], *, owner: str, lease_id: str
    ) -> list[BlockLocation]:
        """Announce blocks: for each, in order, whether it is known or where it goes to."""
        checked_batch(blocks)
        checked_names(lease_id, owner=owner)
        distinct = _distinct(blocks)
        with self._database.transaction() as session:
            BLOCKS.enter(session)
            lease = ledger.take_lease(session=session, lease_id=lease_id, owner=owner, seconds=self._lease_s)
            sizes = ledger.announce(
                session=session, lease_number=lease, blocks=distinct, owner=self._whose(owner)
            )
            _check_sizes(distinct, sizes)
        puts = {
            block.block_id: self._objects.presigned_put(block, lease)
            for block, size_bytes in zip(distinct, sizes, strict=True)
            if size_bytes is None
        }
        return [BlockLocation(block=block, upload=puts.get(block.block_id)) for block in blocks]

    def missing_blocks(self, blocks: Sequence[Block], *, owner: str, lease_id: str) -> list[Block]:
        """Those of the blocks that are not stored, after asking S3 about those that are not known."""
        checked_batch(blocks)
        checked_names(lease_id, owner=owner)
        distinct = _distinct(blocks)
        with self._database.transaction() as session:
            BLOCKS.enter(session)
            ledger.find_lease(session=session, lease_id=lease_id, owner=owner)
            lease = ledger.take_lease(session=session, lease_id=lease_id, owner=owner, seconds=self._lease_s)
            found = ledger.standings(
                session=session, lease_number=lease, blocks=distinct, owner=self._whose(owner)
            )
        _check_sizes(distinct, [standing.size_bytes for standing in found])
        pairs = list(zip(distinct, found, strict=True))
        arrived, wrong = self._objects.arrived(
            [block for block, standing in pairs if standing.leased and not standing.known], lease
        )
        if wrong:
            arrived += self._remove_wrong(wrong, lease)
        present = {block.block_id for block in arrived} | {
            block.block_id for block, standing in pairs if standing.leased and standing.known
        }
        fresh = [
            block
            for block, standing in pairs
            if block.block_id in present and not (standing.known and standing.proven)
        ]
        if arrived:
            # By itself, as a transaction locks rows of blocks only once. Where the next one is not done, this may as
            # well be forgotten.
            with self._database.transaction(durable=False) as session:
                BLOCKS.enter(session)
                ledger.store(session=session, lease_number=lease, arrived=arrived)
        if fresh:
            with self._database.transaction() as session:
                BLOCKS.enter(session)
                ledger.reprieve(session=session, blocks=fresh)
                counting = ledger.prove(session=session, lease_number=lease, blocks=fresh)
                # Stored once: within the transaction, so that no new announcement under this lease comes between. What
                # arrived is no spare copy where the store has lost the other one.
                gone = self._objects.gone(
                    (one.block_id, counting[one.block_id]) for one in arrived if one.block_id in counting
                )
                for block_id in gone:
                    ledger.move(
                        session=session, block_id=block_id, from_lease=counting[block_id], to_lease=lease
                    )
                self._objects.remove((block_id, lease) for block_id in counting.keys() - gone)
        return [block for block in distinct if block.block_id not in present]

    def _remove_wrong(self, blocks: Sequence[Block], lease: int) -> list[Block]:
        """Remove what lies under the lease's keys with other bytes; gives those that are right by now.

        One client of a lease at a time does that, and looks again: another one may have removed it, and put it anew.
        """
        with self._database.transaction() as session:
            ledger.lock_lease(session=session, lease_number=lease)
            right, wrong = self._objects.arrived(blocks, lease)
            self._objects.remove((block.block_id, lease) for block in wrong)
        return right

    def add_references(
        self, reference_id: str, blocks: Sequence[Block], *, owner: str, lease_id: str
    ) -> None:
        """Let `reference_id` consist of these blocks, in this order, all or nothing."""
        checked_content(blocks)
        checked_names(reference_id, lease_id, owner=owner)
        with self._database.transaction() as session:
            BLOCKS.enter(session)
            ledger.refer(
                session=session, reference_id=reference_id, blocks=blocks, owner=owner, lease_id=lease_id
            )

    def references(
        self, reference_id: str, *, owner: str | None = None, after: int = 0, limit: int | None = None
    ) -> list[Block]:
        """The blocks that `reference_id` consists of, in order; all, or a page of them."""
        checked_names(reference_id, owner=owner)
        with self._database.snapshot() as session:
            number, _ = ledger.find_list(session=session, reference_id=reference_id, owner=owner)
            return ledger.listed(session=session, list_number=number, after=after, limit=limit)

    def get_block_download_urls(
        self, block_ids: Sequence[BlockId], *, reference_id: str, owner: str | None = None
    ) -> list[str]:
        """Addresses to read the blocks of a reference from, in the given order."""
        checked_batch(block_ids)
        checked_names(reference_id, owner=owner)
        with self._database.snapshot() as session:
            number, _ = ledger.find_list(session=session, reference_id=reference_id, owner=owner)
            places = ledger.places(session=session, list_number=number, block_ids=block_ids)
        urls: dict[BlockId, str] = {}
        for block_id in dict.fromkeys(block_ids):
            if block_id not in places:
                raise ReferenceUnknown(f"{reference_id} has no block {block_id}.")
            place = places[block_id]
            if place is None:
                raise ObjectMissing(
                    f"The block {block_id} of {reference_id} was lost: upload the file again, "
                    "or see `cutroom check --repair`."
                )
            urls[block_id] = self._objects.presigned_get(block_id, place)
        return [urls[block_id] for block_id in block_ids]

    def hold_references(self, reference_id: str, *, lease_id: str) -> None:
        """Hold the blocks of a reference by a lease of its owner's."""
        checked_names(reference_id, lease_id)
        with self._database.transaction() as session:
            BLOCKS.enter(session)
            number, owner = ledger.find_list(session=session, reference_id=reference_id, owner=None)
            lease = ledger.take_lease(session=session, lease_id=lease_id, owner=owner, seconds=self._lease_s)
            ledger.hold_list(session=session, list_number=number, lease_number=lease)

    def release_blocks(self, reference_id: str) -> None:
        """End a reference."""
        checked_names(reference_id)
        with self._database.transaction() as session:
            ledger.end_reference(session=session, reference_id=reference_id)

    def renew_lease(self, lease_id: str, *, owner: str) -> datetime:
        """Prolong a lease; gives the moment when it ends."""
        checked_names(lease_id, owner=owner)
        with self._database.transaction() as session:
            BLOCKS.enter(session)
            return ledger.prolong_lease(
                session=session, lease_id=lease_id, owner=owner, seconds=self._lease_s
            )

    def release_lease(self, lease_id: str) -> None:
        """End a lease."""
        checked_names(lease_id)
        # Forgotten, the lease ends by its time.
        with self._database.transaction(durable=False) as session:
            ledger.end_lease(session=session, lease_id=lease_id)

    def health(self) -> None:
        """Return where database and store answer."""
        with self._database.snapshot() as session:
            session.execute(text("SELECT 1 FROM block_leases LIMIT 1"))
        self._objects.check_bucket()

    def _whose(self, owner: str) -> str | None:
        return None if self._across_owners else owner


def open_block_service(settings: Settings) -> BlockService:
    """The Block Service of this configuration: the one at CUTROOM_BLOCK_SERVICE_URL, or this process itself."""
    if settings.block_service_url:
        # gRPC is loaded where it is used.
        from cutroom.stores.block_rpc.client import RemoteBlocks  # noqa: PLC0415

        return RemoteBlocks(
            settings.block_service_url,
            token=settings.block_service_token,
            authority=settings.block_service_authority,
        )
    return stored_blocks(settings)


def stored_blocks(settings: Settings) -> StoredBlocks:
    """The Block Service that works in this process."""
    return StoredBlocks(
        Database(settings.database_url),
        block_objects(settings),
        lease_s=settings.block_lease_s,
        across_owners=settings.block_dedup == "global",
    )


def block_objects(settings: Settings) -> BlockObjects:
    """The objects of the blocks bucket."""
    return BlockObjects(
        s3_client(settings),
        settings.blocks_bucket,
        signer=presigning_client(settings),
        url_s=settings.block_url_s,
    )


def _distinct(blocks: Sequence[Block]) -> list[Block]:
    by_id = {block.block_id: block for block in blocks}
    for block in blocks if len(by_id) < len(blocks) else ():
        if by_id[block.block_id].size_bytes != block.size_bytes:
            raise UsageError(f"Block {block.block_id} is named with two sizes.")
    return list(by_id.values())


def _check_sizes(blocks: Sequence[Block], sizes: Sequence[int | None]) -> None:
    """Hold the sizes that were named to those of the store."""
    for block, size_bytes in zip(blocks, sizes, strict=True):
        if size_bytes not in {None, block.size_bytes}:
            raise UsageError(f"Block {block.block_id} has {size_bytes} bytes, not {block.size_bytes}.")
