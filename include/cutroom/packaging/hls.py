"""HLS playlists (RFC 8216 and its successor draft): text out of facts. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count

from cutroom.packaging import packager
from cutroom.packaging.containers import CONTAINERS
from cutroom.packaging.facts import LockFacts, RenditionFacts, bandwidths
from cutroom.packaging.images import ImageTrack, stream_line

VERSIONS = {"cmaf": 7, "ts": 3}
"""7: EXT-X-MAP without I-frames only (6), and fragmented MP4 as Apple's authoring rules want it. 3: fractions of a
second. None is higher than it has to be (RFC 8216bis, 6.2.1): old devices refuse what they do not know."""

LEAST_FOR_IFRAMES = 4
"""EXT-X-I-FRAMES-ONLY and EXT-X-BYTERANGE; as well for EXT-X-MEDIA and its groups (RFC 8216, 7)."""

TEXT_GROUP = "text"
"""The group of all subtitles: every variant may be shown with each."""

CHARACTERISTICS = {
    "description": "public.accessibility.describes-video",
    "caption": "public.accessibility.transcribes-spoken-dialog,public.accessibility.describes-music-and-sound",
}
"""What a track does for those who can't see or hear (RFC 8216, 4.3.4.1), by its role."""

EFFICIENCY = ("avc1", "vp09", "hvc1", "av01")
"""Codecs of pictures by how much they make of a bit, least first (RFC 8216bis, 4.4.6.2: SCORE)."""


def playlists(facts: RenditionFacts) -> dict[str, str]:
    """Every playlist of one rendition by its file name; none where HLS does not know its container."""
    if facts.kind == "download" or not CONTAINERS[facts.container].in_hls:
        return {}
    iframes = {packager.IFRAMES: iframe_playlist(facts)} if facts.iframes else {}
    return {packager.PLAYLIST: media_playlist(facts), **iframes}


def media_playlist(facts: RenditionFacts) -> str:
    """The media playlist of one rendition.

    A segment lasts until the next one starts, which with a variable frame rate is not what its samples add up to.
    """
    lines = [*_head(facts), "#EXT-X-INDEPENDENT-SEGMENTS", *_map(facts)]
    lines += _keys(facts) if facts.lock and len(facts.lock.ivs) == 1 else []
    for number, (segment, duration) in enumerate(zip(facts.segments, facts.stated_s, strict=True)):
        lines += _keys(facts, number) if facts.lock and len(facts.lock.ivs) > 1 else []
        lines.append(f"#EXTINF:{float(duration):.6f},")
        if facts.index is not None:
            lines.append(f"#EXT-X-BYTERANGE:{segment.size_bytes}@{segment.offset}")
        lines.append(segment.file)
    return "\n".join([*lines, "#EXT-X-ENDLIST", ""])


def iframe_playlist(facts: RenditionFacts) -> str:
    """The keyframes of one rendition alone, for players that show pictures while they seek (4.3.3.6)."""
    head = _head(facts, at_least=LEAST_FOR_IFRAMES)
    lines = [*head, "#EXT-X-I-FRAMES-ONLY", *_map(facts), *(_keys(facts) if facts.lock else [])]
    for iframe, duration in zip(facts.iframes, facts.stated_s, strict=True):
        lines += [
            f"#EXTINF:{float(duration):.6f},",
            f"#EXT-X-BYTERANGE:{iframe.size_bytes}@{iframe.offset}",
            iframe.file,
        ]
    return "\n".join([*lines, "#EXT-X-ENDLIST", ""])


def _version(container: str, *, at_least: int = 1) -> str:
    return f"#EXT-X-VERSION:{max(VERSIONS[container], at_least)}"


def _head(facts: RenditionFacts, *, at_least: int = 1) -> list[str]:
    return [
        "#EXTM3U",
        _version(facts.container, at_least=at_least),
        f"#EXT-X-TARGETDURATION:{facts.target_duration_s}",
        "#EXT-X-MEDIA-SEQUENCE:0",
        "#EXT-X-PLAYLIST-TYPE:VOD",
    ]


def _map(facts: RenditionFacts) -> list[str]:
    if facts.init is None:
        return []
    part = f',BYTERANGE="{facts.init.size_bytes}@{facts.init.offset}"' if facts.index else ""
    return [f'#EXT-X-MAP:URI="{facts.init.file}"{part}']


METHODS = {"aes-128": "AES-128", "cenc": "SAMPLE-AES-CTR", "cbcs": "SAMPLE-AES"}


def _keys(facts: RenditionFacts, number: int = 0) -> list[str]:
    return ["#EXT-X-KEY:" + _key(facts.lock, facts.lock.ivs[number])] if facts.lock else []


def _key(lock: LockFacts, iv: str | None) -> str:
    attributes = [f"METHOD={METHODS[lock.scheme]}", f'URI="{_text(lock.key_uri)}"']
    if lock.scheme == "aes-128":
        attributes += [f"IV=0x{iv}"] if iv else []
    else:
        attributes += [f"KEYID=0x{lock.key_id}"] if lock.scheme == "cenc" else []
        attributes += ['KEYFORMAT="identity"', 'KEYFORMATVERSIONS="1"']
        attributes += [f"IV=0x{iv}"] if iv and lock.scheme == "cbcs" else []
    return ",".join(attributes)


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioGroup:
    """Sound that plays alike: one codec, layout and quality, in every language."""

    name: str
    members: tuple[RenditionFacts, ...]


def multivariant_playlist(
    renditions: Sequence[RenditionFacts],
    *,
    prefix: str,
    with_iframes: bool = True,
    stills: ImageTrack | None = None,
) -> str:
    """The multivariant playlist of what a version has in one container.

    Each video rendition is a variant stream with each codec and layout of the sound, the larger the picture the better
    the sound, so that each bit rate of both is in one. Without video each bit rate of the sound is a variant stream.

    Args:
        renditions: Facts of all renditions, in the plan's order: best first.
        prefix: How to get from the playlist to the folder of the renditions, with a slash at the end.
        with_iframes: Whether the playlists of keyframes are named.
        stills: The thumbnails of the seek bar.
    """
    video = [one for one in renditions if one.kind == "video"]
    families = audio_groups(renditions)
    groups = [group for family in families for group in family]
    version = _version(renditions[0].container, at_least=LEAST_FOR_IFRAMES)
    lines = ["#EXTM3U", version, "#EXT-X-INDEPENDENT-SEGMENTS"]
    locks = dict.fromkeys(_key(one.lock, None) for one in renditions if one.lock)
    lines += [f"#EXT-X-SESSION-KEY:{key}" for key in locks]
    if video or any(len(group.members) > 1 for group in groups):
        lines += [_sound_media(one, group.name, prefix) for group in groups for one in group.members]
    subtitles = [one for one in renditions if one.kind == "text"]
    lines += [_text_media(one, prefix) for one in subtitles]
    scores = _scores(video)
    for codec in dict.fromkeys(_family(one) for one in video):
        of_codec = [one for one in video if _family(one) == codec]
        for place, one in enumerate(of_codec):
            for family in families:
                for group in _beside(place, len(of_codec), family):
                    lines += _variant(one, group, subtitles, prefix, scores.get(one.key))
            if not families:
                lines += _variant(one, None, subtitles, prefix, scores.get(one.key))
    if not video:
        for group in groups:
            lines += _variant(group.members[0], group if len(group.members) > 1 else None, subtitles, prefix)
    lines += [_iframe_variant(one, prefix) for one in video if with_iframes and one.iframes]
    return "\n".join([*lines, stream_line(stills) if stills else ""])


def audio_groups(renditions: Sequence[RenditionFacts]) -> list[list[AudioGroup]]:
    """Sound by codec and channels, and in each by quality: group n holds the n-th best rendition of every track.

    All groups have the same tracks (RFC 8216, 4.3.4.1.1): where one is not made in surround, or in surround alone, it
    is there as it is made.
    """
    tracks: dict[str, dict[int, list[RenditionFacts]]] = {}
    for one in renditions:
        if one.kind == "audio":
            tracks.setdefault(_family(one), {}).setdefault(one.track, []).append(one)
    number = count()
    return [
        _levels(made, number) for of_codec in tracks.values() for made in _layouts(list(of_codec.values()))
    ]


_Made = Sequence[RenditionFacts]
"""What is made of one track, best first."""


def _layouts(tracks: Sequence[_Made]) -> list[list[_Made]]:
    """The tracks in stereo and in surround, if any of them is made in both; else as they are."""
    surround = [[one for one in made if _is_surround(one)] for made in tracks]
    stereo = [[one for one in made if not _is_surround(one)] for made in tracks]
    if not any(map(all, zip(surround, stereo, strict=True))):
        return [list(tracks)]
    return [
        # Of what is there for want of the other only the best.
        [made or other[:1] for made, other in zip(first, second, strict=True)]
        for first, second in ((stereo, surround), (surround, stereo))
    ]


def _levels(tracks: Sequence[_Made], number: Iterator[int]) -> list[AudioGroup]:
    """A group for each quality: the n-th holds the n-th best of every track."""
    return [
        AudioGroup(
            name=f"audio-{next(number)}",
            members=tuple(made[min(level, len(made) - 1)] for made in tracks),
        )
        for level in range(max(map(len, tracks)))
    ]


def _beside(place: int, pictures: int, family: Sequence[AudioGroup]) -> list[AudioGroup]:
    """The sound for one of so many pictures, best first: evenly spread, and each is there for one of them at least."""
    steps = max(pictures, len(family))
    return [family[step * len(family) // steps] for step in range(steps) if step * pictures // steps == place]


def _is_surround(one: RenditionFacts) -> bool:
    return (one.channels or 0) > 2


def _family(one: RenditionFacts) -> str:
    """Codec without profile and level; of pictures also what they are shown as."""
    return f"{one.codec_string.split('.')[0]} {one.video_range or ''}"


def _scores(video: Sequence[RenditionFacts]) -> dict[str, int]:
    """Which variant a player should rather have, where its bandwidth does not tell: 1 is the least.

    It does not where several codecs or ranges compete, nor where a larger picture takes fewer bits than a smaller one.
    """
    by_size = sorted(video, key=lambda one: min(one.width or 0, one.height or 0))
    costs = [one.bandwidth_bps for one in by_size]
    if len({_family(one) for one in video}) < 2 and costs == sorted(costs):
        return {}

    def rank(one: RenditionFacts) -> tuple[int, bool, int]:
        codec = one.codec_string.split(".")[0]
        return min(one.width or 0, one.height or 0), one.video_range != "SDR", EFFICIENCY.index(codec)

    ranks = sorted({rank(one) for one in video})
    return {one.key: ranks.index(rank(one)) + 1 for one in video}


def _sound_media(one: RenditionFacts, group: str, prefix: str) -> str:
    default = f"DEFAULT={'YES' if one.is_default else 'NO'}"
    # Who talks about the film is heard by those who ask for it.
    selected = f"AUTOSELECT={'YES' if one.is_default or one.role != 'commentary' else 'NO'}"
    return _media("AUDIO", one, group, prefix, [default, selected, f'CHANNELS="{one.channels}"'])


def _text_media(one: RenditionFacts, prefix: str) -> str:
    shown = [f"DEFAULT={'YES' if one.is_default else 'NO'}", "AUTOSELECT=YES"]
    shown += ["FORCED=YES"] if one.role == "forced" else []
    return _media("SUBTITLES", one, TEXT_GROUP, prefix, shown)


def _media(kind: str, one: RenditionFacts, group: str, prefix: str, shown: Sequence[str]) -> str:
    does = CHARACTERISTICS.get(one.role or "")
    attributes = [
        f"TYPE={kind}",
        f'GROUP-ID="{group}"',
        f'NAME="{_text(one.label or one.language or one.name)}"',
        *([f'LANGUAGE="{_text(one.language)}"'] if one.language else []),
        *shown,
        *([f'CHARACTERISTICS="{does}"'] if does else []),
        f'URI="{prefix}{one.key}/{packager.PLAYLIST}"',
    ]
    return "#EXT-X-MEDIA:" + ",".join(attributes)


def _variant(
    one: RenditionFacts,
    group: AudioGroup | None,
    subtitles: Sequence[RenditionFacts],
    prefix: str,
    score: int | None = None,
) -> list[str]:
    # What may be played together, each of them alone where there is no choice.
    sound = group.members if group else ()
    shown = (one,) if one.kind == "video" or not sound else ()
    kinds = [kind for kind in (shown, sound, subtitles) if kind]
    codecs = dict.fromkeys(each.codec_string for each in (*shown, *sound))
    attributes = [
        # With the most demanding of what it may be played with (RFC 8216bis, 4.4.6.2).
        f"BANDWIDTH={sum(max(each.bandwidth_bps for each in kind) for kind in kinds)}",
        f"AVERAGE-BANDWIDTH={sum(max(each.average_bandwidth_bps for each in kind) for kind in kinds)}",
        *([f"SCORE={score}.0"] if score is not None else []),
        f'CODECS="{",".join(codecs)}"',
    ]
    if one.kind == "video":
        attributes += _picture(one)
        if one.frame_rate is not None:
            attributes.append(f"FRAME-RATE={float(one.frame_rate):.3f}")
        attributes.append("CLOSED-CAPTIONS=NONE")
    if group:
        attributes.append(f'AUDIO="{group.name}"')
    if subtitles:
        attributes.append(f'SUBTITLES="{TEXT_GROUP}"')
    return ["#EXT-X-STREAM-INF:" + ",".join(attributes), f"{prefix}{one.key}/{packager.PLAYLIST}"]


def _iframe_variant(one: RenditionFacts, prefix: str) -> str:
    sizes = [iframe.size_bytes for iframe in one.iframes]
    peak, average = bandwidths(sizes, one.stated_s, one.target_duration_s)
    attributes = [
        f"BANDWIDTH={peak}",
        f"AVERAGE-BANDWIDTH={average}",
        f'CODECS="{one.codec_string}"',
        *_picture(one),
        f'URI="{prefix}{one.key}/{packager.IFRAMES}"',
    ]
    return "#EXT-X-I-FRAME-STREAM-INF:" + ",".join(attributes)


def _picture(one: RenditionFacts) -> list[str]:
    return [f"RESOLUTION={one.width}x{one.height}", f"VIDEO-RANGE={one.video_range or 'SDR'}"]


def _text(value: str) -> str:
    """A quoted string holds no line break and no double quote (4.2), and no other control character."""
    return "".join(letter if letter.isprintable() else " " for letter in value).replace('"', "'")
