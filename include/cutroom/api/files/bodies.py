"""What the File Service takes and tells, as JSON."""

from datetime import datetime
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from pydantic.config import JsonDict

from cutroom.blocks.block import BLOCK_BYTES, Block
from cutroom.files.names import ROOT
from cutroom.ids import BlockId
from cutroom.stores.file_records import (
    DownloadPage,
    FolderContent,
    FolderRecord,
    MissingPage,
    NewUpload,
    RunState,
    UploadRecord,
)
from cutroom.stores.json_values import storable_text

Id = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]{1,64}$")]
Name = Annotated[str, StringConstraints(min_length=1, max_length=1000)]
Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Tag = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Most = 2**53
"""The largest whole number that every JSON reader keeps."""

_BLOCK: JsonDict = {
    "block_id": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "size_bytes": 4,
}


class Body(BaseModel):
    """What all bodies share: nothing unknown is taken, and nothing changes."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class RecordBody(Body):
    """What is told of a record as it is: the fields have the same names."""

    model_config = ConfigDict(from_attributes=True)

    @classmethod
    def of(cls, record: object) -> Self:
        """The body of a record."""
        return cls.model_validate(record)


class BlockBody(Body):
    """A byte range of a file: the SHA-256 of its bytes in hex, and how many they are."""

    block_id: Digest
    size_bytes: int = Field(gt=0, le=BLOCK_BYTES)


class NewUploadBody(Body):
    """A file that is to be uploaded; its blocks in order, 4 MiB each but for the last."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"name": "talk.mp4", "size_bytes": 4, "blocks": [_BLOCK], "content_type": "video/mp4",
                 "title": "A talk", "tags": ["talks"], "folder_id": "root"}
            ]
        }
    )  # fmt: skip

    name: Name
    size_bytes: int = Field(ge=0, le=Most)
    blocks: list[BlockBody]
    folder_id: Id = ROOT
    content_type: str = Field(
        "application/octet-stream", max_length=127, pattern=r"^[A-Za-z0-9!#$&^_.+-]+/[A-Za-z0-9!#$&^_.+-]+$"
    )
    title: str = Field("", max_length=1000)
    tags: list[Tag] = Field([], max_length=100)

    def to_record(self) -> NewUpload:
        """The value behind it."""
        return NewUpload(
            name=self.name,
            folder_id=self.folder_id,
            size_bytes=self.size_bytes,
            blocks=tuple(
                Block(block_id=BlockId(block.block_id), size_bytes=block.size_bytes) for block in self.blocks
            ),
            content_type=self.content_type,
            title=storable_text(self.title.strip()),
            tags=tuple(dict.fromkeys(storable_text(tag.strip()) for tag in self.tags if tag.strip())),
        )


class MissingBody(Body):
    """A block to send: an HTTP PUT of its bytes to `url` with exactly these headers, before `expires_at`."""

    position: int
    block_id: str
    size_bytes: int
    url: str
    headers: dict[str, str]
    expires_at: datetime


class UploadBody(Body):
    """An upload session, and what is missing among some of its blocks.

    `next_after` is the position at which the next page begins: ask again until it is null. Once `version_id` is set
    the upload is committed.
    """

    session_id: str
    name: str
    folder_id: str
    size_bytes: int
    blocks_total: int
    checked: int
    version_id: str | None
    missing: list[MissingBody]
    next_after: int | None

    @classmethod
    def of(cls, record: UploadRecord, page: MissingPage) -> Self:
        """The body of a session and a page."""
        return cls(
            session_id=record.session_id,
            name=record.name,
            folder_id=record.folder_id,
            size_bytes=record.size_bytes,
            blocks_total=record.blocks_total,
            checked=record.checked,
            version_id=record.version_id,
            missing=[
                MissingBody(
                    position=one.position,
                    block_id=one.block.block_id,
                    size_bytes=one.block.size_bytes,
                    url=one.upload.url,
                    headers=dict(one.upload.headers),
                    expires_at=one.upload.expires_at,
                )
                for one in page.missing
            ],
            next_after=page.next_after,
        )


class VersionBody(RecordBody):
    """One committed content of a file."""

    file_id: str
    version_id: str
    asset_id: str
    size_bytes: int
    blocks_total: int
    content_digest: str
    content_type: str
    title: str
    tags: list[str]
    committed_at: datetime


class CommitBody(Body):
    """How far a commit is: `committed` with its version, or `checking`, which wants the same request again."""

    status: str
    session_id: str
    checked: int
    blocks_total: int
    version: VersionBody | None


class RunBody(Body):
    """What became of a version: `waiting`, `processing`, `published`, `superseded`, `failed` or `rejected`.

    `kept`: subtitles have no run of their own; they are read with the film that they lie beside.
    """

    status: str
    percent: float
    reason: str
    hls: str | None
    dash: str | None

    @classmethod
    def of(cls, state: RunState, *, media_base_url: str) -> Self:
        """The body of a state, with addresses below `media_base_url`."""

        def address(key: str | None) -> str | None:
            return None if key is None else f"{media_base_url}/{key}"

        return cls(
            status=state.status,
            percent=state.percent,
            reason=state.reason,
            hls=address(state.hls),
            dash=address(state.dash),
        )


class VersionStateBody(Body):
    """A version and what became of it."""

    version: VersionBody
    run: RunBody


class VersionsBody(Body):
    """All versions of a file, the newest first."""

    versions: list[VersionBody]


class StoredBody(Body):
    """A block and a short-lived address of its bytes."""

    block_id: str
    size_bytes: int
    url: str


class DownloadBody(Body):
    """Some blocks of a version, in order; `next_after` is the position of the next page, null at the end."""

    name: str
    version: VersionBody
    blocks: list[StoredBody]
    next_after: int | None

    @classmethod
    def of(cls, page: DownloadPage) -> Self:
        """The body of a page."""
        return cls(
            name=page.name,
            version=VersionBody.of(page.version),
            blocks=[
                StoredBody(block_id=one.block.block_id, size_bytes=one.block.size_bytes, url=one.url)
                for one in page.blocks
            ],
            next_after=page.next_after,
        )


class NewFolderBody(Body):
    """A folder to be made."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "Talks", "parent_id": "root"}]})

    name: Name
    parent_id: Id = ROOT


class FolderChangeBody(Body):
    """Another name or parent of a folder; what is null stays."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "Talks 2026"}]})

    name: Name | None = None
    parent_id: Id | None = None


class FileChangeBody(Body):
    """Another name or folder of a file; what is null stays."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "talk (final).mp4"}]})

    name: Name | None = None
    folder_id: Id | None = None


class FolderBody(RecordBody):
    """One folder; the top is `root`."""

    folder_id: str
    name: str
    parent_id: str


class FileBody(RecordBody):
    """One file and its newest version."""

    file_id: str
    name: str
    folder_id: str
    version: VersionBody


class FolderContentBody(Body):
    """A folder and one page of what is in it, in the order of names, folders first."""

    folder: FolderBody
    folders: list[FolderBody]
    files: list[FileBody]
    next_after: str | None

    @classmethod
    def of(cls, folder: FolderRecord, content: FolderContent) -> Self:
        """The body of a page."""
        return cls(
            folder=FolderBody.of(folder),
            folders=[FolderBody.of(one) for one in content.folders],
            files=[FileBody.of(one) for one in content.files],
            next_after=content.next_after,
        )


class ChangeBody(RecordBody):
    """One change: ask for the thing itself to see how it is now."""

    sequence: int
    kind: str
    id: str
    change: str
    changed_at: datetime


class ChangesBody(Body):
    """Changes, oldest first; `next_since` is what to ask with next."""

    changes: list[ChangeBody]
    next_since: int


class NewTokenBody(Body):
    """A device that is to act for you."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "laptop", "days": 90}]})

    name: Name
    days: int | None = Field(None, ge=1, le=3650)


class TokenBody(RecordBody):
    """A device token, without its secret."""

    token_id: str
    name: str
    created_at: datetime
    expires_at: datetime | None
    used_at: datetime | None


class NewTokenAnswer(TokenBody):
    """A new token and its secret, which is shown this once."""

    token: str


class TokensBody(Body):
    """Your device tokens."""

    tokens: list[TokenBody]


class MeBody(Body):
    """Who you are here, and what the service takes."""

    owner: str
    block_bytes: int
    file_max_bytes: int
    file_max_blocks: int


class ProblemBody(BaseModel):
    """RFC 9457: what went wrong and what to do. A commit that lacks blocks names the first of them in `missing`."""

    type: str
    title: str
    status: int
    detail: str
    missing: list[str] | None = None
