"""A file as its tracks' clock would have it that does not jump, made by a program of its own from one that does."""

import sys
from fractions import Fraction
from pathlib import Path

from cutroom.errors import EncoderRefused, SourceUnsupported
from cutroom.ffmpeg import runner
from cutroom.ffmpeg.refusals import reason_of
from cutroom.media.limits import Limits

BROKEN = "ClockBroken: "
"""What stands before the reason that `cutter steady` gives."""


def steadied(path: Path, target: Path, *, log: Path, limits: Limits) -> tuple[Fraction, ...]:
    """Write a file whose clock jumps as one whose clock does not; nothing where it does not jump.

    Args:
        path: A local file of any format.
        target: Where it is written: the same packets with other times.
        log: Where the tool's log is kept.
        limits: What the tool may take.

    Returns:
        When each part but the first begins, in seconds on the clock that is written; 0 where only the beginning was
        late.

    Raises:
        SourceUnsupported: The clock jumps in a way that can't be put right.
        SourceCorrupt: The file can't be read.
    """
    found: list[Fraction] = []
    argv = [sys.executable, "-m", "cutroom.ffmpeg.cutter", "steady", str(path), str(target)]
    try:
        runner.run(
            argv, log=log, limits=limits, on_line=lambda line: found.extend(map(Fraction, line.split()))
        )
    except EncoderRefused as refused:
        said = str(refused)
        if BROKEN in said:
            raise SourceUnsupported(
                "The clock of the file jumps, as where recordings are put one after the other, and "
                f"{said.rpartition(BROKEN)[2].splitlines()[0]}. Upload the recordings one by one, or save them anew "
                "as one."
            ) from refused
        if "Traceback" in said:
            raise
        raise reason_of(said) from refused
    return tuple(found)


def notes(jumps: tuple[Fraction, ...], start_s: Fraction | None) -> tuple[str, ...]:
    """What its owner may want to know of a clock that jumps, in words; not of one that only begins late. Pure."""
    jumps = tuple(one for one in jumps if one)
    if not jumps:
        return ()
    times = ", ".join(f"{float(one - (start_s or 0)):.2f} s" for one in jumps[:MOST_TOLD])
    more = ", …" if len(jumps) > MOST_TOLD else ""
    return (
        f"The clock of the file jumps at {times}{more}; what follows is shown right behind what was before.",
    )


MOST_TOLD = 5
