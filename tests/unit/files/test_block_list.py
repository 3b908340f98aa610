"""The packed list of a file's blocks."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cutroom.blocks.block import BLOCK_BYTES, Block, block_of
from cutroom.errors import RequestInvalid
from cutroom.files import block_list

BLOCKS = st.lists(
    st.builds(
        lambda seed, size: Block(block_id=block_of(seed).block_id, size_bytes=size),
        st.binary(min_size=1, max_size=4),
        st.integers(1, BLOCK_BYTES),
    ),
    max_size=20,
)


@given(BLOCKS)
def test_unpacking_gives_what_was_packed(blocks: list[Block]) -> None:
    packed = block_list.pack(blocks)
    assert len(packed) == 36 * len(blocks)
    assert block_list.unpack(packed) == blocks


def test_a_slice_of_whole_entries_is_a_list_itself() -> None:
    blocks = [block_of(bytes([number])) for number in range(9)]
    packed = block_list.pack(blocks)
    assert block_list.unpack(packed[2 * block_list.ENTRY_BYTES : 5 * block_list.ENTRY_BYTES]) == blocks[2:5]


def test_the_content_is_named_by_blocks_sizes_and_order() -> None:
    one, two = block_of(b"1"), block_of(b"2")
    names = {block_list.content_digest(block_list.pack(each)) for each in ([one, two], [two, one], [one], [])}
    assert len(names) == 4
    assert block_list.content_digest(b"") == hashlib.sha256(b"").hexdigest()


def test_an_announcement_that_contradicts_itself_is_refused() -> None:
    one = block_of(b"1")
    with pytest.raises(RequestInvalid, match="2 bytes"):
        block_list.check([one, one], size_bytes=3)
    with pytest.raises(RequestInvalid, match="another size"):
        block_list.check([one, Block(block_id=one.block_id, size_bytes=2)], size_bytes=3)
    block_list.check([one, one], size_bytes=2)
    block_list.check([], size_bytes=0)
