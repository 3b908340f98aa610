"""Which tracks of sound are carried, and what they are called. Pure."""

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
    return channels <= MOST_CHANNELS and not (layout or "").startswith(_UNMIXED)


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
