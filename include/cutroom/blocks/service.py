"""The Block Service: which blocks are stored, who holds them, and where their bytes go to and come from.

The contract, held by one conformance suite for the service in this process and the one behind gRPC:

- A block is *stored* once the store itself has reported its SHA-256 and length; a client's word counts nowhere.
- A stored block is *known* to an owner who has shown to have its bytes, by a lease or by a reference of his own, and
  with `global` dedup to everybody. To all others it is new: they learn nothing from the answer.
- A block that a lease or a reference holds is never removed. A lease ends by its time, which each call under it
  prolongs; a reference ends by `release_blocks`.
- `add_references` is the commit of a file's content: all of its blocks, in order, or none.
- Every call may be repeated, and calls at the same time end as if one came after the other.

Every method raises `StoreUnavailable` when the database or the store is away, `UsageError` for what can't be meant,
and `AccessRefused` for the lease of another owner.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from cutroom.blocks.block import Block
from cutroom.errors import UsageError
from cutroom.ids import BlockId

BLOCKS_PER_CALL = 1000
"""Most blocks in one call, but for `add_references` and `references`: the answer, with an address for each, stays
below 1 MiB and is there in a fraction of a second."""

BLOCKS_PER_REFERENCE = 2**20
"""Most blocks of one file: 4 TiB of full ones."""

NAMED_MISSING = 1000
"""Most missing blocks that an error names."""

NAME_CHARACTERS = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class PresignedPut:
    """Where exactly one content may be written, once, for a while."""

    url: str
    headers: Mapping[str, str]
    """To be sent as they are: SHA-256, length and the condition that nothing is there yet are signed in. An answer
    412 means that the same bytes arrived before."""
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockLocation:
    """What an owner who announced a block has to do about it."""

    block: Block
    upload: PresignedPut | None
    """Where to send the bytes; None where the block is known."""

    @property
    def known(self) -> bool:
        """Whether nothing has to be sent."""
        return self.upload is None


class BlockService(Protocol):
    """Blocks, leases and references; see above."""

    def get_or_create_block_locations(
        self, blocks: Sequence[Block], *, owner: str, lease_id: str
    ) -> list[BlockLocation]:
        """Announce blocks: for each, in order, whether it is known or where it goes to.

        All of them are held by the lease from now on. It is made when it is not there.
        """

    def missing_blocks(self, blocks: Sequence[Block], *, owner: str, lease_id: str) -> list[Block]:
        """Those of the blocks that were announced and are not stored, each once, in order.

        Asks the store about every block that the owner is not known to have. What arrived right is stored from now on;
        what arrived wrong is removed and counts as missing: announce it again.

        Raises:
            LeaseUnknown: There is no such lease: announce the blocks again.
        """

    def add_references(
        self, reference_id: str, blocks: Sequence[Block], *, owner: str, lease_id: str
    ) -> None:
        """Let `reference_id` consist of these blocks, in this order, all or nothing; the lease may go afterwards.

        Raises:
            BlocksMissing: Some were not found stored under this lease: see `missing_blocks`. It names the first
                `NAMED_MISSING` of them.
            LeaseUnknown: There is no such lease.
            Conflict: The reference has other blocks, or another owner's.
        """

    def references(
        self, reference_id: str, *, owner: str | None = None, after: int = 0, limit: int | None = None
    ) -> list[Block]:
        """The blocks that `reference_id` consists of, in order; `owner` None asks for no matter whose.

        `after` leaves out so many from the start, and no more than `limit` are given: what is left out costs nothing.

        Raises:
            ReferenceUnknown: There is none, or none of this owner's.
        """

    def get_block_download_urls(
        self, block_ids: Sequence[BlockId], *, reference_id: str, owner: str | None = None
    ) -> list[str]:
        """Addresses to read the blocks of a reference from, in the given order: a block's id alone opens nothing.

        Raises:
            ReferenceUnknown: There is none, or none of this owner's, or it has not all of these blocks.
            ObjectMissing: The store has lost one of the blocks.
        """

    def hold_references(self, reference_id: str, *, lease_id: str) -> None:
        """Hold the blocks of a reference by a lease of its owner's, whatever becomes of the reference.

        Raises:
            ReferenceUnknown: There is none.
        """

    def release_blocks(self, reference_id: str) -> None:
        """End a reference: blocks that nothing else holds may be collected. Nothing happens where there is none."""

    def renew_lease(self, lease_id: str, *, owner: str) -> datetime:
        """Prolong a lease; gives the moment when it ends unless it is prolonged again.

        Raises:
            LeaseUnknown: There is no such lease.
        """

    def release_lease(self, lease_id: str) -> None:
        """End a lease. Nothing happens where there is none."""

    def health(self) -> None:
        """Return where database and store answer, else raise `StoreUnavailable`."""


def checked_batch(blocks: Sequence[object]) -> None:
    """Refuse more blocks than one call may name.

    Raises:
        UsageError: There are more than `BLOCKS_PER_CALL`.
    """
    if len(blocks) > BLOCKS_PER_CALL:
        raise UsageError(
            f"{len(blocks)} blocks in one call; {BLOCKS_PER_CALL} are allowed: send them in several."
        )


def checked_names(*ids: str, owner: str | None = None) -> None:
    """Refuse names of leases, references and owners that no service can keep; an owner may be empty, an id not.

    Raises:
        UsageError: An id is empty, or a name has more than 255 characters, or characters that can't be printed.
    """
    if not all(ids):
        raise UsageError("A lease or a reference has to have an id: it is empty.")
    for name in (*ids, owner or ""):
        if name and not (len(name) <= NAME_CHARACTERS and name.isprintable()):
            raise UsageError(
                f"{name[:40]!r} can't be the name of an owner, a lease or a reference: up to {NAME_CHARACTERS} "
                "printable characters are allowed."
            )


def checked_content(blocks: Sequence[Block]) -> None:
    """Refuse more blocks than one reference may have.

    Raises:
        UsageError: There are more than `BLOCKS_PER_REFERENCE`.
    """
    if len(blocks) > BLOCKS_PER_REFERENCE:
        raise UsageError(f"{len(blocks)} blocks in one file; {BLOCKS_PER_REFERENCE} are allowed.")
