"""What a file to take away says of itself: tags, chapters, and whether a cover goes with it. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction

from cutroom.media.source import Chapter, Source

TAGS = (
    "title", "subtitle", "artist", "album", "album_artist", "composer", "date", "genre", "isrc", "publisher",
    "copyright", "description", "show",
)  # fmt: skip
"""What of a source's tags goes on, and nothing else: comments, places and what devices and encoders write of themselves
are nobody's business but the owner's."""

COUNTED = (("track", "track", "tracks"), ("disc", "disc", "discs"), ("season_number", "season", None),
           ("episode_sort", "episode", None))  # fmt: skip
"""Numbers: ffmpeg's name, ours, and ours of how many there are."""

WITH_COVER = frozenset({"mp4", "m4a", "mp3", "flac", "ogg"})
"""Containers that have room for a cover; WebM has none."""

MAX_CHAPTERS: Mapping[str, int] = {"mp3": 255}
"""Most that a container can list; any number where none is named."""

MAX_TITLE_BYTES: Mapping[str, int] = {"mp3": 120}
"""Longest title of a chapter in UTF-8. ffmpeg, and what is built on it, lose one in ID3 whose frame has 128 bytes."""

COVER_SIDE_PX = 600
"""The square that the cover in a download is made to fit: sharp where it is shown, and few bytes beside the sound."""

_DAY = re.compile(r"\d{4}(-?\d\d(-?\d\d)?)?(?!\d)", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tagging:
    """What is put into a download beside picture and sound."""

    tags: dict[str, str]
    """By ffmpeg's generic names, which it translates for each container."""
    chapters: tuple[Chapter, ...] = ()
    """In seconds from where the presentation starts, in order."""
    cover_of: str | None = None
    """SHA-256 of the source whose cover it is; None: there is none."""


def plan_tagging(source: Source, container: str, origin_s: Fraction) -> Tagging | None:
    """What a download of a source says of itself; None: nothing.

    Args:
        source: What the probe found.
        container: That of the download.
        origin_s: When the presentation starts on the source's clock.
    """
    made = Tagging(
        tags=_tags(source.tags),
        chapters=tuple(
            replace(one, title=_shortened(one.title or "", MAX_TITLE_BYTES.get(container)))
            for one in _chapters(source, origin_s)[: MAX_CHAPTERS.get(container)]
        ),
        cover_of=source.sha256 if source.cover is not None and container in WITH_COVER else None,
    )
    return made if made.tags or made.chapters or made.cover_of else None


def _tags(known: Mapping[str, str]) -> dict[str, str]:
    tags = {name: known[name] for name in TAGS if known.get(name)}
    # The day alone: phones write to the second when they recorded.
    if day := _DAY.match(tags.pop("date", "")):
        tags["date"] = day[0]
    for name, ours, total in COUNTED:
        number, of = known.get(ours, ""), known.get(total, "") if total else ""
        if _is_number(number):
            tags[name] = f"{number}/{of}" if _is_number(of) else number
    return tags


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal()


def _shortened(title: str, most: int | None) -> str:
    """A title of at most so many bytes, with an ellipsis where something of it is left out."""
    coded = title.encode()
    if most is None or len(coded) <= most:
        return title
    return coded[: most - len("…".encode())].decode(errors="ignore").rstrip() + "…"


def _chapters(source: Source, origin_s: Fraction) -> tuple[Chapter, ...]:
    """Those that lie within the presentation: a later end would make the file last longer."""
    moved = []
    last_s = None
    if source.duration_s is not None:
        last_s = (source.start_s or 0) + source.duration_s - origin_s
    for number, one in enumerate(sorted(source.chapters, key=lambda each: each.start_s), start=1):
        start, end = (max(Fraction(0), at - origin_s) for at in (one.start_s, one.end_s))
        end = end if last_s is None else min(end, last_s)
        if end > start:
            moved.append(Chapter(start_s=start, end_s=end, title=one.title or f"Chapter {number}"))
    return tuple(moved)
