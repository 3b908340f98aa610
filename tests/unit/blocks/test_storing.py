"""A file is stored in blocks once, whatever happens on the way."""

import hashlib
import io
import itertools
import os
import random
import threading
from collections.abc import Sequence

import pytest

from block_model import ModelBlocks
from block_rigs import model_rig
from cutroom.blocks import storing
from cutroom.blocks.block import BLOCK_BYTES, Block, block_of
from cutroom.blocks.service import PresignedPut
from cutroom.blocks.storing import Stored, store_file
from cutroom.errors import StoreUnavailable

MIB = 2**20


class Killed(BaseException):
    """As SIGKILL: nobody gets to say goodbye."""


class Sender:
    """Sends to the model; may be killed, and may lose what it sent."""

    def __init__(self, model: ModelBlocks) -> None:
        self.model = model
        self.sent: list[Block] = []
        self.killed_after: int | None = None
        self.loses = False
        self.calls = itertools.count()

    def __call__(self, where: PresignedPut, data: bytes) -> None:
        if self.killed_after is not None and next(self.calls) >= self.killed_after:
            raise Killed
        if not self.loses:
            assert self.model.put(where.url, where.headers, data) in {200, 412}
        self.sent.append(block_of(data))


@pytest.fixture
def model() -> ModelBlocks:
    return ModelBlocks()


@pytest.fixture
def sender(model: ModelBlocks) -> Sender:
    return Sender(model)


def store(
    model: ModelBlocks, put: Sender, data: bytes, *, name: str = "fv_1", owner: str = "ada", lease: str = "l"
) -> Stored:
    return store_file(
        model, io.BytesIO(data), reference_id=name, owner=owner, lease_id=lease, boundaries="fixed", put=put
    )


def test_a_file_is_stored_and_reads_back(model: ModelBlocks, sender: Sender) -> None:
    data = os.urandom(9 * MIB)
    stored = store(model, sender, data)
    assert stored.to_json() == {
        "sha256": hashlib.sha256(data).hexdigest(),
        "bytes_total": len(data), "bytes_sent": len(data), "blocks_total": 3, "blocks_sent": 3,
    }  # fmt: skip
    assert model_rig(model).read("fv_1") == data


def test_what_is_stored_is_not_even_read_again(model: ModelBlocks, sender: Sender) -> None:
    store(model, sender, os.urandom(9 * MIB))

    class Unreadable(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            raise AssertionError("read")

    again = store_file(
        model, Unreadable(), reference_id="fv_1", owner="ada", lease_id="m", boundaries="fixed", put=sender
    )
    assert again == Stored(bytes_total=9 * MIB, blocks_total=3)


def test_the_same_bytes_under_another_name_send_nothing(model: ModelBlocks, sender: Sender) -> None:
    data = os.urandom(9 * MIB)
    store(model, sender, data)
    again = store(model, sender, data, name="fv_2", lease="m")
    assert (again.bytes_sent, again.blocks_sent, again.blocks_total) == (0, 0, 3)
    assert len(sender.sent) == 3
    assert model_rig(model).read("fv_2") == data


def test_another_owner_sends_the_bytes_too_and_learns_nothing(model: ModelBlocks, sender: Sender) -> None:
    data = os.urandom(5 * MIB)
    store(model, sender, data)
    assert store(model, sender, data, name="fv_2", owner="eve", lease="m").bytes_sent == len(data)


def test_a_block_that_comes_many_times_is_announced_and_sent_once(model: ModelBlocks, sender: Sender) -> None:
    announced: list[Block] = []
    plain = model.get_or_create_block_locations

    def listening(blocks: Sequence[Block], *, owner: str, lease_id: str) -> object:
        announced.extend(blocks)
        return plain(blocks, owner=owner, lease_id=lease_id)

    model.get_or_create_block_locations = listening  # type: ignore[assignment]
    data = bytes(BLOCK_BYTES) * 21 + b"end"
    stored = store(model, sender, data)
    assert (stored.blocks_total, stored.blocks_sent, len(announced)) == (22, 2, 2)
    assert model_rig(model).read("fv_1") == data


def test_whoever_is_killed_goes_on_from_what_was_confirmed(
    model: ModelBlocks, sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storing, "CONFIRM_EVERY", 4)
    data = random.Random(4).randbytes(12 * BLOCK_BYTES)
    sender.killed_after = 9
    with pytest.raises(Killed):
        store(model, sender, data)
    assert "fv_1" not in model.lists
    sender.killed_after = None
    stored = store(model, sender, data)
    # Four of the six were confirmed that had been waited for when the next three were announced.
    assert stored.blocks_sent == 12 - 4
    assert model_rig(model).read("fv_1") == data


def test_a_block_that_does_not_arrive_leaves_no_reference_and_can_be_tried_again(
    model: ModelBlocks, sender: Sender
) -> None:
    data = os.urandom(5 * MIB)
    sender.loses = True
    with pytest.raises(StoreUnavailable, match="did not arrive"):
        store(model, sender, data)
    assert "fv_1" not in model.lists
    sender.loses = False
    assert store(model, sender, data).blocks_sent == 2


def test_a_lease_that_ended_meanwhile_is_a_reason_to_try_again(model: ModelBlocks, sender: Sender) -> None:
    def put_and_forget(where: PresignedPut, data: bytes) -> None:
        sender(where, data)
        model.release_lease("l")
        model.leases.clear()

    data = os.urandom(MIB)
    with pytest.raises(StoreUnavailable, match="fv_1"):
        store_file(
            model, io.BytesIO(data), reference_id="fv_1", owner="ada", lease_id="l", boundaries="fixed",
            put=put_and_forget,
        )  # fmt: skip
    assert store(model, sender, data).bytes_total == len(data)


def test_somebody_who_cut_the_same_file_elsewhere_may_come_first(model: ModelBlocks, sender: Sender) -> None:
    data = os.urandom(5 * MIB)

    parts = [data[:MIB], data[MIB : 4 * MIB], data[4 * MIB :]]

    def come_first(_: int) -> None:
        if "fv_1" not in model.lists:
            model_rig(model).upload(parts, owner="ada", lease_id="x", reference_id="fv_1")

    stored = store_file(
        model, io.BytesIO(data), reference_id="fv_1", owner="ada", lease_id="l", boundaries="fixed",
        put=sender, done=come_first,
    )  # fmt: skip
    assert stored.blocks_total == 2
    assert model_rig(model).read("fv_1") == data


def test_the_next_blocks_are_read_while_a_few_are_on_their_way_and_no_more(model: ModelBlocks) -> None:
    few, meanwhile = storing.ANNOUNCED_AT_ONCE, storing.SENT_MEANWHILE
    turn = threading.Condition()
    parts = [os.urandom(BLOCK_BYTES) for _ in range(20)]
    place = {part: number for number, part in enumerate(parts)}
    reads = ended = 0

    class Source(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            nonlocal reads
            data = super().read(size)
            with turn:
                reads += 1
                turn.notify_all()
            return data

    def put(where: PresignedPut, data: bytes) -> None:
        """Takes until so much is read that, were one more on its way, the reader would not go on."""
        nonlocal ended
        needed = min(len(parts), few * -(-(place[data] + 1 + meanwhile) // few))
        with turn:
            assert turn.wait_for(lambda: reads >= needed, 10), "nothing was read meanwhile"
        assert model.put(where.url, where.headers, data) == 200
        with turn:
            ended += 1

    def through(_: int) -> None:
        if reads % few == 0:
            assert reads - ended <= meanwhile

    store_file(
        model, Source(b"".join(parts)), reference_id="fv_1", owner="ada", lease_id="l", boundaries="fixed",
        put=put, done=through,
    )  # fmt: skip
    assert ended == len(parts)


def test_an_empty_file_consists_of_no_blocks(model: ModelBlocks, sender: Sender) -> None:
    assert store(model, sender, b"").blocks_total == 0
    assert model.references("fv_1") == []
