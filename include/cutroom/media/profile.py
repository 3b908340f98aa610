"""Profiles: the declarative recipe of what is made from a source, read from YAML and checked at once."""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from cutroom import ids
from cutroom.errors import ProfileInvalid

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


BitRate = Annotated[int, BeforeValidator(_bits_per_second), Field(gt=0)]
Box = Annotated[tuple[Annotated[int, Field(gt=0)], Annotated[int, Field(gt=0)]], BeforeValidator(_box)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Rung(_Part):
    """One size of the ladder."""

    box: Box
    """Largest picture in pixels, landscape; a portrait source turns it."""
    max_bitrate: BitRate
    """What the decoder buffer is filled with at most, for up to 30 frames a second."""
    crf: Annotated[float, Field(ge=0, le=63)] | None = None
    """Constant quality of this rung; absent: that of the codec."""


class VideoCodec(_Part):
    """One codec with its ladder."""

    codec: Literal["h264"]
    preset: str = "medium"
    """The encoder's own speed knob."""
    crf: Annotated[float, Field(ge=0, le=63)] = 21
    buffer_s: Annotated[float, Field(gt=0)] = 1.5
    """Size of the decoder buffer, in seconds at `max_bitrate`."""
    rungs: Annotated[tuple[Rung, ...], Field(min_length=1)]


class AudioCodec(_Part):
    """One codec with its bit rates."""

    codec: Literal["aac"]
    bitrates: Annotated[tuple[BitRate, ...], Field(min_length=1)]
    channels: Literal[1, 2] = 2
    """Most channels; a source with fewer keeps its own."""


class Thumbnails(_Part):
    """Stills: a poster, and a sprite sheet for the seek bar."""

    sprite_width: Annotated[int, Field(ge=16, le=640)] = 192
    columns: Annotated[int, Field(ge=1, le=20)] = 10
    rows: Annotated[int, Field(ge=1, le=20)] = 10
    min_interval_s: Annotated[int, Field(ge=1)] = 2


class Profile(_Part):
    """What is made from a source."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,40}$")]
    description: str
    segment_s: Annotated[Fraction, Field(ge=1, le=30)] = Fraction(6)
    """Segment length S of the grid, in seconds."""
    video: tuple[VideoCodec, ...] = ()
    audio: tuple[AudioCodec, ...] = ()
    thumbnails: Thumbnails = Thumbnails()

    @model_validator(mode="after")
    def _makes_something(self) -> "Profile":
        if not self.video and not self.audio:
            raise ValueError("a profile needs `video` or `audio`")
        for name, parts in (("video", self.video), ("audio", self.audio)):
            codecs = [part.codec for part in parts]
            if len(set(codecs)) < len(codecs):
                raise ValueError(f"`{name}` names {' and '.join(codecs)}; each codec is allowed once")
        return self

    @property
    def digest(self) -> str:
        """What the profile asks for as a short name; its description does not count."""
        value: dict[str, Any] = self.model_dump(mode="json", exclude={"description"})
        return ids.digest(value, 12)


def parse_profile(text: str, where: str) -> Profile:
    """A profile from its YAML.

    Args:
        text: The YAML.
        where: What the messages call it.

    Raises:
        ProfileInvalid: It names each key that is wrong, what was given, and what is allowed.
    """
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ProfileInvalid(f"{where} is not YAML: {error}") from error
    if not isinstance(value, dict):
        raise ProfileInvalid(f"{where} is not a mapping of keys; see docs/profiles.md.")
    try:
        return Profile.model_validate(value)
    except ValidationError as error:
        raise ProfileInvalid(f"{where}: {'; '.join(_told(error.errors()))}") from error


def _told(errors: Sequence[Any]) -> Iterator[str]:
    around = {error["loc"][:depth] for error in errors for depth in range(len(error["loc"]))}
    for error in errors:
        key = ".".join(str(part) for part in error["loc"])
        said = error["msg"].removeprefix("Value error, ")
        if error["type"] == "extra_forbidden":
            yield f"{key} is not a key of a profile; here are allowed: {', '.join(_keys_beside(error['loc']))}"
        elif error["type"] == "missing":
            yield f"{key} is missing"
        elif not key:
            yield said
        elif error["type"] != "too_short" or error["loc"] not in around:
            # A list is also called too short when all in it is wrong, which was said already.
            yield f"{key} is {error['input']!r}: {said}"


def _keys_beside(place: Sequence[str | int]) -> list[str]:
    """The keys that are allowed where this one is."""
    parts: dict[str | int, type[_Part]] = {
        "video": VideoCodec,
        "rungs": Rung,
        "audio": AudioCodec,
        "thumbnails": Thumbnails,
    }
    inside = [parts[key] for key in place[:-1] if key in parts]
    return list((inside[-1] if inside else Profile).model_fields)


def profile_names() -> list[str]:
    """The profiles that come with Cutroom."""
    folder = resources.files("cutroom") / "profiles"
    return sorted(Path(item.name).stem for item in folder.iterdir() if item.name.endswith(".yaml"))


@cache
def load_profile(name: str) -> Profile:
    """A shipped profile by its name, or one's own by the path of its YAML file.

    Raises:
        ProfileInvalid: There is no such profile, or it is not valid.
    """
    if name.endswith((".yaml", ".yml")):
        path = Path(name)
        if not path.is_file():
            raise ProfileInvalid(f"There is no profile file {name}.")
        return parse_profile(path.read_text(), name)
    if name not in profile_names():
        raise ProfileInvalid(f"There is no profile {name!r}; there are {', '.join(profile_names())}.")
    text = (resources.files("cutroom") / "profiles" / f"{name}.yaml").read_text()
    return parse_profile(text, f"Profile {name}")
