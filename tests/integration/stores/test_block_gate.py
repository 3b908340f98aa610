"""Whoever adds a hold on blocks waits while garbage collection decides, and it waits while somebody is inside."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
from sqlalchemy import text

from block_house import GRACE_S, BlockHouse, block_house
from block_rigs import contents, run
from cutroom.blocks.block import block_of
from cutroom.settings import Settings
from cutroom.stores import block_garbage, block_repair
from cutroom.stores.block_objects import BlockObjects
from cutroom.stores.catalog import Catalog
from cutroom.stores.gates import BLOCKS

pytestmark = pytest.mark.stack

DATA = contents(2)
NAMED = [block_of(each) for each in DATA]


@pytest.fixture
def house(stack: Settings, catalog: Catalog) -> Iterator[BlockHouse]:
    with block_house(stack, catalog.database) as house:
        house.rig.upload(DATA, owner="eva", lease_id="one", reference_id="fv_one")
        yield house


@contextmanager
def alone(house: BlockHouse) -> Iterator[None]:
    """Garbage collection while it decides."""
    with house.database.transaction() as session:
        BLOCKS.shut_out(session)
        yield


@contextmanager
def inside(house: BlockHouse) -> Iterator[None]:
    """Somebody who adds a hold."""
    with house.database.transaction() as session:
        BLOCKS.enter(session)
        yield


def waits(house: BlockHouse, call: Future[Any]) -> bool:
    """Whether a call comes to wait at the gate, before it is over."""
    waiting = text(
        "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND database ="
        " (SELECT oid FROM pg_database WHERE datname = current_database())"
    )
    while not call.done():
        with house.database.snapshot() as session:
            if session.scalar(waiting):
                return True
    return False


CALLS: dict[str, Callable[[BlockHouse], object]] = {
    "announce": lambda house: house.service.get_or_create_block_locations(NAMED, owner="joe", lease_id="two"),
    "ask what is missing": lambda house: house.service.missing_blocks(NAMED, owner="eva", lease_id="one"),
    "refer": lambda house: house.service.add_references("fv_two", NAMED, owner="eva", lease_id="one"),
    "hold": lambda house: house.service.hold_references("fv_one", lease_id="run"),
    "renew": lambda house: house.service.renew_lease("one", owner="eva"),
    "repair": lambda house: block_repair._restore(house.database, house.objects, NAMED[0], DATA[0]),
}
PARTS: dict[str, Callable[[BlockHouse], object]] = {
    "condemn": lambda house: block_garbage._condemn(house.database, GRACE_S),
    "remove": lambda house: block_garbage._remove_condemned(house.database, GRACE_S),
    "end leases": lambda house: block_garbage._end_leases(house.database, GRACE_S),
}


@pytest.mark.parametrize("name", CALLS)
def test_whoever_adds_a_hold_waits_while_garbage_is_decided_on(name: str, house: BlockHouse) -> None:
    before = house.object_keys()
    with ThreadPoolExecutor(1) as pool:
        with alone(house):
            call = pool.submit(CALLS[name], house)
            assert waits(house, call), f"{name} did not wait"
            assert house.object_keys() == before, f"{name} waited too late"
        call.result()


@pytest.mark.parametrize("name", ["missing", "repair"])
def test_what_has_arrived_is_noted_only_when_no_garbage_is_decided_on(
    name: str, house: BlockHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between asking the store, or writing to it, and noting what is there, a collection may have begun."""
    (data,) = contents(1)
    block = block_of(data)
    (location,) = house.service.get_or_create_block_locations([block], owner="joe", lease_id="joe")
    house.rig.send([location], {block.block_id: data})
    with ThreadPoolExecutor(1) as pool, ExitStack() as collecting:
        method = "arrived" if name == "missing" else "put"
        real = getattr(BlockObjects, method)

        def then_a_collection_begins(*arguments: Any) -> object:
            said: object = real(*arguments)
            collecting.enter_context(alone(house))
            return said

        monkeypatch.setattr(BlockObjects, method, then_a_collection_begins)

        def note() -> object:
            if name == "missing":
                return house.service.missing_blocks([block], owner="joe", lease_id="joe")
            return block_repair._restore(house.database, house.objects, block, data)

        call = pool.submit(note)
        assert waits(house, call), f"{name} did not wait"
        collecting.close()
        call.result()


@pytest.mark.parametrize("name", PARTS)
def test_garbage_is_decided_on_when_nobody_is_inside(name: str, house: BlockHouse) -> None:
    house.service.release_blocks("fv_one")
    house.pass_time(2 * GRACE_S)
    if name == "remove":
        house.collect()
        house.pass_time(2 * GRACE_S)
    with ThreadPoolExecutor(1) as pool:
        with inside(house):
            call = pool.submit(PARTS[name], house)
            assert waits(house, call), f"{name} did not wait"
        call.result()


def test_what_arrived_and_what_is_reprieved_is_not_locked_in_two_orders(house: BlockHouse) -> None:
    """An announcement locks condemned blocks in the order of their ids; who held a later one would wait in a circle."""
    low, high = sorted(contents(2), key=lambda data: block_of(data).block_id)
    both = [block_of(low), block_of(high)]
    locations = house.service.get_or_create_block_locations(both, owner="joe", lease_id="two")
    house.rig.upload([low], owner="joe", lease_id="three", reference_id="fv_joe")
    house.rig.upload([high], owner="eva", lease_id="four", reference_id="fv_eva")
    house.rig.send(locations[1:], {both[1].block_id: high})
    run(house.database, "UPDATE blocks SET condemned_at = now()")
    lock = "SELECT FROM blocks WHERE block_id = decode(:id, 'hex') FOR NO KEY UPDATE NOWAIT"
    waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'transactionid' AND NOT granted"
    with ThreadPoolExecutor(1) as pool, house.database.transaction() as session:
        session.execute(text(lock), {"id": both[0].block_id})
        call = pool.submit(house.service.missing_blocks, both, owner="joe", lease_id="two")
        while not session.scalar(text(waiting)):
            assert not call.done()
        session.execute(text(lock), {"id": both[1].block_id})
        session.commit()
        assert call.result() == []


def test_nobody_waits_for_others_who_are_inside(house: BlockHouse) -> None:
    with inside(house):
        for call in CALLS.values():
            call(house)
