"""Downloading a file: every block is verified, and the whole appears at once or not at all."""

import fcntl
import hashlib
import os
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from cutroom.blocks.block import Block
from cutroom.client.block_transfer import CONNECTIONS, AddressExpired, get_block, transfer_client
from cutroom.client.hashing import Told
from cutroom.client.service import FileServiceClient
from cutroom.errors import Conflict, ObjectCorrupt, StoreUnavailable, UsageError
from cutroom.files import block_list
from cutroom.files.names import NAME_LIMIT_BYTES, checked_name
from cutroom.ids import BlockId

PARTIAL_SUFFIX = ".cutroom-partial"
"""How the names of files end that are not whole yet."""

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
        StoreUnavailable: The service or S3 did not answer for about a minute, or the disk is full.
        UsageError: `out` can't be written, or is there and no file.
        Conflict: Another download writes it.
    """
    page = service.download(file_id, version_id=version_id, after=0)
    version = page["version"]
    path = _target(out, page["name"])
    with _partial_file(path) as (partial, descriptor):
        writing = _Writing(service, file_id, version["version_id"], descriptor, told)
        try:
            writing.write_all(page)
            if block_list.content_digest(block_list.pack(writing.blocks)) != version["content_digest"]:
                raise ObjectCorrupt(
                    f"The blocks of {file_id} are not those that were committed; tell the operator."
                )
            os.ftruncate(descriptor, version["size_bytes"])
            os.fsync(descriptor)
            partial.replace(path)
        except OSError as error:
            raise StoreUnavailable(
                f"{path} can't be written ({error.strerror}): make room, and begin again to go on from here."
            ) from error
    return Downloaded(
        path=path,
        file_id=file_id,
        version_id=version["version_id"],
        bytes_total=version["size_bytes"],
        bytes_received=writing.bytes_received,
        blocks_total=len(writing.blocks),
    )


def _target(out: Path, name: str) -> Path:
    """Where the file goes to: a place that is free, or has a file."""
    # The service says what the file is called, not where on this machine it goes.
    path = out / checked_name(name) if out.is_dir() else out
    if path.exists() and not path.is_file():
        raise UsageError(f"{path} is there and is no file: name another place.")
    return path


@contextmanager
def _partial_file(path: Path) -> Iterator[tuple[Path, int]]:
    """The file that becomes `path`, opened for this download alone."""
    partial = path.with_name(f".{path.name}{PARTIAL_SUFFIX}")
    if len(os.fsencode(partial.name)) > NAME_LIMIT_BYTES:
        partial = path.with_name(f".{hashlib.sha256(os.fsencode(path.name)).hexdigest()}{PARTIAL_SUFFIX}")
    try:
        descriptor = os.open(partial, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666)
    except OSError as error:
        raise UsageError(f"{partial} can't be written: {error.strerror}.") from error
    try:
        _hold_alone(partial, descriptor)
        yield partial, descriptor
    finally:
        os.close(descriptor)


def _hold_alone(partial: Path, descriptor: int) -> None:
    """Lock a file until it is closed; two versions would be mixed in it otherwise.

    Raises:
        Conflict: Another download has it, or had it until now and made the finished file of it.
    """
    taken = Conflict(f"Another download writes {partial}: try again when that has ended.")
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise taken from error
    except OSError:
        return  # A file system without locks.
    with suppress(FileNotFoundError):
        if os.path.samestat(partial.stat(), os.fstat(descriptor)):
            return
    raise taken


class _Writing:
    """A file that is written block by block; `blocks` and `bytes_received` are what has come so far."""

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
                futures: list[Future[int]] = []
                for number, one in enumerate(page["blocks"]):
                    block = Block(block_id=BlockId(one["block_id"]), size_bytes=one["size_bytes"])
                    self.blocks.append(block)
                    place = (after + number, offset)
                    futures.append(pool.submit(self._write, client, one["url"], block, *place))
                    offset += block.size_bytes
                try:
                    for future in futures:
                        self.bytes_received += future.result()
                except BaseException:
                    pool.shutdown(cancel_futures=True)
                    raise
                if page["next_after"] is None:
                    return
                page = self._page(page["next_after"])

    def _page(self, after: int) -> dict[str, Any]:
        return self._service.download(self._file_id, version_id=self._version_id, after=after)

    def _write(self, client: httpx.Client, url: str, block: Block, position: int, offset: int) -> int:
        """How many bytes had to be fetched for the block to be in the file."""
        received = 0
        if not self._is_there(block, offset):
            data = self._received(client, url, block, position)
            received = len(data)
            # A disk that is nearly full takes a part, and says nothing else.
            written = 0
            while written < received:
                written += os.pwrite(self._descriptor, data[written:], offset + written)
        self._told(block.size_bytes)
        return received

    def _received(self, client: httpx.Client, url: str, block: Block, position: int) -> bytes:
        for _ in range(_ROUNDS):
            try:
                return get_block(client, url, block)
            except AddressExpired:
                url = self._page(position)["blocks"][0]["url"]
        raise StoreUnavailable(
            "S3 refuses the addresses of blocks: do the clocks of the File Service and of S3 agree?"
        )

    def _is_there(self, block: Block, offset: int) -> bool:
        """Whether an earlier try wrote the block already."""
        data = os.pread(self._descriptor, block.size_bytes, offset)
        return len(data) == block.size_bytes and hashlib.sha256(data).hexdigest() == block.block_id
