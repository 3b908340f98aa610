"""Whether segments, read back, begin when the facts say."""

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction

from cutroom.packaging.checks.report import Check
from cutroom.packaging.containers import CONTAINERS
from cutroom.packaging.facts import RenditionFacts

MOST_LEAD_S = Fraction(13, 100)
"""How far sound may begin before the presentation where no edit list says it: an encoder's delay, 0.128 s of AAC at
8 kHz."""


def starts(renditions: Sequence[RenditionFacts], read: Mapping[str, Sequence[Fraction | None]]) -> Check:
    """Every segment of pictures and sound is shown from where the facts, and so the manifests, say.

    Args:
        renditions: Facts.
        read: For each segment of a rendition that was read, by its key, seconds on the clock of its container.
    """
    wrong = [told for one in renditions if one.key in read for told in _wrong(one, read[one.key])]
    return Check(
        name="every segment begins when it is stated to",
        ok=not wrong,
        found="; ".join(wrong[:3]) if wrong else f"{sum(len(found) for found in read.values())} segments",
    )


def _wrong(one: RenditionFacts, read: Sequence[Fraction | None]) -> Iterator[str]:
    form = CONTAINERS[one.container]
    # Stated times, too, may be ticks of the container that were rounded.
    tolerance = 2 * form.resolution_s + Fraction(1, 2 * one.timescale)
    stated = [Fraction(segment.start_ticks, one.timescale) for segment in one.segments]
    if one.kind == "audio" and read[0] is not None:
        lead = stated[0] - (read[0] - form.start_s)
        noted = Fraction(one.lead_ticks, one.timescale)
        # Only MP4 says what comes before the presentation; and not in renditions of an older release.
        if abs(lead - noted) <= tolerance or (not noted and -tolerance <= lead <= MOST_LEAD_S):
            in_front = len(stated) if form.counts_front else 1
            stated = [at - lead if number < in_front else at for number, at in enumerate(stated)]
    for number, (at, found) in enumerate(zip(stated, read, strict=True), 1):
        if found is None:
            yield f"segment {number} of {one.name} holds no frame"
        elif abs(found - form.start_s - at) > tolerance:
            yield (
                f"segment {number} of {one.name} begins at {float(found - form.start_s):.3f} s, "
                f"and not {float(at):.3f} s"
            )
