"""Downloading a file: every block is verified, and the whole appears at once or not at all."""

import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from cutroom.blocks.block import Block
from cutroom.client.block_transfer import CONNECTIONS, AddressExpired, get_block, transfer_client
from cutroom.client.hashing import Told
from cutroom.client.service import FileServiceClient
from cutroom.errors import ObjectCorrupt, StoreUnavailable, UsageError
from cutroom.files import block_list
from cutroom.ids import BlockId

_ROUNDS = 5
"""How often a fresh address of a block is asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Downloaded:
    """What was downloaded, and what it took."""

    path: Path
    file_id: str
    version_id: str
    bytes_total: int
    bytes_received: int
    blocks_total: int


def download_file(
    service: FileServiceClient, file_id: str, out: Path, *, version_id: str | None = None,
    told: Told = lambda _: None,
) -> Downloaded:  # fmt: skip
    """Write a version of a file to `out`, or into it under the file's name where it is a folder.

    Until it is whole the file has the name `.<name>.cutroom-partial`; what such a file of an earlier try holds is
    verified and used.

    Raises:
        ObjectMissing: A block is not in the store.
        ObjectCorrupt: A block, or the list of blocks, is not what was committed.
        FileUnknown: There is no such file or version.
        StoreUnavailable: The service or S3 did not answer for about a minute.
        UsageError: `out` can't be written.
    """
    page = service.download(file_id, version_id=version_id, after=0)
    version = page["version"]
    path = out / page["name"] if out.is_dir() else out
    partial = path.with_name(f".{path.name}.cutroom-partial")
    try:
        descriptor = os.open(partial, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        raise UsageError(f"{partial} can't be written: {error.strerror}.") from error
    try:
        writing = _Writing(service, file_id, version["version_id"], descriptor, told)
        writing.write_all(page)
        if block_list.content_digest(block_list.pack(writing.blocks)) != version["content_digest"]:
            raise ObjectCorrupt(
                f"The blocks of {file_id} are not those that were committed; tell the operator."
            )
        os.ftruncate(descriptor, version["size_bytes"])
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    partial.replace(path)
    return Downloaded(
        path=path,
        file_id=file_id,
        version_id=version["version_id"],
        bytes_total=version["size_bytes"],
        bytes_received=writing.bytes_received,
        blocks_total=len(writing.blocks),
    )


class _Writing:
    def __init__(
        self, service: FileServiceClient, file_id: str, version_id: str, descriptor: int, told: Told
    ) -> None:
        self._service = service
        self._file_id = file_id
        self._version_id = version_id
        self._descriptor = descriptor
        self._told = told
        self.blocks: list[Block] = []
        self.bytes_received = 0

    def write_all(self, first: dict[str, Any]) -> None:
        page, offset = first, 0
        with transfer_client() as client, ThreadPoolExecutor(CONNECTIONS, "receive") as pool:
            while True:
                after = len(self.blocks)
                futures = []
                for number, one in enumerate(page["blocks"]):
                    block = Block(block_id=BlockId(one["block_id"]), size_bytes=one["size_bytes"])
                    self.blocks.append(block)
                    place = (after + number, offset)
                    futures.append(pool.submit(self._write, client, one["url"], block, *place))
                    offset += block.size_bytes
                try:
                    for future in futures:
                        future.result()
                except BaseException:
                    pool.shutdown(cancel_futures=True)
                    raise
                if page["next_after"] is None:
                    return
                page = self._page(page["next_after"])

    def _page(self, after: int) -> dict[str, Any]:
        return self._service.download(self._file_id, version_id=self._version_id, after=after)

    def _write(self, client: httpx.Client, url: str, block: Block, position: int, offset: int) -> None:
        if not self._is_there(block, offset):
            data = self._received(client, url, block, position)
            os.pwrite(self._descriptor, data, offset)
            self.bytes_received += len(data)
        self._told(block.size_bytes)

    def _received(self, client: httpx.Client, url: str, block: Block, position: int) -> bytes:
        for _ in range(_ROUNDS):
            try:
                return get_block(client, url, block)
            except AddressExpired:
                url = self._page(position)["blocks"][0]["url"]
        raise StoreUnavailable("S3 refuses the addresses of blocks: is this machine's clock right?")

    def _is_there(self, block: Block, offset: int) -> bool:
        """Whether an earlier try wrote the block already."""
        data = os.pread(self._descriptor, block.size_bytes, offset)
        return len(data) == block.size_bytes and hashlib.sha256(data).hexdigest() == block.block_id
