"""An uploaded object: what an S3 event or a listing tells, and what follows from it."""

from dataclasses import asdict, dataclass
from pathlib import PurePosixPath
from typing import Any, Self

from cutroom import ids

AUDIO_SUFFIXES = frozenset(
    [
        ".aac",
        ".ac3",
        ".aif",
        ".aiff",
        ".amr",
        ".ape",
        ".au",
        ".caf",
        ".dts",
        ".eac3",
        ".flac",
        ".m4a",
        ".m4b",
        ".mka",
        ".mp2",
        ".mp3",
        ".oga",
        ".ogg",
        ".opus",
        ".tta",
        ".w64",
        ".wav",
        ".wma",
        ".wv",
    ]
)
"""Names that people give to audio files; anything else is taken for video, which copes with audio alone too."""

TEXT_SUFFIXES = frozenset([".srt", ".vtt", ".ass", ".ssa", ".ttml", ".dfxp"])
"""Names of subtitles, which are taken with the film that they lie beside and have no run of their own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadedObject:
    """One version of one upload: of an object in the uploads bucket, or of a file of the File Service."""

    bucket: str
    key: str
    version: str
    """S3's version id; the ETag where the bucket keeps no versions; the file version of a committed file."""
    versioned: bool
    """Whether `version` is S3's version id."""
    size_bytes: int
    uploaded_at: str
    """When S3 took it, or when it was committed: ISO 8601, UTC."""
    title: str = ""
    owner: str = ""
    tags: tuple[str, ...] = ()
    file_name: str = ""
    """Name of a file of the File Service; empty for an object, whose key says it."""

    @property
    def in_blocks(self) -> bool:
        """Whether it came through the File Service: its bytes are blocks, and no object has its key."""
        return bool(self.file_name)

    @property
    def asset_id(self) -> ids.AssetId:
        """The asset that every upload under this key belongs to."""
        return ids.asset_id(self.bucket, self.key)

    @property
    def file_version_id(self) -> ids.FileVersionId:
        """The file version that this is."""
        if self.in_blocks:
            return ids.FileVersionId(self.version)
        return ids.file_version_id(self.bucket, self.key, self.version)

    @property
    def name(self) -> str:
        """The name of the file: for an object, the last part of its key."""
        return self.file_name or PurePosixPath(self.key).name

    @property
    def kind(self) -> str:
        """`audio` for names of audio files, else `video`."""
        return kind_of(self.name)

    def to_json(self) -> dict[str, Any]:
        """A plain value for XCom and for the conf of a DAG run."""
        return {**asdict(self), "tags": list(self.tags)}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Self:
        """The reverse of `to_json`."""
        return cls(**{**value, "tags": tuple(value.get("tags", ()))})


def is_subtitles(name: str) -> bool:
    """Whether a file is subtitles by its name."""
    return PurePosixPath(name).suffix.lower() in TEXT_SUFFIXES


def kind_of(name: str) -> str:
    """`audio` for names of audio files, else `video`."""
    return "audio" if PurePosixPath(name).suffix.lower() in AUDIO_SUFFIXES else "video"
