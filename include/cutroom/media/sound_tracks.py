"""Which tracks of sound are carried, and what they are called. Pure."""

import re
from collections.abc import Sequence
from dataclasses import replace

from cutroom.media.source import AudioTrack

MAX_TRACKS = 16
"""Most tracks of sound that one version carries; films come with a dozen, and each costs an encode and storage."""

LAYOUTS = {1: "mono", 2: "stereo", 6: "5.1"}
"""What is delivered: ffmpeg's name of the layout by its number of channels."""

MOST_CHANNELS = 8
"""Of a track that is mixed down: of layouts with more, channels above the listener would be lost."""

_UNMIXED = ("ambisonic", "cube", "binaural")
"""How the names of other layouts begin that there is no downmix of."""

_PLACES = re.compile(r"\d+ channels \((?P<places>[A-Z0-9+]+)\)")
"""How ffmpeg writes a layout that has no name."""

_PAIRS = (("FL", "FR"), ("BL", "BR"), ("SL", "SR"), ("FLC", "FRC"), ("TFL", "TFR"))
_MIXED = {"FC", "BC", "LFE"}.union(*_PAIRS)
"""Places that a downmix is defined for."""

_PROGRAMMES = {6: ("5.1",), 8: ("5.1", "stereo")}
"""How single-channel tracks of a master belong together (SMPTE ST 320: L R C LFE Ls Rs, then the stereo mix)."""

_ROLE_NAMES = {"commentary": "commentary", "description": "audio description", "dub": "dubbed"}


def carried_tracks(tracks: Sequence[AudioTrack]) -> tuple[list[AudioTrack], list[str]]:
    """The tracks that a version carries, the default one first, and in words those that it does not.

    Every track is carried, up to `MAX_TRACKS`. Single-channel tracks side by side that nothing tells apart are the
    channels of one programme, as broadcasters deliver them: six are 5.1, eight are 5.1 and a stereo mix, any other
    even number are stereo pairs. Names are made distinct.
    """
    ordered = sorted(_joined(tracks), key=lambda one: not one.is_default)
    taken, left = ordered[:MAX_TRACKS], ordered[MAX_TRACKS:]
    said = [
        f"track {one.index}: audio {one.codec}, more than the {MAX_TRACKS} tracks of sound that are carried"
        for one in left
    ]
    labels: dict[str, int] = {}
    named = []
    for place, one in enumerate(taken):
        label = _label(one, place)
        labels[label] = labels.get(label, 0) + 1
        named.append(replace(one, label=label if labels[label] == 1 else f"{label} {labels[label]}"))
    return named, said


def can_be_mixed(channels: int, layout: str | None) -> bool:
    """Whether stereo can be made of a track without losing channels.

    Args:
        channels: How many it has.
        layout: ffmpeg's name of their places; None: that of the number, as WAV has it.
    """
    if channels > MOST_CHANNELS or (layout or "").startswith(_UNMIXED):
        return False
    return channels <= 2 or _is_mixed(_places(layout))


def taken_as(channels: int, layout: str | None) -> str | None:
    """The layout that channels are taken for, in their order, where that is not what the container says; else None.

    Two are left and right, wherever they are said to be; three without places are left, right and centre, as WAV has
    it, where ffmpeg would take the last for an LFE and leave it out.
    """
    if channels == 2:
        return None if _is_mixed(_places(layout)) else "stereo"
    return "3.0" if channels == 3 and layout is None else None


def _places(layout: str | None) -> set[str]:
    """Of a layout without a name; nothing: it has one."""
    found = _PLACES.fullmatch(layout or "")
    return set(found["places"].split("+")) if found else set()


def _is_mixed(places: set[str]) -> bool:
    """Whether no channel of these is lost in a downmix, which takes pairs and something in front; all named are."""
    if not places:
        return True
    in_front = bool(places & {"FL", "FR", "FC"})
    return (
        places <= _MIXED and in_front and all((one in places) == (other in places) for one, other in _PAIRS)
    )


def _label(track: AudioTrack, place: int) -> str:
    label = track.label or ("Main" if place == 0 else f"Track {place + 1}")
    role = _ROLE_NAMES.get(track.role)
    return label if role is None or role in label.lower() else f"{label} ({role})"


def _joined(tracks: Sequence[AudioTrack]) -> list[AudioTrack]:
    """The tracks, single channels of one programme made one track."""
    made: list[AudioTrack] = []
    rest = list(tracks)
    while rest:
        first = rest[0]
        run = [first]
        while len(run) < len(rest) and _is_beside(first, rest[len(run)]):
            run.append(rest[len(run)])
        rest = rest[len(run) :]
        made += _programmes(run) if len(run) % 2 == 0 else run
    return made


def _is_beside(first: AudioTrack, other: AudioTrack) -> bool:
    def told(one: AudioTrack) -> object:
        return one.channels, one.sample_rate_hz, one.codec, one.language, one.label, one.role

    return first.channels == 1 and told(first) == told(other)


def _programmes(run: Sequence[AudioTrack]) -> list[AudioTrack]:
    made: list[AudioTrack] = []
    place = 0
    for layout in _PROGRAMMES.get(len(run), ("stereo",) * (len(run) // 2)):
        channels = next(count for count, name in LAYOUTS.items() if name == layout)
        members = run[place : place + channels]
        starts = [one.start_s for one in members if one.start_s is not None]
        durations = [one.duration_s for one in members if one.duration_s is not None]
        made.append(
            replace(
                members[0],
                channels=channels,
                channel_layout=layout,
                is_default=any(one.is_default for one in members) and not made,
                start_s=min(starts, default=None),
                duration_s=max(durations, default=None),
                joined=tuple(one.index for one in members),
            )
        )
        place += channels
    return made
