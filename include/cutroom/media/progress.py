"""How far a run is, from what its steps report: a percentage that only grows, and the time left."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

STEP_WEIGHTS: Mapping[str, Mapping[str, int]] = {
    # Shares of the wall time of a whole run, measured roughly and rounded: encoding decides.
    "process_video": {
        "ingest": 2, "probe": 2, "plan": 1, "split": 3, "encode_video": 70, "encode_audio": 6, "thumbnails": 4,
        "assemble": 6, "manifest": 1, "verify": 6, "publish": 1,
    },
    "process_audio": {
        "ingest": 3, "probe": 3, "plan": 2, "encode_audio": 70, "thumbnails": 8, "assemble": 8, "manifest": 1,
        "verify": 7, "publish": 1,
    },
}  # fmt: skip
LAST_PERCENT_BEFORE_PUBLISHED = 99.0
FIRST_PERCENT_WITH_ETA = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PartProgress:
    """How far one part of a step is: one encode chunk, say. `done` and `total` count in `unit`."""

    step: str
    part: str
    done: float
    total: float
    unit: str
    """`s` of media, `bytes`, or what there is a number of: `rendition`, `chunks` …"""

    @property
    def fraction(self) -> float:
        """From 0 to 1; a part without a total is done or not by whether it reports anything."""
        if self.total <= 0:
            return 1.0 if self.done > 0 else 0.0
        return min(1.0, max(0.0, self.done / self.total))

    def to_json(self) -> dict[str, Any]:
        """A plain value for the screen."""
        return {
            "step": self.step, "part": self.part, "done": self.done, "total": self.total, "unit": self.unit,
            "percent": rounded_down(100 * self.fraction),
        }  # fmt: skip


def rounded_down(percent: float) -> float:
    """A percentage with one decimal that never claims more than is done."""
    return int(percent * 10 + 1e-6) / 10


def percent_of(parts: Sequence[PartProgress], *, dag_id: str) -> float:
    """Percentage from 0 to 100 of the parts of a run, by the weights of their steps.

    A step's parts count by their totals. Steps that the DAG is not known to have count nothing. A step that
    has begun ends those before it, so that a step without anything to report does not hold the number down.
    """
    weights = STEP_WEIGHTS.get(dag_id, STEP_WEIGHTS["process_video"])
    order = list(weights)
    begun = [order.index(part.step) for part in parts if part.step in weights and part.fraction > 0]
    # The steps from split to thumbnails run at the same time: none of them ends another.
    parallel = {"split", "encode_video", "encode_audio", "thumbnails"}
    last = max(begun, default=-1)
    reached = 0.0
    for position, (step, weight) in enumerate(weights.items()):
        over = position < last and not (step in parallel and order[last] in parallel)
        reached += weight * (
            1.0 if over else _fraction_of_step([part for part in parts if part.step == step])
        )
    return 100 * reached / sum(weights.values())


def _fraction_of_step(parts: Sequence[PartProgress]) -> float:
    total = sum(part.total for part in parts)
    if total <= 0:
        return min((part.fraction for part in parts), default=0.0)
    return sum(part.total * part.fraction for part in parts) / total


def shown_percent(parts: Sequence[PartProgress], *, dag_id: str, status: str, floor: float = 0.0) -> float:
    """The percentage that a user sees: 100 when published and only then, and never below `floor`."""
    if status == "published":
        return 100.0
    return rounded_down(min(LAST_PERCENT_BEFORE_PUBLISHED, max(floor, percent_of(parts, dag_id=dag_id))))


def eta_s(*, percent: float, elapsed_s: float, status: str) -> int | None:
    """Seconds left if the run goes on as it went; None while too little is known, and for ended runs."""
    if status != "processing" or percent < FIRST_PERCENT_WITH_ETA:
        return None
    return max(0, round(elapsed_s * (100 - percent) / percent))
