"""The step that encodes pictures: encode_video."""

import logging
from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

from cutroom.errors import ObjectMissing, SourceCorrupt
from cutroom.media import rates, timeline
from cutroom.media.codecs import VIDEO
from cutroom.media.plan import Plan
from cutroom.media.threads import busy_with, places_for
from cutroom.media.timeline import EncodeChunk
from cutroom.media.video_plan import VideoPlan, VideoRung, chunk_encode_key, tightened
from cutroom.steps import planning
from cutroom.steps.encoded_rung import (
    EncodedRung,
    decoded_again,
    encode_file,
    sample_file,
    sampled_frames,
)
from cutroom.steps.encodes import keep_encode
from cutroom.steps.frame_stats import frame_ticks, last_tick
from cutroom.steps.job import Job
from cutroom.steps.workshop import Workshop

logger = logging.getLogger(__name__)

ALL_GIVEN_S = Fraction(1, 2)
"""How long before the end of a chunk the last frame may be shown that its encoders were given, if that is all.

What is left then is what they looked ahead for: some forty frames, of which the largest rung has by far the most to do.
"""

MOST_TRIES = 8
"""How often a rung is encoded, each time with less, until it keeps its bit rate: from the best quality to the worst."""


def encode_video(shop: Workshop, job: dict[str, Any], work: dict[str, Any]) -> dict[str, Any]:
    """Encode one chunk with one codec: all rungs that are missing, from one decode.

    A rung whose encoder takes more bits than the chunk may have is encoded again with less.

    Returns:
        How many encodes were made and how many were there already.
    """
    one = Job.from_json(job)
    made = one.plan(shop.work)
    video = made.video
    assert video is not None
    chunk, codec = video.chunks[work["chunk"]], work["codec"]
    missing = [video.rungs[place] for place in planning.missing_encodes(shop, made, chunk, codec)]
    planned = {rung.name: rung for rung in missing}
    of_codec = sum(rung.codec == codec for rung in video.rungs)
    reporter = shop.progress("encode_video", f"{codec} {chunk.name}", planning.chunk_seconds(video, chunk))
    if missing:
        with shop.folder("encode") as folder:
            source = _chunk_file(shop, one, made, work["chunk"], folder)
            ahead = missing
            for tries_left in reversed(range(MOST_TRIES)):
                again = []
                for encoded in _encode(
                    shop, made, chunk, ahead, source=source, folder=folder, reporter=reporter
                ):
                    rung, over = encoded.rung, _overshoot(made, chunk, encoded)
                    if over > 1 and tries_left:
                        again.append(tightened(rung, over))
                        continue
                    key = chunk_encode_key(made.source, video, chunk, planned[rung.name], made.tools)
                    keep_encode(shop, key, encoded.path, encoded.to_json())
                if not again:
                    break
                names = ", ".join(rung.name for rung in again)
                logger.info("chunk %s: %s took too many bits and is encoded again", chunk.name, names)
                ahead = again
    reporter.finish()
    return {
        "chunk": chunk.name,
        "codec": codec,
        "encoded": len(missing),
        "cached": of_codec - len(missing),
    }


def _encode(
    shop: Workshop,
    made: Plan,
    chunk: EncodeChunk,
    rungs: Sequence[VideoRung],
    *,
    source: Path,
    folder: Path,
    reporter: Callable[[float], None],
) -> list[EncodedRung]:
    """One run of ffmpeg over a chunk, and one over what it made."""
    from cutroom.ffmpeg import argv, runner
    from cutroom.ffmpeg.refusals import of_decoding

    video = made.video
    assert video is not None
    timescale = video.timing.timescale
    begins, ends = (video.timing.output_ticks(pts) for pts in (chunk.start_pts, chunk.end_pts))
    stats = [folder / f"{rung.name}.txt" for rung in rungs]
    command = argv.encode_video(
        video,
        chunk,
        rungs,
        source=source,
        outputs=[encode_file(folder, rung) for rung in rungs],
        stats=stats,
        samples=[sample_file(folder, rung) for rung in rungs],
        sampling=[sampled_frames(video, chunk, rung) for rung in rungs],
    )
    log = folder / "ffmpeg.log"
    try:
        with of_decoding("The picture"), shop.busy(busy_with(rungs)) as places:

            def report(_: float) -> None:
                # What encoders were given, as ffmpeg tells of one of them how far it is, now of this, now of that.
                given = last_tick(stats[0], timescale)
                if given is None:
                    return
                reporter(max(0, given - begins) / timescale)
                if ends - given <= ALL_GIVEN_S * timescale:
                    places.keep(places_for(1))

            runner.run(command, log=log, limits=shop.limits, on_line=runner.Progress(report))
    finally:
        shop.tool_ran("encode_video", f"{rungs[0].codec} {chunk.name}", command, log, made.tools)
    ticks = [frame_ticks(one, timescale) for one in stats]
    if not all(ticks):
        raise SourceCorrupt(
            f"The picture is damaged: nothing can be decoded from {begins / timescale:.1f} s on, for "
            f"{planning.chunk_seconds(video, chunk):.1f} s. Upload the file again."
        )
    _reject_doubled_times(ticks[0], timescale)
    for times in ticks:
        _reject_lost_segments(video, chunk, times)
    return decoded_again(shop, video, chunk, folder, list(zip(rungs, ticks, strict=True)))


def _overshoot(made: Plan, chunk: EncodeChunk, encoded: EncodedRung) -> Fraction:
    """How many times more bits an encode takes than it may; not asked of encoders that keep to a buffer themselves."""
    video, rung = made.video, encoded.rung
    assert video is not None
    if VIDEO[rung.codec].holds_rate:
        return Fraction(0)
    return rates.overshoot(
        encoded.coded.sizes_bytes,
        encoded.frame_ticks,
        video.timing.timescale,
        window_s=made.segment_s * rates.WINDOW_SEGMENTS,
        rate_bps=rung.max_bitrate_bps,
        end_tick=video.timing.output_ticks(chunk.end_pts),
        joins=(chunk.index > 0, chunk.index + 1 < len(video.chunks)),
    )


def _reject_doubled_times(ticks: list[int], timescale: int) -> None:
    """The plan has each time once; a decoder that gives one twice makes frames up where it can't decode."""
    for before, after in pairwise(ticks):
        if before == after:
            raise SourceCorrupt(
                f"The picture is damaged: what is shown at {after / timescale:.2f} s can't be decoded as it was meant. "
                "Upload the file again, or save it anew."
            )


def _reject_lost_segments(video: VideoPlan, chunk: EncodeChunk, ticks: list[int]) -> None:
    """Where its first frame is lost a segment begins with the next that the rung shows, if there is one."""
    boundaries = [video.timing.output_ticks(boundary) for boundary in chunk.boundaries]
    starts = timeline.first_shown(boundaries, ticks)
    if len(starts) == len(boundaries):
        return
    lost = next(one for one in boundaries if one not in starts)
    raise SourceCorrupt(
        f"The picture is damaged: what is shown at {lost / video.timing.timescale:.2f} s, where a segment begins, "
        "can't be decoded. Upload the file again, or save it anew."
    )


def _chunk_file(shop: Workshop, job: Job, made: Plan, index: int, folder: Path) -> Path:
    """The packets of a chunk; cut again where the store does not hold them any more."""
    assert made.video is not None
    chunk = made.video.chunks[index]
    path = folder / "chunk.nut"
    try:
        shop.work.get_file(planning.chunk_key(made, chunk), path)
    except ObjectMissing:
        logger.warning("Encode chunk %s is gone from the store and is cut again", chunk.name)
        planning.cut_chunks(shop, job, made, [chunk])
        shop.work.get_file(planning.chunk_key(made, chunk), path)
    return path
