"""Whether the manifests say what the renditions are."""

import xml.etree.ElementTree as ET
from collections.abc import Sequence

import m3u8

from cutroom.packaging import packager
from cutroom.packaging.checks.report import Check
from cutroom.packaging.codec_string import same_codec
from cutroom.packaging.facts import RenditionFacts

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
    wrong = []
    for variant in playlist.playlists:
        own, stated = by_uri.get(variant.uri), variant.stream_info
        if own is None:
            continue
        sound = [
            by_uri[media.uri]
            for media in playlist.media
            if own.kind == "video" and media.group_id == stated.audio and media.uri in by_uri
        ]
        codecs = {own.codec_string, *(one.codec_string for one in sound)}
        bandwidth = own.bandwidth_bps + max((one.bandwidth_bps for one in sound), default=0)
        if set(stated.codecs.split(",")) != codecs or stated.bandwidth != bandwidth:
            wrong.append(own.name)
    return Check(
        name=f"{file} states every rendition, its codec and bit rate",
        ok=named == by_uri.keys() and not wrong,
        found=f"{len(named & by_uri.keys())} of {len(by_uri)} playlists"
        + (f", wrong {wrong[:3]}" if wrong else ""),
    )


def dash(file: str, text: str, renditions: Sequence[RenditionFacts], prefix: str) -> Check:
    """Read the MPD back: the same renditions, codecs, bit rates and numbers of segments as the facts say."""
    stated = set()
    for representation in ET.fromstring(text).iter(f"{_MPD}Representation"):  # noqa: S314  we wrote it
        if "codecs" not in representation.attrib:
            continue  # stills
        if representation.attrib.get("codingDependency") == "false":
            continue  # keyframes alone
        entries = representation.findall(f"{_MPD}SegmentTemplate/{_MPD}SegmentTimeline/{_MPD}S")
        stated.add(
            (
                representation.findtext(f"{_MPD}BaseURL"),
                representation.attrib["codecs"],
                int(representation.attrib["bandwidth"]),
                sum(int(entry.attrib.get("r", 0)) + 1 for entry in entries),
            )
        )
    wanted = {
        (
            f"{prefix}{one.key}/{one.single_file or ''}",
            one.codec_string,
            one.bandwidth_bps,
            # A single file lists its segments itself.
            0 if one.single_file else len(one.segments),
        )
        for one in renditions
    }
    return Check(
        name=f"{file} states every rendition, its codec, bit rate and segments",
        ok=stated == wanted,
        found=f"{len(stated & wanted)} of {len(wanted)} representations",
    )
