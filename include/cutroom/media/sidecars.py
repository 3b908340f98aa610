"""Subtitles in a file beside the film: found by name, and what the name says of them. Pure."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath

from cutroom.media.languages import is_known_language, language_name, language_tag
from cutroom.media.upload import is_subtitles

FORMATS = {
    ".srt": "subrip",
    ".vtt": "webvtt",
    ".ass": "ass",
    ".ssa": "ssa",
    ".ttml": "ttml",
    ".dfxp": "ttml",
}
"""ffmpeg's name of the format, for each suffix of `upload.TEXT_SUFFIXES`."""

SEPARATORS = (".", "_", "-", " ")
"""What may stand between the film's name and what else a file of subtitles is called."""

MAX_SIDECARS = 50
MAX_SIDECAR_BYTES = 10 * 2**20
"""More is no subtitles: those of a long film have about 100 kB."""

_SDH = frozenset({"sdh", "cc", "hoh"})
_FORCED = frozenset({"forced", "foreign"})


@dataclass(frozen=True, slots=True, kw_only=True)
class SidecarName:
    """What the name of a file of subtitles says."""

    codec: str
    language: str | None = None
    label: str | None = None
    is_forced: bool = False
    is_sdh: bool = False
    is_default: bool = False


def stem_of(name: str) -> str:
    """What the names of a film's sidecars begin with."""
    return PurePosixPath(name).stem


def sidecars_of(film: str, names: Iterable[str]) -> list[str]:
    """The files of subtitles that belong to a film, in order.

    `film.en.srt` and `FILM.EN.SRT` belong to `film.mp4`, and `film.2.en.srt` to `film.2.mp4` where that is there too.
    So does `film_en.srt`, but not `film_part.srt`, which may be another film's: behind anything but a dot, all has to
    be language and flags.

    Args:
        film: Name of the film's file.
        names: Names of all files in its folder.
    """
    there = sorted(set(names))
    stems = {stem_of(name) for name in there if not is_subtitles(name)} | {stem_of(film)}

    def owner(name: str) -> str | None:
        fitting = [stem for stem in sorted(stems) if _is_of(stem, name)]
        # Of two films whose names differ in case alone it belongs to the one that is written like it.
        return max(fitting, key=lambda stem: (len(stem), name.startswith(stem)), default=None)

    return [name for name in there if is_subtitles(name) and owner(name) == stem_of(film)][:MAX_SIDECARS]


def _is_of(stem: str, name: str) -> bool:
    """Whether a file of subtitles is named after a film with this stem."""
    rest = name[len(stem) :]
    if name[: len(stem)].casefold() != stem.casefold() or rest[:1] not in SEPARATORS:
        return False
    return rest.startswith(".") or all(
        part.lower() in _FLAGS or is_known_language(part) for part in _parts(rest)
    )


def _parts(rest: str) -> list[str]:
    """What stands between the film's name and the suffix."""
    said, is_dotted = PurePosixPath(f"_{rest}").stem[1:], rest.startswith(".")
    if is_dotted or is_known_language(said[1:]):
        # `_pt_BR` is one language.
        return [part for part in said[1:].split(".") if part]
    return [part for part in re.split(r"[._ ]", said[1:]) if part]


def sidecar_name(film: str, name: str) -> SidecarName:
    """Read the parts between the film's name and the suffix: language and flags, in any order; the rest is its label.

    `film.en.sdh.srt`, `film.pt-BR.forced.vtt`, `film.de.Director's notes.ass`, `film_en_forced.srt`.
    """
    path = PurePosixPath(name)
    parts = _parts(name[len(stem_of(film)) :])
    flags = {part.lower() for part in parts}
    language = next((part for part in parts if part.lower() not in _FLAGS and is_known_language(part)), None)
    rest = [part for part in parts if part.lower() not in _FLAGS and part != language]
    # Beside a language it is no Hindi, but for the hearing impaired.
    if is_hi := [part.lower() for part in rest] == ["hi"]:
        rest = []
    tag = language_tag(language)
    label = " ".join(rest) or (None if tag is None else language_name(tag))
    return SidecarName(
        codec=FORMATS[path.suffix.lower()],
        language=tag,
        label=label,
        is_forced=bool(flags & _FORCED),
        is_sdh=is_hi or bool(flags & _SDH),
        is_default="default" in flags,
    )


_FLAGS = _SDH | _FORCED | {"default"}
