"""Profiles: the declarative recipe of what is made from a source, read from YAML and checked at once."""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import Field, ValidationError, model_validator

from cutroom import ids
from cutroom.errors import ProfileInvalid
from cutroom.media import codecs
from cutroom.media.codecs import ContainerName
from cutroom.media.recipes import (
    CLOSEST_RUNGS,
    AudioCodec,
    Download,
    Encryption,
    Exact,
    Name,
    Part,
    Rung,
    Thumbnails,
    VideoCodec,
)

PROFILES = resources.files("cutroom") / "profiles"


class Profile(Part):
    """What is made from a source."""

    name: Name
    description: str
    segment_s: Annotated[Exact, Field(ge=1, le=30)] = Fraction(6)
    """Segment length S of the grid, in seconds."""
    containers: Annotated[tuple[ContainerName, ...], Field(min_length=1)] = ("cmaf",)
    """What segments are written as; each codec goes into every one that can carry it."""
    segments: Literal["files", "single_file"] = "files"
    """A file for each segment, or one file of which players ask byte ranges."""
    iframe_playlists: bool = True
    """Whether players get the keyframes alone to show while they seek: HLS of every rung, DASH of the smallest one."""
    closest_rungs: Annotated[Exact, Field(gt=0, le=1)] = CLOSEST_RUNGS
    """A rung with a side that is more than this part of the same side one rung above is dropped."""
    damaged: Literal["reject", "publish"] = "reject"
    """What is done with a file whose end is missing: refused, or what is there is published."""
    encryption: Encryption | None = None
    video: tuple[VideoCodec, ...] = ()
    audio: tuple[AudioCodec, ...] = ()
    downloads: tuple[Download, ...] = ()
    thumbnails: Thumbnails = Thumbnails()

    @model_validator(mode="after")
    def _makes_something(self) -> "Profile":
        if not self.video and not self.audio:
            raise ValueError("a profile needs `video` or `audio`")
        _once("video", [part.codec for part in self.video])
        _once("audio", [f"{part.codec} of {part.channels} channels" for part in self.audio])
        _once("downloads", [part.name for part in self.downloads])
        _once("containers", list(self.containers))
        return self

    @model_validator(mode="after")
    def _delivers_what_it_encodes(self) -> "Profile":
        for number, part in enumerate(self.downloads):
            for kind, codec, made in (("video", part.video, self.video), ("audio", part.audio, self.audio)):
                known = {one.codec for one in made}
                if codec is not None and codec not in known:
                    raise ValueError(
                        f"`downloads.{number}.{kind}` is {codec!r}, which `{kind}` does not make; "
                        f"it makes {', '.join(sorted(known)) or 'nothing'}"
                    )
        taken = {codec for part in self.downloads for codec in (part.video, part.audio)}
        for kind, codec in [
            *(("video", v.codec) for v in self.video),
            *(("audio", a.codec) for a in self.audio),
        ]:
            if not self.containers_of(codec) and codec not in taken:
                can = [name for name, carried in codecs.CARRIED.items() if codec in carried]
                raise ValueError(
                    f"`{kind}` makes {codec}, which nothing delivers: `containers` is {', '.join(self.containers)}, "
                    f"and {codec} goes into {' or '.join([*can, 'a download'])}"
                )
        return self

    @model_validator(mode="after")
    def _can_be_one_file(self) -> "Profile":
        if self.segments == "single_file" and self.containers != ("cmaf",):
            raise ValueError(
                f"`segments: single_file` is made as cmaf; `containers` is {', '.join(self.containers)}"
            )
        return self

    @model_validator(mode="after")
    def _locks_what_it_says(self) -> "Profile":
        if self.encryption is None:
            return self
        wanted = "ts" if self.encryption.scheme == "aes-128" else "cmaf"
        if self.containers != (wanted,):
            raise ValueError(
                f"`encryption.scheme` {self.encryption.scheme} locks {wanted}; "
                f"`containers` is {', '.join(self.containers)}, allowed: {wanted}"
            )
        if self.downloads:
            raise ValueError("`downloads` would not be locked; leave them out, or `encryption`")
        return self

    def containers_of(self, codec: str) -> tuple[ContainerName, ...]:
        """Which of the profile's containers carry this codec."""
        return tuple(name for name in self.containers if codec in codecs.CARRIED[name])

    @property
    def digest(self) -> str:
        """What the profile asks for as a short name; its description does not count."""
        value: dict[str, Any] = self.model_dump(mode="json", exclude={"description"})
        return ids.digest(value, 12)


def _once(key: str, names: list[str]) -> None:
    if len(set(names)) < len(names):
        raise ValueError(f"`{key}` names {' and '.join(names)}; each is allowed once")


class _Loader(yaml.SafeLoader):
    """YAML in which a key that comes twice is a mistake, as the standard has it; the last one would win."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        names = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        for name in names:
            if names.count(name) > 1:
                raise yaml.constructor.ConstructorError(None, None, f"{name} is there twice", node.start_mark)
        return super().construct_mapping(node, deep)


def parse_profile(text: str, where: str) -> Profile:
    """A profile from its YAML.

    Args:
        text: The YAML.
        where: What the messages call it.

    Raises:
        ProfileInvalid: It names each key that is wrong, what was given, and what is allowed.
    """
    try:
        value = yaml.load(text, _Loader)  # noqa: S506 - it is the safe one
    except yaml.MarkedYAMLError as error:
        line = f" in line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise ProfileInvalid(f"{where} is not YAML{line}: {error.problem}") from error
    except yaml.YAMLError as error:
        raise ProfileInvalid(f"{where} is not YAML: {' '.join(str(error).split())}") from error
    if not isinstance(value, dict):
        raise ProfileInvalid(f"{where} is not a mapping of keys; see docs/profiles.md.")
    try:
        return Profile.model_validate(value)
    except ValidationError as error:
        raise ProfileInvalid(f"{where}: {'; '.join(_told(error.errors()))}") from error


_WORDS = {
    "tuple_type": "Input should be a list, like [a, b]",
    "too_short": "List should have at least 1 item",
}
"""In place of pydantic's own, which are about Python."""


def _told(errors: Sequence[Any]) -> Iterator[str]:
    around = {error["loc"][:depth] for error in errors for depth in range(len(error["loc"]))}
    for error in errors:
        key = ".".join(str(part) for part in error["loc"])
        said = _WORDS.get(error["type"], error["msg"].removeprefix("Value error, "))
        if error["type"] == "extra_forbidden":
            yield f"{key} is not a key of a profile; here are allowed: {', '.join(_keys_beside(error['loc']))}"
        elif error["type"] == "missing":
            yield f"{key} is missing"
        elif isinstance(error["input"], dict) and key:
            # About several keys of a part, which the words name.
            yield f"{key}: {said}"
        elif not key:
            yield said
        elif error["type"] != "too_short" or error["loc"] not in around:
            # A list is also called too short when all in it is wrong, which was said already.
            yield f"{key} is {error['input']!r}: {said}"


def _keys_beside(place: Sequence[str | int]) -> list[str]:
    """The keys that are allowed where this one is."""
    if place[0] == "downloads":
        return list(Download.model_fields)
    parts: dict[str | int, type[Part]] = {
        "video": VideoCodec,
        "rungs": Rung,
        "audio": AudioCodec,
        "encryption": Encryption,
        "thumbnails": Thumbnails,
    }
    inside = [parts[key] for key in place[:-1] if key in parts]
    return list((inside[-1] if inside else Profile).model_fields)


def profile_names() -> list[str]:
    """The profiles that come with Cutroom."""
    return sorted(Path(item.name).stem for item in PROFILES.iterdir() if item.name.endswith(".yaml"))


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
        try:
            return parse_profile(path.read_text("utf-8"), name)
        except UnicodeDecodeError as error:
            raise ProfileInvalid(f"{name} is no text in UTF-8.") from error
    if name not in profile_names():
        raise ProfileInvalid(
            f"There is no profile {name!r}; there are {', '.join(profile_names())}, "
            "and your own by the path of a .yaml file."
        )
    text = (PROFILES / f"{name}.yaml").read_text()
    return parse_profile(text, f"Profile {name}")
