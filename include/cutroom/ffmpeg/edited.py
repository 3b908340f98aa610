"""The packets of a track of pictures whose edit list plays several stretches, held to what that list says.

ffmpeg follows such a list, and tells with each packet whether its frame is shown; but not where nothing is to be shown,
or one frame for long, and behind a stretch that began between keyframes its times may be a frame off. Frames that only
lead to others have the times of those that are shown: they are moved.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av

from cutroom.ffmpeg import edit_list
from cutroom.ffmpeg.containers import INPUT_OPTIONS
from cutroom.ffmpeg.decoding import shown_order
from cutroom.ffmpeg.frame_packets import demuxed
from cutroom.media.edits import Sample, apart, plays_several, presented, reject_speeds, runs

if TYPE_CHECKING:
    from cutroom.ffmpeg.presentation import Stated

ROUNDED_S = Fraction(1, 1000)
"""How far what ffmpeg adds up of durations may be from what it is."""

FINER = (1, 10, 100, 1000)
"""Ticks in place of one, tried in this order: those of QuickTime (1/600 s) leave room for a few hidden frames alone."""


class EditsNotTaken(Exception):
    """An edit list plays several stretches, and not every frame is shown at the time that it says."""


class FramesOverlap(Exception):
    """Without an edit list, frames are to be decoded no later than ones before them, and ffmpeg hides them for that."""


@dataclass(frozen=True, slots=True)
class Followed:
    """The packets of a track, with times at which nothing is hidden that is shown."""

    stated: list["Stated"]
    finer: int = 1
    """How many ticks of these times make one of the container."""
    is_other: bool = False
    """Whether a decode of the file tells other times."""


def follow(source: str, track: int, stated: Sequence["Stated"], alive: Callable[[], None]) -> Followed:
    """What an edit list makes of the packets of a track.

    Args:
        source: Path of a local file.
        track: Stream index.
        stated: Its packets as ffmpeg has them, which follows the edit list.
        alive: Called now and then while frames are decoded.

    Raises:
        EditsNotTaken: They are not what the edit list says, or can't be decoded in its order.
        StillEdit, FastEdit: As of `reject_speeds`.
        FramesOverlap: The fragments of the file do not follow one another.
    """
    edits = edit_list.read(Path(source), track)
    reject_speeds(edits)
    if not plays_several(edits):
        reject_hidden_between(stated, EditsNotTaken if edits else FramesOverlap)
        return Followed(list(stated))
    samples, decoded, time_base = _unedited(source, track)
    if any(one.pts is None or one.pos not in samples for one in stated):
        raise EditsNotTaken
    own = [samples[one.pos].pts for one in stated]
    moved = [((one.pts or 0) - pts, decoded[one.pos]) for one, pts in zip(stated, own, strict=True)]
    order = [n for _, _, n in sorted(zip(runs(moved), own, range(len(own)), strict=True))]
    shown = [n for n in order if not stated[n].is_discarded]
    wanted = presented(edits, list(samples.values()), time_base)
    if [stated[n].pos for n in shown] != [pos for _, pos in wanted]:
        raise EditsNotTaken
    if shown_order(source, track, len(stated), alive) != shown:
        raise EditsNotTaken
    is_other = any(
        abs((stated[n].pts or 0) * time_base - time) > ROUNDED_S
        for n, (time, _) in zip(shown, wanted, strict=True)
    )
    for finer in FINER:
        times = [0] * len(stated)
        for n, (time, _) in zip(shown, wanted, strict=True):
            times[n] = round(time * finer / time_base)
        if (placed := apart(times, [one.is_discarded for one in stated], order)) is not None:
            moved_to = zip(stated, placed, strict=True)
            return Followed(
                [replace(one, pts=pts, duration=one.duration * finer) for one, pts in moved_to],
                finer,
                is_other,
            )
    raise EditsNotTaken


def _unedited(source: str, track: int) -> tuple[dict[int, Sample], dict[int, int], Fraction]:
    """The frames of the track, and when each is decoded, by where they lie, and seconds per tick."""
    options = INPUT_OPTIONS | {"ignore_editlist": "1"}
    with av.open(f"file:{source}", options=options, metadata_errors="replace") as container:
        stream: Any = container.streams[track]
        samples, decoded = {}, {}
        for packet in demuxed(container, [stream]):
            if packet.size and packet.pos is not None and packet.pts is not None:
                samples[packet.pos] = Sample(packet.pts, packet.pos)
                decoded[packet.pos] = packet.pts if packet.dts is None else packet.dts
        return samples, decoded, Fraction(stream.time_base)


def reject_hidden_between(stated: Sequence["Stated"], refusal: type[Exception]) -> None:
    """Refuse hidden frames at whose times others may be shown."""
    shown = [one.pts for one in stated if one.pts is not None and not one.is_discarded]
    first, last = min(shown, default=0), max(shown, default=0)
    if any(one.is_discarded and one.pts is not None and first < one.pts < last for one in stated):
        raise refusal
