"""A version ready to be published: what plays, where it lies, and the report that proves it."""

from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal, Self

RenditionKind = Literal["video", "audio", "text", "download"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedRendition:
    """One packaged track, or one download. Immutable: any number of versions may share it.

    What a kind has not is None.
    """

    rendition_key: str
    kind: RenditionKind
    codec_string: str
    container: str
    width: int | None = None
    height: int | None = None
    frame_rate: str | None = None
    """Exact, as a fraction: `30000/1001`."""
    channels: int | None = None
    sample_rate_hz: int | None = None
    language: str | None = None
    bandwidth_bps: int
    """Measured peak, as the manifests state it."""
    average_bandwidth_bps: int
    bytes: int
    segments: int
    prefix: str
    """Where its objects lie in the media bucket, with a slash at the end."""

    def to_json(self) -> dict[str, Any]:
        """A plain value for XCom and for the screen."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Self:
        """The reverse of `to_json`."""
        return cls(**value)


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedVersion:
    """What `publish` switches an asset to. All keys are in the media bucket."""

    asset_id: str
    version_id: str
    profile: str
    profile_digest: str
    source_sha256: str
    prefix: str
    hls: str | None
    """The multivariant playlist; None where no container of the profile is for HLS."""
    dash: str | None
    """The MPD; None where no container of the profile is for DASH."""
    other_manifests: dict[str, str] = field(default_factory=dict)
    """Manifests of further containers: name, such as `hls-ts`, to key."""
    downloads: dict[str, str] = field(default_factory=dict)
    """Files to take away: name to key."""
    poster: str | None = None
    thumbnails: dict[str, str] = field(default_factory=dict)
    """Name, such as `sprite` or `vtt`, to key."""
    duration_s: str
    """Exact: a decimal number or a fraction, as text."""
    renditions: tuple[PublishedRendition, ...]
    report: dict[str, Any] = field(default_factory=dict)
    """What `verify` found."""

    def to_json(self) -> dict[str, Any]:
        """A plain value for XCom."""
        value = {each.name: getattr(self, each.name) for each in fields(self)}
        return {
            **value,
            "thumbnails": dict(self.thumbnails),
            "other_manifests": dict(self.other_manifests),
            "downloads": dict(self.downloads),
            "renditions": [rendition.to_json() for rendition in self.renditions],
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Self:
        """The reverse of `to_json`."""
        renditions = tuple(PublishedRendition.from_json(each) for each in value["renditions"])
        return cls(**{**value, "renditions": renditions})
