"""Whether the pictures are the source's, each at its time, on one grid."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cutroom.media.plan import Plan
from cutroom.packaging.checks.report import Check
from cutroom.packaging.facts import RenditionFacts


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFrames:
    """What decoding the source itself gave, apart from any encode: all of it, or every second or third frame."""

    count: int
    ticks_digest: str
    """Digest of the output times that these frames should have."""
    starts: tuple[int, ...]
    """Output times of those with which segments begin (see `timeline.first_shown`)."""
    is_damaged: bool = False
    """Whether the decoder stumbled over some."""


def frames(video: Sequence[RenditionFacts], source: Mapping[int, SourceFrames]) -> list[Check]:
    """Every rendition decodes to the frames that the source decodes to, at the same times.

    A rung that the profile thins shows every second frame, say: then these are all that it has to show.
    """
    checks = []
    for one in video:
        wanted = source.get(one.frame_step)
        same = wanted is not None and one.decoded_ticks_digest == wanted.ticks_digest
        checks.append(
            Check(
                name=f"{one.name} shows the source's frames, each at its time",
                ok=wanted is not None and one.decoded_frames == wanted.count and same,
                found="the source's frames were not counted"
                if wanted is None
                else f"{one.decoded_frames} of {wanted.count} frames, times {'equal' if same else 'differ'}",
            )
        )
    return checks


def sizes(plan: Plan, video: Sequence[RenditionFacts]) -> Check:
    """Every rendition is as large as its rung, by its own bitstream."""
    assert plan.video is not None
    planned = {rung.name: (rung.width, rung.height) for rung in plan.video.rungs}
    wrong = [
        f"{one.name} is {one.width}×{one.height}"
        for one in video
        if (one.width, one.height) != planned[one.rung]
    ]
    return Check(
        name="every picture has the size of its rung",
        ok=not wrong,
        found=", ".join(wrong) if wrong else f"{len(video)} rungs",
    )


def grid(video: Sequence[RenditionFacts], source: Mapping[int, SourceFrames]) -> Check:
    """Every segment begins with a keyframe: the first frame that the source shows from a boundary of the plan on."""
    wrong = [
        one.name
        for one in video
        if one.frame_step not in source
        or one.keyframe_ticks != tuple(source[one.frame_step].starts)
        or tuple(segment.start_ticks for segment in one.segments) != one.keyframe_ticks
    ]
    return Check(
        name="segments begin with keyframes, on the grid and nowhere else",
        ok=not wrong,
        found=f"{max((len(one.segments) for one in video), default=0)} segments"
        if not wrong
        else f"not in {', '.join(wrong)}",
    )


def aligned(video: Sequence[RenditionFacts], source: Mapping[int, SourceFrames]) -> Check:
    """All rungs may be switched between at every segment.

    Where the first frame of a segment is lost, a thinned rung begins it with a later one than others: with the first
    that it shows.
    """
    grids = {tuple((s.start_ticks, s.duration_ticks) for s in one.segments) for one in video}
    starts = {tuple(source[one.frame_step].starts) for one in video if one.frame_step in source}
    return Check(
        name="all rungs have the same segments",
        ok=not video or (len(grids) == max(1, len(starts)) and len({len(grid) for grid in grids}) == 1),
        found=f"{len(video)} rungs, {len(grids)} different grids"
        + (", as first frames of segments are lost" if len(starts) > 1 else ""),
    )
