"""Block Services to be tested, each with the hands of an upload client."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from block_model import ModelBlocks
from cutroom.api.block_server import Listening, start_server
from cutroom.blocks.block import Block, block_of
from cutroom.blocks.service import BlockLocation, BlockService
from cutroom.stores.block_rpc.client import RemoteBlocks
from cutroom.stores.database import Database


@dataclass(frozen=True, kw_only=True)
class Rig:
    """A service, and what a client does with the addresses that it gives."""

    service: BlockService
    put: Callable[[str, Mapping[str, str], bytes], int]
    """Sends bytes to a presigned address; gives the status."""
    get: Callable[[str], bytes]
    lose: Callable[[Block], None]
    """Lets the store lose a stored block, and the service learn of it."""

    def send(self, locations: Sequence[BlockLocation], data: Mapping[str, bytes]) -> int:
        """Put whatever is asked for, each block once; gives how many."""
        uploads = {one.block.block_id: one.upload for one in locations if one.upload}
        for block_id, upload in uploads.items():
            assert self.put(upload.url, upload.headers, data[block_id]) in {200, 412}
        return len(uploads)

    def upload(self, contents: Sequence[bytes], *, owner: str, lease_id: str, reference_id: str) -> int:
        """A whole upload of a file that consists of these contents; gives how many blocks were sent."""
        blocks = [block_of(content) for content in contents]
        data = {block.block_id: content for block, content in zip(blocks, contents, strict=True)}
        locations = self.service.get_or_create_block_locations(blocks, owner=owner, lease_id=lease_id)
        sent = self.send(locations, data)
        assert self.service.missing_blocks(blocks, owner=owner, lease_id=lease_id) == []
        self.service.add_references(reference_id, blocks, owner=owner, lease_id=lease_id)
        self.service.release_lease(lease_id)
        return sent

    def read(self, reference_id: str, *, owner: str | None = None) -> bytes:
        """The file, read back and held to its blocks."""
        blocks = self.service.references(reference_id, owner=owner)
        urls = self.service.get_block_download_urls(
            [block.block_id for block in blocks], reference_id=reference_id, owner=owner
        )
        parts = [self.get(url) for url in urls]
        assert [block_of(part) for part in parts] == blocks
        return b"".join(parts)


def model_rig(model: ModelBlocks) -> Rig:
    def lose(block: Block) -> None:
        model.lost.add(block.block_id)

    return Rig(service=model, put=model.put, get=model.get, lose=lose)


def real_rig(service: BlockService, database: Database, client: httpx.Client) -> Rig:
    """Over HTTP, as a client has it."""

    def put(url: str, headers: Mapping[str, str], data: bytes) -> int:
        return client.put(url, content=data, headers=dict(headers)).status_code

    def get(url: str) -> bytes:
        return client.get(url).raise_for_status().content

    def lose(block: Block) -> None:
        run(database, f"UPDATE blocks SET lost_at = now() WHERE block_id = '\\x{block.block_id}'")

    return Rig(service=service, put=put, get=get, lose=lose)


@contextmanager
def served(service: BlockService) -> Iterator[RemoteBlocks]:
    """The service behind gRPC on this machine."""
    server, port = start_server(service, Listening(address="127.0.0.1:0"))
    client = RemoteBlocks(f"http://127.0.0.1:{port}")
    try:
        yield client
    finally:
        client.close()
        server.stop(None).wait()


def run(database: Database, statement: str) -> list[Any]:
    """One statement in a transaction of its own."""
    from sqlalchemy import text

    with database.transaction() as session:
        result = session.execute(text(statement))
        return list(result.all()) if result.returns_rows else []


def contents(number: int, size_bytes: int = 1000) -> list[bytes]:
    """Different contents that no other test has."""
    return [os.urandom(size_bytes - index % 7) for index in range(number)]
