"""The catalog's tables as typed mappings. `sql/` creates them; a test holds the two to each other."""

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    CheckConstraint,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    MetaData,
    Sequence,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

Json = dict[str, Any]

_NOW = func.now()


class Table(DeclarativeBase):
    """What all tables share: types by annotation, and constraint names by rule."""

    type_annotation_map: ClassVar = {
        str: Text,
        int: BigInteger,
        float: Double,
        bool: Boolean,
        datetime: TIMESTAMP(timezone=True),
        Json: JSONB,
        list[str]: ARRAY(Text),
    }
    metadata = MetaData(
        naming_convention={
            "pk": "pk_%(table_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        }
    )


run_sequence = Sequence("run_sequence", metadata=Table.metadata)


class File(Table):
    """A named object of the uploads bucket, whatever its content."""

    __tablename__ = "files"
    __table_args__ = (UniqueConstraint("bucket", "key"),)

    file_id: Mapped[str] = mapped_column(primary_key=True)
    bucket: Mapped[str]
    key: Mapped[str]
    owner: Mapped[str] = mapped_column(server_default=text("''"))
    created_at: Mapped[datetime] = mapped_column(server_default=_NOW)


class FileVersion(Table):
    """One immutable content of a file."""

    __tablename__ = "file_versions"
    __table_args__ = (
        UniqueConstraint("file_id", "s3_version"),
        CheckConstraint("size_bytes >= 0", name="size_bytes"),
        CheckConstraint("sha256 ~ '^[0-9a-f]{64}$'", name="sha256"),
        Index("ix_file_versions_file_id_uploaded_at", "file_id", "uploaded_at", "sequence"),
    )

    file_version_id: Mapped[str] = mapped_column(primary_key=True)
    file_id: Mapped[str] = mapped_column(ForeignKey("files.file_id"))
    sequence: Mapped[int] = mapped_column(Identity(always=True), unique=True)
    s3_version: Mapped[str]
    versioned: Mapped[bool]
    size_bytes: Mapped[int]
    uploaded_at: Mapped[datetime]
    sha256: Mapped[str | None]
    source: Mapped[Json | None] = mapped_column(JSONB(none_as_null=True))
    created_at: Mapped[datetime] = mapped_column(server_default=_NOW)


class Asset(Table):
    """One title, stable across re-uploads. Its row is the lock under which it changes."""

    __tablename__ = "assets"
    __table_args__ = (
        CheckConstraint("status IN ('processing', 'published', 'failed', 'rejected')", name="status"),
        CheckConstraint(
            "(current_version_id IS NULL) = (current_file_version_id IS NULL)"
            " AND (current_version_id IS NULL) = (current_run_sequence IS NULL)",
            name="current",
        ),
        ForeignKeyConstraint(
            ["asset_id", "current_version_id"],
            ["asset_versions.asset_id", "asset_versions.version_id"],
            name="fk_assets_current_version_id_asset_versions",
            use_alter=True,
        ),
        Index("ix_assets_asset_id_prefix", "asset_id", postgresql_ops={"asset_id": "text_pattern_ops"}),
        Index("ix_assets_status_updated_at", "status", "updated_at"),
        Index("ix_assets_updated_at", "updated_at"),
    )

    asset_id: Mapped[str] = mapped_column(primary_key=True)
    file_id: Mapped[str] = mapped_column(ForeignKey("files.file_id"), unique=True)
    title: Mapped[str]
    tags: Mapped[list[str]] = mapped_column(server_default=text("'{}'"))
    status: Mapped[str] = mapped_column(server_default=text("'processing'"))
    reason: Mapped[str] = mapped_column(server_default=text("''"))
    current_version_id: Mapped[str | None]
    current_file_version_id: Mapped[str | None] = mapped_column(ForeignKey("file_versions.file_version_id"))
    current_run_sequence: Mapped[int | None]
    revision: Mapped[int] = mapped_column(server_default=text("0"))
    created_at: Mapped[datetime] = mapped_column(server_default=_NOW)
    updated_at: Mapped[datetime] = mapped_column(server_default=_NOW)


class Run(Table):
    """One DAG run for one file version under one profile."""

    __tablename__ = "runs"
    __table_args__ = (
        UniqueConstraint("sequence"),
        CheckConstraint(
            "status IN ('processing', 'published', 'superseded', 'failed', 'rejected')", name="status"
        ),
        CheckConstraint("(status = 'processing') = (ended_at IS NULL)", name="ended_at"),
        CheckConstraint("attempt >= 1", name="attempt"),
        CheckConstraint("percent_floor BETWEEN 0 AND 100", name="percent_floor"),
        ForeignKeyConstraint(
            ["asset_id", "version_id"],
            ["asset_versions.asset_id", "asset_versions.version_id"],
            name="fk_runs_version_id_asset_versions",
            use_alter=True,
        ),
        Index("ix_runs_asset_id", "asset_id"),
        Index("ix_runs_file_version_id", "file_version_id"),
    )

    run_id: Mapped[str] = mapped_column(primary_key=True)
    dag_id: Mapped[str]
    asset_id: Mapped[str] = mapped_column(ForeignKey("assets.asset_id"))
    file_version_id: Mapped[str] = mapped_column(ForeignKey("file_versions.file_version_id"))
    sequence: Mapped[int] = mapped_column(server_default=run_sequence.next_value())
    profile: Mapped[str]
    profile_digest: Mapped[str]
    status: Mapped[str] = mapped_column(server_default=text("'processing'"))
    reason: Mapped[str] = mapped_column(server_default=text("''"))
    version_id: Mapped[str | None]
    attempt: Mapped[int] = mapped_column(Integer, server_default=text("1"))
    percent_floor: Mapped[float] = mapped_column(server_default=text("0"))
    started_at: Mapped[datetime] = mapped_column(server_default=_NOW)
    ended_at: Mapped[datetime | None]


class AssetVersion(Table):
    """One published version of an asset."""

    __tablename__ = "asset_versions"
    __table_args__ = (UniqueConstraint("asset_id", "version_id"),)

    version_id: Mapped[str] = mapped_column(primary_key=True)
    asset_id: Mapped[str] = mapped_column(ForeignKey("assets.asset_id"))
    file_version_id: Mapped[str] = mapped_column(ForeignKey("file_versions.file_version_id"))
    run_id: Mapped[str] = mapped_column(ForeignKey("runs.run_id"))
    profile: Mapped[str]
    profile_digest: Mapped[str]
    source_sha256: Mapped[str]
    prefix: Mapped[str]
    hls: Mapped[str | None]
    dash: Mapped[str | None]
    other_manifests: Mapped[Json] = mapped_column(server_default=text("'{}'"))
    downloads: Mapped[Json] = mapped_column(server_default=text("'{}'"))
    poster: Mapped[str | None]
    thumbnails: Mapped[Json] = mapped_column(server_default=text("'{}'"))
    duration_s: Mapped[str]
    report: Mapped[Json] = mapped_column(server_default=text("'{}'"))
    published_at: Mapped[datetime] = mapped_column(server_default=_NOW)


class Rendition(Table):
    """One packaged track; immutable, and shared by versions."""

    __tablename__ = "renditions"
    __table_args__ = (CheckConstraint("kind IN ('video', 'audio', 'text', 'download')", name="kind"),)

    rendition_key: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    codec_string: Mapped[str]
    container: Mapped[str]
    width: Mapped[int | None] = mapped_column(Integer)
    height: Mapped[int | None] = mapped_column(Integer)
    frame_rate: Mapped[str | None]
    channels: Mapped[int | None] = mapped_column(Integer)
    sample_rate_hz: Mapped[int | None] = mapped_column(Integer)
    language: Mapped[str | None]
    bandwidth_bps: Mapped[int]
    average_bandwidth_bps: Mapped[int]
    bytes: Mapped[int]
    segments: Mapped[int] = mapped_column(Integer)
    prefix: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=_NOW)


class AssetVersionRendition(Table):
    """That a version uses a rendition, and at which place of its list."""

    __tablename__ = "asset_version_renditions"
    __table_args__ = (Index("ix_asset_version_renditions_rendition_key", "rendition_key"),)

    version_id: Mapped[str] = mapped_column(ForeignKey("asset_versions.version_id"), primary_key=True)
    rendition_key: Mapped[str] = mapped_column(ForeignKey("renditions.rendition_key"), primary_key=True)
    position: Mapped[int] = mapped_column(Integer)


class RunProgress(Table):
    """How far one part of a step is."""

    __tablename__ = "run_progress"
    __table_args__ = (
        CheckConstraint("done >= 0", name="done"),
        CheckConstraint("total >= 0", name="total"),
    )

    run_id: Mapped[str] = mapped_column(ForeignKey("runs.run_id"), primary_key=True)
    step: Mapped[str] = mapped_column(primary_key=True)
    part: Mapped[str] = mapped_column(primary_key=True)
    done: Mapped[float]
    total: Mapped[float]
    unit: Mapped[str]
    updated_at: Mapped[datetime] = mapped_column(server_default=_NOW)


class ToolRun(Table):
    """The exact command of a media tool, and where its full log lies."""

    __tablename__ = "tool_runs"

    run_id: Mapped[str] = mapped_column(ForeignKey("runs.run_id"), primary_key=True)
    attempt: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    step: Mapped[str] = mapped_column(primary_key=True)
    part: Mapped[str] = mapped_column(primary_key=True)
    command: Mapped[str]
    versions: Mapped[Json]
    log_key: Mapped[str]
    recorded_at: Mapped[datetime] = mapped_column(server_default=_NOW)


class OutboxRow(Table):
    """An asset whose document has to be written again."""

    __tablename__ = "outbox"
    __table_args__ = (Index("ix_outbox_attempts_outbox_id", "attempts", "outbox_id"),)

    outbox_id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    asset_id: Mapped[str]
    revision: Mapped[int]
    created_at: Mapped[datetime] = mapped_column(server_default=_NOW)
    attempts: Mapped[int] = mapped_column(Integer, server_default=text("0"))
