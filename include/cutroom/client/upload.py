"""Uploading a file in blocks.

The file is hashed first, on all cores, and then only the blocks that the service lacks are read a second time and
sent. Hashing is twenty times faster than a store takes bytes, and a known file is never read twice; overlapping the
two would make the first announcement wait for nothing and gain a few per cent on new data (docs/uploads.md).

A client that was killed knows nothing, and needs nothing: the same file is announced again, has the same session,
and what had been sent is known there.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol

import httpx

from cutroom.blocks.block import Block
from cutroom.client.block_transfer import CONNECTIONS, AddressExpired, put_block, transfer_client
from cutroom.client.hashing import LocalFile, PlacedBlock, blocks_of, hash_blocks
from cutroom.client.service import FileServiceClient, NewFile
from cutroom.errors import BlocksMissing, ObjectCorrupt, StoreUnavailable

_ROUNDS = 5
"""How often blocks that got lost, or whose address expired, are sent again."""


class Progress(Protocol):
    """Who is told how far an upload is; called from several threads."""

    def hashed(self, size_bytes: int) -> None:
        """So many more bytes are hashed."""

    def skipped(self, size_bytes: int) -> None:
        """So many more bytes need not be sent."""

    def sent(self, size_bytes: int) -> None:
        """So many more bytes are sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Uploaded:
    """What an upload became, and what it took."""

    file_id: str
    version_id: str
    asset_id: str
    bytes_total: int
    bytes_sent: int
    blocks_total: int
    blocks_sent: int


def upload_file(
    service: FileServiceClient, file: LocalFile, new: NewFile, *, threads: int, told: Progress
) -> Uploaded:
    """Upload a file and commit it.

    Args:
        service: Where to.
        file: What; it must not change meanwhile.
        new: What to say of it.
        threads: How many hash at a time.
        told: Learns how far it is.

    Raises:
        Conflict: The file changed while it was read, or its name is taken.
        StoreUnavailable: The service or S3 did not answer for about a minute.
    """
    placed = hash_blocks(file, threads=threads, told=told.hashed)
    session = service.begin(new, blocks_of(placed))
    sending = _Sending(file, placed, told)
    with ExitStack() as opened:
        # A client takes longer to open than a small file that is known takes to upload.
        client = cache(lambda: opened.enter_context(transfer_client()))
        for rounds_left in reversed(range(_ROUNDS)):
            sending.send_missing(client, _pages(service, session))
            file.check_unchanged()
            try:
                committed = service.complete(session["session_id"])
                break
            except BlocksMissing as error:
                if not rounds_left:
                    raise
                sending.forget(error.block_ids)
                session = service.missing(session["session_id"], after=0)
    version = committed["version"]
    return Uploaded(
        file_id=version["file_id"],
        version_id=version["version_id"],
        asset_id=version["asset_id"],
        bytes_total=new.size_bytes,
        bytes_sent=sending.bytes_sent,
        blocks_total=len(placed),
        blocks_sent=sending.blocks_sent,
    )


def _pages(service: FileServiceClient, first: dict[str, Any]) -> Iterator["_Page"]:
    """The pages of what is missing, and how to get one again with fresh addresses."""
    page, after = first, 0
    while True:
        yield _Page(service, first["session_id"], after, page["missing"], page["next_after"])
        if page["next_after"] is None:
            return
        after = page["next_after"]
        page = service.missing(first["session_id"], after=after)


@dataclass(frozen=True, slots=True)
class _Page:
    service: FileServiceClient
    session_id: str
    after: int
    missing: list[dict[str, Any]]
    next_after: int | None

    def again(self) -> "_Page":
        told = self.service.missing(self.session_id, after=self.after)
        return _Page(self.service, self.session_id, self.after, told["missing"], told["next_after"])


class _Sending:
    """What was sent of a file."""

    def __init__(self, file: LocalFile, placed: list[PlacedBlock], told: Progress) -> None:
        self._file = file
        self._placed = placed
        self._told = told
        self._sent: set[str] = set()
        self._seen: set[str] = set()
        self.bytes_sent = 0
        self.blocks_sent = 0

    def forget(self, block_ids: tuple[str, ...]) -> None:
        """These blocks have to be sent again."""
        self._sent.difference_update(block_ids)

    def send_missing(self, client: Callable[[], httpx.Client], pages: Iterator[_Page]) -> None:
        """Send what is missing and was not sent, some blocks at a time."""
        with ThreadPoolExecutor(CONNECTIONS, thread_name_prefix="send") as pool:
            for page in pages:
                current = page
                for rounds_left in reversed(range(_ROUNDS)):
                    expired = self._send_page(client, pool, current)
                    if not expired:
                        break
                    if not rounds_left:
                        raise StoreUnavailable(
                            "S3 refuses the addresses of blocks: do the clocks of the File Service and of S3 agree?"
                        )
                    current = page.again()
                end = page.next_after if page.next_after is not None else len(self._placed)
                self._tell_skipped(page.after, end)

    def _send_page(self, client: Callable[[], httpx.Client], pool: ThreadPoolExecutor, page: _Page) -> bool:
        """Whether addresses had expired; the other blocks are sent all the same."""
        todo = {one["block_id"]: one for one in page.missing if one["block_id"] not in self._sent}
        under_way: dict[Future[None], str] = {}
        expired = False
        try:
            for block_id, one in todo.items():
                if len(under_way) >= CONNECTIONS:
                    expired |= self._collect(under_way)
                under_way[pool.submit(self._send, client(), one)] = block_id
            while under_way:
                expired |= self._collect(under_way)
        except BaseException:
            for future in under_way:
                future.cancel()
            raise
        return expired

    def _collect(self, under_way: dict[Future[None], str]) -> bool:
        done, _ = wait(under_way, return_when=FIRST_COMPLETED)
        expired = False
        for future in done:
            block_id = under_way.pop(future)
            try:
                future.result()
            except AddressExpired:
                expired = True
            else:
                self._sent.add(block_id)
        return expired

    def _send(self, client: httpx.Client, one: dict[str, Any]) -> None:
        placed = self._placed[one["position"]]
        data = bytearray(placed.block.size_bytes)
        self._file.read_into(memoryview(data), placed.offset)
        try:
            put_block(client, one["url"], one["headers"], data, block=placed.block)
        except ObjectCorrupt as error:
            raise self._file.changed() from error
        self.bytes_sent += placed.block.size_bytes
        self.blocks_sent += 1
        self._told.sent(placed.block.size_bytes)

    def _tell_skipped(self, start: int, end: int) -> None:
        """Of each block, only its first place in the file may have been sent."""
        skipped = 0
        for one in self._placed[start:end]:
            block: Block = one.block
            if block.block_id not in self._sent or block.block_id in self._seen:
                skipped += block.size_bytes
            self._seen.add(block.block_id)
        self._told.skipped(skipped)
