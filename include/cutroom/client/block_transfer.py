"""Bytes of blocks to and from S3, by the addresses that the File Service signed."""

from collections.abc import Callable, Iterator, Mapping

import httpx

from cutroom.blocks.block import Block
from cutroom.blocks.reader import checked
from cutroom.client.backoff import patiently
from cutroom.errors import AccessRefused, ObjectMissing, PermanentError, StoreUnavailable

CONNECTIONS = 6
"""Blocks that travel at the same time: as many are in memory."""


_PIECE_BYTES = 2**18
"""Bytes that are handed to the connection at a time. It copies what is left of them after each write, so a whole block
at once would be copied many times over."""


class AddressExpired(AccessRefused):
    """S3 no longer takes the address: ask for a fresh one."""


def transfer_client() -> httpx.Client:
    """The HTTP client of block transfers; may be used from several threads."""
    limits = httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS)
    return httpx.Client(timeout=httpx.Timeout(120, connect=10), limits=limits)


def put_block(
    client: httpx.Client, url: str, headers: Mapping[str, str], data: bytes | bytearray, *,
    block: Block | None = None,
) -> None:  # fmt: skip
    """Send a block; that somebody else did so before is as good.

    Args:
        client: From `transfer_client`.
        url: Where to.
        headers: As they came with the address; the length is among them.
        data: The bytes.
        block: Whose bytes these have to be, which is looked at when S3 refuses them: it checks them itself.

    Raises:
        ObjectCorrupt: They are other bytes.
        AddressExpired: The address is no longer taken.
        StoreUnavailable: S3 did not answer, or not well, however often it was asked.
    """

    def put() -> None:
        answer = _asked(lambda: client.put(url, content=_pieces(data), headers=dict(headers)))
        if answer.status_code == 400 and block is not None:
            checked(block, bytes(data))
        # 412: the block is there already; whoever wrote it, the commit checks its bytes.
        if not answer.is_success and answer.status_code != 412:
            raise _refusal(answer)

    patiently(put)


def get_block(client: httpx.Client, url: str, block: Block) -> bytes:
    """The bytes of a block, which are those of its name.

    Raises:
        ObjectCorrupt: It has other bytes.
        CutroomError: As `get_unverified` does.
    """
    return checked(block, get_unverified(client, url, block))


def get_unverified(client: httpx.Client, url: str, block: Block) -> bytes:
    """Whatever the store gives as the bytes of a block: for who verifies them himself.

    Raises:
        AddressExpired: The address is no longer taken.
        ObjectMissing: The block is not there.
        StoreUnavailable: S3 did not answer, or not well, however often it was asked.
    """

    def get() -> bytes:
        answer = _asked(lambda: client.get(url))
        if answer.status_code == 404:
            raise ObjectMissing(f"The block {block.block_id} is missing in the store; tell the operator.")
        if not answer.is_success:
            raise _refusal(answer)
        return answer.content

    return patiently(get)


def _pieces(data: bytes | bytearray) -> Iterator[bytes]:
    view = memoryview(data)
    for start in range(0, len(data), _PIECE_BYTES):
        yield bytes(view[start : start + _PIECE_BYTES])


def _asked(ask: Callable[[], httpx.Response]) -> httpx.Response:
    try:
        return ask()
    except httpx.HTTPError as error:
        raise StoreUnavailable(f"S3 does not answer ({type(error).__name__}).") from error


def _refusal(answer: httpx.Response) -> PermanentError | StoreUnavailable:
    status = answer.status_code
    if status in {401, 403}:
        return AddressExpired(f"S3 refuses the address of a block ({status}).")
    # 400 is said of a body that was damaged on its way, 409 when two write the same key at a time.
    if answer.is_server_error or status in {400, 408, 409, 429}:
        return StoreUnavailable(f"S3 answers {status} to the transfer of a block.")
    return PermanentError(f"S3 answers {status} to the transfer of a block.")
