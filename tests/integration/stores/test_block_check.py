"""Blocks are read back, what is wrong is named and set aside, and comes back from another copy."""

import itertools
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from block_house import BlockHouse, block_house
from block_rigs import contents, run
from cutroom.blocks.block import block_of
from cutroom.errors import ObjectMissing
from cutroom.settings import Settings
from cutroom.stores.block_check import check_blocks
from cutroom.stores.block_repair import lost_blocks, repair_from_file, repair_from_uploads
from cutroom.stores.catalog import Catalog

pytestmark = pytest.mark.stack

DATA = contents(4)
BLOCKS = [block_of(each) for each in DATA]


@pytest.fixture
def house(stack: Settings, catalog: Catalog) -> Iterator[BlockHouse]:
    with block_house(stack, catalog.database) as house:
        house.rig.upload(DATA, owner="eva", lease_id="one", reference_id="fv_one")
        yield house


def damage(house: BlockHouse) -> None:
    """The first block is lost, the third has another byte."""
    gone, wrong = (
        next(key for key in house.object_keys() if BLOCKS[place].block_id in key) for place in (0, 2)
    )
    house.client.delete_object(Bucket=house.bucket, Key=gone)
    house.client.put_object(Bucket=house.bucket, Key=wrong, Body=DATA[2][:-1] + b"x")


def test_what_is_whole_is_said_to_be(house: BlockHouse) -> None:
    found = check_blocks(house.database, house.objects)
    assert (found.read, found.read_bytes, found.unreferenced) == (4, sum(map(len, DATA)), 0)
    assert found.is_whole
    house.service.release_blocks("fv_one")
    sampled = check_blocks(house.database, house.objects, sample=2)
    assert (sampled.read, sampled.unreferenced) == (2, 4)


def test_what_is_wrong_is_named_and_set_aside(house: BlockHouse) -> None:
    damage(house)
    for _ in range(2):
        found = check_blocks(house.database, house.objects)
        assert not found.is_whole
        assert {*found.missing, *found.corrupt} == {BLOCKS[0].block_id, BLOCKS[2].block_id}
        assert lost_blocks(house.database) == {"fv_one": sorted([BLOCKS[0].block_id, BLOCKS[2].block_id])}
    assert [key for key in house.object_keys() if BLOCKS[2].block_id in key] == [
        f"quarantine/blocks/{BLOCKS[2].block_id[:2]}/{BLOCKS[2].block_id}.1"
    ]
    with pytest.raises(ObjectMissing):
        house.rig.read("fv_one")


def test_a_copy_of_the_file_makes_it_whole_again(house: BlockHouse, tmp_path: Path) -> None:
    damage(house)
    check_blocks(house.database, house.objects)
    (tmp_path / "other").write_bytes(b"".join(reversed(DATA)))
    assert repair_from_file(house.database, house.objects, tmp_path / "other") == []
    (tmp_path / "copy").write_bytes(b"".join(DATA))
    restored = repair_from_file(house.database, house.objects, tmp_path / "copy")
    assert restored == [BLOCKS[0].block_id, BLOCKS[2].block_id]
    assert check_blocks(house.database, house.objects).is_whole
    assert lost_blocks(house.database) == {}
    assert house.rig.read("fv_one") == b"".join(DATA)


def test_the_object_that_the_file_came_from_makes_it_whole_again(house: BlockHouse) -> None:
    house.client.put_object(Bucket=house.bucket, Key="incoming/film", Body=b"".join(DATA))
    run(
        house.database,
        f"INSERT INTO files (file_id, bucket, key) VALUES ('f', '{house.bucket}', 'incoming/film')",
    )
    run(
        house.database,
        "INSERT INTO file_versions (file_version_id, file_id, s3_version, versioned, size_bytes, uploaded_at)"
        " VALUES ('fv_one', 'f', 'etag', false, 1, now())",
    )
    damage(house)
    check_blocks(house.database, house.objects)
    assert len(repair_from_uploads(house.database, house.objects, house.client)) == 2
    assert house.rig.read("fv_one") == b"".join(DATA)
    # With both copies gone there is nothing to repair from, and nothing is made up.
    damage(house)
    house.client.delete_object(Bucket=house.bucket, Key="incoming/film")
    check_blocks(house.database, house.objects)
    assert repair_from_uploads(house.database, house.objects, house.client) == []
    assert len(lost_blocks(house.database)["fv_one"]) == 2


def test_what_was_lost_and_is_there_again_counts_again(house: BlockHouse) -> None:
    house.rig.lose(BLOCKS[0])
    assert lost_blocks(house.database) == {"fv_one": [BLOCKS[0].block_id]}
    assert check_blocks(house.database, house.objects).is_whole
    assert lost_blocks(house.database) == {}


def test_a_copy_that_another_owner_sends_takes_the_place_of_one_that_is_gone(house: BlockHouse) -> None:
    """Nobody noticed the loss, so by the ledger the new copy would be one too many."""
    damage(house)
    house.rig.upload(DATA, owner="ida", lease_id="two", reference_id="fv_two")
    assert len([key for key in house.object_keys() if BLOCKS[0].block_id in key]) == 1
    assert len([key for key in house.object_keys() if BLOCKS[1].block_id in key]) == 1
    found = check_blocks(house.database, house.objects)
    assert (found.missing, found.corrupt) == ((), (BLOCKS[2].block_id,))


def put_anew(house: BlockHouse, *, owner: str, lease_id: str) -> int:
    """Upload the first block as a client does, who asks and sends until it is there; gives how often it was sent."""
    sent = 0
    for _ in range(3):
        locations = house.service.get_or_create_block_locations(BLOCKS[:1], owner=owner, lease_id=lease_id)
        sent += house.rig.send(locations, {BLOCKS[0].block_id: DATA[0]})
        if not house.service.missing_blocks(BLOCKS[:1], owner=owner, lease_id=lease_id):
            house.service.add_references("fv_new", BLOCKS[:1], owner=owner, lease_id=lease_id)
            return sent
    raise AssertionError("it never arrived")


def break_the_first(house: BlockHouse, found: str) -> None:
    """Let the object of the first block be gone, or have another byte."""
    [key] = [key for key in house.object_keys() if BLOCKS[0].block_id in key]
    house.client.delete_object(Bucket=house.bucket, Key=key)
    if found == "wrong":
        house.client.put_object(Bucket=house.bucket, Key=key, Body=b"x" + DATA[0][1:])


def as_noted_and_as_found(house: BlockHouse) -> tuple[bool, bool]:
    """Whether the ledger has the first block as lost, and whether its bytes are where the ledger has them."""
    [[is_lost, number]] = run(
        house.database,
        f"SELECT lost_at IS NOT NULL, lease_number FROM blocks WHERE block_id = '\\x{BLOCKS[0].block_id}'",
    )
    try:
        return is_lost, type(house.objects).digest_of(house.objects, BLOCKS[0].block_id, number) == BLOCKS[
            0
        ].block_id
    except ObjectMissing:
        return is_lost, False


AT_THE_READING = list(
    itertools.product(
        ["reading"], ["gone", "wrong"], ["noted", "not noted"], ["eva one", "eva two", "bob three"]
    )
)


@pytest.mark.parametrize(
    ("moment", "found", "noted", "whose"),
    [
        *AT_THE_READING,
        ("setting aside", "wrong", "not noted", "eva one"),
        ("setting aside", "wrong", "not noted", "bob three"),
    ],
)
def test_a_block_that_is_put_anew_while_it_is_checked_is_not_lost(
    moment: str, found: str, noted: str, whose: str, house: BlockHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Behind the check's reading, and before its setting aside of what was wrong.

    An upload under the lease that the block was put under before writes to the same key.
    """
    owner, lease_id = whose.split()
    break_the_first(house, found)
    if noted == "noted":
        house.rig.lose(BLOCKS[0])
    begun: list[bool] = []
    sent: list[int] = []

    def meanwhile() -> None:
        if not begun:  # the service reads objects back, too
            begun.append(True)
            sent.append(put_anew(house, owner=owner, lease_id=lease_id))

    # Who brings bytes of his own waits for the check to end.
    beside = threading.Thread(target=meanwhile)

    digest_of, quarantine = house.objects.digest_of, house.objects.quarantine

    def read(block_id: str, lease_number: int) -> str:
        try:
            return digest_of(block_id, lease_number)
        finally:
            if block_id == BLOCKS[0].block_id and moment == "reading":
                meanwhile()

    def set_aside(block_id: str, lease_number: int) -> None:
        if moment == "setting aside":
            beside.start() if owner == "bob" else meanwhile()
        quarantine(block_id, lease_number)

    monkeypatch.setattr(house.objects, "digest_of", read)
    monkeypatch.setattr(house.objects, "quarantine", set_aside)
    check_blocks(house.database, house.objects)
    if beside.ident:
        beside.join()
    is_lost, is_there = as_noted_and_as_found(house)
    assert is_lost != is_there
    if noted == "noted" or beside.ident:
        assert sent[0]
        assert is_there
        assert house.rig.read("fv_new") == DATA[0]
