"""Blocks are read back, what is wrong is named and set aside, and comes back from another copy."""

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
