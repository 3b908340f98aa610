"""The plan of the subtitles: which are carried, and what they are called. Pure."""

from collections.abc import Collection, Sequence
from dataclasses import replace

from cutroom import ids
from cutroom.media.source import Source, TextTrack

TEXT_REVISION = 2
"""Raised when the same subtitles become other cues."""

MAX_TRACKS = 64
"""Most tracks of subtitles that one version carries."""

MAX_CUES = 100_000
"""Most cues of a track, counted in every segment that shows them; those of a long film are about 3,000."""


def carried_text(tracks: Sequence[TextTrack]) -> tuple[list[TextTrack], list[str]]:
    """The tracks that a version carries, with names that are distinct, and in words those that it does not."""
    taken, left = tracks[:MAX_TRACKS], tracks[MAX_TRACKS:]
    said = [
        f"track {one.index}: subtitle {one.codec}, more than the {MAX_TRACKS} tracks of subtitles that are carried"
        for one in left
    ]
    labels: dict[str, int] = {}
    named: list[TextTrack] = []
    for place, one in enumerate(taken, start=1):
        label = one.label or f"Subtitles {place}"
        if one.is_forced and "forced" not in label.lower():
            label = f"{label} (forced)"
        elif one.is_sdh and not {"sdh", "captions"} & set(label.lower().split()):
            label = f"{label} (SDH)"
        labels[label] = labels.get(label, 0) + 1
        # Containers mark subtitles as default that nobody asked to see, so only the name of a file is believed.
        is_default = one.is_default and one.sidecar is not None and not any(each.is_default for each in named)
        label = label if labels[label] == 1 else f"{label} {labels[label]}"
        named.append(replace(one, label=label, is_default=is_default))
    return named, said


def text_name(track: TextTrack) -> str:
    """The name of a rendition of subtitles: `text-de-3`."""
    return "-".join(["text", *([track.language] if track.language else []), str(track.index)])


def text_role(track: TextTrack) -> str:
    """`forced`, `caption` for those who can't hear, else `subtitle`."""
    return "forced" if track.is_forced else "caption" if track.is_sdh else "subtitle"


def without_empty(source: Source, empty: Collection[int]) -> Source:
    """A source without the tracks of subtitles that show nothing, which it tells of instead.

    Args:
        source: The source.
        empty: Indices of these tracks.
    """
    said = [f"{_where(one)}, of which nothing is shown" for one in source.text if one.index in empty]
    kept = tuple(one for one in source.text if one.index not in empty)
    return replace(source, text=kept, not_carried=(*source.not_carried, *said))


def _where(track: TextTrack) -> str:
    if track.sidecar is not None:
        return f"subtitles beside the film ({track.label})"
    if track.part is None:
        return f"track {track.index}: subtitle {track.codec}"
    return f"track {track.part_of}: {track.part} of {track.codec}"


def text_content(source: Source, track: TextTrack, origin: str) -> str:
    """A digest of everything that decides the cues."""
    inside: list[ids.Json] = [source.sha256, track.index, track.part, track.part_of, origin]
    # What lies beside a film counts from its start; its encoding is guessed by its language.
    beside: list[ids.Json] = [source.sha256, track.sidecar, track.language]
    return ids.digest([inside if track.sidecar is None else beside, track.codec, TEXT_REVISION])
