"""What the File Service tells of folders, files, versions, uploads, changes and tokens: frozen values."""

from dataclasses import dataclass
from datetime import datetime

from cutroom.blocks.block import Block
from cutroom.blocks.service import PresignedPut


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderRecord:
    """One folder."""

    folder_id: str
    name: str
    parent_id: str
    """The folder that it is in; `root` at the top."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionRecord:
    """One committed content of a file."""

    file_id: str
    version_id: str
    asset_id: str
    size_bytes: int
    blocks_total: int
    content_digest: str
    """SHA-256 of the packed block list: the same content has the same one."""
    content_type: str
    title: str
    tags: tuple[str, ...]
    committed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRecord:
    """One file and its newest version."""

    file_id: str
    name: str
    folder_id: str
    version: VersionRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderContent:
    """One page of what is in a folder: its folders first, each kind in the order of names."""

    folders: tuple[FolderRecord, ...]
    files: tuple[FileRecord, ...]
    next_after: str | None
    """Where the next page begins; None at the end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunState:
    """What became of a version."""

    status: str
    """`waiting` before its run began, then as the run says; `kept`: subtitles, which have none."""
    percent: float
    reason: str
    hls: str | None
    dash: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewUpload:
    """What a client announces before it sends anything."""

    name: str
    folder_id: str
    size_bytes: int
    blocks: tuple[Block, ...]
    content_type: str = "application/octet-stream"
    title: str = ""
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadRecord:
    """One upload session."""

    session_id: str
    name: str
    folder_id: str
    size_bytes: int
    blocks_total: int
    checked: int
    """How many blocks from the start were found stored while committing."""
    version_id: str | None
    """Set once it is committed."""
    used_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class MissingBlock:
    """A block that has to be sent, and where its bytes are in the file."""

    position: int
    block: Block
    upload: PresignedPut


@dataclass(frozen=True, slots=True, kw_only=True)
class MissingPage:
    """What is missing among some blocks of an upload, in their order and each block once."""

    missing: tuple[MissingBlock, ...]
    next_after: int | None
    """Position at which the next page begins; None at the end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredBlock:
    """A block of a version, and where to get it."""

    block: Block
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DownloadPage:
    """Some blocks of a version, in order."""

    version: VersionRecord
    name: str
    blocks: tuple[StoredBlock, ...]
    next_after: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeRecord:
    """One change, in the order in which the changes of an owner happened."""

    sequence: int
    kind: str
    id: str
    change: str
    changed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRecord:
    """A device token without its secret."""

    token_id: str
    name: str
    created_at: datetime
    expires_at: datetime | None
    used_at: datetime | None
