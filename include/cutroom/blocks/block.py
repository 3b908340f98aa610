"""Blocks: the unit in which files are uploaded and stored once."""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass

from cutroom.errors import UsageError
from cutroom.ids import BlockId

BLOCK_BYTES = 4 * 2**20
"""Most bytes of a block, and how many it has by default: 4,194,304. The last block of a file may be short, and an
empty file has none."""

_ID = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A content of 1 to `BLOCK_BYTES` bytes, by its digest.

    Raises:
        UsageError: The id is not a lower-case hex SHA-256, or the size is out of bounds.
    """

    block_id: BlockId
    size_bytes: int

    def __post_init__(self) -> None:
        if not _ID.fullmatch(self.block_id):
            raise UsageError(
                f"A block's id is the SHA-256 of its bytes in lower-case hex; got {self.block_id[:80]!r}."
            )
        if not 1 <= self.size_bytes <= BLOCK_BYTES:
            raise UsageError(
                f"Block {self.block_id} is said to have {self.size_bytes} bytes; 1 to {BLOCK_BYTES} are allowed."
            )


def block_of(data: bytes | memoryview) -> Block:
    """The block that these bytes are."""
    return Block(block_id=BlockId(hashlib.sha256(data).hexdigest()), size_bytes=len(data))


def total_bytes(blocks: Iterable[Block]) -> int:
    """Size of the file that consists of these blocks."""
    return sum(block.size_bytes for block in blocks)
