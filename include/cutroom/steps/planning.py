"""The steps before encoding: probe, plan, split."""

import contextlib
import json
import logging
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from cutroom.errors import ObjectMissing, SourceCorrupt, SourceTooLarge, SourceUnsupported
from cutroom.media import keys, timeline
from cutroom.media.plan import PACKET_TIMES, Plan, make_plan
from cutroom.media.profile import load_profile
from cutroom.media.progress import PartProgress
from cutroom.media.source import Source
from cutroom.media.timeline import EncodeChunk, Packet
from cutroom.media.upload import UploadedObject, is_subtitles
from cutroom.media.video_plan import VideoPlan, chunk_encode_key
from cutroom.steps.job import Job
from cutroom.steps.text import with_text
from cutroom.steps.workshop import Workshop

logger = logging.getLogger(__name__)


def probe(shop: Workshop, job: dict[str, Any]) -> dict[str, Any]:
    """Find out what the file is, and keep it under the digest of its bytes.

    Raises:
        SourceRejected: The file can't become media; the message is what its user reads.
    """
    from cutroom.ffmpeg import probe as prober
    from cutroom.ffmpeg.ranged import ReadAllOver

    one = Job.from_json(job)
    if is_subtitles(one.upload.name):
        raise SourceUnsupported(
            "The file is subtitles, which are taken with the film that they lie beside. Put it beside the film, under "
            "the film's name with the language behind (film.en.srt), and process the film again."
        )
    reporter = shop.progress("probe", one.upload.name, 1, "file")
    reject_too_large(shop, one.upload)
    with shop.folder("probe") as folder:
        allowed: Any = {
            "log": folder / "probe.log",
            "limits": shop.limits,
            "most": shop.source_limits,
        }
        described = None
        # What its container says comes first: a file that is refused for it is not fetched.
        with contextlib.suppress(ReadAllOver), shop.opened(one.upload) as source:
            described = prober.describe(source, **allowed)
        with shop.source(one.upload) as (path, sha256):
            found, packets = prober.probe(path, sha256=sha256, described=described, **allowed)
    if found.video and not load_profile(one.profile).video and one.upload.kind == "audio":
        raise SourceUnsupported(
            "The file is named like an audio file, but holds moving pictures. Give it the name of a video file "
            f"({Path(one.upload.name).stem}.mp4, say), or another profile."
        )
    shop.work.put_bytes(keys.source_facts(sha256), _FACTS.dump_json((found, packets)))
    shop.record.record_source(
        run_id=shop.run_id, sha256=sha256, source=_SOURCE.dump_python(found, mode="json")
    )
    for track in found.not_carried:
        logger.warning("%s is not carried", track)
    for words in (*found.damage, *found.notes):
        logger.warning("%s", words)
    if found.damage and load_profile(one.profile).damaged == "reject":
        raise SourceCorrupt(
            f"{found.damage[0]} Upload it again, or take a profile that says `damaged: publish` to have what is there."
        )
    reporter.finish()
    return replace(one, sha256=sha256).to_json()


def reject_too_large(shop: Workshop, upload: UploadedObject) -> None:
    """Hold the size of an upload against the limit, before any of it is read.

    Raises:
        SourceTooLarge: The message names the limit and its setting.
    """
    if upload.size_bytes > shop.source_limits.size_bytes:
        raise SourceTooLarge(
            f"The file has {upload.size_bytes} bytes, more than the {shop.source_limits.size_bytes} that "
            "CUTROOM_SOURCE_MAX_BYTES allows."
        )


def source_facts(shop: Workshop, sha256: str) -> tuple[Source, list[Packet]]:
    """What the probe found.

    Raises:
        ObjectMissing: The probe has to run again.
    """
    try:
        return _FACTS.validate_json(shop.work.get_bytes(keys.source_facts(sha256)))
    except ObjectMissing as error:
        raise ObjectMissing(
            "What the probe found is gone from the store. Clear the task `probe` and all after it."
        ) from error


_SOURCE = TypeAdapter(Source)
_FACTS: TypeAdapter[tuple[Source, list[Packet]]] = TypeAdapter(tuple[Source, list[Packet]])


def plan(shop: Workshop, job: dict[str, Any]) -> dict[str, Any]:
    """Decide everything, and keep the plan."""
    from cutroom.ffmpeg import tools

    one = Job.from_json(job)
    found, packets = source_facts(shop, one.sha256)
    # Not in the probe: what lies beside a file is no fact about its bytes.
    source = with_text(shop, found, one.upload.name, shop.sidecars(one.upload))
    for said in source.not_carried[len(found.not_carried) :]:
        logger.warning("%s is not carried", said)
    if source != found:
        shop.record.record_source(
            run_id=shop.run_id, sha256=one.sha256, source=_SOURCE.dump_python(source, mode="json")
        )
    profile = load_profile(one.profile)
    made = make_plan(
        source,
        packets,
        profile,
        asset_id=one.upload.asset_id,
        tools=tools.versions(),
        key_id=shop.content_key(profile.encryption.key).key_id if profile.encryption else None,
    )
    lines = (f"{one.pts} {dts}\n" for one, dts in zip(packets, timeline.decode_times(packets), strict=True))
    shop.work.put_bytes(keys.plan_file(made.plan_id, PACKET_TIMES), "".join(lines).encode())
    shop.work.put_bytes(keys.plan(made.plan_id), made.dump(), content_type="application/json")
    logger.info(
        "%s: %d renditions, %d encode chunks, profile %s",
        made.plan_id,
        len(made.renditions),
        len(made.video.chunks) if made.video else 0,
        made.profile,
    )
    shop.record.record_plan(run_id=shop.run_id, parts=_work_ahead(made))
    return replace(one, plan_id=made.plan_id).to_json()


def tracks(shop: Workshop, job: dict[str, Any]) -> list[dict[str, Any]]:
    """What `encode_audio` is mapped over: a track and codec each."""
    made = Job.from_json(job).plan(shop.work)
    return [{"audio": n, "name": audio.name} for n, audio in enumerate(made.audio)]


def renditions(shop: Workshop, job: dict[str, Any]) -> list[dict[str, Any]]:
    """What `assemble` is mapped over, largest first."""
    made = Job.from_json(job).plan(shop.work)
    return [{"rendition": rendition.key, "name": rendition.name} for rendition in made.renditions]


def _work_ahead(made: Plan) -> list[PartProgress]:
    """Everything that will report, so that the percentage is true from the start."""
    ahead = [
        *((one.name, "encode_audio", float(made.source.duration_s or 1), "s") for one in made.audio),
        *((one.name, "assemble", 1.0, "rendition") for one in made.renditions),
    ]
    if made.video is not None:
        ahead += [
            (f"{codec} {chunk.name}", "encode_video", chunk_seconds(made.video, chunk), "s")
            for codec in made.video.codecs
            for chunk in made.video.chunks
        ]
    return [
        PartProgress(step=step, part=part, done=0, total=total, unit=unit)
        for part, step, total, unit in ahead
    ]


def chunk_seconds(video: VideoPlan, chunk: EncodeChunk) -> float:
    """How long a chunk plays."""
    return float((chunk.end_pts - chunk.start_pts) * video.timing.time_base)


def split(shop: Workshop, job: dict[str, Any]) -> list[dict[str, Any]]:
    """Cut the source into encode chunks, as far as their encodes are not there yet.

    Returns:
        What `encode_video` is mapped over: a chunk and a codec each, costliest first; nothing when all is encoded.
    """
    one = Job.from_json(job)
    made = one.plan(shop.work)
    if made.video is None:
        return []
    reporter = shop.progress("split", "video", len(made.video.chunks), "chunks")
    ahead = [
        (chunk, codec)
        for chunk in made.video.chunks
        for codec in made.video.codecs
        if missing_encodes(shop, made, chunk, codec)
    ]
    cut_chunks(shop, one, made, list(dict.fromkeys(chunk for chunk, _ in ahead)))
    done = len(made.video.chunks) * len(made.video.codecs) - len(ahead)
    if done:
        logger.info("%d encodes are there already; %d are to be made", done, len(ahead))
    for chunk in made.video.chunks:
        for codec in made.video.codecs:
            if (chunk, codec) not in ahead:
                seconds = chunk_seconds(made.video, chunk)
                shop.record.record_progress(
                    run_id=shop.run_id,
                    step="encode_video",
                    part=f"{codec} {chunk.name}",
                    done=seconds,
                    total=seconds,
                )
    reporter.finish()
    ahead.sort(key=lambda pair: -pair[0].frames)
    return [{"chunk": chunk.index, "codec": codec, "name": f"{codec} {chunk.name}"} for chunk, codec in ahead]


def missing_encodes(shop: Workshop, made: Plan, chunk: EncodeChunk, codec: str) -> list[int]:
    """Which rungs of a codec the store does not hold for a chunk: places in the plan's rungs."""
    assert made.video is not None
    return [
        place
        for place, rung in enumerate(made.video.rungs)
        if rung.codec == codec
        and shop.work.head(
            keys.encode_facts(chunk_encode_key(made.source, made.video, chunk, rung, made.tools))
        )
        is None
    ]


def cut_chunks(shop: Workshop, job: Job, made: Plan, chunks: list[EncodeChunk]) -> None:
    """Write the packets of these chunks to the store, in one pass over the source; those that are there stay."""
    from cutroom.ffmpeg import runner

    video = made.video
    assert video is not None
    missing = [one for one in chunks if shop.work.head(chunk_key(made, one)) is None]
    if not missing:
        return
    with shop.reading(job.upload) as source, shop.folder("split") as folder:
        cuts = [
            {"path": str(folder / f"{chunk.name}.nut"), "first": chunk.first_packet, "end": chunk.end_packet}
            for chunk in missing
        ]
        shop.work.get_file(keys.plan_file(made.plan_id, PACKET_TIMES), folder / PACKET_TIMES)
        order = folder / "cuts.json"
        order.write_text(
            json.dumps(
                {
                    "shift_s": video.shift_s,
                    "times": str(folder / PACKET_TIMES),
                    "time_base": str(video.timing.time_base),
                    "cuts": cuts,
                }
            )
        )
        argv = [
            sys.executable,
            "-m",
            "cutroom.ffmpeg.cutter",
            "split",
            source.name,
            str(video.track.index),
            str(order),
        ]
        runner.run(
            argv,
            log=folder / "split.log",
            limits=shop.limits,
            on_line=lambda _: None,
            descriptors=source.descriptors,
        )
        for chunk in missing:
            shop.work.put_file(chunk_key(made, chunk), folder / f"{chunk.name}.nut")


def chunk_key(made: Plan, chunk: EncodeChunk) -> str:
    """The key of a chunk's packets."""
    assert made.video is not None
    return keys.chunk(made.source.sha256, made.video.track.index, chunk)
