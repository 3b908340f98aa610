"""Collects blocks that nothing holds: condemned first, removed a grace period later if still nothing holds them.

The order in which things are removed: row, with the object's name left in `discarded_blocks`, in one transaction; then
the object; then the name. A collection that dies anywhere is finished by the next. An object's key has the number of
the lease that it was put under. Nothing is removed before that lease is, and no number comes twice, so a late removal
can't meet what was put anew.
"""

import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from cutroom.errors import ObjectMissing, UsageError
from cutroom.stores.block_objects import BlockObjects
from cutroom.stores.database import Database
from cutroom.stores.gates import BLOCKS
from cutroom.stores.stray_blocks import stray_blocks

logger = logging.getLogger(__name__)

WINDOW = 5000
"""Blocks looked at in one statement: tens of milliseconds, in which nobody can announce blocks."""

_SHARDS = "0123456789abcdef"
"""First digit of the ids that are listed in one go, all of them at the same time."""

# A lease that is over holds nothing; its rows stay for the grace period, as addresses given out may still be used.
_FREE = """
    NOT EXISTS (SELECT 1 FROM block_references r WHERE r.block_id = b.block_id)
    AND NOT EXISTS (
        SELECT 1 FROM leased_blocks h JOIN block_leases l USING (lease_number)
        WHERE h.block_id = b.block_id AND l.expires_at > now())
"""
# Under a lease that is over and not yet removed a block could be put anew, by the same key.
_DONE_WITH = _FREE + " AND NOT EXISTS (SELECT 1 FROM block_leases l WHERE l.lease_number = b.lease_number)"  # noqa: S608 - constants
_OLD = "< now() - make_interval(secs => :grace)"


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectedBlocks:
    """What a collection did, or would do."""

    condemned_blocks: int
    """Blocks that nothing holds; the next collection after the grace period removes them."""
    condemned_bytes: int
    removed_blocks: int
    """Blocks that were condemned long enough ago."""
    removed_bytes: int
    ended_leases: int
    """Leases whose time was over long enough ago; what was put under them and never stored goes too."""
    removed_objects: int
    stray_objects: int
    """Objects that nothing in the ledger names."""


def collect_blocks(
    database: Database, objects: BlockObjects, *, grace_s: int, dry_run: bool = False
) -> CollectedBlocks:
    """Remove what was condemned, and condemn what nothing holds.

    Args:
        database: Where the ledger is.
        objects: Where the bytes are.
        grace_s: How old a block, and how long condemned or over, a thing has to be.
        dry_run: Only look.

    Raises:
        UsageError: The grace period is shorter than addresses given out may be used, or the bucket is another
            database's.
        ObjectMissing: A block that a file consists of is not in the store. Nothing was removed.
    """
    if grace_s < objects.url_s:
        raise UsageError(
            f"A grace period of {grace_s} s is shorter than the {objects.url_s} s of CUTROOM_BLOCK_URL_S: "
            "what is being uploaded would be taken away."
        )
    refuse_if_blocks_are_missing(database, objects)
    strays = stray_blocks(database, objects, grace_s=grace_s)
    if dry_run:
        return _foreseen(database, grace_s, strays=len(strays))
    ended_leases = _end_leases(database, grace_s)
    removed_blocks, removed_bytes = _remove_condemned(database, grace_s)
    condemned_blocks, condemned_bytes = _condemn(database, grace_s)
    removed_objects = _remove_discarded(database, objects)
    objects.remove(strays)
    return CollectedBlocks(
        condemned_blocks=condemned_blocks,
        condemned_bytes=condemned_bytes,
        removed_blocks=removed_blocks,
        removed_bytes=removed_bytes,
        ended_leases=ended_leases,
        removed_objects=removed_objects,
        stray_objects=len(strays),
    )


def refuse_if_blocks_are_missing(database: Database, objects: BlockObjects) -> None:
    """Compare what files consist of with a listing of the store.

    Raises:
        ObjectMissing: Something is not there; the message names some of it.
    """
    with database.transaction() as session:
        before: datetime = session.execute(text("SELECT now()")).scalar_one()
    with ThreadPoolExecutor(len(_SHARDS)) as pool:
        missing = [
            block_id
            for found in pool.map(lambda digit: list(_missing(database, objects, digit, before)), _SHARDS)
            for block_id in found
        ]
    if missing:
        raise ObjectMissing(
            f"{len(missing)} blocks that files consist of are not in the store ({', '.join(missing[:3])}"
            f"{', …' if len(missing) > 3 else ''}), so nothing is removed. See `cutroom check --repair`."
        )


def _missing(database: Database, objects: BlockObjects, digit: str, before: datetime) -> Iterator[str]:
    """Referenced blocks that were stored before the listing began and are not in it; both come in order of ids."""
    there = objects.listed(digit)
    copies: set[int] = set()
    at = ""
    upcoming = next(there, None)
    with database.snapshot() as session:
        rows = session.execute(
            text(
                "SELECT encode(b.block_id, 'hex') AS block_id, b.lease_number, b.lost_at IS NOT NULL AS lost"
                " FROM blocks b WHERE b.block_id >= decode(rpad(:digit, 64, '0'), 'hex')"
                " AND b.block_id <= decode(rpad(:digit, 64, 'f'), 'hex') AND b.stored_at < :before"
                " AND EXISTS (SELECT 1 FROM block_references r WHERE r.block_id = b.block_id)"
                " ORDER BY b.block_id"
            ),
            {"digit": digit, "before": before},
            execution_options={"yield_per": WINDOW},
        )
        for row in rows:
            if row.block_id != at:
                at, copies = row.block_id, set()
            while upcoming and upcoming.block_id <= at:
                if upcoming.block_id == at:
                    copies.add(upcoming.lease_number)
                upcoming = next(there, None)
            if row.lost or row.lease_number not in copies:
                yield row.block_id


def _foreseen(database: Database, grace_s: int, *, strays: int) -> CollectedBlocks:
    """What a collection would do now, step by step: it ends leases first, so theirs linger no more when blocks go."""
    with database.snapshot() as session:
        answer = session.execute(
            text(
                "WITH ending AS (SELECT lease_number FROM block_leases"  # noqa: S608 - constants
                f" WHERE expires_at {_OLD}),"
                " gone AS (SELECT b.block_id, b.lease_number, b.size_bytes FROM blocks b"
                f" WHERE condemned_at {_OLD} AND {_FREE} AND NOT EXISTS (SELECT 1 FROM block_leases l"
                f"  WHERE l.lease_number = b.lease_number AND NOT l.expires_at {_OLD})),"
                # What was due and can't go yet has its two phases anew.
                f" condemned AS (SELECT size_bytes FROM blocks b WHERE (condemned_at IS NULL OR condemned_at {_OLD})"
                f" AND stored_at {_OLD} AND {_FREE}"
                " AND NOT EXISTS (SELECT 1 FROM gone WHERE gone.block_id = b.block_id)),"
                " discarded AS (SELECT block_id, lease_number FROM discarded_blocks"
                " UNION SELECT block_id, lease_number FROM gone"
                " UNION SELECT h.block_id, h.lease_number FROM leased_blocks h JOIN ending USING (lease_number)"
                "  LEFT JOIN blocks b ON b.block_id = h.block_id AND b.lease_number = h.lease_number"
                "  WHERE h.put_given AND b.block_id IS NULL)"
                " SELECT (SELECT count(*) FROM ending) AS ended_leases,"
                " (SELECT count(*) FROM gone) AS removed_blocks,"
                " (SELECT coalesce(sum(size_bytes), 0) FROM gone) AS removed_bytes,"
                " (SELECT count(*) FROM condemned) AS condemned_blocks,"
                " (SELECT coalesce(sum(size_bytes), 0) FROM condemned) AS condemned_bytes,"
                " (SELECT count(*) FROM discarded) AS removed_objects"
            ),
            {"grace": grace_s},
        )
        told = answer.mappings().one()
    return CollectedBlocks(**{name: int(value) for name, value in told.items()}, stray_objects=strays)


def _remove_condemned(database: Database, grace_s: int) -> tuple[int, int]:
    count = size_bytes = 0
    while True:
        with database.transaction() as session:
            BLOCKS.shut_out(session)
            rows = session.execute(
                text(
                    "WITH due AS (SELECT block_id FROM blocks"  # noqa: S608 - constants
                    f" WHERE condemned_at {_OLD} ORDER BY condemned_at LIMIT :window),"
                    " held AS (UPDATE blocks b SET condemned_at = NULL FROM due"
                    f" WHERE b.block_id = due.block_id AND NOT ({_DONE_WITH})),"
                    " gone AS (DELETE FROM blocks b USING due"
                    f" WHERE b.block_id = due.block_id AND {_DONE_WITH}"
                    " RETURNING b.block_id, b.lease_number, b.size_bytes),"
                    " kept AS (INSERT INTO discarded_blocks (block_id, lease_number)"
                    " SELECT block_id, lease_number FROM gone ON CONFLICT DO NOTHING)"
                    " SELECT (SELECT count(*) FROM due) AS due, count(*) AS gone,"
                    " coalesce(sum(size_bytes), 0) AS size_bytes FROM gone"
                ),
                {"grace": grace_s, "window": WINDOW},
            ).one()
        count += rows.gone
        size_bytes += int(rows.size_bytes)
        if rows.due < WINDOW:
            return count, size_bytes


def _end_leases(database: Database, grace_s: int) -> int:
    count = 0
    while True:
        with database.transaction() as session:
            BLOCKS.shut_out(session)
            ended = session.execute(
                text(
                    f"SELECT lease_number FROM block_leases WHERE expires_at {_OLD}"  # noqa: S608 - constants
                    " ORDER BY expires_at LIMIT 10"
                ),
                {"grace": grace_s},
            ).scalars()
            numbers = list(ended)
            session.execute(
                text(
                    "INSERT INTO discarded_blocks (block_id, lease_number)"
                    " SELECT h.block_id, h.lease_number FROM leased_blocks h"
                    " LEFT JOIN blocks b ON b.block_id = h.block_id AND b.lease_number = h.lease_number"
                    " WHERE h.lease_number = ANY(:numbers) AND h.put_given AND b.block_id IS NULL"
                    " ON CONFLICT DO NOTHING"
                ),
                {"numbers": numbers},
            )
            for table in ("leased_blocks", "block_leases"):
                session.execute(
                    text(f"DELETE FROM {table} WHERE lease_number = ANY(:numbers)"),  # noqa: S608 - constants
                    {"numbers": numbers},
                )
        count += len(numbers)
        if len(numbers) < 10:
            return count


def _condemn(database: Database, grace_s: int) -> tuple[int, int]:
    count = size_bytes = 0
    after = b""
    while window := _window_after(database, after):
        which = f"b.block_id > :after AND b.block_id <= :upto AND condemned_at IS NULL AND stored_at {_OLD} AND {_FREE}"
        values = {"after": after, "upto": window, "grace": grace_s}
        after = window
        with database.snapshot() as session:
            if not session.execute(text(f"SELECT 1 FROM blocks b WHERE {which} LIMIT 1"), values).first():  # noqa: S608 - constants
                continue
        with database.transaction() as session:
            BLOCKS.shut_out(session)
            rows = session.execute(
                text(
                    f"WITH done AS (UPDATE blocks b SET condemned_at = now() WHERE {which} RETURNING size_bytes)"  # noqa: S608 - constants
                    " SELECT count(*) AS blocks, coalesce(sum(size_bytes), 0) AS size_bytes FROM done"
                ),
                values,
            ).one()
        count += rows.blocks
        size_bytes += int(rows.size_bytes)
    return count, size_bytes


def _window_after(database: Database, after: bytes) -> bytes | None:
    with database.snapshot() as session:
        last: bytes | memoryview | None = session.execute(
            text(
                "SELECT block_id FROM (SELECT block_id FROM blocks WHERE block_id > :after"
                " ORDER BY block_id LIMIT :window) AS w ORDER BY block_id DESC LIMIT 1"
            ),
            {"after": after, "window": WINDOW},
        ).scalar_one_or_none()
    return bytes(last) if last is not None else None


def _remove_discarded(database: Database, objects: BlockObjects) -> int:
    count = 0
    while True:
        with database.transaction() as session:
            batch = _discarded(session)
            objects.remove(batch)
            session.execute(
                text(
                    "DELETE FROM discarded_blocks d USING unnest(CAST(:ids AS text[]), CAST(:numbers AS bigint[]))"
                    " AS n (block_id, lease_number)"
                    " WHERE d.block_id = decode(n.block_id, 'hex') AND d.lease_number = n.lease_number"
                ),
                {"ids": [block_id for block_id, _ in batch], "numbers": [number for _, number in batch]},
            )
        count += len(batch)
        if not batch:
            return count


def _discarded(session: Session) -> list[tuple[str, int]]:
    rows = session.execute(
        text(
            "SELECT encode(block_id, 'hex') AS block_id, lease_number FROM discarded_blocks"
            " ORDER BY lease_number, block_id LIMIT 1000 FOR UPDATE SKIP LOCKED"
        )
    )
    return [(row.block_id, row.lease_number) for row in rows]
