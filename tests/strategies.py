"""Hypothesis strategies: frame times, tracks in decode order, sources, profiles and facts."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from hypothesis import strategies as st

from cutroom.media import timeline
from cutroom.media.profile import Profile
from cutroom.media.recipes import AudioCodec, Rung, VideoCodec
from cutroom.media.source import AudioTrack, Chapter, CoverArt, Source, TextTrack, VideoTrack
from cutroom.media.timeline import Packet
from cutroom.media.timing import Timing
from cutroom.packaging.facts import ByteRange, RenditionFacts, Segment

RATES = tuple(
    Fraction(rate)
    for rate in ("24000/1001", "24", "25", "30000/1001", "30", "50", "60000/1001", "60", "120", "240")
)

TIME_BASES = (Fraction(1, 90_000), Fraction(1, 1_000), Fraction(1, 12_800), Fraction(1, 600))
"""MPEG-TS, Matroska and FLV, ffmpeg's MP4, QuickTime."""

STARTS = st.sampled_from([0, 1, -1, 7, -3_003, 1_800, 90_000, 2**33, -(2**33)])

rates = st.sampled_from(RATES)
segment_lengths = st.sampled_from(
    [Fraction(1), Fraction(2), Fraction(6), Fraction("3.84"), Fraction("1.001")]
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """Packets of a track, and what each of them refers to."""

    packets: tuple[Packet, ...]
    references: tuple[tuple[int, ...], ...]
    """For each packet the packets, by number in decode order, that decoding it needs at once."""
    time_base: Fraction
    rate: Fraction | None

    def needed(self, number: int) -> set[int]:
        """The packet and everything that decoding it needs, all the way back."""
        needed: set[int] = set()
        ahead = [number]
        while ahead:
            one = ahead.pop()
            if one not in needed:
                needed.add(one)
                ahead += self.references[one]
        return needed


def ticks_of(rate: Fraction, time_base: Fraction, count: int, start: int = 0) -> list[int]:
    """Times of a constant rate as a container rounds them."""
    return [start + round(n / (rate * time_base)) for n in range(count)]


@st.composite
def constant_times(draw: st.DrawFn, max_frames: int = 400) -> tuple[list[int], Fraction, Fraction]:
    """Presentation times of a constant rate, the time base, and the rate."""
    rate = draw(rates)
    time_base = draw(st.sampled_from([*(b for b in TIME_BASES if b * rate * 2 <= 1), 1 / rate]))
    count = draw(st.integers(1, max_frames))
    return ticks_of(rate, time_base, count, draw(STARTS)), time_base, rate


@st.composite
def variable_times(draw: st.DrawFn, max_frames: int = 120) -> tuple[list[int], Fraction, None]:
    """Presentation times with gaps of all sizes, some longer than any segment, and the time base."""
    time_base = draw(st.sampled_from(TIME_BASES))
    one_second = int(1 / time_base)
    gap = st.integers(2, one_second // 10) | st.integers(1, 40 * one_second)
    gaps = draw(st.lists(gap, max_size=max_frames - 1))
    times = [draw(STARTS)]
    for each in gaps:
        times.append(times[-1] + each)
    return times, time_base, None


frame_times = constant_times() | variable_times()


@st.composite
def tracks(draw: st.DrawFn) -> Track:
    """A track as an encoder writes it.

    Small groups of an anchor and the frames before it that refer to both sides (a pyramid or a row), with keyframes
    that close the group before them or, as in an open group, come with leading pictures; or only one keyframe, or
    none at the start, or frames that an edit list hides.
    """
    times, time_base, rate = draw(frame_times)
    shape = draw(st.lists(st.tuples(st.integers(1, 8), st.booleans()), min_size=1, max_size=6))
    few_keyframes = draw(st.sampled_from(["as they come", "the first only", "none"]))
    first_is_keyframe = few_keyframes != "none"
    order: list[int] = []
    references: list[tuple[int, ...]] = []
    keyframes: set[int] = set()

    def put(frame: int, refers_to: Sequence[int]) -> None:
        references.append(tuple(order.index(one) for one in refers_to))
        order.append(frame)

    def between(low: int, high: int, before: int, after: int, pyramid: bool) -> None:
        """Frames low…high-1, which refer to the frames on both sides."""
        if low >= high:
            return
        middle = (low + high) // 2 if pyramid else low
        put(middle, (before, after))
        between(low, middle, before, middle, pyramid)
        between(middle + 1, high, middle if pyramid else before, after, pyramid)

    put(0, ())
    if first_is_keyframe:
        keyframes.add(0)
    anchor, group = 0, 0
    pyramid = draw(st.booleans())
    while anchor < len(times) - 1:
        size, wants_key = shape[group % len(shape)]
        group += 1
        after = min(anchor + size, len(times) - 1)
        is_key = wants_key and few_keyframes == "as they come"
        put(after, () if is_key else (anchor,))
        if is_key:
            keyframes.add(after)
        between(anchor + 1, after, anchor, after, pyramid)
        anchor = after
    hidden = draw(st.sampled_from([0, 0, 0, 1, 3])) if len(times) > 3 else 0
    return Track(
        packets=tuple(
            Packet(
                pts=times[frame],
                is_keyframe=frame in keyframes,
                is_shown=frame >= hidden,
            )
            for frame in order
        ),
        references=tuple(references),
        time_base=time_base,
        rate=rate,
    )


def packets_of(times: Sequence[int], keyframe_every: int = 48) -> list[Packet]:
    """Packets without reordering, a keyframe now and then."""
    return [Packet(pts=t, is_keyframe=n % keyframe_every == 0) for n, t in enumerate(times)]


seconds = st.integers(-10_000_000, 10_000_000_000).map(lambda us: Fraction(us, 1_000_000))
texts = st.text(max_size=12)
languages = st.sampled_from([None, "eng", "deu", "fra", "swe", "mul"])

video_tracks = st.builds(
    VideoTrack,
    index=st.integers(0, 4), codec=st.sampled_from(["h264", "hevc", "vp9"]),
    width=st.integers(1, 8192), height=st.integers(1, 8192), time_base=st.sampled_from(TIME_BASES),
    sar=st.none() | st.sampled_from([Fraction(1), Fraction(64, 45), Fraction(8, 9)]),
    rotation=st.sampled_from([0, 90, 180, 270]), mirrored=st.booleans(), pix_fmt=st.none() | texts,
    field_order=st.sampled_from([None, "progressive", "tt", "bb"]),
    color_transfer=st.sampled_from([None, "bt709", "smpte2084", "arib-std-b67"]),
    frame_rate=st.none() | rates, bit_rate_bps=st.none() | st.integers(0, 10**9), language=languages,
)  # fmt: skip

audio_tracks = st.builds(
    AudioTrack,
    index=st.integers(5, 12), codec=st.sampled_from(["aac", "opus", "mp3"]), channels=st.integers(1, 8),
    sample_rate_hz=st.sampled_from([8_000, 11_025, 16_000, 22_050, 44_100, 48_000, 96_000]),
    language=languages, label=st.none() | texts, role=st.sampled_from(["main", "commentary", "dub"]),
    is_default=st.booleans(),
    start_s=st.none() | seconds, duration_s=st.none() | seconds,
)  # fmt: skip


text_tracks = st.builds(
    TextTrack,
    index=st.integers(13, 20), codec=st.sampled_from(["subrip", "ass"]), language=languages,
    label=st.none() | texts, is_forced=st.booleans(), is_sdh=st.booleans(),
)  # fmt: skip

covers = st.builds(
    CoverArt, index=st.integers(21, 22), codec=st.just("mjpeg"), width=st.just(1400), height=st.just(1400)
)


def sources(
    *, video: st.SearchStrategy[Any] = video_tracks, audio: st.SearchStrategy[Any] = audio_tracks
) -> st.SearchStrategy[Source]:
    """Sources with a video track and up to four of sound, each with an index of its own."""
    return st.builds(
        Source,
        sha256=st.text("0123456789abcdef", min_size=64, max_size=64),
        size_bytes=st.integers(1, 2**45),
        container=st.sampled_from(["mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm", "mpegts"]),
        start_s=st.none() | seconds,
        duration_s=st.none() | seconds,
        video=st.tuples(video),
        audio=st.lists(audio, max_size=4, unique_by=lambda one: one.index).map(tuple),
        cover=st.none() | covers,
        text=st.lists(text_tracks, max_size=2, unique_by=lambda one: one.index).map(tuple),
        chapters=st.lists(st.builds(Chapter, start_s=seconds, end_s=seconds, title=st.none() | texts), max_size=2)
        .map(tuple),
        tags=st.dictionaries(texts, texts, max_size=3),
        not_carried=st.lists(texts, max_size=2).map(tuple),
    )  # fmt: skip


boxes = st.tuples(st.integers(16, 8192), st.integers(16, 8192)).map(lambda box: (max(box), min(box)))
rungs = st.builds(
    Rung,
    box=boxes,
    max_bitrate=st.integers(50_000, 50_000_000),
    crf=st.none() | st.sampled_from([18.0, 21.5, 28.0]),
)
video_codecs = st.builds(
    VideoCodec,
    codec=st.just("h264"),
    crf=st.sampled_from([20.0, 22.5]),
    rungs=st.lists(rungs, min_size=1, max_size=6).map(tuple),
)
audio_codecs = st.builds(
    AudioCodec,
    codec=st.just("aac"),
    bitrates=st.lists(st.sampled_from([48_000, 64_000, 96_000, 128_000, 192_000]), min_size=1, max_size=3, unique=True)
    .map(tuple),
    channels=st.sampled_from([1, 2]),
)  # fmt: skip
profiles = st.builds(
    Profile,
    name=st.just("made-up"),
    description=texts,
    segment_s=segment_lengths,
    video=st.tuples(video_codecs),
    audio=st.lists(audio_codecs, max_size=1).map(tuple),
)


@st.composite
def segment_lists(draw: st.DrawFn, timescale: int) -> tuple[Segment, ...]:
    """Segments that touch, mostly of one length, with a last one that is shorter."""
    start = draw(st.integers(0, 3 * timescale))
    usual = draw(st.integers(max(1, timescale // 2), 10 * timescale))
    lengths = [usual] * draw(st.integers(0, 12)) + draw(
        st.lists(st.integers(1, 10 * timescale), min_size=1, max_size=4)
    )
    segments = []
    for length in lengths:
        segments.append(
            Segment(
                start_ticks=start,
                duration_ticks=length,
                size_bytes=draw(st.integers(1, 10**7)),
                file=f"seg_{len(segments) + 1:05d}.m4s",
            )
        )
        start += length
    return tuple(segments)


timescales = st.sampled_from([12_800, 24_000, 30_000, 44_100, 48_000, 60_000, 90_000])


@st.composite
def rendition_facts(draw: st.DrawFn, kind: str = "video", number: int = 0, track: int = 1) -> RenditionFacts:
    """Facts of one rendition."""
    timescale = draw(timescales)
    segments = draw(segment_lists(timescale))
    average = draw(st.integers(1, 10**7))
    common: dict[str, Any] = {
        "key": f"rn_{kind}{track}{number}",
        "container": "cmaf",
        "rung": "one",
        "track": 0 if kind == "video" else track,
        "timescale": timescale,
        "segments": segments,
        "bandwidth_bps": average + draw(st.integers(0, 10**7)),
        "average_bandwidth_bps": average,
        "size_bytes": sum(one.size_bytes for one in segments),
        "files": {},
        "init": ByteRange(file="init.mp4", offset=0, size_bytes=800),
    }
    if kind == "video":
        return RenditionFacts(
            name=f"h264-{1080 - number}p",
            kind="video",
            codec_string="avc1.640028",
            width=1920 - 2 * number,
            height=1080 - 2 * number,
            frame_rate=draw(rates),
            video_range="SDR",
            **common,
        )
    return RenditionFacts(
        name=f"aac-{128 - number}k-{track}",
        kind="audio",
        codec_string="mp4a.40.2",
        channels=2,
        sample_rate_hz=48_000,
        language=draw(languages),
        **common,
    )


@st.composite
def versions_facts(draw: st.DrawFn) -> list[RenditionFacts]:
    """Facts of all renditions of a version, in the plan's order."""
    video = [draw(rendition_facts("video", n)) for n in range(draw(st.integers(0, 5)))]
    tracks_of_sound = range(1, 1 + draw(st.integers(0 if video else 1, 3)))
    spoken = [draw(languages) for _ in tracks_of_sound]
    audio = [
        replace(
            draw(rendition_facts("audio", n, track)),
            language=language,
            label=f"Track {track}",
            role=draw(st.sampled_from(["main", "commentary", "description", "dub"])),
            is_default=track == 1,
        )
        for track, language in zip(tracks_of_sound, spoken, strict=True)
        for n in range(draw(st.integers(1, 3)))
    ]
    text = [
        replace(
            draw(rendition_facts("audio", 0, track)),
            key=f"rn_text{track}",
            name=f"text-{track}",
            kind="text",
            codec_string="wvtt",
            channels=None,
            sample_rate_hz=None,
            init=None,
            label=f"Subtitles {track}",
            role=draw(st.sampled_from(["subtitle", "caption", "forced"])),
        )
        for track in range(20, 20 + draw(st.integers(0, 2)))
    ]
    return [*video, *audio, *text]


def timing_of(
    times: list[int],
    time_base: Fraction,
    rate: Fraction | None,
    origin_s: Fraction,
    longest_ticks: int | None = None,
) -> Timing:
    """As the planner makes it."""
    found = timeline.constant_rate(times, time_base, rate)
    timescale = timeline.output_timescale(found, time_base)
    return Timing(
        time_base=time_base,
        origin_s=origin_s,
        timescale=timescale,
        first_pts=times[0],
        first_ticks=round((times[0] * time_base - origin_s) * timescale),
        frame_ticks=None if found is None else int(timescale / found),
        longest_ticks=longest_ticks,
    )
