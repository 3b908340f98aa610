"""Probe: what is in a file, as ffprobe and the packets tell, or the reason why it can't be taken."""

import json
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from cutroom.errors import EncoderRefused, SourceCorrupt, SourceTooLarge, SourceUnsupported
from cutroom.ffmpeg import completeness, fields, runner, sniff, teletext
from cutroom.ffmpeg.containers import DEMUXERS, JUMPING
from cutroom.ffmpeg.ffprobe import ProbeOutput
from cutroom.ffmpeg.hdr import read_hdr
from cutroom.ffmpeg.packets import PacketIndex, caption_channels, read_packets
from cutroom.ffmpeg.refusals import reason_of, reject_invalid_size
from cutroom.ffmpeg.steady import notes as clock_notes
from cutroom.ffmpeg.steady import steadied
from cutroom.ffmpeg.tracks import caption_tracks, to_source, with_captions
from cutroom.media.colour import colour_notes
from cutroom.media.limits import Limits, SourceLimits, reject_too_large, too_long
from cutroom.media.source import Source
from cutroom.media.timeline import Packet


def probe(
    path: Path, *, sha256: str, log: Path, limits: Limits, most: SourceLimits | None = None
) -> tuple[Source, list[Packet]]:
    """What is in a file.

    Args:
        path: A local file.
        sha256: Digest of its bytes.
        log: Where the tools' logs are kept.
        limits: What the tools may take.
        most: How large the source may be.

    Returns:
        The source, and the packets of its main video track in decode order (none without video).

    Raises:
        SourceCorrupt: The file is empty, truncated or damaged.
        SourceUnsupported: The file is not media, or none that is taken.
        SourceTooLarge: It passes a limit, which the message names.
    """
    most = most or SourceLimits()
    size = path.stat().st_size
    if size == 0:
        raise SourceCorrupt("The file is empty (0 bytes). Upload it again.")
    sniff.reject_what_is_not_media(path)
    output = _described(path, log=log, limits=limits)
    jumps: tuple[Fraction, ...] = ()
    if output.format.format_name in JUMPING:
        steady = log.with_suffix(".steady")
        jumps = steadied(path, steady, log=log.with_suffix(".clock.log"), limits=limits)
        if jumps:
            path = steady
            output = _described(path, log=log, limits=limits)
    if len(output.streams) > most.tracks:
        raise SourceTooLarge(
            f"The file has {len(output.streams)} tracks, more than the {most.tracks} that "
            "CUTROOM_SOURCE_MAX_TRACKS allows."
        )
    pages = teletext.read_pages(output, path, log=log.with_suffix(".pages.log"), limits=limits)
    source = replace(to_source(output, sha256=sha256, size_bytes=size, pages=pages), jumps_s=jumps)
    if not source.video and not source.audio:
        found = f" that is taken ({'; '.join(source.not_carried)})" if source.not_carried else ""
        raise SourceUnsupported(f"The file holds no video and no audio track{found}.")
    reject_too_large(source, most)
    packets: list[Packet] = []
    captions: dict[int, tuple[str, ...]] = {}
    if source.video:
        index = read_packets(path, source.video[0].index, log=log, limits=limits, most=most)
        packets = index.packets
        source = _looked_at(path, source, index, log=log, limits=limits)
        captions[source.video[0].index] = index.captions
        _reject_no_picture(source, packets, most)
    for track in caption_tracks(output):
        of_track = log.with_suffix(f".captions-{track}.log")
        captions[track] = caption_channels(path, track, log=of_track, limits=limits)
    source = with_captions(source, captions, output)
    notes = (*source.notes, *clock_notes(jumps, source.start_s))
    return replace(source, damage=_damage(path, output, source, packets), notes=notes), packets


def _described(path: Path, *, log: Path, limits: Limits) -> ProbeOutput:
    argv = ["ffprobe", "-v", "error", "-protocol_whitelist", "file", "-format_whitelist", DEMUXERS]
    argv += ["-show_format", "-show_streams", "-show_chapters", "-of", "json", f"file:{path}"]
    try:
        said = runner.run(argv, log=log, limits=limits)
    except EncoderRefused as refused:
        raise reason_of(str(refused)) from refused
    reject_invalid_size(said.stderr)
    return ProbeOutput.model_validate(json.loads(said.stdout))


def _looked_at(path: Path, source: Source, index: PacketIndex, *, log: Path, limits: Limits) -> Source:
    """The source with what its packets and a few of its frames show, and notes on that."""
    track = source.video[0]
    seen = fields.UNSEEN
    if fields.may_have_fields(track):
        of_fields = log.with_suffix(".fields.log")
        seen = fields.look(path, track, duration_s=source.duration_s, log=of_fields, limits=limits)
    track = replace(track, is_retimed=index.retimed, scan=seen.scan, is_telecined=seen.is_telecined)
    notes = (*index.notes, *fields.notes(track), *colour_notes(track))
    if track.is_hdr:
        notes += read_hdr(path, track, log=log.with_suffix(".hdr.log"), limits=limits)
    return replace(source, video=(track,), notes=notes)


def _reject_no_picture(source: Source, packets: Sequence[Packet], most: SourceLimits) -> None:
    """Hold the packets of the picture to what a film is."""
    if not packets:
        raise SourceCorrupt(
            "The video track holds no data: the file is truncated or damaged. Upload it again."
        )
    shown = [packet.pts for packet in packets if packet.is_shown]
    if not shown:
        raise SourceCorrupt("The picture is damaged: nothing of it can be decoded. Upload the file again.")
    lasts_s = (max(shown) - min(shown)) * source.video[0].time_base
    if lasts_s > most.duration_s:
        raise too_long(lasts_s, most)


def _damage(path: Path, output: ProbeOutput, source: Source, packets: Sequence[Packet]) -> tuple[str, ...]:
    """What is missing at the end, in words."""
    missing, size = completeness.missing_bytes(path), source.size_bytes
    if missing:
        percent = 100 * size // (size + missing)
        return (f"The file is truncated: {size} of its {size + missing} bytes ({percent} %) are there.",)
    for stream in output.streams:
        if source.video and stream.index == source.video[0].index:
            return completeness.lost_frames(stream, packets)
    return ()
