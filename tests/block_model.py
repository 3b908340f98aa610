"""The Block Service as a few dictionaries: what the real ones are compared with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from cutroom.blocks.block import Block, block_of
from cutroom.blocks.service import (
    NAMED_MISSING,
    BlockLocation,
    PresignedPut,
    checked_batch,
    checked_content,
    checked_names,
)
from cutroom.errors import (
    AccessRefused,
    BlocksMissing,
    Conflict,
    LeaseUnknown,
    ObjectMissing,
    ReferenceUnknown,
    UsageError,
)
from cutroom.ids import BlockId

CREATED, WAS_THERE, REFUSED = 200, 412, 400


@dataclass
class Lease:
    owner: str
    announced: set[BlockId] = field(default_factory=set)
    proven: set[BlockId] = field(default_factory=set)
    arrived: dict[BlockId, bytes] = field(default_factory=dict)


class ModelBlocks:
    """Keeps the contract of `cutroom.blocks.service` in memory, without time: nothing expires here."""

    def __init__(self, *, across_owners: bool = False) -> None:
        self.across_owners = across_owners
        self.stored: dict[BlockId, bytes] = {}
        self.lost: set[BlockId] = set()
        self.leases: dict[str, Lease] = {}
        self.lists: dict[str, tuple[str, list[Block]]] = {}

    def get_or_create_block_locations(
        self, blocks: Sequence[Block], *, owner: str, lease_id: str
    ) -> list[BlockLocation]:
        checked_batch(blocks)
        checked_names(lease_id, owner=owner)
        self._check_sizes(blocks, owner)
        lease = self.leases.setdefault(lease_id, Lease(owner=owner))
        self._check_owner(lease, lease_id, owner)
        locations = []
        for block in blocks:
            known = self._known(block.block_id, owner)
            lease.announced.add(block.block_id)
            if known:
                lease.proven.add(block.block_id)
            put = PresignedPut(
                url=f"memory:{lease_id}/{block.block_id}/{block.size_bytes}",
                headers={},
                expires_at=datetime.now(UTC) + timedelta(hours=1),
            )
            locations.append(BlockLocation(block=block, upload=None if known else put))
        return locations

    def put(self, url: str, headers: Mapping[str, str], data: bytes) -> int:
        """What S3 does at a presigned address."""
        del headers
        lease_id, block_id, size_bytes = url.removeprefix("memory:").rsplit("/", 2)
        lease = self.leases[lease_id]
        if block_id in lease.arrived:
            return WAS_THERE
        if (block_of(data).block_id, len(data)) != (block_id, int(size_bytes)):
            return REFUSED
        lease.arrived[BlockId(block_id)] = data
        return CREATED

    def get(self, url: str) -> bytes:
        """What S3 does at an address to read from."""
        return self.stored[BlockId(url.removeprefix("memory:read/"))]

    def missing_blocks(self, blocks: Sequence[Block], *, owner: str, lease_id: str) -> list[Block]:
        checked_batch(blocks)
        checked_names(lease_id, owner=owner)
        lease = self._lease(lease_id, owner)
        self._check_sizes(blocks, owner)
        missing = []
        for block in dict.fromkeys(blocks):
            if block.block_id in lease.announced and self._known(block.block_id, owner):
                lease.proven.add(block.block_id)
            elif (
                block.block_id in lease.announced
                and len(lease.arrived.get(block.block_id, b"")) == block.size_bytes
            ):
                data = lease.arrived.pop(block.block_id)
                if block.block_id in self.lost or block.block_id not in self.stored:
                    self.stored[block.block_id] = data
                    self.lost.discard(block.block_id)
                lease.proven.add(block.block_id)
            else:
                missing.append(block)
        return missing

    def add_references(
        self, reference_id: str, blocks: Sequence[Block], *, owner: str, lease_id: str
    ) -> None:
        checked_content(blocks)
        checked_names(reference_id, lease_id, owner=owner)
        if reference_id in self.lists:
            if self.lists[reference_id] != (owner, list(blocks)):
                raise Conflict(reference_id)
            return
        lease = self._lease(lease_id, owner)
        missing = [
            block.block_id
            for block in dict.fromkeys(blocks)
            if block.block_id not in lease.proven
            or block.block_id in self.lost
            or len(self.stored[block.block_id]) != block.size_bytes
        ]
        if missing:
            raise BlocksMissing(reference_id, missing[:NAMED_MISSING])
        self.lists[reference_id] = (owner, list(blocks))

    def references(
        self, reference_id: str, *, owner: str | None = None, after: int = 0, limit: int | None = None
    ) -> list[Block]:
        checked_names(reference_id, owner=owner)
        its_owner, blocks = self.lists.get(reference_id, ("", None))
        if blocks is None or owner not in {None, its_owner}:
            raise ReferenceUnknown(reference_id)
        return blocks[after:][:limit]

    def get_block_download_urls(
        self, block_ids: Sequence[BlockId], *, reference_id: str, owner: str | None = None
    ) -> list[str]:
        checked_batch(block_ids)
        checked_names(reference_id, owner=owner)
        held = {block.block_id for block in self.references(reference_id, owner=owner)}
        if not held.issuperset(block_ids):
            raise ReferenceUnknown(reference_id)
        if self.lost.intersection(block_ids):
            raise ObjectMissing(reference_id)
        return [f"memory:read/{block_id}" for block_id in block_ids]

    def hold_references(self, reference_id: str, *, lease_id: str) -> None:
        checked_names(reference_id, lease_id)
        owner = self.lists[reference_id][0] if reference_id in self.lists else ""
        held = {block.block_id for block in self.references(reference_id)}
        lease = self.leases.setdefault(lease_id, Lease(owner=owner))
        self._check_owner(lease, lease_id, owner)
        lease.announced |= held
        lease.proven |= held

    def release_blocks(self, reference_id: str) -> None:
        checked_names(reference_id)
        self.lists.pop(reference_id, None)

    def renew_lease(self, lease_id: str, *, owner: str) -> datetime:
        checked_names(lease_id, owner=owner)
        self._lease(lease_id, owner)
        return datetime.now(UTC) + timedelta(days=1)

    def release_lease(self, lease_id: str) -> None:
        checked_names(lease_id)

    def health(self) -> None:
        pass

    def _known(self, block_id: BlockId, owner: str) -> bool:
        if block_id not in self.stored or block_id in self.lost:
            return False
        return (
            self.across_owners
            or any(block_id in lease.proven for lease in self.leases.values() if lease.owner == owner)
            or any(
                block_id == block.block_id
                for its_owner, blocks in self.lists.values()
                if its_owner == owner
                for block in blocks
            )
        )

    def _lease(self, lease_id: str, owner: str) -> Lease:
        if lease_id not in self.leases:
            raise LeaseUnknown(lease_id)
        self._check_owner(self.leases[lease_id], lease_id, owner)
        return self.leases[lease_id]

    def _check_owner(self, lease: Lease, lease_id: str, owner: str) -> None:
        if lease.owner != owner:
            raise AccessRefused(lease_id)

    def _check_sizes(self, blocks: Sequence[Block], owner: str) -> None:
        if len({block.block_id for block in blocks}) != len(set(blocks)):
            raise UsageError("A block is named with two sizes.")
        for block in blocks:
            if self._known(block.block_id, owner) and len(self.stored[block.block_id]) != block.size_bytes:
                raise UsageError(block.block_id)
