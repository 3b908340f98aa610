"""The join report: what was checked of a version before it was published, and what was found."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that must hold."""

    name: str
    ok: bool
    found: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All checks of one version, and how each rendition of its pictures goes through its joins."""

    version_id: str
    checks: tuple[Check, ...]
    renditions: Mapping[str, Any]
    """For each video rendition, by its name: bit rates and joins as plain values."""
    loudness: tuple[dict[str, Any], ...]
    """For each rendition of sound: of the source, the gain, and of what is published."""
    sound: Mapping[str, Any]
    """For each rendition of sound, by its name: how it compares with the source, as plain values; None: silence."""
    notes: tuple[str, ...] = ()
    """What of the sound is silence, or left out, in words."""

    @property
    def ok(self) -> bool:
        """Whether all of them hold."""
        return all(check.ok for check in self.checks)

    def to_json(self) -> dict[str, Any]:
        """A plain value."""
        return {
            "version_id": self.version_id,
            "ok": self.ok,
            "checks": [asdict(check) for check in self.checks],
            "renditions": dict(self.renditions),
            "loudness": list(self.loudness),
            "sound": dict(self.sound),
            "notes": list(self.notes),
        }
