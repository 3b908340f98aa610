"""The steps that make renditions of encodes: assemble."""

import logging
import shutil
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from cutroom import ids
from cutroom.media import keys
from cutroom.media.plan import Plan, RenditionPlan
from cutroom.steps.encodes import fetch_encode
from cutroom.steps.encoding import CONTENT_TYPES, frame_ticks
from cutroom.steps.job import Job
from cutroom.steps.sound import read_samples
from cutroom.steps.workshop import Workshop, sha256_of

logger = logging.getLogger(__name__)


def assemble(shop: Workshop, job: dict[str, Any], work: dict[str, Any]) -> dict[str, Any]:
    """Join the encodes of a rendition, package it, decode it once, and store it with what was measured.

    Raises:
        ObjectMissing: An encode is not there; completeness is decided by the store, not by what tasks said.
        VerificationFailed: The encodes do not hold the frames that they were made from.
    """
    made = Job.from_json(job).plan(shop.work)
    rendition = made.rendition(work["rendition"])
    done = {"rendition": rendition.name, "key": rendition.key}
    reporter = shop.progress("assemble", rendition.name, 1, "rendition")
    if shop.media.head(keys.rendition_facts(rendition.key)) is not None:
        reporter.finish()
        return {**done, "cached": True}
    with shop.folder("assemble") as folder:
        if rendition.kind == "video":
            _video(shop, made, rendition, folder)
        else:
            _audio(shop, made, rendition, folder)
    reporter.finish()
    return {**done, "cached": False}


def _video(shop: Workshop, made: Plan, rendition: RenditionPlan, folder: Path) -> None:
    from cutroom.ffmpeg import join
    from cutroom.media import joins, rates
    from cutroom.packaging import codec_string, facts, packager

    video = made.video
    assert video is not None
    timescale = video.timing.timescale
    chunks, ticks, qualities = [], [], []
    for number, key in enumerate(rendition.encode_keys):
        path, known = fetch_encode(shop, key, folder / f"{number:05d}.nut")
        chunks.append(path)
        ticks.append(known["frame_ticks"])
        qualities.append(joins.Quality(**known["quality"]) if "quality" in known else None)
    joined = folder / "joined.mp4"
    frames = join.join(chunks, ticks, timescale, joined)
    packaged, files, decoded = _package(shop, made, rendition, joined, folder)
    shown = frame_ticks(decoded, timescale)
    # Keyframes are read back from the packaged track, not taken from the plan.
    keyframes = join.keyframe_ticks(folder / "whole.mp4", timescale)
    last = shown[-1] + (video.timing.frame_ticks or (shown[-1] - shown[-2] if len(shown) > 1 else timescale))
    segments = _until_the_next(packaged.segments, last)
    peak, average = facts.bandwidths(segments, timescale)
    rung = next(rung for rung in video.rungs if rung.name == rendition.rung)
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
            bandwidth_bps=peak,
            average_bandwidth_bps=average,
            size_bytes=sum(segment.size_bytes for segment in segments),
            files=files,
            width=packaged.width,
            height=packaged.height,
            frame_rate=video.frame_rate or _average_rate(shown, last, timescale),
            video_range=packaged.video_range or "SDR",
            decoded_frames=len(shown),
            decoded_ticks_digest=ids.digest(shown),
            first_tick=shown[0],
            keyframe_ticks=tuple(keyframes),
            bitstream_codec=codec_string.codec_string((folder / "files" / packager.INIT).read_bytes()),
            rates=rates.measure(
                frames.sizes_bytes,
                frames.decode_ticks,
                timescale,
                window_s=made.segment_s * rates.WINDOW_SEGMENTS,
                rate_bps=rung.max_bitrate_bps,
                # What a chunk counts on, and half of it again that the chunk before may have left empty.
                buffer_bits=rung.buffer_bits * 3 // 2,
            ),
            joins=joins.joins_of([(own[0], one) for own, one in zip(ticks, qualities, strict=True)]),
        ),
        folder,
    )


def _until_the_next(segments: Sequence[Any], end: int) -> tuple[Any, ...]:
    """A segment lasts until the next one starts, the last one until the last frame ends."""
    starts = [segment.start_ticks for segment in segments]
    return tuple(
        replace(segment, duration_ticks=after - segment.start_ticks)
        for segment, after in zip(segments, [*starts[1:], end], strict=True)
    )


def _average_rate(shown: Sequence[int], end: int, timescale: int) -> Fraction:
    """Frames a second where every frame has its own time, to a thousandth."""
    return Fraction(len(shown) * timescale, end - shown[0]).limit_denominator(1001)


def _audio(shop: Workshop, made: Plan, rendition: RenditionPlan, folder: Path) -> None:
    from cutroom.ffmpeg import sound
    from cutroom.packaging import codec_string, facts, packager

    path, _ = fetch_encode(shop, rendition.encode_keys[0], folder / "encoded.mp4")
    packaged, files, decoded = _package(shop, made, rendition, path, folder)
    (track,) = rendition.tracks
    rung = next(rung for audio in made.audio for rung in audio.rungs if rung.name == rendition.rung)
    peak, average = facts.bandwidths(packaged.segments, packaged.timescale)
    heard = read_samples(decoded)
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
            bandwidth_bps=peak,
            average_bandwidth_bps=average,
            size_bytes=sum(segment.size_bytes for segment in packaged.segments),
            files=files,
            channels=rung.channels,
            sample_rate_hz=rung.sample_rate_hz,
            language=track.language,
            label=track.label,
            role=track.role,
            is_default=track.is_default,
            decoded_samples=heard.samples,
            first_tick=None if heard.start_s is None else round(heard.start_s * packaged.timescale),
            bitstream_codec=codec_string.codec_string((folder / "files" / packager.INIT).read_bytes()),
            loudness=sound.read_loudness((folder / "decode.log").read_text(errors="replace"), "made"),
        ),
        folder,
    )


def _package(
    shop: Workshop, made: Plan, rendition: RenditionPlan, encoded: Path, folder: Path
) -> tuple[Any, dict[str, str], Path]:
    """Package a track and decode the result; what the manifests say, digests of the files, and the frames."""
    from cutroom.ffmpeg import argv, runner, sound
    from cutroom.packaging import facts, packager

    files = folder / "files"
    files.mkdir()
    packager.package(
        rendition.kind,
        encoded,
        files,
        segment_s=made.segment_s,
        log=folder / "packager.log",
        limits=shop.limits,
    )
    packaged = facts.read(files)
    names = [packager.INIT, *(packager.SEGMENTS % number for number in range(1, len(packaged.segments) + 1))]
    whole = folder / "whole.mp4"
    with whole.open("wb") as target:
        for name in names:
            with (files / name).open("rb") as piece:
                shutil.copyfileobj(piece, target)
    stats = folder / "decoded.txt"
    command = (
        argv.decode(source=whole, stats=stats)
        if rendition.kind == "video"
        else sound.decode(source=whole, stats=stats, end_s=packaged.end_s)
    )
    runner.run(command, log=folder / "decode.log", limits=shop.limits, on_line=lambda _: None)
    return packaged, {name: sha256_of(files / name) for name in names}, stats


def _store(shop: Workshop, facts: Any, folder: Path) -> None:
    """Leaves first: segments, then the playlist, then the facts that say that all is there."""
    from cutroom.packaging import hls, packager

    for name in facts.files:
        path = folder / "files" / name
        shop.media.put_file(keys.rendition(facts.key, name), path, content_type=CONTENT_TYPES[path.suffix])
    shop.media.put_bytes(
        keys.rendition(facts.key, packager.PLAYLIST),
        hls.media_playlist(facts).encode(),
        content_type=CONTENT_TYPES[".m3u8"],
    )
    shop.media.put_bytes(keys.rendition_facts(facts.key), facts.dump(), content_type=CONTENT_TYPES[".json"])
    logger.info("%s %s: %d segments, %d bytes", facts.key, facts.name, len(facts.segments), facts.size_bytes)
