"""Whether the manifests say what the renditions are."""

import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from math import floor

import m3u8

from cutroom.packaging import packager
from cutroom.packaging.checks.report import Check
from cutroom.packaging.codec_string import same_codec
from cutroom.packaging.facts import ByteRange, LockFacts, RenditionFacts, Segment

HALF = Fraction(1, 2)

EXACT_S = 0.000_001
"""Playlists state durations in microseconds."""

_MPD = "{urn:mpeg:dash:schema:mpd:2011}"


def codecs(renditions: Sequence[RenditionFacts]) -> Check:
    """The codec string of every rendition is that of its own bitstream, read without the packager."""
    wrong = [
        f"{one.name} is {one.bitstream_codec}, stated {one.codec_string}"
        for one in renditions
        if one.bitstream_codec is not None and not same_codec(one.codec_string, one.bitstream_codec)
    ]
    return Check(
        name="every codec string is that of the bitstream",
        ok=not wrong,
        found="; ".join(wrong[:3])
        if wrong
        else ", ".join(dict.fromkeys(one.codec_string for one in renditions)),
    )


def hls(file: str, text: str, renditions: Sequence[RenditionFacts], prefix: str) -> Check:
    """Read the playlist back with somebody else's parser: all renditions and nothing else, as they were measured."""
    playlist = m3u8.loads(text)
    named = {each.uri for each in (*playlist.playlists, *playlist.media) if each.uri}
    by_uri = {f"{prefix}{one.key}/{packager.PLAYLIST}": one for one in renditions}
    wrong = [
        by_uri[media.uri].name
        for media in playlist.media
        if media.uri in by_uri and media.language != by_uri[media.uri].language
    ]
    # What no variant stream names is never played.
    played = {
        getattr(variant.stream_info, kind)
        for variant in playlist.playlists
        for kind in ("audio", "subtitles")
    }
    wrong += [
        by_uri[each.uri].name for each in playlist.media if each.uri in by_uri and each.group_id not in played
    ]
    for variant in playlist.playlists:
        own, stated = by_uri.get(variant.uri), variant.stream_info
        if own is None:
            continue
        sound, texts = (
            [by_uri[one.uri] for one in playlist.media if one.group_id == group and one.uri in by_uri]
            for group in (stated.audio, stated.subtitles)
        )
        # Sound that is alone is one of its group.
        shown = [] if own in sound else [own]
        codecs = {one.codec_string for one in (*shown, *sound)}
        bandwidth = sum(max((one.bandwidth_bps for one in kind), default=0) for kind in (shown, sound, texts))
        is_shown = own.kind != "video" or (
            stated.resolution == (own.width, own.height)
            and stated.video_range == (own.video_range or "SDR")
            and abs((stated.frame_rate or 0) - float(own.frame_rate or 0)) < 0.001
        )
        if set(stated.codecs.split(",")) != codecs or stated.bandwidth != bandwidth or not is_shown:
            wrong.append(own.name)
    return Check(
        name=f"{file} states every rendition, its codec, bit rate, picture and language",
        ok=named == by_uri.keys() and not wrong,
        found=f"{len(named & by_uri.keys())} of {len(by_uri)} playlists"
        + (f", wrong {wrong[:3]}" if wrong else ""),
    )


def media(renditions: Sequence[RenditionFacts], texts: Mapping[str, str]) -> Check:
    """Read every media playlist back: the segments of its rendition, where each lies, and how long it is shown.

    Args:
        renditions: Facts.
        texts: The playlists that are stored, by their key below the renditions.
    """
    wrong = []
    for one in renditions:
        named: dict[str, Sequence[Segment | ByteRange]] = {
            packager.PLAYLIST: one.segments,
            packager.IFRAMES: one.iframes,
        }
        for name, parts in named.items():
            text = texts.get(f"{one.key}/{name}")
            if text is None:
                continue
            place = _first_wrong(one, text, parts)
            wrong += [f"{name} of {one.name}, segment {place}"] if place is not None else []
    return Check(
        name="every media playlist states its segments, where they lie and how long they last",
        ok=not wrong,
        found=f"wrong: {'; '.join(wrong[:3])}" if wrong else f"{len(texts)} playlists",
    )


def _first_wrong(one: RenditionFacts, text: str, parts: Sequence[Segment | ByteRange]) -> int | None:
    """Number of the first segment that a playlist states otherwise, from 1; 0: it states others; None: none."""
    playlist = m3u8.loads(text)
    lasts = [Fraction(segment.duration_ticks, one.timescale) for segment in one.segments]
    # What the edit list leaves out counts, and the time before a first frame that is shown late; see `hls`.
    lasts[0] += Fraction(one.lead_ticks + max(0, one.segments[0].start_ticks), one.timescale)
    stated = playlist.segments
    if (
        len(stated) != len(parts)
        or not playlist.is_endlist
        or playlist.target_duration < floor(max(lasts) + HALF)
    ):
        return 0
    for number, (segment, part, lasting) in enumerate(zip(stated, parts, lasts, strict=True)):
        is_part = isinstance(part, ByteRange) or one.index is not None
        place = f"{part.size_bytes}@{part.offset}" if is_part else None
        if (
            (segment.uri, segment.byterange) != (part.file, place)
            or abs(segment.duration - float(lasting)) > EXACT_S
            or not _is_key(segment.key, one.lock, number)
            or (segment.init_section and segment.init_section.uri) != (one.init and one.init.file)
            or segment.discontinuity
        ):
            return number + 1
    return None


def _is_key(stated: m3u8.Key | None, lock: LockFacts | None, number: int) -> bool:
    if lock is None or stated is None:
        return (lock is None) == (stated is None)
    iv = lock.ivs[min(number, len(lock.ivs) - 1)]
    return stated.uri == lock.key_uri and (stated.iv or f"0x{iv}").lower() == f"0x{iv}"


def dash(file: str, text: str, renditions: Sequence[RenditionFacts], prefix: str) -> Check:
    """Read the MPD back: the same renditions, codecs, bit rates, sizes, languages and segments as the facts say."""
    stated = set()
    # Sets of stills state no codec, and those of keyframes alone depend on no other.
    shown = (
        (adaptation, representation)
        for adaptation in ET.fromstring(text).iter(f"{_MPD}AdaptationSet")  # noqa: S314  we wrote it
        for representation in adaptation.iter(f"{_MPD}Representation")
        if "codecs" in representation.attrib and representation.get("codingDependency") != "false"
    )
    for adaptation, representation in shown:
        template = representation.find(f"{_MPD}SegmentTemplate")
        stated.add(
            (
                representation.findtext(f"{_MPD}BaseURL"),
                representation.attrib["codecs"],
                int(representation.attrib["bandwidth"]),
                representation.get("width"),
                representation.get("height"),
                representation.get("sar", "1:1"),
                adaptation.get("lang"),
                None if template is None else template.get("initialization"),
                () if template is None else tuple(_listed(template)),
            )
        )
    wanted = {
        (
            f"{prefix}{one.key}/{one.single_file or ''}",
            one.codec_string,
            one.bandwidth_bps,
            str(one.width) if one.width else None,
            str(one.height) if one.height else None,
            "1:1",
            one.language or None,
            # A single file lists its segments itself.
            None if one.single_file or one.init is None else one.init.file,
            () if one.single_file else tuple(_segments(one)),
        )
        for one in renditions
    }
    return Check(
        name=f"{file} states every rendition, its codec, bit rate, picture and segments",
        ok=stated == wanted,
        found=f"{len(stated & wanted)} of {len(wanted)} representations",
    )


def _segments(one: RenditionFacts) -> Iterator[tuple[str, Fraction, Fraction]]:
    for segment in one.segments:
        begins, lasts = (
            Fraction(ticks, one.timescale) for ticks in (segment.start_ticks, segment.duration_ticks)
        )
        yield segment.file, begins, lasts


def _listed(template: ET.Element) -> Iterator[tuple[str, Fraction, Fraction]]:
    """The segments of a template: the file of each, when it begins and how long it lasts, in seconds."""
    timescale, begins = int(template.get("timescale", 1)), int(template.get("presentationTimeOffset", 0))
    number, tick = int(template.get("startNumber", 1)), 0
    name = template.attrib["media"].replace("$Number%05d$", "{:05d}")
    for entry in template.iterfind(f"{_MPD}SegmentTimeline/{_MPD}S"):
        tick = int(entry.get("t", tick))
        for _ in range(int(entry.get("r", 0)) + 1):
            lasts = int(entry.attrib["d"])
            yield name.format(number), Fraction(tick - begins, timescale), Fraction(lasts, timescale)
            number, tick = number + 1, tick + lasts
