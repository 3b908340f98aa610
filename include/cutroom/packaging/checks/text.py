"""Checks of subtitles: every cue is there."""

from collections.abc import Sequence

from cutroom.packaging.checks.report import Check
from cutroom.packaging.facts import RenditionFacts


def cues(text: Sequence[RenditionFacts]) -> list[Check]:
    """The segments, read back, hold every cue of the source that falls into the presentation."""
    return [
        Check(
            name=f"{one.name} shows every cue of its source",
            ok=one.cues is not None and one.cues == one.source_cues,
            found=f"{one.cues} of {one.source_cues} cues",
        )
        for one in text
    ]
