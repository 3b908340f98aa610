"""The tables of the File Service as typed mappings; `sql/0004_upload_service.sql` and later migrations create them."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Identity, Index, Integer, UniqueConstraint, func, text
from sqlalchemy.orm import Mapped, mapped_column

from cutroom.stores.tables import Table

_NOW = func.now()


class Folder(Table):
    """A folder of one owner."""

    __tablename__ = "folders"
    __table_args__ = (
        UniqueConstraint("owner", "parent_id", "name_key", postgresql_nulls_not_distinct=True),
        Index("ix_folders_parent_id", "parent_id"),
    )

    folder_id: Mapped[str] = mapped_column(primary_key=True)
    owner: Mapped[str]
    parent_id: Mapped[str | None] = mapped_column(ForeignKey("folders.folder_id"))
    name: Mapped[str]
    name_key: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=_NOW)


class FileEntry(Table):
    """Where a file of the File Service is shown."""

    __tablename__ = "file_entries"
    __table_args__ = (
        CheckConstraint("released_at IS NULL OR deleted_at IS NOT NULL", name="released_at"),
        CheckConstraint("deleted_at IS NULL OR folder_id IS NULL", name="folder_id"),
        Index(
            "ix_file_entries_owner_folder_id_name_key",
            "owner",
            "folder_id",
            "name_key",
            unique=True,
            postgresql_nulls_not_distinct=True,
            postgresql_where=text("deleted_at IS NULL"),
        ),
        Index("ix_file_entries_folder_id", "folder_id"),
        Index(
            "ix_file_entries_unreleased",
            "file_id",
            postgresql_where=text("deleted_at IS NOT NULL AND released_at IS NULL"),
        ),
    )

    file_id: Mapped[str] = mapped_column(ForeignKey("files.file_id"), primary_key=True)
    owner: Mapped[str]
    folder_id: Mapped[str | None] = mapped_column(ForeignKey("folders.folder_id"))
    name: Mapped[str]
    name_key: Mapped[str]
    deleted_at: Mapped[datetime | None]
    released_at: Mapped[datetime | None]


class FileCommit(Table):
    """What was said with a version that came in blocks."""

    __tablename__ = "file_commits"
    __table_args__ = (
        CheckConstraint("content_digest ~ '^[0-9a-f]{64}$'", name="content_digest"),
        Index("ix_file_commits_unannounced", "file_version_id", postgresql_where=text("manifest_at IS NULL")),
    )

    file_version_id: Mapped[str] = mapped_column(
        ForeignKey("file_versions.file_version_id"), primary_key=True
    )
    name: Mapped[str]
    content_digest: Mapped[str]
    block_count: Mapped[int] = mapped_column(Integer)
    content_type: Mapped[str]
    title: Mapped[str]
    tags: Mapped[list[str]]
    manifest_at: Mapped[datetime | None]


class UploadSession(Table):
    """One upload in blocks, from its announcement to its commit."""

    __tablename__ = "upload_sessions"
    __table_args__ = (
        CheckConstraint("state IN ('open', 'committed')", name="state"),
        CheckConstraint("(state = 'committed') = (file_version_id IS NOT NULL)", name="file_version_id"),
        Index(
            "ix_upload_sessions_open",
            "owner",
            "folder_id",
            "name_key",
            "content_digest",
            unique=True,
            postgresql_nulls_not_distinct=True,
            postgresql_where=text("state = 'open'"),
        ),
        Index("ix_upload_sessions_used_at", "used_at"),
    )

    session_id: Mapped[str] = mapped_column(primary_key=True)
    owner: Mapped[str]
    folder_id: Mapped[str | None]
    name: Mapped[str]
    name_key: Mapped[str]
    size_bytes: Mapped[int]
    blocks: Mapped[bytes] = mapped_column(deferred=True)
    block_count: Mapped[int] = mapped_column(Integer)
    content_digest: Mapped[str]
    content_type: Mapped[str]
    title: Mapped[str]
    tags: Mapped[list[str]]
    state: Mapped[str] = mapped_column(server_default=text("'open'"))
    announced: Mapped[int] = mapped_column(Integer, server_default=text("1"))
    checked: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    file_version_id: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(server_default=_NOW)
    used_at: Mapped[datetime] = mapped_column(server_default=_NOW)


class FileChange(Table):
    """That something of an owner changed; what, is read where it is kept."""

    __tablename__ = "file_changes"
    __table_args__ = (
        CheckConstraint("kind IN ('file', 'folder')", name="kind"),
        CheckConstraint("change IN ('created', 'changed', 'moved', 'deleted')", name="change"),
        Index("ix_file_changes_owner_sequence", "owner", "sequence"),
    )

    sequence: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    owner: Mapped[str]
    kind: Mapped[str]
    id: Mapped[str]
    change: Mapped[str]
    changed_at: Mapped[datetime] = mapped_column(server_default=_NOW)


class DeviceToken(Table):
    """A secret that a device shows instead of a login; only its digest is kept."""

    __tablename__ = "device_tokens"
    __table_args__ = (UniqueConstraint("token_sha256"), Index("ix_device_tokens_owner", "owner"))

    token_id: Mapped[str] = mapped_column(primary_key=True)
    owner: Mapped[str]
    name: Mapped[str]
    token_sha256: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=_NOW)
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    used_at: Mapped[datetime | None]


class RequestRate(Table):
    """How often an owner asked lately."""

    __tablename__ = "request_rates"
    __table_args__ = ({"prefixes": ["UNLOGGED"]},)

    owner: Mapped[str] = mapped_column(primary_key=True)
    saved: Mapped[float]
    asked_at: Mapped[datetime]


class IdempotencyKey(Table):
    """What a request with this key made."""

    __tablename__ = "idempotency_keys"
    __table_args__ = (Index("ix_idempotency_keys_created_at", "created_at"),)

    owner: Mapped[str] = mapped_column(primary_key=True)
    idempotency_key: Mapped[str] = mapped_column(primary_key=True)
    request_sha256: Mapped[str]
    resource_id: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=_NOW)
