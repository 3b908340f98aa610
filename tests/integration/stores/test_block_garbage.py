"""What nothing holds goes, and nothing else, in two phases."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text

from block_house import GRACE_S, HOUR_S, URL_S, BlockHouse, block_house, ids_of
from block_rigs import contents, run
from cutroom.blocks.block import block_of
from cutroom.errors import LeaseUnknown, ObjectMissing, StoreUnavailable, UsageError
from cutroom.media import keys
from cutroom.settings import Settings
from cutroom.stores.block_garbage import CollectedBlocks, collect_blocks
from cutroom.stores.block_objects import BlockObjects
from cutroom.stores.catalog import Catalog

pytestmark = pytest.mark.stack

NOTHING = CollectedBlocks(
    condemned_blocks=0,
    condemned_bytes=0,
    removed_blocks=0,
    removed_bytes=0,
    ended_leases=0,
    removed_objects=0,
    stray_objects=0,
)


@pytest.fixture
def house(stack: Settings, catalog: Catalog) -> Iterator[BlockHouse]:
    with block_house(stack, catalog.database) as house:
        yield house


def upload(house: BlockHouse, data: list[bytes], name: str = "one") -> None:
    house.rig.upload(data, owner="eva", lease_id=name, reference_id=f"fv_{name}")


def test_nothing_is_collected_from_nothing(house: BlockHouse) -> None:
    assert house.collect() == NOTHING


def test_what_is_referenced_stays_for_ever(house: BlockHouse) -> None:
    data = contents(3)
    upload(house, data)
    for _ in range(3):
        house.pass_time(GRACE_S + HOUR_S)
        house.collect()
    assert house.stored_ids() == ids_of(data)
    assert house.rig.read("fv_one") == b"".join(data)


def test_what_was_released_is_condemned_and_a_grace_period_later_removed(house: BlockHouse) -> None:
    kept, gone = contents(1), contents(3)
    upload(house, kept, "kept")
    upload(house, [*gone, *kept], "gone")
    house.service.release_blocks("fv_gone")
    assert house.collect() == NOTHING
    house.pass_time(GRACE_S + 1)
    foreseen = house.collect(dry_run=True)
    first = house.collect()
    assert foreseen == first
    assert (first.condemned_blocks, first.removed_blocks) == (3, 0)
    assert first.condemned_bytes == sum(map(len, gone))
    assert house.stored_ids() == ids_of([*kept, *gone])
    house.pass_time(GRACE_S - HOUR_S)
    assert house.collect() == NOTHING
    house.pass_time(HOUR_S + 1)
    foreseen = house.collect(dry_run=True)
    assert house.stored_ids() == ids_of([*kept, *gone])
    second = house.collect()
    assert foreseen == second
    assert (second.condemned_blocks, second.removed_blocks, second.removed_objects) == (0, 3, 3)
    assert second.removed_bytes == sum(map(len, gone))
    assert house.stored_ids() == ids_of(kept)
    assert house.rig.read("fv_kept") == kept[0]


def test_a_condemned_block_that_is_announced_again_is_rescued(house: BlockHouse) -> None:
    data = contents(2)
    upload(house, data)
    house.service.release_blocks("fv_one")
    house.pass_time(GRACE_S + 1)
    house.service.get_or_create_block_locations([block_of(data[0])], owner="eva", lease_id="two")
    run(house.database, "UPDATE blocks SET condemned_at = now() - interval '30 days'")
    house.collect()
    assert house.stored_ids() == ids_of(data[:1])
    house.service.missing_blocks([block_of(data[0])], owner="eva", lease_id="two")
    house.service.add_references("fv_two", [block_of(data[0])], owner="eva", lease_id="two")
    house.pass_time(10 * GRACE_S)
    house.collect()
    house.pass_time(10 * GRACE_S)
    house.collect()
    assert house.rig.read("fv_two") == data[0]


def announce_and_give_up(house: BlockHouse, data: list[bytes]) -> None:
    found = house.service.get_or_create_block_locations(
        [block_of(each) for each in data], owner="eva", lease_id="two"
    )
    assert [one.known for one in found] == [True] * len(data)
    house.service.release_lease("two")


def refer_and_release(house: BlockHouse, data: list[bytes]) -> None:
    blocks = [block_of(each) for each in data]
    house.service.add_references("fv_two", blocks, owner="eva", lease_id="one")
    house.service.release_blocks("fv_two")


@pytest.mark.parametrize("use", [announce_and_give_up, refer_and_release])
def test_a_condemned_block_that_was_used_meanwhile_has_its_two_phases_anew(
    use: Callable[[BlockHouse, list[bytes]], None], house: BlockHouse
) -> None:
    data = contents(2)
    upload(house, data)
    house.pass_time(GRACE_S + 1)
    # That the owner has them is known from a lease that ended a moment ago.
    house.service.renew_lease("one", owner="eva")
    house.service.release_lease("one")
    house.service.release_blocks("fv_one")
    assert house.collect().condemned_blocks == 2
    use(house, data)
    house.pass_time(GRACE_S + 1)
    found = house.collect()
    assert (found.condemned_blocks, found.removed_blocks) == (2, 0)
    house.pass_time(GRACE_S + 1)
    assert house.collect().removed_blocks == 2


def test_a_dry_run_tells_what_becomes_of_blocks_whose_lease_lingers(house: BlockHouse) -> None:
    """One was prolonged after its block was released, one is over long enough, one held what never came."""
    kinds = ("lingers", "over", "abandoned")
    data = dict(zip(kinds, contents(3), strict=True))
    for kind in kinds[:2]:
        upload(house, [data[kind]], kind)
        house.service.release_blocks(f"fv_{kind}")
    house.service.get_or_create_block_locations(
        [block_of(data["abandoned"])], owner="eva", lease_id="abandoned"
    )
    house.pass_time(GRACE_S + 1)
    run(house.database, "UPDATE blocks SET condemned_at = stored_at")
    run(
        house.database,
        "UPDATE block_leases SET expires_at = now() - interval '1 minute' WHERE lease_id = 'lingers'",
    )
    run(
        house.database,
        f"UPDATE block_leases SET expires_at = now() - interval '{GRACE_S + 1} s' WHERE lease_id <> 'lingers'",
    )
    foreseen = house.collect(dry_run=True)
    assert foreseen == house.collect()
    assert (foreseen.removed_blocks, foreseen.condemned_blocks) == (1, 1)
    assert (foreseen.ended_leases, foreseen.removed_objects) == (2, 2)


def test_a_removed_block_is_new_again(house: BlockHouse) -> None:
    data = contents(1)
    upload(house, data)
    house.service.release_blocks("fv_one")
    for _ in range(2):
        house.pass_time(GRACE_S + 1)
        house.collect()
    assert house.is_empty()
    assert house.rig.upload(data, owner="eva", lease_id="two", reference_id="fv_two") == 1
    assert house.rig.read("fv_two") == data[0]


def test_blocks_of_an_open_upload_are_held(house: BlockHouse) -> None:
    data = contents(2)
    blocks = [block_of(each) for each in data]
    found = house.service.get_or_create_block_locations(blocks, owner="eva", lease_id="open")
    house.rig.send(found, {block.block_id: each for block, each in zip(blocks, data, strict=True)})
    assert house.service.missing_blocks(blocks[:1], owner="eva", lease_id="open") == []
    for _ in range(5):
        # It shows a sign of life twice a day.
        house.pass_time(11 * HOUR_S)
        house.service.renew_lease("open", owner="eva")
        run(house.database, "UPDATE blocks SET stored_at = now() - interval '30 days'")
        house.collect()
    assert house.service.missing_blocks(blocks, owner="eva", lease_id="open") == []
    house.service.add_references("fv_open", blocks, owner="eva", lease_id="open")
    assert house.rig.read("fv_open") == b"".join(data)


def test_a_run_holds_its_source_although_the_file_was_deleted(house: BlockHouse) -> None:
    data = contents(1)
    upload(house, data)
    house.service.hold_references("fv_one", lease_id="run")
    house.service.release_blocks("fv_one")
    run(
        house.database,
        "UPDATE blocks SET stored_at = now() - interval '30 days', condemned_at = now() - interval '9 days'",
    )
    house.collect()
    assert house.stored_ids() == ids_of(data)


def test_an_abandoned_upload_leaves_nothing(house: BlockHouse) -> None:
    data = contents(3)
    blocks = [block_of(each) for each in data]
    found = house.service.get_or_create_block_locations(blocks, owner="eva", lease_id="gone")
    house.rig.send(found[:2], {block.block_id: each for block, each in zip(blocks, data, strict=True)})
    house.service.missing_blocks(blocks[:1], owner="eva", lease_id="gone")
    house.pass_time(12 * HOUR_S + GRACE_S - HOUR_S)
    assert house.collect().ended_leases == 0
    house.pass_time(2 * HOUR_S)
    assert house.collect().ended_leases == 1
    with pytest.raises(LeaseUnknown):
        house.service.missing_blocks(blocks, owner="eva", lease_id="gone")
    house.pass_time(GRACE_S + 1)
    house.collect()
    assert house.is_empty()


def test_the_second_copy_that_another_owner_proved_himself_with_goes(house: BlockHouse) -> None:
    data = contents(2)
    upload(house, data)
    assert house.rig.upload(data, owner="joe", lease_id="joe", reference_id="fv_joe") == 2
    # Stored once, at once: not only when garbage is collected.
    assert house.stored_ids() == ids_of(data)
    house.service.release_blocks("fv_one")
    for _ in range(3):
        house.pass_time(GRACE_S + 12 * HOUR_S + 1)
        house.collect()
    assert house.rig.read("fv_joe", owner="joe") == b"".join(data)


def test_nothing_is_removed_while_something_referenced_is_missing(house: BlockHouse) -> None:
    kept, gone = contents(2), contents(2)
    upload(house, kept, "kept")
    upload(house, gone, "gone")
    house.service.release_blocks("fv_gone")
    for _ in range(2):
        house.pass_time(GRACE_S + 1)
        if house.collect(dry_run=True).removed_blocks == 0:
            house.collect()
    (key,) = [key for key in house.object_keys() if block_of(kept[0]).block_id in key]
    house.client.delete_object(Bucket=house.bucket, Key=key)
    before = house.stored_ids()
    for dry_run in (True, False):
        with pytest.raises(ObjectMissing, match=block_of(kept[0]).block_id):
            house.collect(dry_run=dry_run)
    assert house.stored_ids() == before
    # What was lost comes back by the next upload, and all is well again.
    house.rig.lose(block_of(kept[0]))
    with pytest.raises(ObjectMissing):
        house.collect()
    assert house.rig.upload(kept, owner="eva", lease_id="again", reference_id="fv_again") == 1
    assert house.collect().removed_blocks == 2


def test_a_collection_that_died_is_finished_by_the_next(
    house: BlockHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = contents(3)
    upload(house, data)
    house.service.release_blocks("fv_one")
    house.pass_time(GRACE_S + 1)
    house.collect()
    house.pass_time(GRACE_S + 1)
    with monkeypatch.context() as patch:

        def dies(*_: object) -> None:
            raise StoreUnavailable("S3 is away.")

        patch.setattr(BlockObjects, "remove", dies)
        with pytest.raises(StoreUnavailable):
            house.collect()
    # The rows are gone, so the blocks are new to everybody; the names of the objects are kept.
    assert (house.rows("blocks"), house.rows("discarded_blocks")) == (0, 3)
    assert house.rig.upload(data, owner="eva", lease_id="two", reference_id="fv_two") == 3
    assert house.collect().removed_objects == 3
    assert house.stored_ids() == ids_of(data)
    assert house.rig.read("fv_two") == b"".join(data)


def test_what_is_put_anew_under_a_lease_that_was_over_outlives_the_collection(
    house: BlockHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client comes back to its lease, which is over but not yet removed, while its blocks are being removed."""
    data = contents(2)
    upload(house, data)
    house.service.release_blocks("fv_one")
    for passed in (GRACE_S + 1, GRACE_S - HOUR_S):
        house.pass_time(passed)
        # It came back for something else, and gave that up again.
        house.service.renew_lease("one", owner="eva")
        house.service.release_lease("one")
        house.collect()
    house.pass_time(HOUR_S + 1)
    remove, came = BlockObjects.remove, []

    def remove_late(objects: BlockObjects, copies: Iterable[tuple[str, int]]) -> None:
        if not came:
            came.append(True)
            upload(house, data)
        remove(objects, copies)

    with monkeypatch.context() as patch:
        patch.setattr(BlockObjects, "remove", remove_late)
        house.collect()
    assert came
    assert house.rig.read("fv_one") == b"".join(data)


def test_a_grace_period_shorter_than_addresses_live_is_refused(house: BlockHouse) -> None:
    with pytest.raises(UsageError, match="CUTROOM_BLOCK_URL_S"):
        collect_blocks(house.database, house.objects, grace_s=URL_S - 1)


def stray_key(lease_number: int) -> str:
    return keys.block(block_of(contents(1)[0]).block_id, lease_number)


def old_enough(house: BlockHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every object of the store be from before the grace period."""
    listed = BlockObjects.listed
    earlier = timedelta(seconds=GRACE_S + 1)
    monkeypatch.setattr(
        BlockObjects,
        "listed",
        lambda *arguments: (
            replace(one, modified_at=one.modified_at - earlier) for one in listed(*arguments)
        ),
    )


def test_an_object_that_nothing_names_goes_and_nothing_else_does(
    house: BlockHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, open_ones = contents(2), contents(2)
    upload(house, kept, "kept")
    blocks = [block_of(each) for each in open_ones]
    found = house.service.get_or_create_block_locations(blocks, owner="eva", lease_id="open")
    house.rig.send(found, {block.block_id: each for block, each in zip(blocks, open_ones, strict=True)})
    strays = [stray_key(1), keys.block(block_of(kept[0]).block_id, 2)]
    others = ["blocks/README", "blocks/00/note.1", "quarantine/blocks/x"]
    for key in [*strays, *others]:
        house.client.put_object(Bucket=house.bucket, Key=key, Body=b"?")
    assert house.collect().stray_objects == 0
    old_enough(house, monkeypatch)
    before = house.object_keys()
    assert house.collect(dry_run=True).stray_objects == 2
    assert house.object_keys() == before
    assert house.collect().stray_objects == 2
    assert sorted(house.object_keys()) == sorted(set(before) - set(strays))
    assert house.collect().stray_objects == 0
    assert house.service.missing_blocks(blocks, owner="eva", lease_id="open") == []
    assert house.rig.read("fv_kept") == b"".join(kept)


def test_another_databases_bucket_is_left_alone(house: BlockHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    data = contents(2)
    upload(house, data, "ours")
    strays = {stray_key(10**6), stray_key(1)}
    for key in strays:
        house.client.put_object(Bucket=house.bucket, Key=key, Body=b"?")
    old_enough(house, monkeypatch)
    before = house.object_keys()
    for dry_run in (True, False):
        with pytest.raises(UsageError, match="the right one") as refused:
            house.collect(dry_run=dry_run)
    assert house.object_keys() == before
    # Whoever knows that it is the right one finds the way out in the message: nothing of a backup's future is needed.
    with house.database.transaction() as session:
        session.execute(text(str(refused.value).rpartition("numbers: ")[2].rstrip(".")))
    assert house.collect().stray_objects == 2
    assert set(house.object_keys()) == set(before) - strays
