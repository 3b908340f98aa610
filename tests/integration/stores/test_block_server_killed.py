"""The Block Service as a server that is killed again and again while files go up through it."""

import os
import random
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import httpx
import pytest

from block_house import GRACE_S, BlockHouse, block_house, ids_of
from block_rigs import Rig, contents, real_rig
from cutroom.client import backoff
from cutroom.client.backoff import patiently
from cutroom.settings import Settings
from cutroom.stores.block_rpc.client import RemoteBlocks
from cutroom.stores.catalog import Catalog
from killing import PYTHONPATH

pytestmark = pytest.mark.stack

KILLED_SERVER = """
import random, sys
from pathlib import Path
from cutroom.api.block_server import Listening, start_server
from cutroom.settings import get_settings
from own_port import own_port
from cutroom.stores.blocks import stored_blocks
from killing import forked

port = own_port()
service = stored_blocks(get_settings())

def serve(_):
    start_server(service, Listening(address=f"127.0.0.1:{port}"))[0].wait_for_termination()

print(port, flush=True)
chance = random.Random(7)
for kill in range(20):
    assert forked(serve, kill, die_at=chance.randint(1, 100)) is None
Path(sys.argv[1]).touch()
serve(0)
"""


@pytest.fixture
def house(stack: Settings, catalog: Catalog) -> Iterator[BlockHouse]:
    with block_house(stack, catalog.database) as house:
        yield house


@pytest.fixture
def dying_server(house: BlockHouse, empty_database: str, tmp_path: Path) -> Iterator[tuple[Rig, Path]]:
    """The Block Service behind a server that is killed twenty times, and a file that is there afterwards."""
    ended = tmp_path / "killed often enough"
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED_SERVER, ended],
        env={
            **os.environ, "PYTHONPATH": PYTHONPATH, "CUTROOM_DATABASE_URL": empty_database,
            "CUTROOM_BLOCKS_BUCKET": house.bucket,
        },
        stdout=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    assert process.stdout
    with process.stdout, httpx.Client(timeout=300) as http:
        client = RemoteBlocks(f"http://127.0.0.1:{int(process.stdout.readline())}")
        yield real_rig(client, house.database, http), ended
        client.close()
        process.kill()
        process.wait()


def upload(rig: Rig, parts: Sequence[bytes], number: int) -> None:
    """A file of one of two owners, begun again until it is committed: under its lease, or now and then a new one."""
    tries = iter(range(1000))

    def attempt() -> None:
        lease_id = f"l{number}.{next(tries) // 2}"
        rig.upload(parts, owner=f"o{number % 2}", lease_id=lease_id, reference_id=f"fv_{number}")

    patiently(attempt)


def test_a_block_server_that_is_killed_at_any_point_loses_nothing(
    dying_server: tuple[Rig, Path], house: BlockHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    # It is away most of the time here, so whoever waits for long between two tries never meets it.
    monkeypatch.setattr(backoff, "TRIES", 1000)
    monkeypatch.setattr(backoff, "LONGEST_S", 0.2)
    rig, ended = dying_server
    chance = random.Random(8)
    shared, files = contents(6), []
    while not ended.exists():
        parts = [*contents(2), *chance.sample(shared, 3)]
        upload(rig, parts, len(files))
        files.append(parts)
    for number, parts in enumerate(files):
        assert rig.read(f"fv_{number}", owner=f"o{number % 2}") == b"".join(parts)
    # An upload that was begun under two leases may have put a block twice until its lease is over.
    assert set(house.stored_ids()) == set(ids_of([part for parts in files for part in parts]))
    house.pass_time(2 * GRACE_S)
    house.collect()
    assert house.stored_ids() == sorted(set(ids_of([part for parts in files for part in parts])))
    for number, parts in enumerate(files):
        assert house.rig.read(f"fv_{number}") == b"".join(parts)
        house.service.release_blocks(f"fv_{number}")
    for _ in range(2):
        house.pass_time(2 * GRACE_S)
        house.collect()
    assert house.is_empty()
