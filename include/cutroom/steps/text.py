"""Subtitles: the files beside a source, and renditions of text. They are not encoded; assemble makes them."""

import math
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from cutroom.errors import EncoderRefused, SourceCorrupt, SourceTooLarge
from cutroom.media import keys
from cutroom.media.plan import PACKET_TIMES, Plan
from cutroom.media.rendition_plan import RenditionPlan
from cutroom.media.sidecars import MAX_SIDECAR_BYTES, sidecar_name
from cutroom.media.source import Source, TextTrack
from cutroom.media.text_plan import MAX_CUES, carried_text
from cutroom.steps.encodes import encode_facts
from cutroom.steps.job import Job
from cutroom.steps.workshop import Workshop, sha256_of

if TYPE_CHECKING:
    from cutroom.packaging.facts import RenditionFacts
    from cutroom.packaging.webvtt import Cue

MAX_TEXT_BYTES = 5 * MAX_SIDECAR_BYTES
"""Of the subtitles of a track inside a film: typesetting in ASS takes more than words."""


def with_text(shop: Workshop, source: Source, film: str, sidecars: Mapping[str, bytes]) -> Source:
    """A source with the subtitles that are carried: those in the container, then the files beside it.

    Args:
        shop: Where the files are kept, by the digest of their bytes.
        source: What the probe found.
        film: Name of the source's file.
        sidecars: Bytes of each file beside it, by its name.
    """
    from cutroom.packaging import code_pages, subtitles

    tracks = list(source.text)
    left_out = []
    number = 1 + max(
        (
            *(one.index for one in source.video),
            *(index for one in source.audio for index in (one.index, *one.joined)),
            *(one.index for one in source.text),
        ),
        default=0,
    )
    for name, data in sidecars.items():
        said = sidecar_name(film, name)
        try:
            cues = subtitles.read_cues(code_pages.decoded(data, said.language), said.codec)
        except SourceCorrupt as error:
            left_out.append(f"{name}: {error}")
            continue
        if not cues:
            left_out.append(f"{name}: it holds no subtitles")
            continue
        if len(cues) > MAX_CUES:
            left_out.append(f"{name}: it holds {len(cues)} cues, more than the {MAX_CUES} that are taken")
            continue
        digest = sha256(data).hexdigest()
        shop.work.put_bytes(keys.sidecar(source.sha256, digest), data)
        tracks.append(
            TextTrack(
                index=number,
                codec=said.codec,
                language=said.language,
                label=said.label,
                is_default=said.is_default,
                is_forced=said.is_forced,
                is_sdh=said.is_sdh,
                sidecar=digest,
            )
        )
        number += 1
    carried, too_many = carried_text(tracks)
    return replace(source, text=tuple(carried), not_carried=(*source.not_carried, *left_out, *too_many))


def make_text(
    shop: Workshop, job: Job, made: Plan, rendition: RenditionPlan, folder: Path
) -> "RenditionFacts":
    """Make a rendition of subtitles in `files` of a folder: one WebVTT file, and the segments of the grid.

    Raises:
        ObjectMissing: An encode is not there; it tells how long the presentation is.
        SourceCorrupt: The subtitles can't be read.
    """
    from cutroom.packaging import subtitles, webvtt
    from cutroom.packaging.containers import CONTAINERS
    from cutroom.packaging.facts import RenditionFacts, Segment, bandwidths, stated_durations, target_duration

    (encoded,) = rendition.tracks
    track = next(one for one in made.source.text if one.index == encoded.track)
    duration_ms = math.ceil(_duration_s(shop, made) * 1000)
    origin_ms = 0 if track.sidecar else round(made.origin_s * 1000)
    cues = subtitles.placed(
        _cues(shop, job, made, track, folder), origin_ms=origin_ms, duration_ms=duration_ms
    )
    segment_ms = round(made.segment_s * 1000)
    shown = webvtt.in_segments(cues, segment_ms=segment_ms, duration_ms=duration_ms)
    if sum(map(len, shown)) > MAX_CUES:
        raise SourceTooLarge(
            f"The subtitles of track {track.index} show more than the {MAX_CUES} cues that are taken. Upload the file "
            "without them."
        )
    files = folder / "files"
    files.mkdir()
    (files / webvtt.WHOLE).write_text(webvtt.document(cues))
    mpegts = round(CONTAINERS[rendition.container].start_s * 90_000)
    segments = []
    for number, in_segment in enumerate(shown):
        start = number * segment_ms
        end = min(duration_ms, start + segment_ms)
        path = files / (webvtt.SEGMENT % (number + 1))
        path.write_text(webvtt.segment(in_segment, start, end, mpegts=mpegts))
        segments.append(
            Segment(
                start_ticks=start,
                duration_ticks=end - start,
                size_bytes=path.stat().st_size,
                file=path.name,
            )
        )
    durations_s = stated_durations(segments, webvtt.TIMESCALE)
    peak, average = bandwidths(
        [one.size_bytes for one in segments], durations_s, target_duration(durations_s)
    )
    return RenditionFacts(
        key=rendition.key,
        name=rendition.name,
        kind="text",
        container=rendition.container,
        rung=rendition.rung,
        track=rendition.track,
        codec_string="wvtt",
        timescale=webvtt.TIMESCALE,
        segments=tuple(segments),
        bandwidth_bps=peak,
        average_bandwidth_bps=average,
        size_bytes=sum(one.stat().st_size for one in files.iterdir()),
        files={one.name: sha256_of(one) for one in sorted(files.iterdir())},
        language=encoded.language,
        label=encoded.label,
        role=encoded.role,
        is_default=encoded.is_default,
        cues=len({cue for one in segments for cue in _read_back(files / one.file)}),
        source_cues=len(set(cues)),
    )


def _read_back(segment: Path) -> "list[Cue]":
    from cutroom.packaging import subtitles

    return subtitles.read_cues(segment.read_text(), "webvtt")


def _cues(shop: Workshop, job: Job, made: Plan, track: TextTrack, folder: Path) -> "list[Cue]":
    """The cues of a track on its own clock."""
    from cutroom.ffmpeg import text
    from cutroom.packaging import code_pages, subtitles

    if track.codec == "eia_608":
        return _captions(shop, job, made, track, folder)
    if track.codec == "dvb_teletext":
        return _teletext(shop, job, made, track, folder)
    if track.sidecar is not None:
        data = shop.work.get_bytes(keys.sidecar(made.source.sha256, track.sidecar))
        return subtitles.read_cues(code_pages.decoded(data, track.language), track.codec)
    if track.codec == "ttml":
        return _documents(shop, job, made, track, folder)
    output = folder / "extracted"
    with shop.steady(job.upload, made.source) as source:
        _run(shop, made, track, text.extract(track, source=source, output=output), folder)
    return _read(track, output, text.file_codec(track))


def _run(shop: Workshop, made: Plan, track: TextTrack, command: list[str], folder: Path) -> None:
    from cutroom.ffmpeg import runner

    log = folder / "extract.log"
    try:
        runner.run(command, log=log, limits=shop.limits, on_line=lambda _: None)
    except EncoderRefused as error:
        raise SourceCorrupt(
            f"The subtitles of track {track.index} are damaged: they can't be read. Upload the file again."
        ) from error
    finally:
        shop.tool_ran("assemble", f"subtitles {track.index}", command, log, made.tools)


def _read(track: TextTrack, output: Path, codec: str) -> "list[Cue]":
    """The cues of a file that a tool wrote."""
    from cutroom.packaging import subtitles

    _reject_too_large(track, output)
    # ffmpeg writes UTF-8.
    return subtitles.read_cues(output.read_text(errors="replace"), codec)


def _reject_too_large(track: TextTrack, output: Path) -> None:
    if output.stat().st_size > MAX_TEXT_BYTES:
        raise SourceTooLarge(
            f"The subtitles of track {track.index} are {output.stat().st_size} bytes, more than the {MAX_TEXT_BYTES} "
            "that are taken. Upload the file without them."
        )


def _captions(shop: Workshop, job: Job, made: Plan, track: TextTrack, folder: Path) -> "list[Cue]":
    """The cues of a channel of closed captions, on the source's clock."""
    from cutroom.ffmpeg.packets import read_captions
    from cutroom.packaging import captions

    assert track.part is not None
    assert track.part_of is not None
    times = time_base = None
    if track.part_of in {one.index for one in made.source.video}:
        times = folder / PACKET_TIMES
        time_base = made.source.video[0].time_base
        shop.work.get_file(keys.plan_file(made.plan_id, PACKET_TIMES), times)
    log = folder / "captions.log"
    with shop.steady(job.upload, made.source) as source:
        return captions.read_cues(
            read_captions(
                source, track.part_of, track.part, times, time_base=time_base, log=log, limits=shop.limits
            )
        )


def _documents(shop: Workshop, job: Job, made: Plan, track: TextTrack, folder: Path) -> "list[Cue]":
    """The cues of a track of TTML: each document counts from the start of the track (ISO/IEC 14496-30)."""
    from cutroom.ffmpeg.packets import write_documents
    from cutroom.packaging import code_pages, subtitles

    output = folder / "documents"
    with shop.steady(job.upload, made.source) as source:
        write_documents(source, track.index, output, log=folder / "documents.log", limits=shop.limits)
    _reject_too_large(track, output)
    cues: list[Cue] = []
    for line in output.read_text().splitlines():
        start, end, document = line.split()
        told = subtitles.read_cues(code_pages.decoded(b64decode(document), track.language), track.codec)
        cues += subtitles.within(told, int(start), int(end))
    return subtitles.sustained(cues, [])


def _teletext(shop: Workshop, job: Job, made: Plan, track: TextTrack, folder: Path) -> "list[Cue]":
    """The cues of a page of teletext, on the source's clock."""
    from cutroom.ffmpeg import teletext
    from cutroom.packaging import subtitles

    assert track.part is not None
    assert track.part_of is not None
    ended, begun = folder / "ended.srt", folder / "begun.srt"
    with shop.steady(job.upload, made.source) as source:
        command = teletext.extract(track.part_of, track.part, source=source, ended=ended, begun=begun)
        _run(shop, made, track, command, folder)
    return subtitles.sustained(*(_read(track, path, "subrip") for path in (ended, begun)))


def _duration_s(shop: Workshop, made: Plan) -> Fraction:
    """Until the last picture or sound ends, as their encoders were given them."""
    ends = [Fraction(0)]
    if made.video is not None:
        picture = next(one.tracks[0] for one in made.renditions if one.kind == "video")
        rung = next(rung for rung in made.video.rungs if rung.name == picture.rung)
        ticks = encode_facts(shop, picture.encode_keys[-1])["frame_ticks"]
        ends.append(Fraction(made.video.ends_at(max(ticks), rung), made.video.timing.timescale))
    for track in (track for one in made.renditions for track in one.tracks if track.kind == "audio"):
        known = encode_facts(shop, track.encode_keys[0])
        ends.append(Fraction(known["source_samples"], known["source_sample_rate_hz"]))
    return max(ends)
