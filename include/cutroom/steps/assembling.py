"""The steps that make renditions of encodes: assemble."""

import logging
from bisect import bisect_left
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from cutroom import ids
from cutroom.media import keys, timeline
from cutroom.media.plan import Plan
from cutroom.media.rendition_plan import RenditionPlan
from cutroom.steps import waits
from cutroom.steps.downloads import make_download
from cutroom.steps.encodes import fetch_encode
from cutroom.steps.job import Job
from cutroom.steps.joined import join_pictures, read_back
from cutroom.steps.packed import in_one_file, pack
from cutroom.steps.sound import HEARD, compare_heard, read_samples
from cutroom.steps.text import make_text
from cutroom.steps.version_files import CONTENT_TYPES
from cutroom.steps.workshop import Workshop

logger = logging.getLogger(__name__)


def assemble(shop: Workshop, job: dict[str, Any], work: dict[str, Any]) -> dict[str, Any]:
    """Join the encodes of a rendition, package it, read it back, and store it with what was measured.

    Raises:
        ObjectMissing: An encode is not there; completeness is decided by the store, not by what tasks said.
        VerificationFailed: The encodes do not hold the frames that they were made from.
    """
    one = Job.from_json(job)
    made = one.plan(shop.work)
    rendition = made.rendition(work["rendition"])
    done = {"rendition": rendition.name, "key": rendition.key}
    reporter = shop.progress("assemble", rendition.name, 1, "rendition")
    if shop.media.head(keys.rendition_facts(rendition.key)) is not None:
        reporter.finish()
        return {**done, "cached": True}
    with shop.folder("assemble") as folder:
        if rendition.kind == "video":
            _video(shop, made, rendition, folder)
        elif rendition.kind == "audio":
            _audio(shop, made, rendition, folder)
        elif rendition.kind == "text":
            _store(shop, make_text(shop, one, made, rendition, folder), folder)
        else:
            _store(shop, make_download(shop, one, made, rendition, folder), folder)
    reporter.finish()
    return {**done, "cached": False}


def _video(shop: Workshop, made: Plan, rendition: RenditionPlan, folder: Path) -> None:
    from cutroom.ffmpeg.piped import piped
    from cutroom.media import rates
    from cutroom.packaging import facts
    from cutroom.packaging.containers import CONTAINERS

    video = made.video
    assert video is not None
    timescale = video.timing.timescale
    form, (track,) = CONTAINERS[rendition.container], rendition.tracks
    with piped(
        lambda into: join_pictures(shop, made, track, folder, into, lead_s=form.decode_lead_s)
    ) as pictures:
        packed = pack(shop, made, rendition, pictures.path, folder, inherited=[pictures.descriptor])
    joined = pictures.written()
    packaged = packed.packaged
    with ThreadPoolExecutor(1, thread_name_prefix="digests") as beside:
        digests = beside.submit(packed.digests)
        # Keyframes are read back from the packaged track, not taken from the plan.
        back = read_back(joined, packed.track, timescale, rendition.container)
    shown = back.ticks
    resolution = form.resolution_s * timescale
    rung = next(rung for rung in video.rungs if rung.name == rendition.rung)
    last = video.ends_at(shown[-1], rung)
    if video.timing.frame_ticks is None:
        last += timeline.last_lasts(joined.frames.ticks, video.last_lasts, timescale)
    starts = [Fraction(one.start_ticks * timescale, packaged.timescale) for one in packaged.segments]
    segments = _until_the_next(
        packaged.segments, timeline.snapped(starts, joined.frames.ticks, resolution), last
    )
    measured = _measured(made, segments, timescale)
    _store(
        shop,
        facts.RenditionFacts(
            key=rendition.key,
            name=rendition.name,
            kind="video",
            container=rendition.container,
            rung=rendition.rung,
            track=rendition.track,
            codec_string=packaged.codec_string,
            timescale=timescale,
            segments=segments,
            **measured,
            files=digests.result(),
            init=packaged.init,
            index=packaged.index,
            iframes=packaged.iframes,
            trick_play=packed.trick_play,
            lock=packed.lock,
            width=packaged.width,
            height=packaged.height,
            frame_rate=video.rate_of(rung) or _highest_rate(segments, shown, timescale),
            frame_step=rung.frame_step,
            video_range=packaged.video_range or "SDR",
            decoded_frames=len(shown),
            decoded_ticks_digest=ids.digest(shown),
            first_tick=shown[0],
            keyframe_ticks=tuple(back.keyframe_ticks),
            bitstream_codec=packed.bitstream_codec,
            rates=rates.measure(
                joined.frames.sizes_bytes,
                joined.frames.decode_ticks,
                timescale,
                window_s=made.segment_s * rates.WINDOW_SEGMENTS,
                rate_bps=rung.max_bitrate_bps,
                # What a chunk counts on, and half of it again that the chunk before may have left empty.
                buffer_bits=rung.buffer_bits * 3 // 2,
            ),
            wait_s=waits.of_pictures(segments, joined, timescale, measured["bandwidth_bps"]),
            joins=joined.joins,
        ),
        folder,
    )


def _measured(made: Plan, segments: Sequence[Any], timescale: int, *, lead_ticks: int = 0) -> dict[str, Any]:
    """What the segments of a rendition take: fields of its facts."""
    from cutroom.packaging import facts

    durations_s = facts.stated_durations(segments, timescale, lead_ticks=lead_ticks)
    target_s = max(made.target_s, facts.target_duration(durations_s))
    peak, average = facts.bandwidths([one.size_bytes for one in segments], durations_s, target_s)
    return {
        "bandwidth_bps": peak,
        "average_bandwidth_bps": average,
        "size_bytes": sum(one.size_bytes for one in segments),
        "lead_ticks": lead_ticks,
        "target_s": target_s,
    }


def _until_the_next(segments: Sequence[Any], starts: Sequence[int], end: int) -> tuple[Any, ...]:
    """A segment lasts until the next one starts, the last one until the last frame ends."""
    return tuple(
        replace(segment, start_ticks=start, duration_ticks=after - start)
        for segment, start, after in zip(segments, starts, [*starts[1:], end], strict=True)
    )


def _highest_rate(segments: Sequence[Any], shown: Sequence[int], timescale: int) -> Fraction:
    """Frames a second where every frame has its own time: of the segment that has the most, to a thousandth.

    HLS wants the highest (RFC 8216bis, 4.4.6.2); that of two frames alone would be one of chance.
    """
    return max(
        Fraction(
            timescale
            * (
                bisect_left(shown, one.start_ticks + one.duration_ticks) - bisect_left(shown, one.start_ticks)
            ),
            one.duration_ticks,
        )
        for one in segments
    ).limit_denominator(1001)


def _audio(shop: Workshop, made: Plan, rendition: RenditionPlan, folder: Path) -> None:
    from cutroom.ffmpeg import runner, sound
    from cutroom.packaging import facts
    from cutroom.packaging.containers import CONTAINERS

    path = fetch_encode(shop, rendition.encode_keys[0], folder / "encoded.mp4")
    packed = pack(shop, made, rendition, path, folder)
    packaged = packed.packaged
    (track,) = rendition.tracks
    rung = made.audio_rung(rendition.rung)
    # Through the edit list, as players decode it: that leaves out what encoders put in front.
    decoded, log = folder / "decoded.txt", folder / "decode.log"
    command = sound.decode(
        source=in_one_file(packed.track, folder),
        stats=decoded,
        channels=rung.channels,
        heard=folder / HEARD,
        end_s=packaged.end_s,
    )
    runner.run(command, log=log, limits=shop.limits, on_line=lambda _: None)
    samples = read_samples(decoded)
    measured = _measured(made, packaged.segments, packaged.timescale, lead_ticks=packed.lead_ticks)
    _store(
        shop,
        facts.RenditionFacts(
            key=rendition.key,
            name=rendition.name,
            kind="audio",
            container=rendition.container,
            rung=rendition.rung,
            track=rendition.track,
            codec_string=packaged.codec_string,
            timescale=packaged.timescale,
            segments=packaged.segments,
            **measured,
            wait_s=waits.of_sound(
                packaged.segments,
                path,
                packaged.timescale,
                measured["bandwidth_bps"],
                resolution_s=CONTAINERS[rendition.container].resolution_s,
            ),
            files=packed.digests(),
            init=packaged.init,
            index=packaged.index,
            lock=packed.lock,
            channels=rung.channels,
            sample_rate_hz=rung.sample_rate_hz,
            language=track.language,
            label=track.label,
            role=track.role,
            is_default=track.is_default,
            decoded_samples=samples.samples,
            first_tick=None if samples.start_s is None else round(samples.start_s * packaged.timescale),
            largest_gap_ticks=round(samples.gap_s * packaged.timescale),
            bitstream_codec=packed.bitstream_codec,
            loudness=sound.read_loudness(log.read_text(errors="replace"), "made"),
            likeness=compare_heard(
                shop,
                rendition.encode_keys[0],
                folder,
                [Fraction(one.start_ticks, packaged.timescale) for one in packaged.segments[1:]],
            ),
        ),
        folder,
    )


def _store(shop: Workshop, facts: Any, folder: Path) -> None:
    """Leaves first: segments, then the playlist, then the facts that say that all is there."""
    from cutroom.packaging import hls

    for name in (*facts.files, *(facts.trick_play.files if facts.trick_play else ())):
        path = folder / "files" / name
        shop.media.put_file(keys.rendition(facts.key, name), path, content_type=CONTENT_TYPES[path.suffix])
    for name, text in hls.playlists(facts).items():
        shop.media.put_bytes(
            keys.rendition(facts.key, name), text.encode(), content_type=CONTENT_TYPES[".m3u8"]
        )
    shop.media.put_bytes(keys.rendition_facts(facts.key), facts.dump(), content_type=CONTENT_TYPES[".json"])
    logger.info("%s %s: %d segments, %d bytes", facts.key, facts.name, len(facts.segments), facts.size_bytes)
