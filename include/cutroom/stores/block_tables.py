"""The tables of blocks as typed mappings. `sql/` creates them; a test holds the two to each other."""

from datetime import datetime

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    func,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from cutroom.blocks.block import BLOCK_BYTES
from cutroom.stores.tables import Table

_NOW = func.now()


class StoredBlock(Table):
    """A block whose SHA-256 and length the store itself reported."""

    __tablename__ = "blocks"
    __table_args__ = (
        # What an announcement asks of a block is in the index.
        PrimaryKeyConstraint("block_id", postgresql_include=["size_bytes", "condemned_at", "lost_at"]),
        CheckConstraint("octet_length(block_id) = 32", name="block_id"),
        CheckConstraint(f"size_bytes BETWEEN 1 AND {BLOCK_BYTES}", name="size_bytes"),
        Index("ix_blocks_condemned_at", "condemned_at", postgresql_where=text("condemned_at IS NOT NULL")),
        Index("ix_blocks_lost_at", "lost_at", postgresql_where=text("lost_at IS NOT NULL")),
    )

    block_id: Mapped[bytes] = mapped_column(LargeBinary)
    size_bytes: Mapped[int] = mapped_column(Integer)
    lease_number: Mapped[int]
    stored_at: Mapped[datetime] = mapped_column(server_default=_NOW)
    condemned_at: Mapped[datetime | None]
    lost_at: Mapped[datetime | None]


class BlockLease(Table):
    """A hold on blocks that ends by its time."""

    __tablename__ = "block_leases"
    __table_args__ = (Index("ix_block_leases_expires_at", "expires_at"),)

    lease_number: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    lease_id: Mapped[str] = mapped_column(unique=True)
    owner: Mapped[str]
    expires_at: Mapped[datetime]


class LeasedBlock(Table):
    """That a lease holds a block. The row goes with its lease, by whoever removes that (`block_garbage`)."""

    __tablename__ = "leased_blocks"
    __table_args__ = (
        PrimaryKeyConstraint("block_id", "lease_number"),
        CheckConstraint("put_given OR proven", name="proven"),
        Index("ix_leased_blocks_lease_number", "lease_number"),
    )

    lease_number: Mapped[int]
    block_id: Mapped[bytes] = mapped_column(LargeBinary)
    put_given: Mapped[bool] = mapped_column(Boolean)
    proven: Mapped[bool] = mapped_column(Boolean)


class BlockList(Table):
    """Whatever consists of blocks: a file version."""

    __tablename__ = "block_lists"
    __table_args__ = (Index("ix_block_lists_owner_list_number", "owner", "list_number"),)

    list_number: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    reference_id: Mapped[str] = mapped_column(unique=True)
    owner: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=_NOW)


class BlockReference(Table):
    """A block at its place in a list."""

    __tablename__ = "block_references"
    __table_args__ = (Index("ix_block_references_block_id_list_number", "block_id", "list_number"),)

    list_number: Mapped[int] = mapped_column(
        ForeignKey("block_lists.list_number", ondelete="CASCADE"), primary_key=True
    )
    position: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    block_id: Mapped[bytes] = mapped_column(LargeBinary, ForeignKey("blocks.block_id"))


class DiscardedBlock(Table):
    """An object that nothing holds and that is to be removed."""

    __tablename__ = "discarded_blocks"

    lease_number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    block_id: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
