"""Chapters of Matroska that say in which order to play the file (EditionFlagOrdered of RFC 9559)."""

from pathlib import Path

from cutroom.ffmpeg.matroska import CHAPTERS, elements, part

_EDITION, _ORDERED = (bytes.fromhex(one) for one in ("45b9", "45dd"))


def notes(path: Path) -> tuple[str, ...]:
    """That a file orders its chapters anew, in words; of one that is no Matroska nothing is told."""
    with path.open("rb") as file:
        editions = [dict(elements(one)) for name, one in elements(part(file, CHAPTERS)) if name == _EDITION]
    if not any(int.from_bytes(one.get(_ORDERED, b"")) for one in editions):
        return ()
    return (
        "The chapters say in which order to play the file (ordered chapters); it is published as it lies.",
    )
