"""A source as the probe found it: what is known is stated, what is not known is None."""

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal

from cutroom.media.edits import Edit

SoundRole = Literal["main", "commentary", "description", "dub"]
"""What a track of sound is for; `description` speaks what is to be seen."""

SoundClock = Literal["loose", "rough", "exact", "counted", "none"]
"""What times of sound are worth: they waver by up to 50 ms (recorders that note when they got it), step to and fro by
some milliseconds where nothing is wrong (Vorbis), are those of the samples, are counted from the samples as the
container holds none, or say nothing."""

Scan = Literal["tff", "bff", "progressive"]
"""Frames of two fields, the top or the bottom one first, or whole frames."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoTrack:
    """A track of moving pictures."""

    index: int
    """Stream index in the container."""
    codec: str
    width: int
    """Coded width in pixels, before rotation and before the pixels are made square."""
    height: int
    time_base: Fraction
    """Seconds per tick of `pts`."""
    sar: Fraction | None = None
    """Sample aspect ratio; None: not signalled, which players take for square."""
    rotation: int = 0
    """Clockwise degrees by which a player turns the picture: 0, 90, 180 or 270."""
    mirrored: bool = False
    """Whether the picture is flipped left to right before it is turned."""
    cropped: tuple[int, int, int, int] | None = None
    """Pixels that the container takes off the coded picture: left, top, right, bottom; None: nothing."""
    pix_fmt: str | None = None
    codec_profile: str | None = None
    field_order: str | None = None
    """What the stream says."""
    scan: Scan | None = None
    """What a sample of the frames shows; None: nothing clear, or nobody looked."""
    is_telecined: bool = False
    """Whether the sample shows film whose fields are repeated, 3:2."""
    has_lost_alpha: bool = False
    """Whether the track says how transparent the picture is, in a way that is not decoded (see `ffmpeg.alpha`)."""
    color_range: str | None = None
    color_space: str | None = None
    color_transfer: str | None = None
    color_primaries: str | None = None
    frame_rate: Fraction | None = None
    """What the container says; the timeline decides what is true."""
    bit_rate_bps: int | None = None
    language: str | None = None
    is_retimed: bool = False
    """Whether frames' times are made by counting: the container has none, or has one twice."""
    last_lasts: int = 0
    """Ticks for which the container shows the last frame; 0: it does not say."""

    @property
    def is_hdr(self) -> bool:
        """Whether the transfer is PQ or HLG, which an SDR rung must be mapped from."""
        return self.color_transfer in {"smpte2084", "arib-std-b67"}

    @property
    def is_interlaced(self) -> bool:
        """Whether its frames are two fields: as a sample shows, else as the stream says."""
        if self.scan is not None:
            return self.scan != "progressive"
        return self.field_order in {"tt", "bb", "tb", "bt"}

    @property
    def display_size(self) -> tuple[int, int]:
        """Width and height as shown: square pixels, turned."""
        left, top, right, bottom = self.cropped or (0, 0, 0, 0)
        width, height = Fraction(self.width - left - right), Fraction(self.height - top - bottom)
        if self.sar is not None and self.sar > 1:
            width *= self.sar
        elif self.sar is not None and 0 < self.sar < 1:
            height /= self.sar
        if self.rotation in {90, 270}:
            width, height = height, width
        return max(1, round(width)), max(1, round(height))


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioTrack:
    """A track of sound."""

    index: int
    codec: str
    channels: int
    sample_rate_hz: int
    channel_layout: str | None = None
    language: str | None = None
    """RFC 5646."""
    label: str | None = None
    """What a player lists it as: its title, else the language's own name."""
    role: SoundRole = "main"
    is_default: bool = False
    start_s: Fraction | None = None
    duration_s: Fraction | None = None
    clock: SoundClock = "loose"
    ends_s: Fraction | None = None
    """When it ends inside its last packet, as its container says and its decoder does not; None: they agree."""
    edits: tuple[Edit, ...] = ()
    """What an edit list of several stretches plays of it; empty: it is heard as it lies, or one stretch of it is."""
    taken_as: str | None = None
    """The layout that its channels are taken for, in their order; None: that of the container."""
    joined: tuple[int, ...] = ()
    """Stream indices of the single channels that make this track, in the order of the layout; empty: `index` alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TextTrack:
    """A track of subtitles: in the container, in its pictures, or a file beside it."""

    index: int
    """Stream index in the container; parts of another track and files beside it have the next free numbers."""
    codec: str
    """ffmpeg's name of the format: `subrip`, `ass`, `mov_text`, `webvtt` …"""
    language: str | None = None
    """RFC 5646."""
    label: str | None = None
    is_default: bool = False
    is_forced: bool = False
    """Only what is foreign in the film: shown also to those who asked for no subtitles."""
    is_sdh: bool = False
    """Tells sounds too, for those who can't hear them."""
    start_s: Fraction | None = None
    sidecar: str | None = None
    """Digest of the file beside the source; None: the track lies in the container."""
    part: str | None = None
    """Which part of another track it is: `CC1` … `CC4` of closed captions, `888` of teletext; None: it is none."""
    part_of: int | None = None
    """Stream index of that track."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CoverArt:
    """A picture that goes with the sound; never a track of pictures."""

    index: int
    """Stream index in the container."""
    codec: str
    width: int
    height: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Chapter:
    """A named stretch of the presentation, in seconds on the clock of its source."""

    start_s: Fraction
    end_s: Fraction
    title: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Everything that the probe found in one file."""

    sha256: str
    size_bytes: int
    container: str
    """ffmpeg's name of the demuxer, such as `mov,mp4,m4a,3gp,3g2,mj2`."""
    start_s: Fraction | None
    """Smallest start time of the tracks, in seconds."""
    duration_s: Fraction | None
    """What the container says; None where it does not."""
    video: tuple[VideoTrack, ...] = ()
    audio: tuple[AudioTrack, ...] = ()
    text: tuple[TextTrack, ...] = ()
    cover: CoverArt | None = None
    chapters: tuple[Chapter, ...] = ()
    tags: dict[str, str] = field(default_factory=dict)
    """By the names of `cutroom.media.tags`."""
    not_carried: tuple[str, ...] = ()
    """Tracks that no output carries, in words."""
    jumps_s: tuple[Fraction, ...] = ()
    """Where its clock jumps, in seconds on the clock that it has once it does not: all times here are of that one."""
    damage: tuple[str, ...] = ()
    """What is missing of the file, in words; a profile says whether the rest is published."""
    notes: tuple[str, ...] = ()
    """What else its owner may want to know, in words."""
