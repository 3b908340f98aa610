"""Asks ffprobe, and has what it prints of a file as values: what it does not know is None."""

import json
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any, BinaryIO

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from cutroom.ffmpeg import ranged, runner
from cutroom.ffmpeg.containers import DEMUXERS
from cutroom.media.languages import language_tag
from cutroom.media.limits import Limits


def ask(source: Path | BinaryIO, *arguments: str, log: Path, limits: Limits) -> tuple[Any, str]:
    """What ffprobe prints of a source as JSON, and the end of its log.

    Args:
        source: A local file, or one that is read piece by piece: only what ffprobe asks for, and somewhat more.
        arguments: What it has to show.
        log: Where its log is kept.
        limits: What it may take.

    Raises:
        EncoderRefused: The file can't be read as media.
        ReadAllOver: It has to be a local file for that.
        CutroomError: What the reading of the source raised.
    """
    argv = ["ffprobe", "-v", "error", "-format_whitelist", DEMUXERS, *arguments, "-of", "json"]
    if isinstance(source, Path):
        # By a name without an ending, which would outweigh weak signs of what the file really is.
        nameless = log.with_suffix(".source")
        nameless.unlink(missing_ok=True)
        nameless.symlink_to(source.resolve())
        said = runner.run([*argv, "-protocol_whitelist", "file", f"file:{nameless}"], log=log, limits=limits)
    else:
        with ranged.ranged(source) as one:
            said = runner.run([*argv, *ranged.OPTIONS, one.url], log=log, limits=limits, door=one.door)
            one.hold_read(said.stderr)
    return json.loads(said.stdout), said.stderr


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


def _hexadecimal(value: object) -> object:
    return int(value, 16) if isinstance(value, str) else value


Known = Annotated[str | None, BeforeValidator(_unknown_is_none)]
Seconds = Annotated[Fraction | None, BeforeValidator(_unknown_is_none)]


class _Out(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, arbitrary_types_allowed=True)


class Stream(_Out):
    """A track."""

    index: int
    codec_type: str = "unknown"
    codec_name: str = "unknown"
    codec_tag: Annotated[int, BeforeValidator(_hexadecimal)] = 0
    """What the container calls it: in MPEG-TS the type of the stream."""
    codec_tag_string: str = ""
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


class Format(_Out):
    """The container."""

    format_name: str
    start_time: Seconds = None
    duration: Seconds = None
    tags: Mapping[str, str] = Field(default_factory=dict)


class Chapter(_Out):
    """A named stretch, in seconds on the file's clock."""

    start_time: Fraction
    end_time: Fraction
    tags: Mapping[str, str] = Field(default_factory=dict)


class ProbeOutput(_Out):
    """What ffprobe prints as JSON."""

    format: Format
    streams: tuple[Stream, ...] = ()
    chapters: tuple[Chapter, ...] = ()

    def with_languages(self, languages: Mapping[int, str]) -> "ProbeOutput":
        """The same with languages that are told in full, by stream index."""
        told = tuple(
            one.model_copy(update={"tags": {**one.tags, "language": languages[one.index]}})
            if language_tag(languages.get(one.index)) is not None
            else one
            for one in self.streams
        )
        return self.model_copy(update={"streams": told})
