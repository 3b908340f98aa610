"""Holds what is published against a file again: the frames of both are decoded, and their times compared."""

import shutil
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cutroom.errors import UsageError
from cutroom.media import keys
from cutroom.media.limits import Limits
from cutroom.steps.encoding import frame_ticks

if TYPE_CHECKING:
    from cutroom.packaging.facts import RenditionFacts
    from cutroom.stores.objects import ObjectStore

MAX_OFFSET_US = 1000
"""Microseconds by which a frame may be shown from where the source shows it, on a timeline that begins with it."""


def check_source(
    store: "ObjectStore", renditions: Sequence["RenditionFacts"], source: Path, folder: Path, limits: Limits
) -> list[dict[str, Any]]:
    """One check for each video rendition.

    Args:
        store: Where the renditions lie.
        renditions: All of a version; those of sound and of text, and those that are encrypted, are passed over.
        source: The file that they were made of.
        folder: An empty folder for what is decoded.
        limits: What the tools may take.

    Raises:
        UsageError: The file holds no pictures, and the version does.
        SourceRejected: The file can't be read.
    """
    video = [one for one in renditions if one.kind == "video" and not one.lock]
    if not video:
        return []
    wanted, tick_us = _source_times(source, folder, limits)
    return [
        _check(one, wanted[:: one.frame_step], _times(store, one, folder, limits), tick_us) for one in video
    ]


def _source_times(source: Path, folder: Path, limits: Limits) -> tuple[list[int], int]:
    """Times of the source's frames in microseconds, and how long a tick of its clock is."""
    from cutroom.ffmpeg import argv, probe, runner
    from cutroom.ffmpeg.steady import steadied

    found, _ = probe.probe(source, sha256="", log=folder / "probe.log", limits=limits)
    if not found.video:
        raise UsageError(f"{source.name} holds no pictures.")
    if found.jumps_s:
        shown = folder / "steady"
        steadied(source, shown, log=folder / "clock.log", limits=limits)
        source = shown
    track = found.video[0]
    stats = folder / "source.txt"
    command = argv.decode_source(source=source, track=track.index, stats=stats)
    runner.run(command, log=folder / "source.log", limits=limits, on_line=lambda _: None)
    return frame_ticks(stats, 1_000_000), int(track.time_base * 1_000_000) + 1


def _times(store: "ObjectStore", one: "RenditionFacts", folder: Path, limits: Limits) -> list[int]:
    """Times of a rendition's frames in microseconds, from the bytes that players fetch."""
    from cutroom.ffmpeg import argv, runner

    whole, stats = folder / "whole", folder / f"{one.key}.txt"
    with whole.open("wb") as target:
        for name in one.files:
            if Path(name).suffix in {".mp4", ".m4s", ".ts", ".webm"}:
                piece = folder / "piece"
                store.get_file(keys.rendition(one.key, name), piece)
                with piece.open("rb") as opened:
                    shutil.copyfileobj(opened, target)
    command = argv.decode(source=whole, stats=stats)
    runner.run(command, log=folder / f"{one.key}.log", limits=limits, on_line=lambda _: None)
    return frame_ticks(stats, 1_000_000)


def _check(
    one: "RenditionFacts", wanted: Sequence[int], found: Sequence[int], tick_us: int
) -> dict[str, Any]:
    furthest = max(
        (abs((a - found[0]) - (b - wanted[0])) for a, b in zip(found, wanted, strict=False)), default=0
    )
    # What the container rounds to its own ticks can't be told more exactly.
    allowed = max(MAX_OFFSET_US, tick_us)
    return {
        "name": f"{one.name} shows the frames of the file, each at its time",
        "ok": len(found) == len(wanted) and furthest <= allowed,
        "found": f"{len(found)} of {len(wanted)} frames, at most {float(Fraction(furthest, 1000)):.3f} ms off",
    }
