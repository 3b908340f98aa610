"""Whether initialization segments, read back, still say what the facts and the bitstream say."""

from collections.abc import Mapping, Sequence

from cutroom.packaging.boxes import edited_out
from cutroom.packaging.checks.report import Check
from cutroom.packaging.facts import RenditionFacts


def headers(renditions: Sequence[RenditionFacts], inits: Mapping[str, bytes]) -> Check:
    """What the edit list leaves out in front, and the copy of H.264's profile and level that players go by.

    Args:
        renditions: Facts.
        inits: The initialization segments that are read, by the rendition's key.
    """
    wrong = []
    for one in renditions:
        init = inits.get(one.key, b"")
        # Renditions of an older release have none noted.
        if one.lead_ticks and init and edited_out(init) != one.lead_ticks:
            wrong.append(f"{one.name} leaves out {edited_out(init)} ticks in front, and not {one.lead_ticks}")
        configuration = init[init.find(b"avcC") + 4 :] if b"avcC" in init else b""
        # After the version; and after the number and the length of parameter sets and the first one's header.
        if configuration[1:4] != configuration[9:12]:
            wrong.append(
                f"{one.name} states H.264 {configuration[1:4].hex()}, is {configuration[9:12].hex()}"
            )
    return Check(
        name="every initialization segment states the beginning and the H.264 level of its track",
        ok=not wrong,
        found="; ".join(wrong[:3]) if wrong else f"{len(inits)} segments",
    )
