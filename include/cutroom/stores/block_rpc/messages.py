"""Our values as messages of the Block Service, and back; sizes and limits of the connection."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp

from cutroom.blocks.block import Block
from cutroom.blocks.service import BLOCKS_PER_CALL, PresignedPut
from cutroom.ids import BlockId
from cutroom.stores.block_rpc import block_service_pb2 as pb

SERVICE = pb.DESCRIPTOR.services_by_name["BlockService"]
"""The calls and their messages, as the proto file has them."""

MESSAGE_BYTES = 4 * 2**20
"""Largest message: a full batch with an address for each block takes a quarter of it."""

CHANNEL_OPTIONS: list[tuple[str, int]] = [
    ("grpc.max_send_message_length", MESSAGE_BYTES),
    ("grpc.max_receive_message_length", MESSAGE_BYTES),
]


def shape_of(method: Any) -> str:
    """Which of gRPC's four kinds of calls a method is, as `unary_stream`."""
    asked = "stream" if method.client_streaming else "unary"
    return f"{asked}_{'stream' if method.server_streaming else 'unary'}"


def to_blocks(blocks: Iterable[Block]) -> list[pb.Block]:
    """Blocks as messages."""
    return [pb.Block(block_id=bytes.fromhex(one.block_id), size_bytes=one.size_bytes) for one in blocks]


def from_blocks(messages: Iterable[pb.Block]) -> list[Block]:
    """The reverse of `to_blocks`.

    Raises:
        UsageError: An id has not 32 bytes, or a size is out of bounds.
    """
    return [Block(block_id=block_id(one.block_id), size_bytes=one.size_bytes) for one in messages]


def block_id(digest: bytes) -> BlockId:
    """The id of a block, from the bytes of its digest."""
    return BlockId(digest.hex())


def to_put(put: PresignedPut) -> pb.PresignedPut:
    """A presigned address as a message."""
    return pb.PresignedPut(url=put.url, headers=put.headers, expires_at=to_time(put.expires_at))


def from_put(message: pb.PresignedPut) -> PresignedPut:
    """The reverse of `to_put`."""
    return PresignedPut(
        url=message.url, headers=dict(message.headers), expires_at=message.expires_at.ToDatetime(tzinfo=UTC)
    )


def to_time(moment: datetime) -> Timestamp:
    """A moment as a message."""
    message = Timestamp()
    message.FromDatetime(moment)
    return message


def batches(values: Sequence[Block]) -> Iterator[Sequence[Block]]:
    """The blocks in batches that one message may hold; one empty batch of nothing."""
    for start in range(0, max(1, len(values)), BLOCKS_PER_CALL):
        yield values[start : start + BLOCKS_PER_CALL]
