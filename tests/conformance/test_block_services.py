"""Every Block Service keeps the contract of `cutroom.blocks.service`."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import httpx
import pytest

from block_model import ModelBlocks
from block_rigs import Rig, contents, model_rig, real_rig, served
from cutroom.blocks.block import BLOCK_BYTES, Block, block_of
from cutroom.blocks.service import BLOCKS_PER_CALL
from cutroom.errors import (
    AccessRefused,
    BlocksMissing,
    Conflict,
    LeaseUnknown,
    ObjectMissing,
    ReferenceUnknown,
    UsageError,
)
from cutroom.ids import BlockId
from cutroom.settings import Settings
from cutroom.stores.blocks import stored_blocks
from cutroom.stores.database import Database

STACK = pytest.mark.stack
Opener = Callable[[str], Rig]


@pytest.fixture(params=["model", pytest.param("embedded", marks=STACK), pytest.param("remote", marks=STACK)])
def open_rig(request: pytest.FixtureRequest) -> Iterator[Opener]:
    """Opens the service under a way of dedup, `tenant` or `global`."""
    if request.param == "model":
        yield lambda dedup: model_rig(ModelBlocks(across_owners=dedup == "global"))
        return
    settings: Settings = request.getfixturevalue("stack")
    database = Database(settings.database_url)
    with httpx.Client(timeout=300) as client, ExitStack() as running:

        def open_service(dedup: str) -> Rig:
            service = stored_blocks(settings.model_copy(update={"block_dedup": dedup}))
            if request.param == "embedded":
                return real_rig(service, database, client)
            return real_rig(running.enter_context(served(service)), database, client)

        yield open_service
    database.close()


@pytest.fixture
def rig(open_rig: Opener) -> Rig:
    return open_rig("tenant")


@pytest.fixture
def name() -> str:
    """Makes owners, leases and references that no other test has."""
    return uuid.uuid4().hex[:12]


def test_a_file_goes_up_in_blocks_and_comes_back(rig: Rig, name: str) -> None:
    parts = contents(5)
    assert rig.upload(parts, owner=name, lease_id=f"l{name}", reference_id=f"fv_{name}") == 5
    assert rig.read(f"fv_{name}", owner=name) == b"".join(parts)
    assert rig.service.references(f"fv_{name}") == [block_of(part) for part in parts]


def test_the_same_file_again_sends_nothing(rig: Rig, name: str) -> None:
    parts = contents(3)
    rig.upload(parts, owner=name, lease_id=f"a{name}", reference_id=f"fv_a{name}")
    assert rig.upload(parts, owner=name, lease_id=f"b{name}", reference_id=f"fv_b{name}") == 0
    assert rig.read(f"fv_b{name}") == b"".join(parts)


def test_a_block_that_occurs_several_times_is_sent_once_and_keeps_its_places(rig: Rig, name: str) -> None:
    one, other = contents(2)
    assert rig.upload([one, other, one, one], owner=name, lease_id=f"l{name}", reference_id=f"fv_{name}") == 2
    assert rig.read(f"fv_{name}") == one + other + one + one


def test_an_empty_file_has_no_blocks(rig: Rig, name: str) -> None:
    assert rig.upload([], owner=name, lease_id=f"l{name}", reference_id=f"fv_{name}") == 0
    assert rig.service.references(f"fv_{name}", owner=name) == []


def test_a_block_of_the_largest_size(rig: Rig, name: str) -> None:
    data = contents(1, BLOCK_BYTES)
    assert rig.upload(data, owner=name, lease_id=f"l{name}", reference_id=f"fv_{name}") == 1
    assert rig.read(f"fv_{name}") == data[0]


def test_announcing_twice_asks_for_the_same(rig: Rig, name: str) -> None:
    data = contents(2)
    blocks = [block_of(each) for each in data]
    for _ in range(2):
        found = rig.service.get_or_create_block_locations(blocks, owner=name, lease_id=name)
        assert [(one.block, one.known) for one in found] == [(block, False) for block in blocks]
    upload = found[0].upload
    assert upload is not None
    assert rig.put(upload.url, upload.headers, data[0]) == 200
    # Until the store was asked, what was sent may not have arrived: the client hears 412 and goes on.
    again = rig.service.get_or_create_block_locations(blocks, owner=name, lease_id=name)[0].upload
    assert again is not None
    assert rig.put(again.url, again.headers, data[0]) == 412
    assert rig.service.missing_blocks(blocks, owner=name, lease_id=name) == blocks[1:]
    found = rig.service.get_or_create_block_locations(blocks, owner=name, lease_id=name)
    assert [one.known for one in found] == [True, False]


def test_an_address_takes_nothing_but_the_bytes_that_were_announced(rig: Rig, name: str) -> None:
    (data,) = contents(1)
    (location,) = rig.service.get_or_create_block_locations([block_of(data)], owner=name, lease_id=name)
    assert location.upload is not None
    flipped = bytes([data[0] ^ 1]) + data[1:]
    assert rig.put(location.upload.url, location.upload.headers, flipped) in {400, 403}
    assert rig.service.missing_blocks([block_of(data)], owner=name, lease_id=name) == [block_of(data)]
    assert rig.put(location.upload.url, location.upload.headers, data) == 200
    assert rig.service.missing_blocks([block_of(data)], owner=name, lease_id=name) == []


def test_a_wrong_size_never_becomes_a_block(rig: Rig, name: str) -> None:
    (data,) = contents(1)
    lie = Block(block_id=block_of(data).block_id, size_bytes=len(data) - 1)
    (location,) = rig.service.get_or_create_block_locations([lie], owner=name, lease_id=name)
    assert location.upload is not None
    assert rig.put(location.upload.url, location.upload.headers, data[:-1]) in {400, 403}
    assert rig.service.missing_blocks([lie], owner=name, lease_id=name) == [lie]
    with pytest.raises(BlocksMissing):
        rig.service.add_references(f"fv_{name}", [lie], owner=name, lease_id=name)


def test_another_size_of_a_known_block_is_refused(rig: Rig, name: str) -> None:
    (data,) = contents(1)
    rig.upload([data], owner=name, lease_id=f"a{name}", reference_id=f"fv_{name}")
    lie = Block(block_id=block_of(data).block_id, size_bytes=1)
    with pytest.raises(UsageError):
        rig.service.get_or_create_block_locations([lie], owner=name, lease_id=f"b{name}")
    with pytest.raises(UsageError):
        rig.service.get_or_create_block_locations([block_of(data), lie], owner=name, lease_id=f"c{name}")


def test_nobody_learns_that_another_owner_has_a_block(rig: Rig, name: str) -> None:
    """The other sends the same bytes again, and only then has them."""
    data = contents(2)
    blocks = [block_of(each) for each in data]
    rig.upload(data, owner=f"a{name}", lease_id=f"a{name}", reference_id=f"fv_a{name}")
    found = rig.service.get_or_create_block_locations(blocks, owner=f"b{name}", lease_id=f"b{name}")
    assert [one.known for one in found] == [False, False]
    assert rig.service.missing_blocks(blocks, owner=f"b{name}", lease_id=f"b{name}") == blocks
    upload = found[0].upload
    assert upload is not None
    # Not even the store gives it away: the address answers as it does for bytes that are new.
    assert rig.put(upload.url, upload.headers, data[0]) == 200
    assert rig.service.missing_blocks(blocks, owner=f"b{name}", lease_id=f"b{name}") == blocks[1:]
    with pytest.raises(BlocksMissing) as caught:
        rig.service.add_references(f"fv_b{name}", blocks, owner=f"b{name}", lease_id=f"b{name}")
    assert list(caught.value.block_ids) == [blocks[1].block_id]
    rig.service.add_references(f"fv_b{name}", blocks[:1], owner=f"b{name}", lease_id=f"b{name}")
    assert rig.read(f"fv_b{name}", owner=f"b{name}") == data[0]
    assert rig.read(f"fv_a{name}", owner=f"a{name}") == b"".join(data)


def test_with_global_dedup_a_stored_block_is_known_to_everybody(open_rig: Opener, name: str) -> None:
    rig = open_rig("global")
    data = contents(2)
    rig.upload(data, owner=f"a{name}", lease_id=f"a{name}", reference_id=f"fv_a{name}")
    assert rig.upload(data, owner=f"b{name}", lease_id=f"b{name}", reference_id=f"fv_b{name}") == 0
    assert rig.read(f"fv_b{name}", owner=f"b{name}") == b"".join(data)


def test_a_hash_alone_opens_nothing(rig: Rig, name: str) -> None:
    mine, theirs = contents(2)
    rig.upload([mine], owner=f"a{name}", lease_id=f"a{name}", reference_id=f"fv_a{name}")
    rig.upload([theirs], owner=f"b{name}", lease_id=f"b{name}", reference_id=f"fv_b{name}")
    ask = rig.service.get_block_download_urls
    for ids, reference_id, owner in (
        ([theirs], f"fv_a{name}", f"a{name}"),
        ([theirs], f"fv_b{name}", f"a{name}"),
        ([mine, theirs], f"fv_a{name}", None),
        ([mine], f"fv_c{name}", None),
    ):
        with pytest.raises(ReferenceUnknown):
            ask([block_of(each).block_id for each in ids], reference_id=reference_id, owner=owner)
    with pytest.raises(ReferenceUnknown):
        rig.service.references(f"fv_b{name}", owner=f"a{name}")


def test_addresses_come_in_the_order_that_was_asked_for(rig: Rig, name: str) -> None:
    data = contents(3)
    rig.upload(data, owner=name, lease_id=name, reference_id=f"fv_{name}")
    wanted = [data[2], data[0], data[2], data[1]]
    urls = rig.service.get_block_download_urls(
        [block_of(each).block_id for each in wanted], reference_id=f"fv_{name}", owner=name
    )
    assert [rig.get(url) for url in urls] == wanted


def test_a_reference_is_all_or_nothing(rig: Rig, name: str) -> None:
    data = contents(3)
    blocks = [block_of(each) for each in data]
    found = rig.service.get_or_create_block_locations(blocks, owner=name, lease_id=name)
    rig.send(found[:2], {block.block_id: each for block, each in zip(blocks, data, strict=True)})
    # Sent is not stored: the store has to be asked first.
    with pytest.raises(BlocksMissing) as caught:
        rig.service.add_references(f"fv_{name}", blocks, owner=name, lease_id=name)
    assert list(caught.value.block_ids) == [block.block_id for block in blocks]
    assert rig.service.missing_blocks(blocks, owner=name, lease_id=name) == blocks[2:]
    with pytest.raises(BlocksMissing) as caught:
        rig.service.add_references(f"fv_{name}", blocks, owner=name, lease_id=name)
    assert list(caught.value.block_ids) == [blocks[2].block_id]
    with pytest.raises(ReferenceUnknown):
        rig.service.references(f"fv_{name}")


def test_a_reference_never_changes(rig: Rig, name: str) -> None:
    data = contents(2)
    blocks = [block_of(each) for each in data]
    rig.upload(data, owner=name, lease_id=name, reference_id=f"fv_{name}")
    rig.service.add_references(f"fv_{name}", blocks, owner=name, lease_id=name)
    for other, owner in ((blocks[:1], name), (blocks[::-1], name), (blocks, f"b{name}")):
        with pytest.raises(Conflict):
            rig.service.add_references(f"fv_{name}", other, owner=owner, lease_id=name)
    assert rig.service.references(f"fv_{name}") == blocks


def test_a_released_reference_is_gone_and_may_be_released_again(rig: Rig, name: str) -> None:
    rig.upload(contents(1), owner=name, lease_id=name, reference_id=f"fv_{name}")
    for _ in range(2):
        rig.service.release_blocks(f"fv_{name}")
        with pytest.raises(ReferenceUnknown):
            rig.service.references(f"fv_{name}")


def test_a_lease_is_its_owners(rig: Rig, name: str) -> None:
    blocks = [block_of(each) for each in contents(1)]
    rig.service.get_or_create_block_locations(blocks, owner=name, lease_id=name)
    stranger = f"b{name}"
    with pytest.raises(AccessRefused):
        rig.service.get_or_create_block_locations(blocks, owner=stranger, lease_id=name)
    with pytest.raises(AccessRefused):
        rig.service.missing_blocks(blocks, owner=stranger, lease_id=name)
    with pytest.raises(AccessRefused):
        rig.service.add_references(f"fv_{name}", blocks, owner=stranger, lease_id=name)
    with pytest.raises(AccessRefused):
        rig.service.renew_lease(name, owner=stranger)


def test_without_a_lease_nothing_is_held(rig: Rig, name: str) -> None:
    blocks = [block_of(each) for each in contents(1)]
    with pytest.raises(LeaseUnknown):
        rig.service.missing_blocks(blocks, owner=name, lease_id=name)
    with pytest.raises(LeaseUnknown):
        rig.service.add_references(f"fv_{name}", blocks, owner=name, lease_id=name)
    with pytest.raises(LeaseUnknown):
        rig.service.renew_lease(name, owner=name)
    rig.service.release_lease(name)


def test_what_was_not_announced_is_missing(rig: Rig, name: str) -> None:
    one, other = (block_of(each) for each in contents(2))
    rig.service.get_or_create_block_locations([one], owner=name, lease_id=name)
    assert rig.service.missing_blocks([other, one, other], owner=name, lease_id=name) == [other, one]


def test_a_run_holds_the_blocks_of_its_source(rig: Rig, name: str) -> None:
    data = contents(2)
    blocks = [block_of(each) for each in data]
    rig.upload(data, owner=name, lease_id=f"l{name}", reference_id=f"fv_{name}")
    rig.service.hold_references(f"fv_{name}", lease_id=f"run{name}")
    rig.service.hold_references(f"fv_{name}", lease_id=f"run{name}")
    rig.service.release_blocks(f"fv_{name}")
    rig.service.add_references(f"fv_2{name}", blocks, owner=name, lease_id=f"run{name}")
    assert rig.read(f"fv_2{name}") == b"".join(data)
    with pytest.raises(ReferenceUnknown):
        rig.service.hold_references(f"fv_{name}", lease_id=f"run{name}")


def test_a_block_that_the_store_lost_is_told_and_can_be_sent_again(rig: Rig, name: str) -> None:
    data = contents(2)
    blocks = [block_of(each) for each in data]
    rig.upload(data, owner=name, lease_id=f"a{name}", reference_id=f"fv_{name}")
    rig.lose(blocks[0])
    with pytest.raises(ObjectMissing):
        rig.service.get_block_download_urls([blocks[0].block_id], reference_id=f"fv_{name}")
    assert rig.service.references(f"fv_{name}") == blocks
    assert rig.upload(data, owner=name, lease_id=f"b{name}", reference_id=f"fv_b{name}") == 1
    assert rig.read(f"fv_{name}") == b"".join(data)


def test_more_than_a_call_takes_is_refused(rig: Rig, name: str) -> None:
    many = [block_of(str(number).encode()) for number in range(BLOCKS_PER_CALL + 1)]
    with pytest.raises(UsageError, match=str(BLOCKS_PER_CALL)):
        rig.service.get_or_create_block_locations(many, owner=name, lease_id=name)
    with pytest.raises(UsageError, match=str(BLOCKS_PER_CALL)):
        rig.service.missing_blocks(many, owner=name, lease_id=name)
    with pytest.raises(UsageError, match=str(BLOCKS_PER_CALL)):
        rig.service.get_block_download_urls([block.block_id for block in many], reference_id=name)


def test_a_file_may_have_more_blocks_than_a_call(rig: Rig, name: str) -> None:
    (data,) = contents(1)
    rig.upload([data], owner=name, lease_id=name, reference_id=f"fv_a{name}")
    many = [block_of(data)] * (3 * BLOCKS_PER_CALL)
    rig.service.add_references(f"fv_b{name}", many, owner=name, lease_id=name)
    assert rig.service.references(f"fv_b{name}") == many


def test_references_are_given_in_pages(rig: Rig, name: str) -> None:
    data = contents(5)
    blocks = [block_of(each) for each in data]
    rig.upload(data, owner=name, lease_id=name, reference_id=f"fv_{name}")
    for after in range(7):
        assert rig.service.references(f"fv_{name}", after=after) == blocks[after:]
        assert rig.service.references(f"fv_{name}", owner=name, after=after, limit=2) == blocks[after:][:2]
    assert rig.service.references(f"fv_{name}", limit=0) == []
    with pytest.raises(ReferenceUnknown):
        rig.service.references(f"fv_{name}", owner=f"b{name}", after=1, limit=1)


@pytest.mark.parametrize("odd", ["", "n\0l", "line\nbreak", "x" * 256, "\ud800"])
def test_a_name_that_nobody_can_keep_is_refused(rig: Rig, name: str, odd: str) -> None:
    calls = (
        lambda: rig.service.get_or_create_block_locations([], owner=odd, lease_id=name),
        lambda: rig.service.get_or_create_block_locations([], owner=name, lease_id=odd),
        lambda: rig.service.missing_blocks([], owner=name, lease_id=odd),
        lambda: rig.service.add_references(odd, [], owner=name, lease_id=name),
        lambda: rig.service.references(odd),
        lambda: rig.service.get_block_download_urls([], reference_id=odd),
        lambda: rig.service.hold_references(odd, lease_id=name),
        lambda: rig.service.release_blocks(odd),
        lambda: rig.service.renew_lease(odd, owner=name),
        lambda: rig.service.release_lease(odd),
    )
    # An owner may be empty: files that came by plain S3 have none.
    for call in calls if odd else calls[1:]:
        with pytest.raises(UsageError):
            call()


def test_a_service_that_works_is_healthy(rig: Rig) -> None:
    rig.service.health()


@pytest.mark.parametrize("block_id", ["", "a" * 63, "A" * 64, "g" * 64, "a" * 65, "a" * 63 + "\n"])
def test_what_is_no_digest_is_no_block(block_id: str) -> None:
    with pytest.raises(UsageError):
        Block(block_id=BlockId(block_id), size_bytes=1)


@pytest.mark.parametrize("size_bytes", [-1, 0, BLOCK_BYTES + 1])
def test_what_is_empty_or_too_large_is_no_block(size_bytes: int) -> None:
    with pytest.raises(UsageError):
        Block(block_id=BlockId("a" * 64), size_bytes=size_bytes)
