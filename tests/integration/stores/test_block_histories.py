"""Whatever happens in whatever order: what was committed reads back, what is held stays, what nothing holds goes."""

import contextlib
import random
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from block_house import GRACE_S, HOUR_S, URL_S, BlockHouse, block_house
from block_rigs import contents
from cutroom.blocks.block import Block, block_of
from cutroom.blocks.service import PresignedPut
from cutroom.errors import BlocksMissing, LeaseUnknown, StoreUnavailable
from cutroom.ids import BlockId
from cutroom.settings import Settings
from cutroom.stores.block_objects import BlockObjects
from cutroom.stores.catalog import Catalog

pytestmark = pytest.mark.stack

OWNERS = ["eva", "joe"]
CONTENTS = contents(5, 64)
BLOCKS = [block_of(content) for content in CONTENTS]
DATA = dict(zip((block.block_id for block in BLOCKS), CONTENTS, strict=True))


@pytest.fixture
def house(stack: Settings, catalog: Catalog) -> Iterator[BlockHouse]:
    with block_house(stack, catalog.database) as house:
        yield house


some_blocks = st.lists(st.sampled_from(BLOCKS), min_size=1, max_size=4)
a_lease = st.tuples(st.sampled_from(OWNERS), st.integers(0, 1))


class Histories(RuleBasedStateMachine):
    """One step at a time, with a process that dies before or after any request that removes objects."""

    house: BlockHouse

    def __init__(self) -> None:
        super().__init__()
        self.house.clear()
        self.now = 0
        self.given: list[tuple[int, Block, PresignedPut]] = []
        """Addresses, and until when they are good."""
        self.ready: dict[str, set[BlockId]] = {}
        """What each lease was told to be stored, so that it holds it as long as it lasts."""
        self.ends: dict[str, int] = {}
        self.shown: dict[str, set[BlockId]] = {owner: set() for owner in OWNERS}
        """What each owner has ever shown to have."""
        self.committed: dict[str, tuple[str, list[Block]]] = {}

    def _alive(self, lease: str) -> bool:
        return self.ends.get(lease, -1) > self.now

    def _show_life(self, lease: str) -> None:
        if not self._alive(lease):
            self.ready[lease] = set()
        self.ends[lease] = self.now + 10 * HOUR_S

    @rule(lease=a_lease, blocks=some_blocks)
    def announce(self, lease: tuple[str, int], blocks: list[Block]) -> None:
        owner, name = lease[0], f"{lease[0]}{lease[1]}"
        found = self.house.service.get_or_create_block_locations(blocks, owner=owner, lease_id=name)
        held = {
            block.block_id
            for its_owner, its_blocks in self.committed.values()
            for block in its_blocks
            if its_owner == owner
        } | {
            block_id
            for other in self.ready
            if other.startswith(owner) and self._alive(other)
            for block_id in self.ready[other]
        }
        self._show_life(name)
        assert [one.block for one in found] == blocks
        for one in found:
            block_id = one.block.block_id
            if one.upload is None:
                assert block_id in self.shown[owner], "an owner heard of a block that he never showed to have"
                self.ready[name].add(block_id)
            else:
                assert block_id not in held, "an owner is asked again for what he has in the store"
                self.given.append((self.now + URL_S, one.block, one.upload))

    @rule(which=st.integers(0, 20), wrong=st.booleans())
    def send(self, which: int, wrong: bool) -> None:
        good = [(block, put) for until, block, put in self.given if until > self.now]
        if not good:
            return
        block, put = good[which % len(good)]
        data = DATA[block.block_id]
        if wrong:
            data = bytes([data[0] ^ 1]) + data[1:]
        status = self.house.rig.put(put.url, put.headers, data)
        assert status in ({400, 403, 412} if wrong else {200, 412})

    @rule(lease=a_lease, blocks=some_blocks)
    def ask(self, lease: tuple[str, int], blocks: list[Block]) -> None:
        owner, name = lease[0], f"{lease[0]}{lease[1]}"
        try:
            missing = self.house.service.missing_blocks(blocks, owner=owner, lease_id=name)
        except LeaseUnknown:
            assert not self._alive(name)
            return
        self._show_life(name)
        for block in blocks:
            if block in missing:
                assert block.block_id not in self.ready[name], "a block that a lease holds is gone"
            else:
                self.ready[name].add(block.block_id)
                self.shown[owner].add(block.block_id)

    @rule(lease=a_lease, blocks=some_blocks, number=st.integers(0, 5))
    def commit(self, lease: tuple[str, int], blocks: list[Block], number: int) -> None:
        owner, name, reference_id = lease[0], f"{lease[0]}{lease[1]}", f"fv_{lease[0]}_{number}"
        if reference_id in self.committed:
            return
        try:
            self.house.service.add_references(reference_id, blocks, owner=owner, lease_id=name)
        except (BlocksMissing, LeaseUnknown):
            held = self.ready[name] if self._alive(name) else set()
            assert not held.issuperset(block.block_id for block in blocks), "what is ready can't be committed"
            return
        self.committed[reference_id] = (owner, blocks)

    @rule(owner=st.sampled_from(OWNERS), number=st.integers(0, 5))
    def release(self, owner: str, number: int) -> None:
        self.house.service.release_blocks(f"fv_{owner}_{number}")
        self.committed.pop(f"fv_{owner}_{number}", None)

    @rule(lease=a_lease)
    def end(self, lease: tuple[str, int]) -> None:
        name = f"{lease[0]}{lease[1]}"
        self.house.service.release_lease(name)
        if name in self.ends:
            self.ends[name] = self.now

    @rule(number=st.integers(0, 5), lease=a_lease)
    def hold(self, number: int, lease: tuple[str, int]) -> None:
        owner, name, reference_id = lease[0], f"{lease[0]}{lease[1]}", f"fv_{lease[0]}_{number}"
        if reference_id in self.committed:
            self.house.service.hold_references(reference_id, lease_id=name)
            self._show_life(name)
            self.ready[name] |= {block.block_id for block in self.committed[reference_id][1]}
            self.shown[owner] |= self.ready[name]

    @rule(hours=st.sampled_from([1, 8, 13, 25, 40]))
    def wait(self, hours: int) -> None:
        self.house.pass_time(hours * HOUR_S)
        self.now += hours * HOUR_S

    @rule(dies=st.sampled_from(["never", "never", "before", "after"]))
    def collect(self, dies: str) -> None:
        remove = BlockObjects.remove

        def dying(objects: BlockObjects, copies: Any) -> None:
            if dies == "after":
                remove(objects, copies)
            raise StoreUnavailable("The process died.")

        with pytest.MonkeyPatch.context() as patch:
            if dies != "never":
                patch.setattr(BlockObjects, "remove", dying)
            try:
                self.house.collect()
            except StoreUnavailable:
                assert dies != "never"

    @invariant()
    def what_was_committed_reads_back(self) -> None:
        for reference_id, (owner, blocks) in self.committed.items():
            assert self.house.rig.read(reference_id, owner=owner) == b"".join(
                DATA[block.block_id] for block in blocks
            )

    def teardown(self) -> None:
        for reference_id in self.committed:
            self.house.service.release_blocks(reference_id)
        for _ in range(3):
            self.house.pass_time(2 * GRACE_S)
            self.house.collect()
        assert self.house.is_empty(), "something is left that nothing holds"


def test_any_history(house: BlockHouse) -> None:
    machine: Callable[[], Histories] = type("Histories", (Histories,), {"house": house})
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        machine,
        settings=settings(
            max_examples=12,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


class Crowd:
    """Clients and a collector that know nothing of each other."""

    def __init__(self, house: BlockHouse) -> None:
        self.house = house
        self.committed: dict[str, list[Block]] = {}
        self.guard = threading.Lock()
        self.done = threading.Event()

    def client(self, seed: int) -> int:
        """Uploads until it has ended a dozen, given up or committed."""
        dice = random.Random(seed)
        ended = 0
        while ended < 12:
            try:
                self._upload(dice, OWNERS[seed % 2], f"{seed}_{ended}")
            except (BlocksMissing, LeaseUnknown, StoreUnavailable):
                # Its time went by in between, or the database undid one of two: the client begins again.
                continue
            ended += 1
        return ended

    def _upload(self, dice: random.Random, owner: str, name: str) -> None:
        service, blocks = self.house.service, dice.choices(BLOCKS, k=dice.randint(1, 4))
        found = service.get_or_create_block_locations(blocks, owner=owner, lease_id=name)
        if dice.random() < 0.2:
            return
        self.house.rig.send(found, DATA)
        service.missing_blocks(blocks, owner=owner, lease_id=name)
        service.add_references(f"fv_{name}", blocks, owner=owner, lease_id=name)
        with self.guard:
            self.committed[f"fv_{name}"] = blocks
            victim = dice.choice(sorted(self.committed)) if dice.random() < 0.5 else None
            self.committed.pop(victim or "", None)
        if victim:
            service.release_blocks(victim)
        if dice.random() < 0.5:
            service.release_lease(name)

    def collector(self) -> int:
        """Lets days go by and collects."""
        rounds = 0
        while not self.done.is_set():
            with contextlib.suppress(StoreUnavailable):
                self.house.pass_time(random.choice([6, 30]) * HOUR_S)
                self.house.collect()
            rounds += 1
        return rounds


def test_at_the_same_time(house: BlockHouse) -> None:
    """Uploads, deletions, expiry and collection in threads, without any order."""
    crowd = Crowd(house)
    with ThreadPoolExecutor(8) as pool:
        collecting = pool.submit(crowd.collector)
        clients = [pool.submit(crowd.client, seed) for seed in range(6)]
        try:
            assert [each.result() for each in clients] == [12] * 6
        finally:
            crowd.done.set()
        assert collecting.result() > 3
    assert crowd.committed
    for reference_id, blocks in crowd.committed.items():
        assert house.rig.read(reference_id) == b"".join(DATA[block.block_id] for block in blocks)
        house.service.release_blocks(reference_id)
    for _ in range(3):
        house.pass_time(2 * GRACE_S)
        house.collect()
    assert house.is_empty()
