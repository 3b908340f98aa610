"""Reads blocks back and says what is missing, what is corrupt, and what nothing consists of."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from sqlalchemy import text
from sqlalchemy.orm import Session

from cutroom.blocks.block import Block
from cutroom.errors import ObjectMissing
from cutroom.ids import BlockId
from cutroom.stores.block_objects import AT_ONCE, BlockObjects
from cutroom.stores.database import Database

_PAGE = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Copy:
    """A block as the ledger had it before its object was read."""

    block: Block
    lease_number: int
    stored_at: datetime
    """Told apart by it, where the block was put anew under the same lease meanwhile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedBlocks:
    """What was found; each block is in one list at most."""

    read: int
    read_bytes: int
    missing: tuple[BlockId, ...]
    """Stored by the ledger, but not there."""
    corrupt: tuple[BlockId, ...]
    """There with other bytes; the object lies in `quarantine/` of the bucket now."""
    unreferenced: int
    """Blocks that nothing consists of: open uploads have some, garbage collection removes the others."""

    @property
    def is_whole(self) -> bool:
        """Whether everything that was read is what it has to be."""
        return not (self.missing or self.corrupt)


def check_blocks(database: Database, objects: BlockObjects, *, sample: int | None = None) -> CheckedBlocks:
    """Read blocks back and hash them; what is wrong is noted as lost, so that the next upload of it replaces it.

    Args:
        database: Where the ledger is.
        objects: Where the bytes are.
        sample: How many blocks, chosen at random; None: all.
    """
    read = read_bytes = 0
    missing: list[BlockId] = []
    corrupt: list[BlockId] = []
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for page in _pages(database, sample):
            found = list(zip(page, pool.map(partial(_digest, objects), page), strict=True))
            read += len(found)
            read_bytes += sum(one.block.size_bytes for one, digest in found if digest)
            right = [one for one, digest in found if digest == one.block.block_id]
            wrong = [one for one, digest in found if digest not in {None, one.block.block_id}]
            gone = [one for one, digest in found if digest is None]
            with database.transaction() as session:
                _note(session, right, lost=False)
            with database.transaction() as session:
                _note(session, gone, lost=True)
            for one in wrong:
                # In one transaction: nobody is asked to put the block anew before its key is free.
                with database.transaction() as session:
                    if _note(session, [one], lost=True):
                        objects.quarantine(one.block.block_id, one.lease_number)
            missing += [one.block.block_id for one in gone]
            corrupt += [one.block.block_id for one in wrong]
    with database.snapshot() as session:
        unreferenced = session.execute(
            text(
                "SELECT count(*) FROM blocks b"
                " WHERE NOT EXISTS (SELECT 1 FROM block_references r WHERE r.block_id = b.block_id)"
            )
        ).scalar_one()
    return CheckedBlocks(
        read=read,
        read_bytes=read_bytes,
        missing=tuple(missing),
        corrupt=tuple(corrupt),
        unreferenced=unreferenced,
    )


def _pages(database: Database, sample: int | None) -> Iterator[list[_Copy]]:
    """Blocks in pages; a sample is one page, whatever its size."""
    columns = "SELECT encode(block_id, 'hex') AS block_id, size_bytes, lease_number, stored_at FROM blocks"
    which = "WHERE block_id > :after ORDER BY block_id" if sample is None else "ORDER BY random()"
    limit = _PAGE if sample is None else sample
    after = b""
    while True:
        with database.snapshot() as session:
            rows = session.execute(
                text(f"{columns} {which} LIMIT :limit"), {"after": after, "limit": limit}
            ).all()
        if rows:
            yield [
                _Copy(
                    block=Block(block_id=BlockId(row.block_id), size_bytes=row.size_bytes),
                    lease_number=row.lease_number,
                    stored_at=row.stored_at,
                )
                for row in rows
            ]
            after = bytes.fromhex(rows[-1].block_id)
        if sample is not None or len(rows) < limit:
            return


def _digest(objects: BlockObjects, one: _Copy) -> str | None:
    try:
        return objects.digest_of(one.block.block_id, one.lease_number)
    except ObjectMissing:
        return None


def _note(session: Session, copies: Sequence[_Copy], *, lost: bool) -> int:
    """Note whether these are lost, but for what was put anew since it was read; gives of how many that is new."""
    noted = session.execute(
        text(
            "UPDATE blocks b SET lost_at = CASE WHEN :lost THEN now() END"
            " FROM unnest(CAST(:ids AS text[]), CAST(:numbers AS bigint[]), CAST(:stored AS timestamptz[]))"
            "  AS n (block_id, lease_number, stored_at)"
            " WHERE b.block_id = decode(n.block_id, 'hex') AND b.lease_number = n.lease_number"
            " AND b.stored_at = n.stored_at AND (b.lost_at IS NOT NULL) <> :lost RETURNING 1"
        ),
        {
            "lost": lost,
            "ids": [one.block.block_id for one in copies],
            "numbers": [one.lease_number for one in copies],
            "stored": [one.stored_at for one in copies],
        },
    )
    return len(noted.all())
