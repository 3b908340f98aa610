"""What is known of a packaged rendition: measured, or read from its own bytes, never assumed."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from pydantic import TypeAdapter

from cutroom.media.joins import Join
from cutroom.media.likeness import Likeness
from cutroom.media.loudness import Loudness
from cutroom.media.rates import Rates
from cutroom.packaging import webvtt


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """One media segment."""

    start_ticks: int
    duration_ticks: int
    size_bytes: int
    file: str = ""
    offset: int = 0
    """First byte in the file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ByteRange:
    """Bytes of a file of the rendition."""

    file: str
    offset: int
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TrickPlay:
    """The keyframes of a track as segments of their own, one for each segment of the track."""

    files: dict[str, str]
    """SHA-256 of each file."""
    sizes_bytes: tuple[int, ...]
    """Of the segments, in order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LockFacts:
    """How the segments are encrypted; the key itself is nowhere."""

    scheme: str
    key_id: str
    key_uri: str
    ivs: tuple[str, ...]
    """Hexadecimal: one for all segments, or one for each (AES-128)."""
    key_name: str = "default"
    """What the settings, or the key service, know the key by."""
    pssh: str | None = None
    """The `pssh` box that tells a browser's content decryption module the key's id, in base 64."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RenditionFacts:
    """A rendition as it is, for manifests, for records and for verification."""

    key: str
    name: str
    kind: str
    container: str
    rung: str
    """The rung that it was made of; for a download that of its first track."""
    track: int
    """Stream index in the source; for a download that of its first track."""
    heard_track: int | None = None
    """Stream index in the source of the sound of a download; None: it has none."""
    codec_string: str
    """RFC 6381, from the bitstream."""
    timescale: int
    segments: tuple[Segment, ...]
    bandwidth_bps: int
    """Largest bit rate of any set of segments that the RFC names; see `bandwidths`."""
    average_bandwidth_bps: int
    size_bytes: int
    lead_ticks: int = 0
    """What an encoder put before the sound: in the first segment, but not on the presentation's timeline."""
    target_s: int = 1
    """The target duration of the version that it was made for; see `target_duration_s`."""
    files: dict[str, str]
    """SHA-256 of each file of the rendition."""
    init: ByteRange | None = None
    """The initialization segment; None: the container has none."""
    index: ByteRange | None = None
    """Where a single file says which segment is where (`sidx`); None: each segment is a file."""
    iframes: tuple[ByteRange, ...] = ()
    """The keyframe that each segment begins with, and what is needed around it to decode it alone."""
    trick_play: TrickPlay | None = None
    lock: LockFacts | None = None
    width: int | None = None
    height: int | None = None
    frame_rate: Fraction | None = None
    frame_step: int = 1
    """Every how many frames of the source a picture shows one."""
    video_range: str | None = None
    channels: int | None = None
    sample_rate_hz: int | None = None
    language: str | None = None
    label: str | None = None
    """What players list the track as."""
    role: str | None = None
    """What a track of sound is for: see `cutroom.media.source`."""
    is_default: bool = False
    decoded_frames: int | None = None
    """Frames that the packaged track decodes to."""
    decoded_ticks_digest: str | None = None
    """Digest of their presentation times."""
    first_tick: int | None = None
    decoded_samples: int | None = None
    """Samples of each channel that the packaged track decodes to, priming and padding taken off."""
    largest_gap_ticks: int | None = None
    """How far any frame of the packaged sound is from where the one before it ends, at most."""
    cues: int | None = None
    """Cues that the packaged segments hold, each once."""
    source_cues: int | None = None
    """Cues of the source that are shown in the presentation."""
    loudness: Loudness | None = None
    """What the meter of EBU R 128 shows of the packaged track."""
    likeness: Likeness | None = None
    """How it compares with the sound that its encoder was given; None: silence."""
    keyframe_ticks: tuple[int, ...] = ()
    bitstream_codec: str | None = None
    """RFC 6381, read from the initialization segment without the packager; None where there is none to read."""
    rates: Rates | None = None
    """Bit rate and decoder buffer frame by frame, of a picture."""
    wait_s: Fraction | None = None
    """How long a player that receives `bandwidth_bps` waits before it begins; None: it was not measured."""
    joins: tuple[Join, ...] = ()
    """Joins between encode chunks whose quality was measured."""

    @property
    def duration_s(self) -> Fraction:
        """From the start of the first segment to the end of the last."""
        return Fraction(sum(segment.duration_ticks for segment in self.segments), self.timescale)

    @property
    def end_s(self) -> Fraction:
        """When the last segment ends, on the presentation's timeline."""
        last = self.segments[-1]
        return Fraction(last.start_ticks + last.duration_ticks, self.timescale)

    @property
    def stated_s(self) -> list[Fraction]:
        """Duration of each segment as playlists state it; see `stated_durations`."""
        return stated_durations(self.segments, self.timescale, lead_ticks=self.lead_ticks)

    @property
    def target_duration_s(self) -> int:
        """What playlists state as the target duration: that of the version, where its own segments allow it."""
        return max(self.target_s, target_duration(self.stated_s))

    @property
    def has_pictures(self) -> bool:
        """Whether it shows the film, or the film and its sound."""
        return self.kind == "video" or self.decoded_frames is not None

    @property
    def is_empty(self) -> bool:
        """Whether it is subtitles that show nothing: players would list them for nothing."""
        return self.kind == "text" and self.source_cues == 0

    @property
    def single_file(self) -> str | None:
        """The one file that DASH players read all of it from; None: each segment is a file."""
        if self.kind == "text":
            return webvtt.WHOLE
        return self.index.file if self.index else None

    def dump(self) -> bytes:
        """The facts as JSON."""
        return _ADAPTER.dump_json(self, exclude_none=True)

    @classmethod
    def load(cls, data: bytes) -> "RenditionFacts":
        """The reverse of `dump`."""
        return _ADAPTER.validate_json(data)


_ADAPTER = TypeAdapter(RenditionFacts)


def stated_durations(segments: Sequence[Segment], timescale: int, *, lead_ticks: int = 0) -> list[Fraction]:
    """Duration of each segment in whole microseconds, as it is printed: a target duration holds for what players read.

    The first includes what the edit list leaves out. Shaka Player puts a segment where the durations before it add up
    to, by the time that its fragment states, and that knows nothing of the edit list. It also includes the time before
    the first frame, where that is shown late: players look for a time by what these durations add up to.
    """
    ticks = [segment.duration_ticks for segment in segments]
    ticks[0] += lead_ticks + max(0, segments[0].start_ticks)
    return [Fraction(round(Fraction(one * 1_000_000, timescale)), 1_000_000) for one in ticks]


def target_duration(durations_s: Sequence[Fraction]) -> int:
    """Seconds of which no duration, rounded to the nearest integer, has more (RFC 8216bis, 4.4.3.1)."""
    return max(1, *(math.floor(duration + Fraction(1, 2)) for duration in durations_s))


def bandwidths(sizes_bytes: Sequence[int], durations_s: Sequence[Fraction], target_s: int) -> tuple[int, int]:
    """Peak and average bit rate in bits per second.

    RFC 8216bis, 4.1: the peak is the largest of any contiguous set of segments that lasts 0.5 to 1.5 times the target
    duration; a last segment that is shorter counts together with the one before it.

    Args:
        sizes_bytes: Of the segments.
        durations_s: How long each is stated to last.
        target_s: The target duration that is stated.
    """
    segments = list(zip(sizes_bytes, durations_s, strict=True))
    peak = Fraction(0)
    for first in range(len(segments)):
        size, lasts_s = 0, Fraction(0)
        for size_bytes, duration_s in segments[first:]:
            size += size_bytes
            lasts_s += duration_s
            if 2 * lasts_s > 3 * target_s:
                break
            if 2 * lasts_s >= target_s:
                peak = max(peak, size * 8 / lasts_s)
    total = sum(sizes_bytes) * 8 / sum(durations_s)
    return max(1, round(max(peak, total))), max(1, round(total))
