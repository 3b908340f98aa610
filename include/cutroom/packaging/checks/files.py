"""Whether everything is there."""

from collections.abc import Mapping, Sequence

from cutroom.media.plan import Plan
from cutroom.packaging import hls
from cutroom.packaging.checks.report import Check
from cutroom.packaging.facts import RenditionFacts


def complete(plan: Plan, renditions: Sequence[RenditionFacts]) -> Check:
    """Every rendition of the plan has facts."""
    planned, there = [one.key for one in plan.renditions], [one.key for one in renditions]
    return Check(
        name="every planned rendition is there", ok=planned == there, found=f"{len(there)} of {len(planned)}"
    )


def stored(renditions: Sequence[RenditionFacts], objects: Mapping[str, int]) -> Check:
    """Every file of every rendition is in the store, and as large as it was."""
    named = {
        f"{one.key}/{name}"
        for one in renditions
        for name in (*one.files, *(one.trick_play.files if one.trick_play else ()), *hls.playlists(one))
    }
    # Segments of a single file lie one after the other: where the last one ends it ends.
    sizes = {
        f"{one.key}/{segment.file}": segment.offset + segment.size_bytes
        for one in renditions
        for segment in one.segments
    }
    missing = sorted((named | sizes.keys()) - objects.keys())
    wrong = sorted(
        name for name in named & objects.keys() if objects[name] != sizes.get(name, max(1, objects[name]))
    )
    return Check(
        name="every file of every rendition is stored, with its size",
        ok=not missing and not wrong,
        found=f"missing {missing[:3]}, of another size {wrong[:3]}"
        if missing or wrong
        else f"{len(named)} files",
    )
