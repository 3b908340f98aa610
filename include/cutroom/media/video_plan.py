"""The plan of the pictures: their times, what is done to them, the rungs, and the encode chunks. Pure."""

import math
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from typing import Literal

from cutroom.media import ladder, timeline
from cutroom.media.codecs import VIDEO, VideoCodecName
from cutroom.media.colour import Colour, colour_of, decodes_to_alpha
from cutroom.media.encode_key import encode_key, plain
from cutroom.media.profile import Profile
from cutroom.media.rates import WINDOW_SEGMENTS
from cutroom.media.recipes import VideoCodec
from cutroom.media.source import Scan, Source, VideoTrack
from cutroom.media.timeline import EncodeChunk, Packet
from cutroom.media.timing import Timing
from cutroom.media.vp9_level import most_frames_in_a_second

MAX_MAP_WIDTH = 512
"""Most tasks of one map; Airflow's scheduler slows down far above it (apache/airflow#29959, #45991)."""

MIN_CHUNK_COST_S = 5
"""Predicted CPU seconds that are worth a task of their own: long against a task's start."""

TARGET_CHUNK_COST_S = 20
"""Those of one encode task in a short source: short against the run."""

FEWEST_CHUNKS = 4
"""A shorter source is cut into about this many chunks, as long as each is worth a task."""

MAX_CHUNK_COST_S = 240
"""Most that a task should cost: what a killed worker loses."""

CHUNKS_WANTED = 48
"""Between the two a source is cut into about this many chunks, so that a few dozen workers share it evenly."""

ENCODE_COST_S_PER_MEGAPIXEL = Fraction(36, 1000) * Fraction(9, 5)
"""CPU seconds for a million pixels of the source: 0.036 s for a million encoded ones at the default preset, measured on
the `web` ladder, whose rungs together have 1.8 times the pixels of the largest. A guide for sizing only."""


ENCODER_RATES = Fraction(1), Fraction(240)
"""Slowest and fastest rate that encoders are told; SVT-AV1 refuses a faster one."""

VideoRange = Literal["SDR", "PQ", "HLG"]
"""As HLS names them (RFC 8216bis, 4.4.6.2)."""


ENCODER_SHARE = Fraction(9, 10)
"""Of `max_bitrate`, what an encoder may use. In a window of T seconds the buffer lets through T at this rate, and what
it held: all of it once, and half of it again at each join, of which a window of one and a half segments has two at
most. With a buffer of a tenth of T that makes 0.9 + 0.1 × (1 + 2 × ½) = 1.1 times `max_bitrate`."""

LOOSE_SHARE = Fraction(8, 10)
"""The same for an encoder that only aims at its rate, with room for what it misses it by (see `rates.overshoot`)."""

CRF_FOR_HALF = 8
"""Steps of the constant quality of VP9 and AV1 that take about half of the bits."""

LEAST_SHARE = Fraction(1, 10)
"""Of `max_bitrate`, the least that an encoder is told; SVT-AV1 refuses a few kbit/s."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """What is done to every frame before it is scaled."""

    deinterlace: bool
    field_order: Scan | None
    """That of all frames, where they were looked at; else each frame's flags say what it is."""
    is_transparent: bool
    """Whether the decoded frames have an alpha channel, and are shown on black."""
    tone_map: bool
    """Whether the source is HDR, which everything that is shown as SDR has to be mapped from."""
    colour: Colour
    rotation: int
    """Clockwise degrees."""
    mirrored: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoRung:
    """One rung of one codec: what an encoder is told."""

    name: str
    codec: VideoCodecName
    preset: str
    width: int
    height: int
    crf: float
    max_bitrate_bps: int
    buffer_bits: int
    encoder_bps: int
    """What the encoder of a chunk is told, so that `max_bitrate_bps` holds across its joins, too."""
    bit_depth: int = 8
    video_range: VideoRange = "SDR"
    """What the rung is shown as: SDR, or the HDR that the source has."""
    frame_step: int = 1
    """Every how many frames of the source it shows one: more than 1 at a constant rate only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoPlan:
    """Everything about the pictures."""

    track: VideoTrack
    timing: Timing
    frame_rate: Fraction | None
    picture: Picture
    shift_s: int
    """Seconds added to the times in chunk objects, whose container holds no negative ones: whole ticks, too."""
    chunks: tuple[EncodeChunk, ...]
    rungs: tuple[VideoRung, ...]
    encoder_rate: Fraction
    """Frames a second as encoders are told, who choose a level by it; x265 and SVT-AV1, who ask for no times, spend
    bits by it. It is the constant rate, or what the busiest second of a variable one shows: told less, they spend more
    on that second than the decoder's buffer lets through."""

    @property
    def codecs(self) -> tuple[str, ...]:
        """The codecs, each once, in the profile's order."""
        return tuple(dict.fromkeys(rung.codec for rung in self.rungs))

    @property
    def mean_rate(self) -> Fraction:
        """Frames a second: the constant rate, or the mean of a variable one."""
        if self.frame_rate is not None:
            return self.frame_rate
        frames = sum(chunk.frames for chunk in self.chunks)
        return Fraction(frames) / (
            (self.chunks[-1].end_pts - self.chunks[0].start_pts) * self.timing.time_base
        )

    def rate_of(self, rung: VideoRung) -> Fraction | None:
        """Frames a second that a rung shows; None where it varies."""
        return None if self.frame_rate is None else self.frame_rate / rung.frame_step

    @property
    def last_lasts(self) -> int | None:
        """Output ticks for which the last frame is shown at a variable rate; None: nothing says so."""
        if self.timing.frame_ticks is not None or not self.track.last_lasts:
            return None
        return max(1, round(self.track.last_lasts * self.timing.time_base * self.timing.timescale))

    def ends_at(self, last_tick: int, rung: VideoRung) -> int:
        """When a rung's last frame, shown at this output tick, ends.

        At a constant rate that is when the source's last frame ends. At a variable rate this is its own time.
        """
        own = self.timing.frame_ticks or 0
        planned = self.timing.output_ticks(self.chunks[-1].end_pts - 1) + own
        return min(last_tick + own * rung.frame_step, max(planned, last_tick + own))

    @property
    def boundaries(self) -> tuple[int, ...]:
        """First frame of each segment, in source ticks."""
        return tuple(boundary for chunk in self.chunks for boundary in chunk.boundaries)


def chunk_encode_key(
    source: Source, video: VideoPlan, chunk: EncodeChunk, rung: VideoRung, tools: Mapping[str, str]
) -> str:
    """The name of one rung of one encode chunk.

    It is a digest of the source's bytes, the window, what is done to the frames, the rung and the encoder.
    """
    window = [chunk.start_pts, chunk.end_pts, list(chunk.boundaries)]
    what = [window, plain(Timing, video.timing), plain(Picture, video.picture), plain(VideoRung, rung)]
    if video.track.cropped:
        what.append(list(video.track.cropped))
    if chunk.hidden:
        what.append([list(one) for one in chunk.hidden])
    return encode_key(source, video.track.index, what, tools)


def plan_video(track: VideoTrack, packets: Sequence[Packet], profile: Profile, origin: Fraction) -> VideoPlan:
    """Lay the grid over a track, and cut it into encode chunks.

    Args:
        track: The track.
        packets: Its packets in decode order.
        profile: The recipe.
        origin: When the presentation starts, in seconds on the source's clock.
    """
    pts = timeline.shown_pts(packets)
    rate = timeline.constant_rate(pts, track.time_base, track.frame_rate)
    timescale = timeline.output_timescale(rate, track.time_base)
    rungs = tuple(rung for codec in profile.video for rung in _video_rungs(codec, track, rate, profile))
    # Segments begin with frames that every rung shows.
    of_all = pts[:: math.lcm(*(rung.frame_step for rung in rungs))]
    boundaries = timeline.segment_boundaries(of_all, track.time_base, origin, profile.segment_s)
    timing = Timing(
        time_base=track.time_base,
        origin_s=origin,
        timescale=timescale,
        first_pts=pts[0],
        first_ticks=round((pts[0] * track.time_base - origin) * timescale),
        frame_ticks=None if rate is None else int(timescale / rate),
        longest_ticks=_longest_ticks(pts, track.time_base, timescale, rungs),
    )
    per_chunk = _segments_per_chunk(len(pts), len(boundaries), track.display_size)
    return VideoPlan(
        track=track,
        timing=timing,
        frame_rate=rate,
        picture=Picture(
            deinterlace=track.is_interlaced,
            field_order=track.scan if track.is_interlaced else None,
            is_transparent=decodes_to_alpha(track),
            tone_map=track.is_hdr,
            colour=colour_of(track),
            rotation=track.rotation,
            mirrored=track.mirrored,
        ),
        shift_s=_shift_s(-min(timeline.decode_times(packets)), track.time_base),
        chunks=tuple(
            replace(chunk, keyframes_asked=timing.keyframes_asked(chunk.boundaries, _within(chunk, pts)))
            for chunk in timeline.plan_chunks(packets, boundaries, per_chunk)
        ),
        rungs=rungs,
        encoder_rate=max(rate or _busiest_rate(pts, track.time_base), timing.slowest_rate),
    )


def _within(chunk: EncodeChunk, pts: Sequence[int]) -> Sequence[int]:
    return pts[bisect_left(pts, chunk.start_pts) : bisect_left(pts, chunk.end_pts)]


def _longest_ticks(
    pts: Sequence[int], time_base: Fraction, timescale: int, rungs: Sequence[VideoRung]
) -> int | None:
    """How long it takes at least to fill the buffer of one of these rungs, where a frame is shown for longer."""
    fills = min(Fraction(rung.buffer_bits, rung.encoder_bps) for rung in rungs)
    longest = max((after - before for before, after in pairwise(pts)), default=0) * time_base
    step = max(rung.frame_step for rung in rungs)
    return max(1, math.floor(fills * timescale)) if longest * step > fills else None


def _busiest_rate(pts: Sequence[int], time_base: Fraction) -> Fraction:
    """How many frames the second shows that shows the most, within what encoders take."""
    most = most_frames_in_a_second(pts, math.ceil(1 / time_base))
    return min(max(Fraction(most), ENCODER_RATES[0]), ENCODER_RATES[1])


def _shift_s(ticks: int, time_base: Fraction) -> int:
    """At least so many ticks in seconds: with ticks of 1001/30000 s (MXF) only each 1001 seconds are whole ticks."""
    return max(0, math.ceil(ticks * time_base / time_base.numerator)) * time_base.numerator


def _video_rungs(
    codec: VideoCodec, track: VideoTrack, rate: Fraction | None, profile: Profile
) -> list[VideoRung]:
    return [
        VideoRung(
            name=f"{codec.codec}-{min(size.width, size.height)}p",
            codec=codec.codec,
            preset=codec.speed,
            width=size.width,
            height=size.height,
            crf=size.crf,
            max_bitrate_bps=size.max_bitrate_bps,
            encoder_bps=round(
                size.max_bitrate_bps * (ENCODER_SHARE if VIDEO[codec.codec].holds_rate else LOOSE_SHARE)
            ),
            buffer_bits=round(size.max_bitrate_bps * min(Fraction(codec.buffer_s), _most_buffer_s(profile))),
            bit_depth=codec.bit_depth,
            frame_step=size.frame_step,
            video_range=_HDR.get(track.color_transfer or "", "SDR") if codec.hdr == "keep" else "SDR",
        )
        for size in ladder.plan_ladder(codec, track.display_size, rate, profile.closest_rungs)
    ]


def tightened(rung: VideoRung, overshoot: Fraction) -> VideoRung:
    """What the encoder of a rung is told after it made so many times more than it may; at most half at a time."""
    factor = max(1 / overshoot, Fraction(1, 2))
    steps = math.ceil(CRF_FOR_HALF * math.log2(1 / factor))
    return replace(
        rung,
        crf=min(VIDEO[rung.codec].max_crf, rung.crf + steps),
        encoder_bps=round(max(rung.encoder_bps * factor, rung.max_bitrate_bps * LEAST_SHARE)),
    )


def _most_buffer_s(profile: Profile) -> Fraction:
    """See ENCODER_SHARE."""
    return profile.segment_s * WINDOW_SEGMENTS / 10


_HDR: dict[str, VideoRange] = {"smpte2084": "PQ", "arib-std-b67": "HLG"}


def _segments_per_chunk(frames: int, segments: int, display_size: tuple[int, int]) -> int:
    """How many segments make a task of a sensible length, within the width of the map.

    The ladder does not count: with another rung the windows stay, and so do the encodes of all the others.
    """
    width, height = display_size
    cost = Fraction(width * height, 1_000_000) * ENCODE_COST_S_PER_MEGAPIXEL
    total = frames * cost
    short = min(Fraction(TARGET_CHUNK_COST_S), max(Fraction(MIN_CHUNK_COST_S), total / FEWEST_CHUNKS))
    target = min(Fraction(MAX_CHUNK_COST_S), max(short, total / CHUNKS_WANTED))
    wanted = max(1, round(target / (total / segments)))
    # A chunk may turn out half as long as asked for (see timeline.chunk_firsts).
    return max(wanted, math.ceil(Fraction(2 * segments, MAX_MAP_WIDTH)))
