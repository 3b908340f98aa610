"""Probe: what is in a file, as ffprobe and the packets tell, or the reason why it can't be taken."""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from cutroom.errors import EncoderRefused, SourceCorrupt, SourceTooLarge, SourceUnsupported
from cutroom.ffmpeg import completeness, fields, runner, sniff
from cutroom.ffmpeg.containers import DEMUXERS
from cutroom.ffmpeg.hdr import read_hdr
from cutroom.ffmpeg.text import TEXT_CODECS
from cutroom.media.colour import colour_notes
from cutroom.media.languages import language_name, language_tag
from cutroom.media.limits import Limits, SourceLimits
from cutroom.media.sound_tracks import carried_tracks
from cutroom.media.source import AudioTrack, Chapter, CoverArt, SoundRole, Source, TextTrack, VideoTrack
from cutroom.media.tags import normalised
from cutroom.media.timeline import Packet

MAX_LABEL = 80
"""Longest name of a track that a player's menu shows, in characters."""


def _unknown_is_none(value: object) -> object:
    return None if value in {"unknown", "N/A", ""} else value


def _rate(value: object) -> object:
    """`30000/1001`; ffprobe writes 0/0 for a rate that it does not know."""
    if isinstance(value, str) and not (value.endswith("/0") or value.startswith("0/")):
        return Fraction(value)
    return None


def _ratio(value: object) -> object:
    """`4:3`; 0:1 means not known."""
    if isinstance(value, str):
        over, _, under = value.partition(":")
        if over.isdigit() and under.isdigit() and int(over) and int(under):
            return Fraction(int(over), int(under))
    return None


Known = Annotated[str | None, BeforeValidator(_unknown_is_none)]
Seconds = Annotated[Fraction | None, BeforeValidator(_unknown_is_none)]


class _Out(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, arbitrary_types_allowed=True)


class _Stream(_Out):
    index: int
    codec_type: str = "unknown"
    codec_name: str = "unknown"
    profile: Known = None
    width: int = 0
    height: int = 0
    sample_aspect_ratio: Annotated[Fraction | None, BeforeValidator(_ratio)] = None
    pix_fmt: Known = None
    field_order: Known = None
    color_range: Known = None
    color_space: Known = None
    color_transfer: Known = None
    color_primaries: Known = None
    r_frame_rate: Annotated[Fraction | None, BeforeValidator(_rate)] = None
    avg_frame_rate: Annotated[Fraction | None, BeforeValidator(_rate)] = None
    time_base: Fraction = Fraction(1)
    start_time: Seconds = None
    duration: Seconds = None
    bit_rate: Annotated[int | None, BeforeValidator(_unknown_is_none)] = None
    nb_frames: Annotated[int | None, BeforeValidator(_unknown_is_none)] = None
    sample_rate: Annotated[int | None, BeforeValidator(_unknown_is_none)] = None
    channels: int = 0
    channel_layout: Known = None
    disposition: Mapping[str, int] = Field(default_factory=dict)
    tags: Mapping[str, str] = Field(default_factory=dict)
    side_data_list: tuple[Mapping[str, Any], ...] = ()


class _Format(_Out):
    format_name: str
    start_time: Seconds = None
    duration: Seconds = None
    tags: Mapping[str, str] = Field(default_factory=dict)


class _Chapter(_Out):
    start_time: Fraction
    end_time: Fraction
    tags: Mapping[str, str] = Field(default_factory=dict)


class ProbeOutput(_Out):
    """What ffprobe prints as JSON."""

    format: _Format
    streams: tuple[_Stream, ...] = ()
    chapters: tuple[_Chapter, ...] = ()


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
    argv = ["ffprobe", "-v", "error", "-protocol_whitelist", "file", "-format_whitelist", DEMUXERS]
    argv += ["-show_format", "-show_streams", "-show_chapters", "-of", "json", f"file:{path}"]
    try:
        said = runner.run(argv, log=log, limits=limits)
    except EncoderRefused as refused:
        raise _reason(str(refused)) from refused
    output = ProbeOutput.model_validate(json.loads(said.stdout))
    if len(output.streams) > most.tracks:
        raise SourceTooLarge(
            f"The file has {len(output.streams)} tracks, more than the {most.tracks} that "
            "CUTROOM_SOURCE_MAX_TRACKS allows."
        )
    source = to_source(output, sha256=sha256, size_bytes=size)
    if not source.video and not source.audio:
        raise SourceUnsupported("The file holds no video and no audio track.")
    packets: list[Packet] = []
    if source.video:
        track = source.video[0]
        reject_too_large(source, most)
        index = read_packets(path, track.index, log=log, limits=limits, most=most)
        packets = index.packets
        source = _looked_at(path, source, index, log=log, limits=limits)
    if source.video and not packets:
        raise SourceCorrupt(
            "The video track holds no data: the file is truncated or damaged. Upload it again."
        )
    if source.video and not any(packet.is_shown for packet in packets):
        raise SourceCorrupt("The picture is damaged: nothing of it can be decoded. Upload the file again.")
    if source.video:
        shown = [packet.pts for packet in packets if packet.is_shown]
        lasts_s = (max(shown) - min(shown)) * source.video[0].time_base
        if lasts_s > most.duration_s:
            raise _too_long(lasts_s, most)
    else:
        reject_too_large(source, most)
    return replace(source, damage=_damage(path, output, source, packets)), packets


def to_source(output: ProbeOutput, *, sha256: str, size_bytes: int) -> Source:
    """The source that ffprobe's words describe. Pure."""
    pictures = [s for s in output.streams if s.codec_type == "video" and s.disposition.get("attached_pic")]
    video = [s for s in output.streams if s.codec_type == "video" and not s.disposition.get("attached_pic")]
    video = [s for s in video if s.width and s.height and s.codec_name != "unknown"]
    audio = [s for s in output.streams if s.codec_type == "audio" and s.channels and s.sample_rate]
    # The track that the author marked, else the largest picture, is the one that is shown.
    video.sort(key=lambda s: (not s.disposition.get("default"), -s.width * s.height, s.index))
    text = [s for s in output.streams if s.codec_type == "subtitle" and s.codec_name in TEXT_CODECS]
    tracks, left_out = carried_tracks([_audio_track(s) for s in audio])
    taken = {s.index for s in (*pictures[:1], *video[:1], *audio, *text)}
    tags = [output.format.tags, *(s.tags for s in audio[:1] if not video)]
    start_times = [s.start_time for s in (*video[:1], *audio) if s.start_time is not None]
    start, duration = min(start_times, default=None), output.format.duration
    if duration is not None and start is not None and output.format.format_name == "matroska,webm":
        # Matroska states where the last block ends on its clock, whenever that began.
        duration -= max(Fraction(0), start)
    return Source(
        sha256=sha256,
        size_bytes=size_bytes,
        container=output.format.format_name,
        start_s=start,
        duration_s=duration,
        video=tuple(_video_track(s) for s in video[:1]),
        audio=tuple(tracks),
        text=tuple(_text_track(s) for s in text),
        cover=_cover(pictures[0]) if pictures else None,
        chapters=tuple(
            Chapter(start_s=one.start_time, end_s=one.end_time, title=one.tags.get("title"))
            for one in output.chapters
        ),
        # Ogg keeps its tags in the track.
        tags=normalised({name: value for each in reversed(tags) for name, value in each.items()}),
        not_carried=(
            *(_told(s) for s in output.streams if s.index not in taken),
            *left_out,
        ),
    )


def _video_track(stream: _Stream) -> VideoTrack:
    rotation, mirrored = _orientation(stream.side_data_list)
    return VideoTrack(
        index=stream.index,
        codec=stream.codec_name,
        width=stream.width,
        height=stream.height,
        time_base=stream.time_base,
        sar=stream.sample_aspect_ratio,
        rotation=rotation,
        mirrored=mirrored,
        pix_fmt=stream.pix_fmt,
        codec_profile=stream.profile,
        has_lost_alpha=stream.codec_name in {"vp8", "vp9"} and stream.tags.get("alpha_mode") == "1",
        field_order=stream.field_order,
        color_range=stream.color_range,
        color_space=stream.color_space,
        color_transfer=stream.color_transfer,
        color_primaries=stream.color_primaries,
        frame_rate=stream.avg_frame_rate or stream.r_frame_rate,
        bit_rate_bps=stream.bit_rate,
        language=language_tag(stream.tags.get("language")),
    )


def _orientation(side_data: tuple[Mapping[str, Any], ...]) -> tuple[int, bool]:
    """Clockwise degrees and mirroring out of a display matrix (ISO/IEC 14496-12, 8.3.2.3).

    ffprobe prints the matrix as three rows of fixed-point numbers after a line number.
    """
    for entry in side_data:
        if entry.get("side_data_type") != "Display Matrix":
            continue
        rows = [
            line.split(":", 1)[1].split() for line in str(entry["displaymatrix"]).splitlines() if ":" in line
        ]
        a, b = int(rows[0][0]), int(rows[0][1])
        c, d = int(rows[1][0]), int(rows[1][1])
        mirrored = a * d - b * c < 0
        if mirrored:
            a, b = -a, -b
        if abs(a) >= abs(b):
            return (0 if a > 0 else 180), mirrored
        return (90 if b > 0 else 270), mirrored
    return 0, False


def _audio_track(stream: _Stream) -> AudioTrack:
    language, label = _named(stream)
    return AudioTrack(
        index=stream.index,
        codec=stream.codec_name,
        channels=stream.channels,
        sample_rate_hz=stream.sample_rate or 0,
        channel_layout=stream.channel_layout,
        language=language,
        label=label,
        role=_sound_role(stream),
        is_default=bool(stream.disposition.get("default")),
        start_s=stream.start_time,
        duration_s=stream.duration,
    )


def _named(stream: _Stream) -> tuple[str | None, str | None]:
    """Language and label; a title goes before the name of the language."""
    language = language_tag(stream.tags.get("language"))
    title = " ".join(stream.tags.get("title", "").split())
    return language, title[:MAX_LABEL] or (None if language is None else language_name(language))


def _sound_role(stream: _Stream) -> SoundRole:
    """By the flags of the container, else by what the title says of it: many files have no flags."""
    title = stream.tags.get("title", "").lower()
    flags = {name for name, is_set in stream.disposition.items() if is_set}
    if flags & {"visual_impaired", "descriptions"} or "audio description" in title or "described" in title:
        return "description"
    if "comment" in flags or "commentary" in title:
        return "commentary"
    return "dub" if "dub" in flags else "main"


def _text_track(stream: _Stream) -> TextTrack:
    language, label = _named(stream)
    title = stream.tags.get("title", "").lower()
    flags = stream.disposition
    return TextTrack(
        index=stream.index,
        codec=stream.codec_name,
        language=language,
        label=label,
        is_default=bool(flags.get("default")),
        is_forced=bool(flags.get("forced")) or "forced" in title,
        is_sdh=bool(flags.get("hearing_impaired") or flags.get("captions")) or "sdh" in title,
        start_s=stream.start_time,
    )


def _told(stream: _Stream) -> str:
    """A track that is not carried, and why where that is not plain."""
    if stream.codec_type == "subtitle":
        return f"track {stream.index}: subtitle {stream.codec_name}, which is pictures or not read as text"
    return f"track {stream.index}: {stream.codec_type} {stream.codec_name}"


def _cover(stream: _Stream) -> CoverArt:
    return CoverArt(index=stream.index, codec=stream.codec_name, width=stream.width, height=stream.height)


@dataclass(frozen=True, slots=True, kw_only=True)
class PacketIndex:
    """What `cutter index` said of a track."""

    packets: list[Packet]
    """In decode order."""
    retimed: bool
    """Whether any of their times had to be made."""
    undecodable: int
    """Packets that show nothing, as what they refer to is missing."""


def read_packets(
    path: Path, track: int, *, log: Path, limits: Limits, most: SourceLimits | None = None
) -> PacketIndex:
    """The packets of a track.

    Raises:
        SourceCorrupt: They can't be read.
        SourceTooLarge: There are more than `most` allows.
    """
    most = most or SourceLimits()
    packets: list[Packet] = []
    retimed = False
    undecodable = 0

    def take(line: str) -> None:
        nonlocal retimed, undecodable
        if line == "retimed":
            retimed = True
        elif line:
            pts, flags = line.split(" ")
            packets.append(Packet(int(pts), "K" in flags, not flags.strip("K")))
            undecodable += "U" in flags
        if len(packets) > most.frames:
            raise SourceTooLarge(
                f"The picture has more than the {most.frames} frames that CUTROOM_SOURCE_MAX_FRAMES allows."
            )

    argv = [sys.executable, "-m", "cutroom.ffmpeg.cutter", "index", str(path), str(track)]
    try:
        runner.run(argv, log=log.with_suffix(".packets.log"), limits=limits, on_line=take)
    except EncoderRefused as refused:
        if "Traceback" in str(refused):
            raise
        raise _reason(str(refused)) from refused
    return PacketIndex(packets=packets, retimed=retimed, undecodable=undecodable)


def _looked_at(path: Path, source: Source, index: PacketIndex, *, log: Path, limits: Limits) -> Source:
    """The source with what its packets and a few of its frames show, and notes on that."""
    track = source.video[0]
    seen = fields.UNSEEN
    if fields.may_have_fields(track):
        of_fields = log.with_suffix(".fields.log")
        seen = fields.look(path, track, duration_s=source.duration_s, log=of_fields, limits=limits)
    track = replace(track, is_retimed=index.retimed, scan=seen.scan, is_telecined=seen.is_telecined)
    notes = (*_notes(index), *scan_notes(track), *colour_notes(track))
    if track.is_hdr:
        notes += read_hdr(path, track, log=log.with_suffix(".hdr.log"), limits=limits)
    return replace(source, video=(track,), notes=notes)


def scan_notes(track: VideoTrack) -> tuple[str, ...]:
    """Where the frames are not what the stream says of them, in words. Pure."""
    notes = []
    if track.scan is not None and track.is_interlaced != replace(track, scan=None).is_interlaced:
        shown = "are two fields each" if track.is_interlaced else "are whole"
        notes.append(f"Its flags say otherwise, but the frames {shown}; they are treated so.")
    if track.is_telecined:
        notes.append(
            "The picture is film with repeated fields (3:2); all its frames are kept and deinterlaced."
        )
    return tuple(notes)


def _notes(index: PacketIndex) -> tuple[str, ...]:
    if not index.undecodable:
        return ()
    return (
        f"{index.undecodable} of {len(index.packets)} frames show nothing: what they refer to is not in the file.",
    )


def _damage(path: Path, output: ProbeOutput, source: Source, packets: Sequence[Packet]) -> tuple[str, ...]:
    """What is missing at the end, in words."""
    missing, size = completeness.missing_bytes(path), source.size_bytes
    if missing:
        percent = 100 * size // (size + missing)
        return (f"The file is truncated: {size} of its {size + missing} bytes ({percent} %) are there.",)
    for stream in output.streams:
        if source.video and stream.index == source.video[0].index:
            return _lost_frames(stream, packets)
    return ()


def _lost_frames(stream: _Stream, packets: Sequence[Packet]) -> tuple[str, ...]:
    """An index that names more frames than there are data for means that the end is missing."""
    if stream.nb_frames is None or stream.duration is None:
        return ()
    last = max(packet.pts for packet in packets) * stream.time_base
    end = (stream.start_time or 0) + stream.duration
    if len(packets) >= stream.nb_frames or end - last <= max(Fraction(1, 2), stream.duration / 100):
        return ()
    percent = 100 * len(packets) // stream.nb_frames
    return (
        f"The file is truncated: its index names {stream.nb_frames} frames, {len(packets)} ({percent} %) are there.",
    )


def reject_too_large(source: Source, most: SourceLimits) -> None:
    """Hold the source against the limits of this installation.

    Raises:
        SourceTooLarge: The message names the limit and its setting.
    """
    for track in source.video:
        if track.width * track.height > most.pixels:
            raise SourceTooLarge(
                f"The picture is {track.width}×{track.height}, larger than the {most.pixels} pixels that "
                "CUTROOM_SOURCE_MAX_PIXELS allows."
            )
    if source.duration_s is not None and source.duration_s > most.duration_s:
        raise _too_long(source.duration_s, most)


def _too_long(lasts_s: Fraction, most: SourceLimits) -> SourceTooLarge:
    return SourceTooLarge(
        f"The file says that it lasts {float(lasts_s):.0f} s, longer than the {most.duration_s} s that "
        "CUTROOM_SOURCE_MAX_DURATION_S allows."
    )


def _reason(said: str) -> SourceCorrupt | SourceUnsupported:
    """What the user reads, from what the tool said."""
    if "moov atom not found" in said:
        return SourceCorrupt(
            "The file is truncated: the index of this MP4 (its moov box) is missing. Upload it again, or save it anew."
        )
    if "not on whitelist" in said:
        return SourceUnsupported(
            "The file is in a format that is not taken; docs/sources.md lists those that are."
        )
    return SourceCorrupt("The file is damaged, or not video or audio: it can't be read. Upload it again.")
