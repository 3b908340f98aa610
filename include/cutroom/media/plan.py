"""The plan of one source under one profile: every decision, made once, before anything is encoded.

Planning is pure: the same source, packets, profile and tools give the same plan, and names in the plan are digests
of what they stand for. Steps carry the plan out and decide nothing.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import Any

from pydantic import TypeAdapter

from cutroom import ids
from cutroom.errors import PlanInvalid, SourceUnsupported
from cutroom.media import ladder, timeline
from cutroom.media.profile import AudioCodec, Profile, Thumbnails, VideoCodec
from cutroom.media.source import AudioTrack, Source, VideoTrack
from cutroom.media.timeline import EncodeChunk, Packet

ENCODE_REVISION = 1
"""Raised when the arguments of an encode change, so that older results are not taken for the same."""

PACKAGE_REVISION = 1
"""Likewise for joining and packaging."""

MAX_MAP_WIDTH = 512
"""Most tasks of one map; Airflow's scheduler slows down far above it (apache/airflow#29959, #45991)."""

TARGET_CHUNK_COST_S = 10
"""Predicted CPU seconds of one encode task in a short source: long against a task's start, short against the run."""

MAX_CHUNK_COST_S = 240
"""Most that a task should cost: what a killed worker loses."""

CHUNKS_WANTED = 48
"""Between the two a source is cut into about this many chunks, so that a few dozen workers share it evenly."""

AAC_SAMPLE_RATES_HZ = frozenset({8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000})
"""Rates that AAC-LC has and that players take; any other is resampled to 48 kHz."""

ENCODE_COST_S_PER_MEGAPIXEL = Fraction(36, 1000) * Fraction(9, 5)
"""CPU seconds for a million pixels of the source: 0.036 s for a million encoded ones at the default preset, measured on
the `web` ladder, whose rungs together have 1.8 times the pixels of the largest. A guide for sizing only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """How a frame's time in the source becomes its time in the output."""

    time_base: Fraction
    """Seconds per source tick."""
    origin_s: Fraction
    """When the presentation starts, on the source's clock."""
    timescale: int
    """Output ticks per second."""
    first_pts: int
    """Source ticks of the first frame."""
    first_ticks: int
    """Output ticks of the first frame."""
    frame_ticks: int | None
    """Output ticks of one frame at a constant rate; None: every frame keeps its own time."""

    def output_ticks(self, pts: int) -> int:
        """Output ticks of the frame with this source time."""
        if self.frame_ticks is None:
            # As ffmpeg does it: to the output's ticks, then to its origin, and halves away from zero. No frame comes
            # before the origin, so that is up.
            ticks = math.floor(pts * self.time_base * self.timescale + Fraction(1, 2))
            return math.floor(ticks - self.origin_s * self.timescale + Fraction(1, 2))
        elapsed = (pts - self.first_pts) * self.time_base * self.timescale
        return self.first_ticks + round(elapsed / self.frame_ticks) * self.frame_ticks


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """What is done to every frame before it is scaled."""

    deinterlace: bool
    tone_map: bool
    rotation: int
    """Clockwise degrees."""
    mirrored: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoRung:
    """One rung of one codec: what an encoder is told."""

    name: str
    codec: str
    preset: str
    width: int
    height: int
    crf: float
    max_bitrate_bps: int
    buffer_bits: int


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoPlan:
    """Everything about the pictures."""

    track: VideoTrack
    timing: Timing
    frame_rate: Fraction | None
    picture: Picture
    shift_s: int
    """Whole seconds added to the times in chunk objects, whose container holds no negative ones."""
    chunks: tuple[EncodeChunk, ...]
    rungs: tuple[VideoRung, ...]

    @property
    def codecs(self) -> tuple[str, ...]:
        """The codecs, each once, in the profile's order."""
        return tuple(dict.fromkeys(rung.codec for rung in self.rungs))

    @property
    def boundaries(self) -> tuple[int, ...]:
        """First frame of each segment, in source ticks."""
        return tuple(boundary for chunk in self.chunks for boundary in chunk.boundaries)


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioRung:
    """One bit rate of one codec for one track."""

    name: str
    codec: str
    bitrate_bps: int
    channels: int
    sample_rate_hz: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioPlan:
    """One track of sound and what is made of it, from one decode."""

    track: AudioTrack
    origin_s: Fraction
    rungs: tuple[AudioRung, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RenditionPlan:
    """One track of the output: which encodes make it, and its name."""

    key: ids.RenditionKey
    name: str
    kind: str
    """`video` or `audio`."""
    rung: str
    track: int
    """Stream index in the source."""
    encode_keys: tuple[str, ...]
    """Keys of the encodes that are joined, in order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Every decision about one source under one profile."""

    plan_id: str
    version_id: ids.VersionId
    source: Source
    profile: str
    profile_digest: str
    segment_s: Fraction
    tools: dict[str, str]
    """Name and version of each tool that shapes the output."""
    video: VideoPlan | None
    audio: tuple[AudioPlan, ...]
    renditions: tuple[RenditionPlan, ...]
    thumbnails: Thumbnails

    def rendition(self, key: str) -> RenditionPlan:
        """The rendition with this key."""
        return next(rendition for rendition in self.renditions if rendition.key == key)

    def dump(self) -> bytes:
        """The plan as JSON."""
        return _adapter(Plan).dump_json(self)

    @classmethod
    def load(cls, data: bytes) -> "Plan":
        """The reverse of `dump`."""
        plan: Plan = _adapter(Plan).validate_json(data)
        return plan


def make_plan(
    source: Source,
    packets: Sequence[Packet],
    profile: Profile,
    *,
    asset_id: str,
    tools: Mapping[str, str],
) -> Plan:
    """Plan what is made of a source.

    Args:
        source: What the probe found.
        packets: Packets of the source's main video track in decode order; empty where it has none.
        profile: The recipe.
        asset_id: Whose version this becomes.
        tools: Versions of the tools; another version may give other bytes, so it counts in every name.

    Raises:
        SourceUnsupported: The profile makes nothing from such a source.
        PlanInvalid: The grid can't be laid.
    """
    tools = dict(tools)
    track = source.video[0] if source.video and profile.video else None
    origin = _origin(source, track, packets)
    video = None if track is None else _plan_video(track, packets, profile, origin)
    audio = tuple(
        _plan_audio(one, codec, origin) for one in _carried_audio(source) for codec in profile.audio
    )
    if video is None and not audio:
        raise SourceUnsupported(_nothing_to_make(source, profile))
    renditions = (
        *(_video_renditions(source, video, profile, tools) if video else ()),
        *(_audio_rendition(source, one, rung, profile, tools) for one in audio for rung in one.rungs),
    )
    named: Any = [asset_id, source.sha256, profile.digest, tools, [rendition.key for rendition in renditions]]
    return Plan(
        plan_id="pl_" + ids.digest(named),
        version_id=ids.VersionId("av_" + ids.digest(named, 16)),
        source=source,
        profile=profile.name,
        profile_digest=profile.digest,
        segment_s=profile.segment_s,
        tools=tools,
        video=video,
        audio=audio,
        renditions=renditions,
        thumbnails=profile.thumbnails,
    )


def chunk_encode_key(
    source: Source, video: VideoPlan, chunk: EncodeChunk, rung: VideoRung, tools: Mapping[str, str]
) -> str:
    """The name of one rung of one encode chunk.

    It is a digest of the source's bytes, the window, what is done to the frames, the rung and the encoder.
    """
    window = [chunk.start_pts, chunk.end_pts, list(chunk.boundaries)]
    what = [window, _json(Timing, video.timing), _json(Picture, video.picture), _json(VideoRung, rung)]
    return _encode_key(source, video.track.index, what, tools)


def audio_encode_key(source: Source, audio: AudioPlan, rung: AudioRung, tools: Mapping[str, str]) -> str:
    """The name of one bit rate of one track of sound."""
    return _encode_key(source, audio.track.index, [str(audio.origin_s), _json(AudioRung, rung)], tools)


def _encode_key(source: Source, track: int, what: Any, tools: Mapping[str, str]) -> str:
    return "en_" + ids.digest([source.sha256, track, what, tools.get("ffmpeg", ""), ENCODE_REVISION])


def _json(kind: Any, value: Any) -> Any:
    return _adapter(kind).dump_python(value, mode="json")


def _origin(source: Source, track: VideoTrack | None, packets: Sequence[Packet]) -> Fraction:
    """When the presentation starts: with the earliest of the tracks that are carried.

    A sound that starts less than a millisecond before the picture is taken to start with it: containers that count
    in milliseconds round the encoder delay.
    """
    sound = [one.start_s for one in _carried_audio(source) if one.start_s is not None]
    if track is None:
        return min(sound, default=Fraction(0))
    shown = timeline.shown_pts(packets)
    if not shown:
        raise PlanInvalid("The video track holds no frame that is shown.")
    picture = shown[0] * track.time_base
    return min([picture, *(start for start in sound if picture - start > Fraction(1, 1000))])


def _plan_video(
    track: VideoTrack, packets: Sequence[Packet], profile: Profile, origin: Fraction
) -> VideoPlan:
    pts = timeline.shown_pts(packets)
    rate = timeline.constant_rate(pts, track.time_base, track.frame_rate)
    timescale = timeline.output_timescale(rate, track.time_base)
    rungs = tuple(rung for codec in profile.video for rung in _video_rungs(codec, track, rate))
    boundaries = timeline.segment_boundaries(pts, track.time_base, origin, profile.segment_s)
    per_chunk = _segments_per_chunk(len(pts), len(boundaries), track.display_size)
    return VideoPlan(
        track=track,
        timing=Timing(
            time_base=track.time_base,
            origin_s=origin,
            timescale=timescale,
            first_pts=pts[0],
            first_ticks=round((pts[0] * track.time_base - origin) * timescale),
            frame_ticks=None if rate is None else int(timescale / rate),
        ),
        frame_rate=rate,
        picture=Picture(
            deinterlace=track.is_interlaced,
            tone_map=track.is_hdr,
            rotation=track.rotation,
            mirrored=track.mirrored,
        ),
        shift_s=max(0, math.ceil(-min(min(packet.dts, packet.pts) for packet in packets) * track.time_base)),
        chunks=timeline.plan_chunks(packets, boundaries, per_chunk),
        rungs=rungs,
    )


def _video_rungs(codec: VideoCodec, track: VideoTrack, rate: Fraction | None) -> list[VideoRung]:
    return [
        VideoRung(
            name=f"{codec.codec}-{min(size.width, size.height)}p",
            codec=codec.codec,
            preset=codec.preset,
            width=size.width,
            height=size.height,
            crf=size.crf,
            max_bitrate_bps=size.max_bitrate_bps,
            buffer_bits=round(size.max_bitrate_bps * codec.buffer_s),
        )
        for size in ladder.plan_ladder(codec, track.display_size, rate)
    ]


def _segments_per_chunk(frames: int, segments: int, display_size: tuple[int, int]) -> int:
    """How many segments make a task of a sensible length, within the width of the map.

    The ladder does not count: with another rung the windows stay, and so do the encodes of all the others.
    """
    width, height = display_size
    cost = Fraction(width * height, 1_000_000) * ENCODE_COST_S_PER_MEGAPIXEL
    total = frames * cost
    target = min(Fraction(MAX_CHUNK_COST_S), max(Fraction(TARGET_CHUNK_COST_S), total / CHUNKS_WANTED))
    wanted = max(1, round(target / (total / segments)))
    return max(wanted, math.ceil(Fraction(segments, MAX_MAP_WIDTH)))


def _carried_audio(source: Source) -> list[AudioTrack]:
    """One track of each language: the one that is marked as default, else the first."""
    chosen: dict[str | None, AudioTrack] = {}
    for track in sorted(source.audio, key=lambda one: not one.is_default):
        chosen.setdefault(track.language, track)
    return sorted(chosen.values(), key=lambda one: one.index)


def _plan_audio(track: AudioTrack, codec: AudioCodec, origin: Fraction) -> AudioPlan:
    channels = min(codec.channels, track.channels)
    rate = track.sample_rate_hz if track.sample_rate_hz in AAC_SAMPLE_RATES_HZ else 48_000
    # Bit rates are meant for stereo; one channel takes half, and an encoder spends no more than 4 bits a sample well.
    bitrates = (
        min(bitrate * channels // 2, 4 * rate * channels) for bitrate in sorted(codec.bitrates, reverse=True)
    )
    return AudioPlan(
        track=track,
        origin_s=origin,
        rungs=tuple(
            AudioRung(
                name=f"{codec.codec}-{bitrate / 1000:g}k-{track.index}",
                codec=codec.codec,
                bitrate_bps=bitrate,
                channels=channels,
                sample_rate_hz=rate,
            )
            for bitrate in dict.fromkeys(bitrates)
        ),
    )


def _video_renditions(
    source: Source, video: VideoPlan, profile: Profile, tools: Mapping[str, str]
) -> list[RenditionPlan]:
    return [
        _rendition(
            kind="video",
            name=rung.name,
            track=video.track.index,
            encode_keys=tuple(chunk_encode_key(source, video, chunk, rung, tools) for chunk in video.chunks),
            profile=profile,
            tools=tools,
        )
        for rung in video.rungs
    ]


def _audio_rendition(
    source: Source, audio: AudioPlan, rung: AudioRung, profile: Profile, tools: Mapping[str, str]
) -> RenditionPlan:
    keys = (audio_encode_key(source, audio, rung, tools),)
    return _rendition(
        kind="audio", name=rung.name, track=audio.track.index, encode_keys=keys, profile=profile, tools=tools
    )


def _rendition(
    *,
    kind: str,
    name: str,
    track: int,
    encode_keys: tuple[str, ...],
    profile: Profile,
    tools: Mapping[str, str],
) -> RenditionPlan:
    packaged: Any = [list(encode_keys), str(profile.segment_s), tools.get("packager", ""), PACKAGE_REVISION]
    return RenditionPlan(
        key=ids.RenditionKey("rn_" + ids.digest(packaged)),
        name=name,
        kind=kind,
        rung=name,
        track=track,
        encode_keys=encode_keys,
    )


def _nothing_to_make(source: Source, profile: Profile) -> str:
    has = " and ".join(kind for kind, there in (("video", source.video), ("audio", source.audio)) if there)
    wants = " and ".join(
        kind for kind, there in (("video", profile.video), ("audio", profile.audio)) if there
    )
    held = f"holds only {has}" if has else "holds no video and no audio track"
    return (
        f"The file {held}, and profile {profile.name} makes {wants}. Choose another profile, or another file."
    )


_adapter = cache(TypeAdapter)
