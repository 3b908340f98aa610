"""HLS playlists (RFC 8216 and its successor draft): text out of facts. Pure."""

import math
from collections.abc import Sequence
from fractions import Fraction

from cutroom.packaging import packager
from cutroom.packaging.facts import RenditionFacts

VERSION = 7
"""EXT-X-MAP without I-frames only (6), and fragmented MP4 as Apple's authoring rules want it (7)."""


def media_playlist(facts: RenditionFacts) -> str:
    """The media playlist of one rendition.

    A segment lasts until the next one starts, which with a variable frame rate is not what its samples add up to.
    """
    # In whole microseconds, as they are printed: the target duration holds for what a player reads.
    durations = [
        Fraction(round(Fraction(segment.duration_ticks * 1_000_000, facts.timescale)), 1_000_000)
        for segment in facts.segments
    ]
    lines = [
        "#EXTM3U",
        f"#EXT-X-VERSION:{VERSION}",
        # Every EXTINF rounded to the nearest integer is at most the target duration (4.3.3.1).
        f"#EXT-X-TARGETDURATION:{max(1, *(math.floor(duration + Fraction(1, 2)) for duration in durations))}",
        "#EXT-X-MEDIA-SEQUENCE:0",
        "#EXT-X-PLAYLIST-TYPE:VOD",
        "#EXT-X-INDEPENDENT-SEGMENTS",
        f'#EXT-X-MAP:URI="{packager.INIT}"',
    ]
    for number, duration in enumerate(durations, start=1):
        lines += [f"#EXTINF:{float(duration):.6f},", packager.SEGMENTS % number]
    return "\n".join([*lines, "#EXT-X-ENDLIST", ""])


def multivariant_playlist(renditions: Sequence[RenditionFacts], *, prefix: str) -> str:
    """The multivariant playlist of a version.

    Each video rendition is a variant stream; the larger half of them goes with the best sound, the smaller half with
    the smallest. Without video each bit rate of the sound is a variant stream.

    Args:
        renditions: Facts of all renditions, in the plan's order: best first.
        prefix: How to get from the playlist to the folder of the renditions, with a slash at the end.
    """
    video = [one for one in renditions if one.kind == "video"]
    groups = audio_groups(renditions)
    lines = ["#EXTM3U", f"#EXT-X-VERSION:{VERSION}", "#EXT-X-INDEPENDENT-SEGMENTS"]
    if video or any(len(group) > 1 for group in groups):
        for number, group in enumerate(groups):
            lines += [_media(one, f"audio-{number}", prefix, is_default=one is group[0]) for one in group]
    for place, one in enumerate(video):
        level = 0 if 2 * place < len(video) else len(groups) - 1
        lines += _variant(one, (f"audio-{level}", groups[level]) if groups else None, prefix)
    if not video:
        for number, group in enumerate(groups):
            lines += _variant(group[0], (f"audio-{number}", group) if len(group) > 1 else None, prefix)
    return "\n".join([*lines, ""])


def audio_groups(renditions: Sequence[RenditionFacts]) -> list[list[RenditionFacts]]:
    """Sound by quality: group n holds the n-th best rendition of every track."""
    tracks: dict[int, list[RenditionFacts]] = {}
    for one in renditions:
        if one.kind == "audio":
            tracks.setdefault(one.track, []).append(one)
    depth = max((len(track) for track in tracks.values()), default=0)
    return [[track[min(level, len(track) - 1)] for track in tracks.values()] for level in range(depth)]


def _media(one: RenditionFacts, group: str, prefix: str, *, is_default: bool) -> str:
    attributes = [
        "TYPE=AUDIO",
        f'GROUP-ID="{group}"',
        f'NAME="{_text(one.language or ("Main" if is_default else one.name))}"',
        *([f'LANGUAGE="{_text(one.language)}"'] if one.language else []),
        f"DEFAULT={'YES' if is_default else 'NO'}",
        "AUTOSELECT=YES",
        f'CHANNELS="{one.channels}"',
        f'URI="{prefix}{one.key}/{packager.PLAYLIST}"',
    ]
    return "#EXT-X-MEDIA:" + ",".join(attributes)


def _variant(one: RenditionFacts, group: tuple[str, list[RenditionFacts]] | None, prefix: str) -> list[str]:
    # BANDWIDTH is that of the variant with the most demanding sound that it may be played with (4.3.4.2).
    sound = group[1] if group and one.kind == "video" else []
    codecs = dict.fromkeys([one.codec_string, *(each.codec_string for each in sound)])
    attributes = [
        f"BANDWIDTH={one.bandwidth_bps + max((each.bandwidth_bps for each in sound), default=0)}",
        "AVERAGE-BANDWIDTH="
        + str(one.average_bandwidth_bps + max((each.average_bandwidth_bps for each in sound), default=0)),
        f'CODECS="{",".join(codecs)}"',
    ]
    if one.kind == "video":
        attributes.append(f"RESOLUTION={one.width}x{one.height}")
        if one.frame_rate is not None:
            attributes.append(f"FRAME-RATE={float(one.frame_rate):.3f}")
        attributes += [f"VIDEO-RANGE={one.video_range or 'SDR'}", "CLOSED-CAPTIONS=NONE"]
    if group:
        attributes.append(f'AUDIO="{group[0]}"')
    return ["#EXT-X-STREAM-INF:" + ",".join(attributes), f"{prefix}{one.key}/{packager.PLAYLIST}"]


def _text(value: str) -> str:
    """A quoted string holds no line break and no double quote (4.2), and no other control character."""
    return "".join(letter if letter.isprintable() else " " for letter in value).replace('"', "'")
