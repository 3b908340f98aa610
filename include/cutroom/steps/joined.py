"""The encodes of a track of pictures in one file, and what is found of them in what was packaged of it."""

from array import array
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cutroom.errors import VerificationFailed
from cutroom.media import keys, timeline
from cutroom.media.joins import Join, Quality, joins_of
from cutroom.media.plan import Plan
from cutroom.media.rendition_plan import EncodedTrack
from cutroom.steps.encodes import check_encode, encode_facts
from cutroom.steps.workshop import Workshop

if TYPE_CHECKING:
    from cutroom.ffmpeg.join import Joined

FETCHED_AT_ONCE = 2
"""Encodes that are fetched while one is joined."""

FACTS_AT_ONCE = 8
"""Encodes of which what is known is asked for at the same time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinedPictures:
    """The encodes of a track of pictures, one after the other."""

    frames: "Joined"
    counts: Sequence[int]
    """How many frames each encode has."""
    digests: Sequence[str]
    """Of the coded pictures of each encode."""
    parameters: frozenset[str]
    """Digests of their parameter sets."""
    joins: tuple[Join, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownPictures:
    """What players see of a packaged track, in ticks of the plan's timescale, ascending."""

    ticks: Sequence[int]
    """Times of its frames."""
    keyframe_ticks: Sequence[int]


def join_pictures(
    shop: Workshop,
    made: Plan,
    track: EncodedTrack,
    folder: Path,
    output: Path,
    *,
    lead_s: Fraction = Fraction(0),
) -> JoinedPictures:
    """Fetch the encodes of a track into a folder, and put them into one MP4; see `join.join`.

    Raises:
        ObjectMissing: An encode is not there.
        VerificationFailed: They do not hold the frames that they were made from.
    """
    from cutroom.ffmpeg import join

    assert made.video is not None

    rung = next(rung for rung in made.video.rungs if rung.name == track.rung)
    with ThreadPoolExecutor(FACTS_AT_ONCE, thread_name_prefix="facts") as pool:
        told = list(pool.map(lambda key: _known(shop, key), track.encode_keys))
    ticks = [one["frame_ticks"] for one in told]
    qualities = [Quality(**one["quality"]) if "quality" in one else None for one in told]
    with _fetched(shop, track.encode_keys, told, folder) as encodes:
        frames = join.join(
            encodes,
            ticks,
            made.video.timing.timescale,
            output,
            lead_s=lead_s,
            segment_ticks=made.segment_s * made.video.timing.timescale,
            last_lasts=made.video.last_lasts,
            bit_rate_bps=rung.max_bitrate_bps,
            longest_ticks=made.video.timing.longest_ticks,
        )
    return JoinedPictures(
        frames=frames,
        counts=[len(own) for own in ticks],
        digests=[one["digest"] for one in told],
        parameters=frozenset(digest for one in told for digest in one["parameters"]),
        joins=joins_of([(own[0], one) for own, one in zip(ticks, qualities, strict=True)]),
    )


def _known(shop: Workshop, key: str) -> dict[str, Any]:
    """What is known of an encode; its times in an array, as a film has a hundred thousand an hour."""
    known = encode_facts(shop, key)
    return {**known, "frame_ticks": array("q", known["frame_ticks"])}


@contextmanager
def _fetched(
    shop: Workshop, encode_keys: Sequence[str], told: Sequence[dict[str, Any]], folder: Path
) -> Iterator[Iterator[Path]]:
    """Encodes in order; those ahead are fetched meanwhile, and each is removed when the next one is asked for.

    Each is compared with its digest while it is read. Where it is not what was stored, that is raised, and not what
    its reader made of it.
    """
    reading: Future[None] | None = None
    with (
        ThreadPoolExecutor(FETCHED_AT_ONCE, thread_name_prefix="fetch") as fetching,
        ThreadPoolExecutor(FETCHED_AT_ONCE, thread_name_prefix="check") as checking,
    ):

        def fetch(number: int) -> tuple[Path, Future[None]]:
            key, path = encode_keys[number], folder / f"{number:05d}.nut"
            shop.work.get_file(keys.encode(key), path)
            return path, checking.submit(check_encode, shop, key, path, told[number])

        def in_order() -> Iterator[Path]:
            nonlocal reading
            coming = deque[Future[tuple[Path, Future[None]]]]()
            for number in range(len(encode_keys) + FETCHED_AT_ONCE):
                if number < len(encode_keys):
                    coming.append(fetching.submit(fetch, number))
                if number >= FETCHED_AT_ONCE:
                    path, reading = coming.popleft().result()
                    yield path
                    reading.result()
                    path.unlink()

        try:
            yield in_order()
        except Exception:
            if reading is not None:
                reading.result()
            raise
        finally:
            fetching.shutdown(cancel_futures=True)


def read_back(joined: JoinedPictures, track: Sequence[Path], timescale: int, container: str) -> ShownPictures:
    """Read what was packaged and find in it the pictures that were encoded, every one, in order.

    Each encode was decoded by the task that made it and showed the frames that its encoder was given. The same coded
    pictures with the same parameter sets show the same frames, so nothing is decoded a second time.

    Args:
        joined: What was packaged.
        track: What was packaged of it, in clear, in one or more files, with the times of the container.
        timescale: Ticks per second.
        container: What it is packaged as.

    Raises:
        VerificationFailed: A decoder would be given other pictures, or other parameter sets.
    """
    from cutroom.ffmpeg import coded
    from cutroom.packaging.containers import CONTAINERS

    found = coded.read(track, timescale, joined.counts)
    for number, (made, left) in enumerate(zip_longest(joined.digests, found.digests), 1):
        if made != left:
            where = f"encode {number} of {len(joined.digests)}"
            raise VerificationFailed(f"What was packaged does not hold the pictures of {where} as they were.")
    if frozenset(found.parameters) != joined.parameters:
        raise VerificationFailed(
            "What was packaged describes its pictures in another way than their encodes."
        )
    given = joined.frames.ticks
    if container not in CONTAINERS:
        return ShownPictures(ticks=sorted(found.ticks), keyframe_ticks=found.keyframe_ticks)
    form = CONTAINERS[container]
    later = form.start_s * timescale
    # Nearly always whole: integers then, as there may be a million times.
    start = later.numerator if later.denominator == 1 else later
    # Ticks of the container were read as whole ticks of the plan, which are half a tick off at most.
    resolution = form.resolution_s * timescale + Fraction(1, 2) if form.resolution_s else Fraction(0)
    return ShownPictures(
        ticks=timeline.snapped((tick - start for tick in sorted(found.ticks)), given, resolution),
        keyframe_ticks=timeline.snapped((tick - start for tick in found.keyframe_ticks), given, resolution),
    )
