"""The ledger of blocks in PostgreSQL: what is stored, who holds it, who has shown to have it, what consists of it.

Each function works in the caller's transaction and never commits. Whoever adds a hold is inside the gate
`BLOCKS`: garbage collection is alone for the moment in which it decides, so it sees every hold or comes first.
Calls about the same blocks don't wait for each other in a circle: a transaction locks rows of `blocks` first, once,
in the order of their ids, and rows of `leased_blocks` after them, in the same order.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select, text
from sqlalchemy.orm import Session

from cutroom.blocks.block import Block
from cutroom.blocks.service import NAMED_MISSING
from cutroom.errors import AccessRefused, BlocksMissing, Conflict, LeaseUnknown, ReferenceUnknown
from cutroom.ids import BlockId
from cutroom.stores.block_tables import BlockLease, BlockList, BlockReference, StoredBlock

# Ids come as one value, 32 bytes each: an array of them takes the database longer to read than to look them up.
_NAMED = """
    SELECT substr(CAST(:ids AS bytea), CAST(32 * position - 31 AS int), 32) AS block_id, size_bytes, position
    FROM unnest(CAST(:sizes AS int[])) WITH ORDINALITY AS n (size_bytes, position)
"""

# Whether a block is stored and an owner has shown to have it; without an owner being stored is enough. Owners are
# looked up one by one, and each block by the index, up to the first hit: with EXISTS the planner may read every
# reference there is, once, instead. Where the first references of a block are all others', it is looked for in the
# lists of the owner if these are fewer than its references: others may refer to a block any number of times.
_KNOWN = """
    b.block_id IS NOT NULL AND (CAST(:owner AS text) IS NULL OR coalesce((
        SELECT true FROM (SELECT list_number FROM block_references WHERE block_id = n.block_id LIMIT 64) AS r
        WHERE (SELECT l.owner FROM block_lists l WHERE l.list_number = r.list_number) = :owner LIMIT 1),
        CASE WHEN (SELECT true FROM block_references WHERE block_id = n.block_id LIMIT 1
            OFFSET greatest(64, (SELECT count(*) FROM block_lists WHERE owner = :owner))) THEN (
        SELECT true FROM block_lists l WHERE l.owner = :owner AND (SELECT true FROM block_references r
            WHERE r.block_id = n.block_id AND r.list_number = l.list_number LIMIT 1) LIMIT 1) ELSE (
        SELECT true FROM block_references r WHERE r.block_id = n.block_id
        AND (SELECT l.owner FROM block_lists l WHERE l.list_number = r.list_number) = :owner LIMIT 1) END, (
        SELECT true FROM leased_blocks h WHERE h.block_id = n.block_id AND h.proven
        AND (SELECT l.owner FROM block_leases l WHERE l.lease_number = h.lease_number) = :owner LIMIT 1), false))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How an owner and a lease stand to a block."""

    size_bytes: int | None
    """By the store's own word; None where the block is not known to the owner."""
    leased: bool
    proven: bool
    """Whether this lease has it that the owner has the bytes."""

    @property
    def known(self) -> bool:
        """Whether the block is stored, and the owner may know it."""
        return self.size_bytes is not None


def take_lease(*, session: Session, lease_id: str, owner: str, seconds: int) -> int:
    """The number of a lease, which is made or prolonged.

    Raises:
        AccessRefused: It is another owner's.
    """
    values = {"lease_id": lease_id, "owner": owner, "seconds": seconds}
    # Calls under one lease at the same time must not wait for each other, so not each of them prolongs it; and looking
    # comes first, as an upsert holds the row even where it changes nothing.
    lasting = session.execute(
        text(
            "SELECT lease_number FROM block_leases WHERE lease_id = :lease_id AND owner = :owner"
            " AND expires_at >= now() + make_interval(secs => 0.9 * :seconds)"
        ),
        values,
    ).scalar_one_or_none()
    if lasting is not None:
        return int(lasting)
    taken = session.execute(
        text(
            "INSERT INTO block_leases (lease_id, owner, expires_at)"
            " VALUES (:lease_id, :owner, now() + make_interval(secs => :seconds))"
            " ON CONFLICT (lease_id) DO UPDATE SET expires_at = EXCLUDED.expires_at"
            " WHERE block_leases.owner = EXCLUDED.owner RETURNING lease_number"
        ),
        values,
    ).scalar_one_or_none()
    return int(taken) if taken else find_lease(session=session, lease_id=lease_id, owner=owner)


def find_lease(*, session: Session, lease_id: str, owner: str) -> int:
    """The number of a lease.

    Raises:
        LeaseUnknown: There is none.
        AccessRefused: It is another owner's.
    """
    found = session.execute(
        select(BlockLease.lease_number, BlockLease.owner).where(BlockLease.lease_id == lease_id)
    ).one_or_none()
    if found is None:
        raise LeaseUnknown(f"There is no lease {lease_id}, or it has expired: announce the blocks again.")
    if found.owner != owner:
        raise AccessRefused(f"The lease {lease_id} is somebody else's.")
    return int(found.lease_number)


def lock_lease(*, session: Session, lease_number: int) -> None:
    """Be the only one who has the row of a lease until the transaction ends."""
    session.execute(
        text("SELECT FROM block_leases WHERE lease_number = :number FOR NO KEY UPDATE"),
        {"number": lease_number},
    )


def prolong_lease(*, session: Session, lease_id: str, owner: str, seconds: int) -> datetime:
    """When the lease ends now, after it was prolonged; raises as `find_lease` does."""
    number = find_lease(session=session, lease_id=lease_id, owner=owner)
    ends_at: datetime = session.execute(
        text(
            "UPDATE block_leases SET expires_at = now() + make_interval(secs => :seconds)"
            " WHERE lease_number = :number RETURNING expires_at"
        ),
        {"seconds": seconds, "number": number},
    ).scalar_one()
    return ends_at


def end_lease(*, session: Session, lease_id: str) -> None:
    """Let a lease hold nothing any more; garbage collection removes it with what was put under it."""
    session.execute(
        text("UPDATE block_leases SET expires_at = least(expires_at, now()) WHERE lease_id = :lease_id"),
        {"lease_id": lease_id},
    )


def announce(
    *, session: Session, lease_number: int, blocks: Sequence[Block], owner: str | None
) -> list[int | None]:
    """Let a lease hold blocks, and take back that garbage collection condemned some of them.

    Args:
        session: The transaction.
        lease_number: The lease.
        blocks: Each once.
        owner: Whose blocks count as known; None: everybody's.

    Returns:
        For each of the blocks, in order, its size by the store's own word where it is known; it counts as proven then.
        None where it is new, and an address for it has to be given out.
    """
    # One statement: what is known has to be looked up once, and only the sizes have to come back. What was proven stays
    # proven, as this may have begun before another call under the lease proved it, and see the block as new.
    sizes: list[int | None] | None = session.execute(
        text(
            f"WITH n AS ({_NAMED}), found AS MATERIALIZED ("  # noqa: S608 - constants
            f"  SELECT n.block_id, n.position, b.size_bytes, b.condemned_at, {_KNOWN} AS known"
            "  FROM n LEFT JOIN blocks b ON b.block_id = n.block_id AND b.lost_at IS NULL"
            "), reprieved AS ("
            "  UPDATE blocks b SET condemned_at = NULL FROM ("
            "   SELECT b.block_id FROM blocks b JOIN found f ON f.block_id = b.block_id"
            "   WHERE f.known AND f.condemned_at IS NOT NULL ORDER BY b.block_id FOR NO KEY UPDATE OF b) AS c"
            "  WHERE b.block_id = c.block_id RETURNING b.block_id"
            "), held AS ("
            "  INSERT INTO leased_blocks AS h (lease_number, block_id, put_given, proven)"
            "  SELECT :lease, block_id, NOT known, known FROM found"
            "  WHERE (SELECT count(*) FROM reprieved) >= 0 ORDER BY block_id"
            "  ON CONFLICT (block_id, lease_number) DO UPDATE"
            "  SET proven = h.proven OR EXCLUDED.proven, put_given = h.put_given OR EXCLUDED.put_given"
            "  WHERE (EXCLUDED.proven AND NOT h.proven) OR (EXCLUDED.put_given AND NOT h.put_given)"
            ") SELECT array_agg(CASE WHEN known THEN size_bytes END ORDER BY position) FROM found"
        ),
        {**_named(blocks), "lease": lease_number, "owner": owner},
    ).scalar_one()
    return sizes or []


def standings(
    *, session: Session, lease_number: int, blocks: Sequence[Block], owner: str | None
) -> list[Standing]:
    """How things stand with each of the blocks, in order; arguments as of `announce`."""
    rows = session.execute(
        text(
            f"WITH n AS ({_NAMED})"  # noqa: S608 - constants
            f" SELECT CASE WHEN {_KNOWN} THEN b.size_bytes END AS size_bytes,"
            " h.block_id IS NOT NULL AS leased, coalesce(h.proven, false) AS proven"
            " FROM n LEFT JOIN blocks b ON b.block_id = n.block_id AND b.lost_at IS NULL"
            " LEFT JOIN leased_blocks h ON h.lease_number = :lease AND h.block_id = n.block_id"
            " ORDER BY n.position"
        ),
        {**_named(blocks), "lease": lease_number, "owner": owner},
    )
    return [Standing(size_bytes=row.size_bytes, leased=row.leased, proven=row.proven) for row in rows]


def reprieve(*, session: Session, blocks: Sequence[Block]) -> None:
    """Take back that garbage collection condemned these."""
    session.execute(
        text(
            "UPDATE blocks b SET condemned_at = NULL FROM ("  # noqa: S608 - constants
            " SELECT block_id FROM blocks WHERE condemned_at IS NOT NULL"
            f" AND block_id IN (SELECT block_id FROM ({_NAMED}) AS n) ORDER BY block_id FOR NO KEY UPDATE) AS c"
            " WHERE b.block_id = c.block_id"
        ),
        _named(blocks),
    )


def store(*, session: Session, lease_number: int, arrived: Sequence[Block]) -> None:
    """Note blocks as stored that lie right under this lease's keys; those that the lease does not hold are left out.

    A block that was stored before stays where it is, unless it was lost there.
    """
    session.execute(
        text(
            "INSERT INTO blocks AS b (block_id, size_bytes, lease_number)"  # noqa: S608 - constants
            f" SELECT n.block_id, n.size_bytes, :lease FROM ({_NAMED}) AS n"
            " JOIN leased_blocks h ON h.lease_number = :lease AND h.block_id = n.block_id"
            " ORDER BY n.block_id"
            " ON CONFLICT (block_id) DO UPDATE SET condemned_at = NULL, lost_at = NULL,"
            " lease_number = CASE WHEN b.lost_at IS NULL THEN b.lease_number ELSE EXCLUDED.lease_number END,"
            " stored_at = CASE WHEN b.lost_at IS NULL THEN b.stored_at ELSE EXCLUDED.stored_at END"
            " WHERE b.condemned_at IS NOT NULL OR b.lost_at IS NOT NULL"
        ),
        {**_named(arrived), "lease": lease_number},
    )


def prove(*, session: Session, lease_number: int, blocks: Sequence[Block]) -> dict[BlockId, int]:
    """Note that the owner has these stored blocks.

    Returns:
        Those that may lie a second time under this lease's keys, with the number of the lease whose copy counts.
    """
    rows = session.execute(
        text(
            "UPDATE leased_blocks h SET proven = true FROM blocks b, ("  # noqa: S608 - constants
            " SELECT block_id FROM leased_blocks WHERE lease_number = :lease AND NOT proven"
            f" AND block_id IN (SELECT block_id FROM ({_NAMED}) AS n) ORDER BY block_id FOR NO KEY UPDATE) AS u"
            " WHERE h.lease_number = :lease AND h.block_id = u.block_id"
            " AND b.block_id = h.block_id AND b.lost_at IS NULL"
            " RETURNING encode(h.block_id, 'hex') AS block_id, b.lease_number"
        ),
        {**_named(blocks), "lease": lease_number},
    )
    return {BlockId(row.block_id): row.lease_number for row in rows if row.lease_number != lease_number}


def move(*, session: Session, block_id: BlockId, from_lease: int, to_lease: int) -> None:
    """Let another copy of a block count, where that of the one lease still does."""
    session.execute(
        text(
            "UPDATE blocks SET lease_number = :new, stored_at = now()"
            " WHERE block_id = decode(:id, 'hex') AND lease_number = :old"
        ),
        {"id": block_id, "old": from_lease, "new": to_lease},
    )


def unproven(*, session: Session, lease_number: int, blocks: Sequence[Block]) -> list[BlockId]:
    """Those of the blocks that can't be referenced under this lease, each once, in order."""
    rows = session.execute(
        text(
            f"SELECT encode(n.block_id, 'hex') FROM ({_NAMED}) AS n"  # noqa: S608 - constants
            " WHERE NOT EXISTS (SELECT 1 FROM leased_blocks h JOIN blocks b USING (block_id)"
            "  WHERE h.lease_number = :lease AND h.block_id = n.block_id AND h.proven"
            "  AND b.lost_at IS NULL AND b.size_bytes = n.size_bytes)"
            " ORDER BY n.position"
        ),
        {**_named(blocks), "lease": lease_number},
    )
    return list(dict.fromkeys(BlockId(block_id) for block_id in rows.scalars()))


def refer(*, session: Session, reference_id: str, blocks: Sequence[Block], owner: str, lease_id: str) -> None:
    """Let a reference consist of the blocks; see `BlockService.add_references`."""
    while (made := _new_list(session=session, reference_id=reference_id, owner=owner)) is None:
        there = session.execute(
            select(BlockList.list_number, BlockList.owner)
            .where(BlockList.reference_id == reference_id)
            .with_for_update(read=True, key_share=True)
        ).one_or_none()
        if there is None:
            continue  # It was released at this moment.
        if there.owner != owner or listed(session=session, list_number=there.list_number) != list(blocks):
            raise Conflict(f"{reference_id} consists of other blocks already.")
        return
    lease_number = find_lease(session=session, lease_id=lease_id, owner=owner)
    if missing := unproven(session=session, lease_number=lease_number, blocks=blocks):
        more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
        raise BlocksMissing(
            f"{reference_id} can't consist of blocks that did not arrive: {', '.join(missing[:3])}{more}. "
            "Announce them again and send them.",
            missing[:NAMED_MISSING],
        )
    reprieve(session=session, blocks=blocks)
    session.execute(
        text(
            "INSERT INTO block_references (list_number, position, block_id)"  # noqa: S608 - constants
            f" SELECT :list, n.position - 1, n.block_id FROM ({_NAMED}) AS n"
        ),
        {**_named(blocks), "list": made},
    )


def _new_list(*, session: Session, reference_id: str, owner: str) -> int | None:
    return session.execute(
        text(
            "INSERT INTO block_lists (reference_id, owner) VALUES (:id, :owner)"
            " ON CONFLICT DO NOTHING RETURNING list_number"
        ),
        {"id": reference_id, "owner": owner},
    ).scalar_one_or_none()


def find_list(*, session: Session, reference_id: str, owner: str | None) -> tuple[int, str]:
    """Number and owner of a reference's list.

    Raises:
        ReferenceUnknown: There is none, or it is not this owner's; None takes anybody's.
    """
    found = session.execute(
        select(BlockList.list_number, BlockList.owner).where(BlockList.reference_id == reference_id)
    ).one_or_none()
    if found is None or owner not in {None, found.owner}:
        raise ReferenceUnknown(f"Nothing consists of blocks under the id {reference_id}.")
    return found.list_number, found.owner


def listed(*, session: Session, list_number: int, after: int = 0, limit: int | None = None) -> list[Block]:
    """The blocks of a list from position `after` on, in order; found by the key of the table, whatever lies before."""
    rows = session.execute(
        select(BlockReference.block_id, StoredBlock.size_bytes)
        .join(StoredBlock, StoredBlock.block_id == BlockReference.block_id)
        .where(BlockReference.list_number == list_number, BlockReference.position >= after)
        .order_by(BlockReference.position)
        .limit(limit)
    )
    return [Block(block_id=BlockId(row.block_id.hex()), size_bytes=row.size_bytes) for row in rows]


def places(*, session: Session, list_number: int, block_ids: Sequence[BlockId]) -> dict[BlockId, int | None]:
    """Lease number of the object of each of the blocks that the list has; None where the object is lost."""
    rows = session.execute(
        text(
            "SELECT DISTINCT encode(b.block_id, 'hex') AS block_id, b.lease_number, b.lost_at"
            " FROM block_references r JOIN blocks b USING (block_id) WHERE r.list_number = :list AND r.block_id IN ("
            " SELECT decode(block_id, 'hex') FROM unnest(CAST(:ids AS text[])) AS n (block_id))"
        ),
        {"list": list_number, "ids": list(block_ids)},
    )
    return {BlockId(row.block_id): None if row.lost_at else row.lease_number for row in rows}


def hold_list(*, session: Session, list_number: int, lease_number: int) -> None:
    """Let a lease hold every block of a list."""
    session.execute(
        text(
            "INSERT INTO leased_blocks AS h (lease_number, block_id, put_given, proven)"
            " SELECT DISTINCT CAST(:lease AS bigint), block_id, false, true FROM block_references"
            " WHERE list_number = :list ORDER BY block_id"
            " ON CONFLICT (block_id, lease_number) DO UPDATE SET proven = true WHERE NOT h.proven"
        ),
        {"list": list_number, "lease": lease_number},
    )


def end_reference(*, session: Session, reference_id: str) -> None:
    """Let nothing consist of blocks under this id any more."""
    session.execute(delete(BlockList).where(BlockList.reference_id == reference_id))


def _named(blocks: Sequence[Block]) -> dict[str, object]:
    return {
        "ids": bytes.fromhex("".join([block.block_id for block in blocks])),
        "sizes": [block.size_bytes for block in blocks],
    }
