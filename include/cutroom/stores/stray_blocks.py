"""Finds objects where blocks are kept of which the ledger knows nothing: left by hand, or by a database that is gone.

Before a block's address is given out there is a row of its lease; until its object is removed, one of `blocks`,
`leased_blocks` or `discarded_blocks` names it. One statement sees all three at the same moment. As no lease number
comes twice, what is named by none is never named again.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice

from sqlalchemy import text

from cutroom.errors import UsageError
from cutroom.stores.block_objects import BlockObjects
from cutroom.stores.database import Database

_AT_ONCE = 5000

_SEQUENCE = "block_leases_lease_number_seq"

_UNKNOWN = """
    SELECT n.block_id, n.lease_number
    FROM unnest(CAST(:ids AS text[]), CAST(:numbers AS bigint[])) AS n (block_id, lease_number)
    CROSS JOIN LATERAL (SELECT decode(n.block_id, 'hex')) AS o (block_id)
    WHERE NOT EXISTS (SELECT 1 FROM blocks b WHERE b.block_id = o.block_id AND b.lease_number = n.lease_number)
    AND NOT EXISTS (SELECT 1 FROM leased_blocks h
        WHERE h.block_id = o.block_id AND h.lease_number = n.lease_number AND h.put_given)
    AND NOT EXISTS (SELECT 1 FROM discarded_blocks d
        WHERE d.block_id = o.block_id AND d.lease_number = n.lease_number)
"""


def stray_blocks(database: Database, objects: BlockObjects, *, grace_s: int) -> list[tuple[str, int]]:
    """Block and lease number of each object that is older than the grace period and that no row names.

    Raises:
        UsageError: One was put under a lease that this database never gave: it is another one's bucket, or the
            database was restored from before that.
    """
    before = datetime.now(UTC) - timedelta(seconds=grace_s)
    found: list[tuple[str, int]] = []
    old = ((copy.block_id, copy.lease_number) for copy in objects.listed() if copy.modified_at < before)
    while batch := list(islice(old, _AT_ONCE)):
        found += _unknown(database, batch)
    last = _last_lease(database)
    if foreign := [copy for copy in found if copy[1] > last]:
        highest = max(number for _, number in foreign)
        raise UsageError(
            f"{len(foreign)} objects of s3://{objects.bucket}/blocks/ ({foreign[0][0]}.{foreign[0][1]}"
            f"{', …' if len(foreign) > 1 else ''}) were put under leases up to {highest}, and this database gave "
            f"{last}, so nothing is removed. If it is another database's bucket, name the right one; if this one was "
            f"restored from a backup, let it give later numbers: SELECT setval('{_SEQUENCE}', {highest})."
        )
    return found


def _unknown(database: Database, copies: Sequence[tuple[str, int]]) -> Iterator[tuple[str, int]]:
    ids, numbers = [block_id for block_id, _ in copies], [number for _, number in copies]
    with database.snapshot() as session:
        rows = session.execute(text(_UNKNOWN), {"ids": ids, "numbers": numbers}).all()
    return ((row.block_id, row.lease_number) for row in rows)


def _last_lease(database: Database) -> int:
    with database.snapshot() as session:
        return int(
            session.execute(
                text(f"SELECT coalesce(pg_sequence_last_value('{_SEQUENCE}'::regclass), 0)")
            ).scalar_one()
        )
