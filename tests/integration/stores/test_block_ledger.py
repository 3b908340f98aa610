"""What the ledger of blocks asks of PostgreSQL stays small, however often blocks are referenced."""

import hashlib
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import event, text

from cutroom.blocks.block import Block
from cutroom.ids import BlockId
from cutroom.stores import block_ledger as ledger
from cutroom.stores.catalog import Catalog

pytestmark = pytest.mark.stack

LISTS, BLOCKS = 100, 200
FILL = f"""
    INSERT INTO block_leases (lease_id, owner, expires_at)
    SELECT 'lease ' || n, 'ann', now() FROM generate_series(1, {LISTS}) AS n;
    INSERT INTO block_lists (reference_id, owner) SELECT 'fv_' || n, 'ann' FROM generate_series(1, {LISTS}) AS n;
    INSERT INTO blocks (block_id, size_bytes, lease_number)
    SELECT sha256(int8send(n)), 9, 1 FROM generate_series(1, {BLOCKS}) AS n;
    INSERT INTO leased_blocks (lease_number, block_id, put_given, proven)
    SELECT l.lease_number, block_id, false, true FROM block_leases AS l, blocks;
    INSERT INTO block_references (list_number, position, block_id)
    SELECT list_number, row_number() OVER (PARTITION BY list_number), block_id FROM block_lists, blocks;
"""
READ_IN_ORDER = text(
    "SELECT sum(seq_tup_read) FROM pg_stat_xact_user_tables WHERE relname IN ('block_references', 'leased_blocks')"
)


def numbered(number: int) -> Block:
    digest = hashlib.sha256(number.to_bytes(8, "big", signed=True)).hexdigest()
    return Block(block_id=BlockId(digest), size_bytes=9)


@pytest.mark.parametrize("owner", ["ann", "bob"])
def test_no_announcement_reads_all_references(catalog: Catalog, owner: str) -> None:
    """With fresh statistics, and a file that was uploaded so often that reading all of them once looks cheap."""
    with catalog.database.transaction() as session:
        session.connection().exec_driver_sql(FILL)
    with catalog.database.transaction() as session:
        session.execute(text("ANALYZE"))
    blocks = [numbered(number) for number in range(1, BLOCKS + 1)]
    with catalog.database.transaction() as session:
        before = session.scalars(READ_IN_ORDER).one()
        lease = ledger.take_lease(session=session, lease_id=f"of {owner}", owner=owner, seconds=60)
        sizes = ledger.announce(session=session, lease_number=lease, blocks=blocks, owner=owner)
        standings = ledger.standings(session=session, lease_number=lease, blocks=blocks, owner=owner)
        assert session.scalars(READ_IN_ORDER).one() == before
    assert (
        sizes == [standing.size_bytes for standing in standings] == [9 if owner == "ann" else None] * BLOCKS
    )


# The first of the blocks is in a list each of many owners, among others of theirs. Carl refers to it, too, in the
# second of his three files, and dora in the last of hers, which are more than the references of the block are.
OFTEN, FILES = 1000, 1100
OFTEN_REFERENCED = f"""
    INSERT INTO blocks (block_id, size_bytes, lease_number)
    SELECT sha256(int8send(n)), 9, 1 FROM generate_series(1, {20 * OFTEN}) AS n;
    INSERT INTO block_lists (reference_id, owner)
    SELECT 'fv_' || n, 'owner ' || n FROM generate_series(1, {OFTEN}) AS n;
    INSERT INTO block_references (list_number, position, block_id)
    SELECT list_number, k, sha256(int8send(CASE WHEN k = 0 THEN 1 ELSE 20 * list_number - k END))
    FROM block_lists, generate_series(0, 19) AS k;
    INSERT INTO block_lists (reference_id, owner)
    SELECT owner || n, owner FROM unnest(ARRAY['dora', 'eve']) AS owner, generate_series(1, {FILES}) AS n;
    INSERT INTO block_lists (reference_id, owner) SELECT 'carl' || n, 'carl' FROM generate_series(1, 3) AS n;
    INSERT INTO block_references (list_number, position, block_id)
    SELECT list_number, 0, sha256(int8send(1)) FROM block_lists WHERE reference_id IN ('dora{FILES}', 'carl2');
"""
FETCHED = text(
    "SELECT sum(idx_tup_fetch + seq_tup_read) FROM pg_stat_xact_user_tables"
    " WHERE relname IN ('block_references', 'block_lists')"
)


@pytest.mark.parametrize(
    ("owner", "is_known", "most_rows"),
    [
        ("owner 1", True, 10),
        (f"owner {OFTEN}", True, 500),
        ("carl", True, 500),
        ("bob", False, 500),
        ("dora", True, 10 * OFTEN),
        ("eve", False, 10 * OFTEN),
    ],
)
def test_a_block_that_others_refer_to_very_often_is_looked_for_where_there_is_less_to_look_through(
    catalog: Catalog, owner: str, is_known: bool, most_rows: int
) -> None:
    with catalog.database.transaction() as session:
        session.connection().exec_driver_sql(OFTEN_REFERENCED, execution_options={"no_parameters": True})
    with catalog.database.transaction() as session:
        session.execute(text("ANALYZE"))
    with catalog.database.transaction() as session:
        # The counters may still hold what the transactions before fetched.
        before = session.scalars(FETCHED).one()
        [standing] = ledger.standings(session=session, lease_number=0, blocks=[numbered(1)], owner=owner)
        assert session.scalars(FETCHED).one() - before <= most_rows
    assert standing.known == is_known


WAITING = text("SELECT count(*) FROM pg_locks WHERE NOT granted AND pid = :pid")


def test_what_one_client_proves_is_not_taken_back_by_another_that_began_before(catalog: Catalog) -> None:
    """Two clients send the same file in one upload; the second one's announcement waits for the first one's proof."""
    database, blocks = catalog.database, [numbered(1)]
    with database.transaction() as session:
        lease = ledger.take_lease(session=session, lease_id="us_1", owner="ann", seconds=60)
        assert ledger.announce(session=session, lease_number=lease, blocks=blocks, owner="ann") == [None]

    def announce() -> None:
        with database.transaction() as session:
            pids.append(session.scalars(text("SELECT pg_backend_pid()")).one())
            ledger.announce(session=session, lease_number=lease, blocks=blocks, owner="ann")

    pids: list[int] = []
    with ThreadPoolExecutor(1) as pool:
        with database.transaction() as session:
            ledger.store(session=session, lease_number=lease, arrived=blocks)
            ledger.prove(session=session, lease_number=lease, blocks=blocks)
            second = pool.submit(announce)
            while not (second.done() or (pids and session.scalars(WAITING, {"pid": pids[0]}).one())):
                time.sleep(0.01)
        second.result()
    with database.snapshot() as session:
        assert ledger.unproven(session=session, lease_number=lease, blocks=blocks) == []


BEGUN = text("SELECT pg_backend_pid()")


# What else the first lease holds: in a table that is read by an index rows come in no order of their own.
MANY = """
    INSERT INTO leased_blocks (lease_number, block_id, put_given, proven)
    SELECT 1, sha256(int8send(n)), true, false FROM generate_series(1000, 20000) AS n;
    INSERT INTO blocks (block_id, size_bytes, lease_number)
    SELECT sha256(int8send(n)), 9, 1000 FROM generate_series(1000, 20000) AS n
"""


@pytest.mark.parametrize(
    ("first", "second"), [("announce", "prove"), ("prove", "announce"), ("hold", "prove")]
)
def test_two_clients_of_a_lease_do_not_wait_for_each_other(first: str, second: str, catalog: Catalog) -> None:
    """Each names the same blocks, in opposite orders; somebody holds one in their middle until both have begun."""
    database = catalog.database
    blocks = sorted((numbered(number) for number in range(9)), key=lambda block: block.block_id)
    with database.transaction() as session:
        session.connection().exec_driver_sql(MANY)
        lease = ledger.take_lease(session=session, lease_id="us_1", owner="ann", seconds=60)
        ledger.announce(session=session, lease_number=lease, blocks=blocks, owner="ann")
        ledger.store(session=session, lease_number=lease, arrived=blocks)
        session.execute(text("INSERT INTO block_lists (reference_id, owner) VALUES ('fv_1', 'ann')"))
        number, _ = ledger.find_list(session=session, reference_id="fv_1", owner="ann")
        session.execute(
            text(
                "INSERT INTO block_references SELECT :list, row_number() OVER (ORDER BY block_id DESC), block_id"
                " FROM unnest(CAST(:ids AS bytea[])) AS n (block_id)"
            ),
            {"list": number, "ids": [bytes.fromhex(block.block_id) for block in blocks]},
        )
        session.execute(text("ANALYZE"))
    pids: list[int] = []

    def call(name: str, named: list[Block]) -> None:
        with database.transaction() as session:
            pids.append(session.scalars(BEGUN).one())
            if name == "announce":
                # As somebody who is not known to have them: what is written is what a first announcement writes.
                ledger.announce(session=session, lease_number=lease, blocks=named, owner="bob")
            elif name == "prove":
                ledger.prove(session=session, lease_number=lease, blocks=named)
            else:
                ledger.hold_list(session=session, list_number=number, lease_number=lease)

    with ThreadPoolExecutor(2) as pool:
        with database.transaction() as session:
            middle = "SELECT FROM leased_blocks WHERE block_id = decode(:id, 'hex') FOR UPDATE"
            session.execute(text(middle), {"id": blocks[4].block_id})
            calls = []
            for name, named in ((first, blocks), (second, blocks[::-1])):
                calls.append(pool.submit(call, name, named))
                while len(pids) < len(calls) or not session.scalars(WAITING, {"pid": pids[-1]}).one():
                    assert not calls[-1].done()
                    time.sleep(0.01)
        for one in calls:
            one.result()


def test_two_announcements_take_back_the_same_condemnations_in_one_order(catalog: Catalog) -> None:
    database = catalog.database
    blocks = sorted((numbered(number) for number in range(9)), key=lambda block: block.block_id)
    with database.transaction() as session:
        leases = [
            ledger.take_lease(session=session, lease_id=f"us_{number}", owner="ann", seconds=60)
            for number in range(3)
        ]
        ledger.announce(session=session, lease_number=leases[0], blocks=blocks, owner="ann")
        ledger.store(session=session, lease_number=leases[0], arrived=blocks)
        ledger.prove(session=session, lease_number=leases[0], blocks=blocks)
        session.connection().exec_driver_sql(MANY)
        session.execute(text("ANALYZE"))
        session.execute(text("UPDATE blocks SET condemned_at = now()"))
    pids: list[int] = []

    def announce(lease: int, named: list[Block]) -> None:
        with database.transaction() as session:
            pids.append(session.scalars(BEGUN).one())
            ledger.announce(session=session, lease_number=lease, blocks=named, owner="ann")

    with ThreadPoolExecutor(2) as pool:
        with database.transaction() as session:
            middle = "SELECT FROM blocks WHERE block_id = decode(:id, 'hex') FOR UPDATE"
            session.execute(text(middle), {"id": blocks[4].block_id})
            calls = []
            for lease, named in ((leases[1], blocks), (leases[2], blocks[::-1])):
                calls.append(pool.submit(announce, lease, named))
                while len(pids) < len(calls) or not session.scalars(WAITING, {"pid": pids[-1]}).one():
                    assert not calls[-1].done()
                    time.sleep(0.01)
        for one in calls:
            one.result()
    with database.snapshot() as session:
        assert session.scalars(text("SELECT count(*) FROM blocks WHERE condemned_at IS NULL")).one() == 9


def test_a_reference_that_is_released_while_it_is_made_again_is_there(catalog: Catalog) -> None:
    database, blocks = catalog.database, [numbered(1)]
    with database.transaction() as session:
        lease = ledger.take_lease(session=session, lease_id="us_1", owner="ann", seconds=60)
        ledger.announce(session=session, lease_number=lease, blocks=blocks, owner="ann")
        ledger.store(session=session, lease_number=lease, arrived=blocks)
        ledger.prove(session=session, lease_number=lease, blocks=blocks)
    refer: dict[str, Any] = {"reference_id": "fv_1", "blocks": blocks, "owner": "ann", "lease_id": "us_1"}
    with database.transaction() as session:
        ledger.refer(session=session, **refer)
    released = []

    def release(_: object, __: object, statement: str, *___: object) -> None:
        if "INSERT INTO block_lists" in statement and not released:
            released.append(True)
            with database.transaction() as other:
                ledger.end_reference(session=other, reference_id="fv_1")

    with database.transaction() as session:
        event.listen(session.connection(), "after_cursor_execute", release)
        ledger.refer(session=session, **refer)
    with database.snapshot() as session:
        number, _ = ledger.find_list(session=session, reference_id="fv_1", owner="ann")
        assert ledger.listed(session=session, list_number=number) == blocks
