"""A Block Service with a database and a bucket of its own, in which time can pass."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx
from sqlalchemy import text

from block_rigs import Rig, real_rig
from cutroom.blocks.block import block_of
from cutroom.settings import Settings
from cutroom.stores.block_garbage import CollectedBlocks, collect_blocks
from cutroom.stores.block_objects import BlockObjects
from cutroom.stores.blocks import StoredBlocks
from cutroom.stores.database import Database
from cutroom.stores.s3 import s3_client

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

HOUR_S = 3600
GRACE_S = 24 * HOUR_S
URL_S = HOUR_S

TABLES = ("blocks", "block_leases", "leased_blocks", "block_lists", "block_references", "discarded_blocks")


@dataclass(frozen=True, kw_only=True)
class BlockHouse:
    database: Database
    client: "S3Client"
    bucket: str
    objects: BlockObjects
    rig: Rig

    @property
    def service(self) -> StoredBlocks:
        assert isinstance(self.rig.service, StoredBlocks)
        return self.rig.service

    def pass_time(self, seconds: int) -> None:
        """Let everything in the ledger have happened so much earlier: leases and grace go by the database's clock."""
        with self.database.transaction() as session:
            for table, column in (
                ("blocks", "stored_at"),
                ("blocks", "condemned_at"),
                ("block_leases", "expires_at"),
            ):
                session.execute(
                    text(f"UPDATE {table} SET {column} = {column} - make_interval(secs => :s)"),
                    {"s": seconds},
                )

    def collect(self, *, dry_run: bool = False) -> CollectedBlocks:
        return collect_blocks(self.database, self.objects, grace_s=GRACE_S, dry_run=dry_run)

    def object_keys(self) -> list[str]:
        """Every object of the bucket."""
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket)
        return [item["Key"] for page in pages for item in page.get("Contents", ())]

    def stored_ids(self) -> list[str]:
        """The block of every object of the bucket."""
        return sorted(key.rpartition("/")[2].partition(".")[0] for key in self.object_keys())

    def rows(self, table: str) -> int:
        with self.database.transaction() as session:
            count: int = session.execute(text(f"SELECT count(*) FROM {table}")).scalar_one()
            return count

    def is_empty(self) -> bool:
        """Whether nothing is left of anything."""
        return self.object_keys() == [] and [table for table in TABLES if self.rows(table)] == []

    def clear(self) -> None:
        with self.database.transaction() as session:
            session.execute(text(f"TRUNCATE {', '.join(TABLES)}"))
        for key in self.object_keys():
            self.client.delete_object(Bucket=self.bucket, Key=key)

    def references_are_whole(self) -> None:
        """Everything that consists of blocks reads back, and each block is what its id says."""
        with self.database.transaction() as session:
            found = session.execute(text("SELECT reference_id FROM block_lists")).scalars().all()
        for reference_id in found:
            self.rig.read(reference_id)


@contextmanager
def block_house(
    settings: Settings, database: Database, *, client: "S3Client | None" = None, lease_s: int = 12 * HOUR_S
) -> Iterator[BlockHouse]:
    """A house whose S3 may be reached by another client, through a proxy say."""
    direct = s3_client(settings)
    bucket = f"blocks-{uuid.uuid4().hex[:12]}"
    direct.create_bucket(Bucket=bucket)
    used = client or direct
    objects = BlockObjects(used, bucket, signer=used, url_s=URL_S)
    with httpx.Client(timeout=300) as http:
        service = StoredBlocks(database, objects, lease_s=lease_s)
        yield BlockHouse(
            database=database,
            client=direct,
            bucket=bucket,
            objects=objects,
            rig=real_rig(service, database, http),
        )


def ids_of(contents: list[bytes]) -> list[str]:
    return sorted(block_of(content).block_id for content in contents)
