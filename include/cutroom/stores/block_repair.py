"""Puts lost blocks back from another copy of the file that consists of them."""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from cutroom.blocks.block import Block, block_of
from cutroom.errors import ObjectMissing
from cutroom.ids import BlockId
from cutroom.stores import block_ledger as ledger
from cutroom.stores.block_objects import BlockObjects
from cutroom.stores.database import Database
from cutroom.stores.gates import BLOCKS
from cutroom.stores.s3 import translated

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

logger = logging.getLogger(__name__)

_REPAIR = "cutroom check"
"""Owner and lease of what a repair puts back: the references of the file hold it afterwards."""

ReadAt = Callable[[int, int], bytes]
"""Gives so many bytes from an offset, or fewer at the end of the copy."""


def lost_blocks(database: Database) -> dict[str, list[BlockId]]:
    """What is known to be lost, by the reference that consists of it."""
    with database.snapshot() as session:
        rows = session.execute(
            text(
                "SELECT DISTINCT l.reference_id, encode(b.block_id, 'hex') AS block_id FROM blocks b"
                " JOIN block_references r USING (block_id) JOIN block_lists l USING (list_number)"
                " WHERE b.lost_at IS NOT NULL ORDER BY 1, 2"
            )
        )
        found: dict[str, list[BlockId]] = {}
        for row in rows:
            found.setdefault(row.reference_id, []).append(BlockId(row.block_id))
    return found


def repair_from_file(database: Database, objects: BlockObjects, path: Path) -> list[BlockId]:
    """Put back what of any file with lost blocks is found in a copy of it on this machine; gives which blocks."""

    def read_at(offset: int, size_bytes: int) -> bytes:
        with path.open("rb") as file:
            file.seek(offset)
            return file.read(size_bytes)

    return [
        block_id
        for reference_id in lost_blocks(database)
        for block_id in _repair(database, objects, reference_id, read_at)
    ]


def repair_from_uploads(database: Database, objects: BlockObjects, client: "S3Client") -> list[BlockId]:
    """Put back what is found in the objects that files with lost blocks came from; gives which blocks."""
    restored: list[BlockId] = []
    for reference_id in lost_blocks(database):
        with database.snapshot() as session:
            origin = session.execute(
                text(
                    "SELECT f.bucket, f.key, v.s3_version, v.versioned FROM file_versions v"
                    " JOIN files f USING (file_id) WHERE v.file_version_id = :id"
                ),
                {"id": reference_id},
            ).one_or_none()
        if origin is None:
            continue
        try:
            restored += _repair(database, objects, reference_id, _reader(client, origin))
        except ObjectMissing:
            logger.warning("%s: the object that it came from is gone too", reference_id)
    return restored


def _reader(client: "S3Client", origin: Any) -> ReadAt:
    version = {"VersionId": origin.s3_version} if origin.versioned else {}

    def read_at(offset: int, size_bytes: int) -> bytes:
        with translated(f"s3://{origin.bucket}/{origin.key}"):
            answer = client.get_object(
                Bucket=origin.bucket,
                Key=origin.key,
                Range=f"bytes={offset}-{offset + size_bytes - 1}",
                **version,
            )
            with closing(answer["Body"]) as body:
                return body.read()

    return read_at


def _repair(database: Database, objects: BlockObjects, reference_id: str, read_at: ReadAt) -> list[BlockId]:
    with database.snapshot() as session:
        number, _ = ledger.find_list(session=session, reference_id=reference_id, owner=None)
        blocks = ledger.listed(session=session, list_number=number)
    wanted = set(lost_blocks(database).get(reference_id, ()))
    restored = []
    for block, offset in _places(blocks):
        if block.block_id not in wanted:
            continue
        content = read_at(offset, block.size_bytes)
        # The copy may be another content by now: only the bytes that are missed are put back.
        if content and block_of(content) == block:
            wanted.remove(block.block_id)
            _restore(database, objects, block, content)
            restored.append(block.block_id)
    return restored


def _places(blocks: Sequence[Block]) -> Iterator[tuple[Block, int]]:
    offset = 0
    for block in blocks:
        yield block, offset
        offset += block.size_bytes


def _restore(database: Database, objects: BlockObjects, block: Block, content: bytes) -> None:
    with database.transaction() as session:
        BLOCKS.enter(session)
        lease = ledger.take_lease(session=session, lease_id=_REPAIR, owner=_REPAIR, seconds=3600)
        (size_bytes,) = ledger.announce(session=session, lease_number=lease, blocks=[block], owner=_REPAIR)
    if size_bytes is not None:
        return  # It came back by another way meanwhile.
    objects.put(block, lease, content)
    with database.transaction() as session:
        BLOCKS.enter(session)
        ledger.store(session=session, lease_number=lease, arrived=[block])
        ledger.prove(session=session, lease_number=lease, blocks=[block])
    logger.info("Block %s is back", block.block_id)
