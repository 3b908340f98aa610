"""What the catalog tells of an asset and its runs: frozen values, and the JSON that `cutroom show` prints."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from cutroom.media import progress
from cutroom.media.version import PublishedVersion

STATUSES = ("processing", "published", "failed", "rejected")


def iso(moment: datetime | None) -> str | None:
    """ISO 8601 in UTC with milliseconds; None stays None."""
    return None if moment is None else moment.astimezone(UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolRunRecord:
    """One command of a media tool that a run executed."""

    attempt: int
    step: str
    part: str
    command: str
    versions: dict[str, str]
    log_key: str
    recorded_at: datetime

    def to_json(self) -> dict[str, Any]:
        """A plain value for the screen."""
        return {
            "attempt": self.attempt, "step": self.step, "part": self.part, "command": self.command,
            "versions": self.versions, "log_key": self.log_key, "recorded_at": iso(self.recorded_at),
        }  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """One run: what it works on, how far it is, how it ended."""

    run_id: str
    dag_id: str
    asset_id: str
    file_version_id: str
    profile: str
    profile_digest: str
    status: str
    """`processing`, `published`, `superseded`, `failed` or `rejected`."""
    reason: str
    version_id: str | None
    attempt: int
    started_at: datetime
    ended_at: datetime | None
    read_at: datetime
    """The database's time at reading: elapsed times don't mix two clocks."""
    percent_floor: float
    parts: tuple[progress.PartProgress, ...]

    @property
    def percent(self) -> float:
        """How far the run is; 100 when published and only then."""
        return progress.shown_percent(
            self.parts, dag_id=self.dag_id, status=self.status, floor=self.percent_floor
        )

    @property
    def eta_s(self) -> int | None:
        """Seconds left, or None where that is not known."""
        elapsed_s = (self.read_at - self.started_at).total_seconds()
        return progress.eta_s(percent=self.percent, elapsed_s=elapsed_s, status=self.status)

    def facts(self) -> dict[str, Any]:
        """What a run is and how it ended, without its progress: the part that the document keeps."""
        return {
            "run_id": self.run_id, "dag_id": self.dag_id, "file_version_id": self.file_version_id,
            "profile": self.profile, "profile_digest": self.profile_digest, "version_id": self.version_id,
            "status": self.status, "reason": self.reason, "attempt": self.attempt,
            "started_at": iso(self.started_at), "ended_at": iso(self.ended_at),
        }  # fmt: skip

    def to_json(self) -> dict[str, Any]:
        """A plain value for the screen."""
        steps = [part.to_json() for part in self.parts]
        return {
            **self.facts(),
            "progress": {"percent": self.percent, "eta_s": self.eta_s, "steps": steps},
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceRecord:
    """The newest upload of an asset; what is not known yet is None."""

    file_id: str
    file_version_id: str
    bucket: str
    key: str
    version: str
    size_bytes: int
    uploaded_at: datetime
    sha256: str | None
    facts: dict[str, Any]
    """What the probe found."""

    def to_json(self) -> dict[str, Any]:
        """The probe's facts and, with the last word, the catalog's own."""
        return {
            "container": None, "duration_s": None, "video": [], "audio": [], **self.facts,
            "file_id": self.file_id, "file_version_id": self.file_version_id, "bucket": self.bucket,
            "key": self.key, "version": self.version, "size_bytes": self.size_bytes, "sha256": self.sha256,
        }  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryEntry:
    """One version that an asset played at some time."""

    version_id: str
    profile: str
    profile_digest: str
    source_sha256: str
    run_id: str
    published_at: datetime

    def to_json(self) -> dict[str, Any]:
        """A plain value for the screen."""
        return {
            "version_id": self.version_id, "profile": self.profile, "profile_digest": self.profile_digest,
            "source_sha256": self.source_sha256, "run_id": self.run_id,
            "published_at": iso(self.published_at),
        }  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetRecord:
    """An asset, the version that plays, its newest upload and all its runs, newest first."""

    asset_id: str
    title: str
    owner: str
    tags: tuple[str, ...]
    status: str
    """Outcome of the latest run of the newest upload."""
    reason: str
    revision: int
    created_at: datetime
    updated_at: datetime
    source: SourceRecord
    version: PublishedVersion | None
    """What plays; None as long as nothing was published."""
    history: tuple[HistoryEntry, ...]
    runs: tuple[RunRecord, ...]

    @property
    def duration_s(self) -> str | None:
        """Exact duration of what plays, else of what was uploaded; None where neither is known."""
        if self.version is not None:
            return self.version.duration_s
        found = self.source.facts.get("duration_s")
        return None if found is None else str(found)

    @property
    def profile(self) -> str:
        """Profile of what plays, else of the latest run."""
        if self.version is not None:
            return self.version.profile
        return self.runs[0].profile if self.runs else ""

    def playback(self, media_base_url: str = "") -> dict[str, Any] | None:
        """Addresses of what plays, or keys without a base address; None when nothing was published."""
        if self.version is None:
            return None

        def address(key: str | None) -> str | None:
            if key is None or not media_base_url:
                return key
            return f"{media_base_url.rstrip('/')}/{quote(key, safe='/')}"

        return {
            "hls": address(self.version.hls),
            "dash": address(self.version.dash),
            **{name: address(key) for name, key in sorted(self.version.other_manifests.items())},
            "downloads": {name: address(key) for name, key in sorted(self.version.downloads.items())},
            "poster": address(self.version.poster),
            "thumbnails": {name: address(key) for name, key in sorted(self.version.thumbnails.items())},
        }

    def to_json(self, *, media_base_url: str = "") -> dict[str, Any]:
        """The JSON of `cutroom show --json` and of the web page."""
        return {**self._common(media_base_url), "runs": [run.to_json() for run in self.runs]}

    def to_document(self) -> dict[str, Any]:
        """What the document store keeps: no progress and no addresses, as they change without the asset."""
        return {
            **self._common(""),
            "revision": self.revision,
            "chapters": list(self.source.facts.get("chapters") or []),
            "history": [entry.to_json() for entry in self.history],
            "runs": [run.facts() for run in self.runs],
        }

    def _common(self, media_base_url: str) -> dict[str, Any]:
        version = self.version
        return {
            "asset_id": self.asset_id, "title": self.title, "owner": self.owner, "tags": list(self.tags),
            "status": self.status, "reason": self.reason, "uploaded_at": iso(self.source.uploaded_at),
            "created_at": iso(self.created_at), "updated_at": iso(self.updated_at),
            "source": self.source.to_json(),
            "profile": self.profile, "version_id": None if version is None else version.version_id,
            "duration_s": self.duration_s,
            "playback": self.playback(media_base_url),
            "renditions": [] if version is None else [each.to_json() for each in version.renditions],
            "report": None if version is None else version.report,
        }  # fmt: skip
