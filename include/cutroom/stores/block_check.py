"""Reads blocks back and says what is missing, what is corrupt, and what nothing consists of."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

from sqlalchemy import text

from cutroom.blocks.block import Block
from cutroom.errors import ObjectMissing
from cutroom.ids import BlockId
from cutroom.stores.block_objects import AT_ONCE, BlockObjects
from cutroom.stores.database import Database

_PAGE = 1000


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
            read_bytes += sum(one[0].size_bytes for one, digest in found if digest)
            right = [one for one, digest in found if digest == one[0].block_id]
            wrong = [one for one, digest in found if digest not in {None, one[0].block_id}]
            gone = [one for one, digest in found if digest is None]
            _note(database, right, lost=False)
            _note(database, [*gone, *wrong], lost=True)
            for block, number in wrong:
                objects.quarantine(block.block_id, number)
            missing += [block.block_id for block, _ in gone]
            corrupt += [block.block_id for block, _ in wrong]
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


def _pages(database: Database, sample: int | None) -> Iterator[list[tuple[Block, int]]]:
    """Blocks and their lease numbers, in pages; a sample is one page, whatever its size."""
    columns = "SELECT encode(block_id, 'hex') AS block_id, size_bytes, lease_number FROM blocks"
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
                (Block(block_id=BlockId(row.block_id), size_bytes=row.size_bytes), row.lease_number)
                for row in rows
            ]
            after = bytes.fromhex(rows[-1].block_id)
        if sample is not None or len(rows) < limit:
            return


def _digest(objects: BlockObjects, one: tuple[Block, int]) -> str | None:
    try:
        return objects.digest_of(one[0].block_id, one[1])
    except ObjectMissing:
        return None


def _note(database: Database, copies: Sequence[tuple[Block, int]], *, lost: bool) -> None:
    """Note whether these objects are lost; a block that was put anew meanwhile has another lease's number."""
    with database.transaction() as session:
        session.execute(
            text(
                "UPDATE blocks b SET lost_at = CASE WHEN :lost THEN now() END"
                " FROM unnest(CAST(:ids AS text[]), CAST(:numbers AS bigint[])) AS n (block_id, lease_number)"
                " WHERE b.block_id = decode(n.block_id, 'hex') AND b.lease_number = n.lease_number"
                " AND (b.lost_at IS NOT NULL) <> :lost"
            ),
            {
                "lost": lost,
                "ids": [block.block_id for block, _ in copies],
                "numbers": [number for _, number in copies],
            },
        )
