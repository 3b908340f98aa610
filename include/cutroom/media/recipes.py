"""The parts of a profile: what is made of the pictures, of the sound, for downloads, and how it is locked."""

from fractions import Fraction
from math import isfinite
from typing import Annotated, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from cutroom.media import codecs
from cutroom.media.codecs import AudioCodecName, DownloadContainer, VideoCodecName

_MULTIPLES = {"k": 1_000, "M": 1_000_000}


def _bits_per_second(value: object) -> object:
    """`5M`, `800k` or a plain number, in bits per second."""
    if isinstance(value, str) and value[-1:] in _MULTIPLES and value[:-1].replace(".", "", 1).isdecimal():
        return int(Fraction(value[:-1]) * _MULTIPLES[value[-1]])
    if not isinstance(value, int):
        # pydantic makes a message of a ValueError only.
        raise ValueError("a bit rate is a whole number of bits per second, or like 800k or 3.5M")  # noqa: TRY004
    return value


def _box(value: object) -> object:
    """`1920x1080` as a pair of pixels."""
    if isinstance(value, str):
        value = tuple(int(side) if side.isdecimal() else 0 for side in value.split("x"))
    if not isinstance(value, tuple | list) or len(value) != 2 or 0 in value:
        raise ValueError("a box is its width and height in pixels, like 1920x1080")
    return value


def _as_written(value: object) -> object:
    """A decimal number as it is written: 2.2 as a binary fraction is more, and would move a grid by a frame."""
    return Fraction(str(value)) if isinstance(value, float) and isfinite(value) else value


Exact = Annotated[Fraction, BeforeValidator(_as_written)]
BitRate = Annotated[int, BeforeValidator(_bits_per_second), Field(gt=0)]
Side = Annotated[int, Field(ge=16)]
Box = Annotated[tuple[Side, Side], BeforeValidator(_box)]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,40}$")]


class Part(BaseModel):
    """Unknown keys are mistakes."""

    model_config = ConfigDict(frozen=True, extra="forbid")


CLOSEST_RUNGS = Fraction(9, 10)
"""Of the sides of two rungs, where the profile does not say it."""


class Rung(Part):
    """One size of the ladder."""

    box: Box
    """Largest picture in pixels, landscape; a portrait source turns it."""
    max_bitrate: Annotated[BitRate, Field(ge=10_000, le=300_000_000)]
    """What the decoder buffer is filled with at most, for up to 30 frames a second."""
    max_fps: Annotated[Exact, Field(ge=1, le=240)] | None = None
    """A constant rate above it is thinned evenly: every second frame is kept, or every third; absent: all are."""
    crf: float | None = None
    """Constant quality of this rung; absent: that of the codec."""


class VideoCodec(Part):
    """One codec with its ladder."""

    codec: VideoCodecName
    preset: str = ""
    """The encoder's own speed knob; empty: what suits the codec."""
    crf: float | None = None
    """Constant quality; absent: what suits the codec."""
    bit_depth: Literal[8, 10] = 8
    hdr: Literal["tone_map", "keep"] = "tone_map"
    """What becomes of an HDR source: mapped to SDR, or kept with its signalling, which takes 10 bits."""
    buffer_s: Annotated[float, Field(gt=0)] = 1.5
    """Size of the decoder buffer, in seconds at `max_bitrate`."""
    rungs: Annotated[tuple[Rung, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _suits_the_codec(self) -> Self:
        facts = codecs.VIDEO[self.codec]
        if self.bit_depth not in facts.bit_depths:
            allowed = " or ".join(map(str, facts.bit_depths))
            raise ValueError(
                f"`bit_depth` {self.bit_depth} is not made with {self.codec}; allowed: {allowed}"
            )
        if self.preset and self.preset not in facts.presets:
            raise ValueError(
                f"`preset` {self.preset!r} is none of {self.codec}'s; allowed: {', '.join(facts.presets)}"
            )
        if self.hdr == "keep" and self.bit_depth < 10:
            raise ValueError("`hdr: keep` needs `bit_depth: 10`")
        of_rungs = ((f"rungs.{n}.crf", rung.crf) for n, rung in enumerate(self.rungs))
        for key, crf in (("crf", self.crf), *of_rungs):
            if crf is not None and not facts.min_crf <= crf <= facts.max_crf:
                raise ValueError(
                    f"`{key}` {crf:g} is not made with {self.codec}; allowed: {facts.min_crf} to {facts.max_crf}"
                )
        return self

    @property
    def speed(self) -> str:
        """The preset that the encoder is given."""
        return self.preset or codecs.VIDEO[self.codec].preset

    @property
    def quality(self) -> float:
        """The constant quality of rungs that do not name their own."""
        return codecs.VIDEO[self.codec].crf if self.crf is None else self.crf


class AudioCodec(Part):
    """One codec with its bit rates."""

    codec: AudioCodecName
    bitrates: tuple[Annotated[BitRate, Field(ge=8_000, le=1_536_000)], ...] = ()
    """For stereo, highest first in the manifests; a lossless codec has none."""
    channels: Literal[1, 2, 6] = 2
    """Most channels; a source with fewer keeps its own. 6 is 5.1."""
    loudness_lufs: Annotated[float, Field(ge=-40, le=-5)] | None = None
    """Integrated loudness that the sound is brought to; absent: it is measured and not changed."""

    @model_validator(mode="after")
    def _suits_the_codec(self) -> Self:
        facts = codecs.AUDIO[self.codec]
        if facts.is_lossless and self.bitrates:
            raise ValueError(f"{self.codec} is lossless: leave `bitrates` out")
        if not facts.is_lossless and not self.bitrates:
            raise ValueError(f"{self.codec} needs `bitrates`, like [128k, 64k]")
        if self.channels > facts.max_channels:
            raise ValueError(
                f"`channels` {self.channels} is more than {self.codec} has; allowed: up to {facts.max_channels}"
            )
        return self


class Download(Part):
    """One file to take away, made of the same encodes as the segments."""

    name: Name
    container: DownloadContainer
    video: VideoCodecName | None = None
    """Which codec's pictures; absent: none."""
    height: Annotated[int, Field(gt=0)] | None = None
    """The largest rung whose shorter side is at most so many pixels; absent: the largest."""
    audio: AudioCodecName | None = None
    """Which codec's sound, at its highest bit rate and most channels; absent: none."""

    @model_validator(mode="after")
    def _fits_the_container(self) -> Self:
        allowed = codecs.DOWNLOADED[self.container]
        for codec in (self.video, self.audio):
            if codec is not None and codec not in allowed:
                raise ValueError(
                    f"`container` {self.container} does not hold {codec}; it holds {', '.join(sorted(allowed))}"
                )
        if self.video is None and self.audio is None:
            raise ValueError("a download needs `video` or `audio`")
        return self


class Encryption(Part):
    """How the segments are locked. Keys are never written here: they have names, and settings know them."""

    scheme: Literal["cenc", "cbcs", "aes-128"]
    """AES-128 for MPEG-TS; Common Encryption with AES-CTR or with patterns of AES-CBC for CMAF."""
    key: Name = "default"
    """Name of the content key."""
    key_uri: Annotated[str, Field(pattern=r"^[a-z]+:[^\"\s]+$")]
    """Where players ask for the key; `{key_id}` in it is replaced."""


class Thumbnails(Part):
    """Stills: a poster, and a sprite sheet for the seek bar."""

    sprite_width: Annotated[int, Field(ge=16, le=640)] = 192
    columns: Annotated[int, Field(ge=1, le=20)] = 10
    rows: Annotated[int, Field(ge=1, le=20)] = 10
    min_interval_s: Annotated[int, Field(ge=1)] = 2
