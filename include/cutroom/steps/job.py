"""What one run is about: the JSON value that goes from step to step."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from cutroom.errors import ObjectMissing
from cutroom.media import keys
from cutroom.media.plan import Plan
from cutroom.media.upload import UploadedObject

if TYPE_CHECKING:
    from cutroom.stores.objects import ObjectStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One file version under one profile."""

    upload: UploadedObject
    profile: str
    sha256: str = ""
    """Digest of the source, known after the probe."""
    plan_id: str = ""
    """Known after planning."""

    def to_json(self) -> dict[str, Any]:
        """A plain value for XCom."""
        return {
            "upload": self.upload.to_json(),
            "profile": self.profile,
            "sha256": self.sha256,
            "plan_id": self.plan_id,
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Self:
        """The reverse of `to_json`."""
        return cls(**{**value, "upload": UploadedObject.from_json(value["upload"])})

    def plan(self, work: "ObjectStore") -> Plan:
        """The plan of this run.

        Raises:
            ObjectMissing: It was collected as garbage, or the store lost it.
        """
        try:
            return Plan.load(work.get_bytes(keys.plan(self.plan_id)))
        except ObjectMissing as error:
            raise ObjectMissing(
                f"The plan {self.plan_id} is gone from the store. Clear the task `plan` and all after it."
            ) from error
