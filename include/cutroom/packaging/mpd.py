"""The MPD of a version (ISO/IEC 23009-1), made of the same facts as the HLS playlists. Pure."""

import xml.etree.ElementTree as ET
from collections.abc import Sequence
from fractions import Fraction
from uuid import UUID

from cutroom.packaging.containers import CONTAINERS
from cutroom.packaging.facts import ByteRange, RenditionFacts, Segment, TrickPlay
from cutroom.packaging.hls import EFFICIENCY
from cutroom.packaging.images import ImageTrack, adaptation_set
from cutroom.packaging.min_buffer import keyframes_bps, min_buffer_s
from cutroom.packaging.packager import TRICK_INIT, TRICK_SEGMENT

TRANSFERS = {"PQ": 16, "HLG": 18}
BT2020_PRIMARIES = 9
BT2020_MATRIX = 9
"""Code points of ISO/IEC 23091-2."""


def mpd(renditions: Sequence[RenditionFacts], *, prefix: str, stills: ImageTrack | None = None) -> str:
    """The MPD of a version.

    Video renditions of one codec are one adaptation set, the sound of one track another, each subtitles one more.

    Args:
        renditions: Facts of all renditions, in the plan's order.
        prefix: How to get from the MPD to the folder of the renditions, with a slash at the end.
        stills: The thumbnails of the seek bar.
    """
    media = [one for one in renditions if one.kind != "text"]
    duration = _duration(max(one.end_s for one in media))
    is_indexed = all(one.index is not None for one in media)
    root = ET.Element(
        "MPD",
        {
            "xmlns": "urn:mpeg:dash:schema:mpd:2011",
            **({"xmlns:cenc": "urn:mpeg:cenc:2013"} if any(one.lock for one in renditions) else {}),
            "profiles": _profiles(renditions[0].container, is_indexed=is_indexed),
            "type": "static",
            "minBufferTime": _duration(min_buffer_s(media)),
            "mediaPresentationDuration": duration,
        },
    )
    period = ET.SubElement(root, "Period", {"id": "0", "start": "PT0S", "duration": duration})
    sets = adaptation_sets(renditions)
    codecs = {_codec(members[0]) for kind, members in sets if kind == "video"}
    for number, (kind, members) in enumerate(sets):
        first = members[0]
        attributes = {
            "id": str(number),
            "contentType": kind,
            **_packaged(first, is_indexed=is_indexed),
            **({"lang": first.language} if first.language else {}),
            # Where codecs compete, players take the highest that they can play.
            **({"selectionPriority": str(_priority(first))} if kind == "video" and len(codecs) > 1 else {}),
        }
        adaptation = ET.SubElement(period, "AdaptationSet", attributes)
        _protection(adaptation, first)
        _color(adaptation, first)
        _purpose(adaptation, first)
        for one in members:
            _representation(adaptation, one, prefix)
    number = len(sets)
    for place, (_, members) in enumerate(sets):
        for one in members:
            if one.trick_play is not None:
                _trick_play(period, one, one.trick_play, prefix, number=number, of=place)
                number += 1
    if stills is not None:
        period.append(adaptation_set(stills, number))
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _packaged(one: RenditionFacts, *, is_indexed: bool) -> dict[str, str]:
    if one.kind == "text":
        return {"mimeType": "text/vtt"}
    part, starts = ("subsegment", "subsegmentStartsWithSAP") if is_indexed else ("segment", "startWithSAP")
    mime = f"{one.kind}/{CONTAINERS[one.container].mime}"
    return {"mimeType": mime, f"{part}Alignment": "true", starts: "1"}


ROLES = {
    "commentary": ("commentary",),
    "description": ("description", "alternate"),
    "dub": ("dub",),
    "subtitle": ("subtitle",),
    "caption": ("caption",),
    "forced": ("forced-subtitle",),
}
"""Our roles in the words of DASH (ISO/IEC 23009-1, 5.8.5.5); the default track is the main one besides."""


def _purpose(adaptation: ET.Element, one: RenditionFacts) -> None:
    """Name and role, in the order that the schema wants."""
    if one.label:
        ET.SubElement(adaptation, "Label").text = one.label
    if one.role == "description":
        # 1: for those who can't see (ETSI TS 102 822-3-1, A.13).
        purpose = {"schemeIdUri": "urn:tva:metadata:cs:AudioPurposeCS:2007", "value": "1"}
        ET.SubElement(adaptation, "Accessibility", purpose)
    is_main = one.kind == "video" or one.is_default
    roles = ROLES.get(one.role or "", () if is_main else ("alternate",))
    for value in (*(("main",) if is_main else ()), *roles):
        ET.SubElement(adaptation, "Role", {"schemeIdUri": "urn:mpeg:dash:role:2011", "value": value})


def _profiles(container: str, *, is_indexed: bool) -> str:
    if container != "cmaf":
        # The others speak of the ISO base media file format.
        return "urn:mpeg:dash:profile:full:2011"
    kind = "on-demand" if is_indexed else "live"
    return f"urn:mpeg:dash:profile:isoff-{kind}:2011,urn:mpeg:dash:profile:cmaf:2019"


def _codec(one: RenditionFacts) -> str:
    return one.codec_string.split(".")[0]


def _priority(one: RenditionFacts) -> int:
    return 1 + 2 * EFFICIENCY.index(_codec(one)) + (one.video_range != "SDR")


def adaptation_sets(renditions: Sequence[RenditionFacts]) -> list[tuple[str, list[RenditionFacts]]]:
    """Renditions that a player may switch between: one codec and range of the picture, one track of the sound."""

    def group(one: RenditionFacts) -> tuple[str, str, str, bool]:
        if one.kind == "video":
            return one.kind, _codec(one), one.video_range or "SDR", False
        return one.kind, _codec(one), str(one.track), (one.channels or 0) > 2

    # In the plan's order, pictures first.
    places: dict[tuple[str, str, str, bool], list[RenditionFacts]] = {}
    for one in sorted(renditions, key=lambda one: one.kind != "video"):
        places.setdefault(group(one), []).append(one)
    return [(key[0], members) for key, members in places.items()]


def _protection(adaptation: ET.Element, one: RenditionFacts) -> None:
    """Common Encryption, and the box that tells a browser the key's id (W3C, "cenc" Initialization Data Format)."""
    if one.lock is None:
        return
    attributes = {
        "schemeIdUri": "urn:mpeg:dash:mp4protection:2011",
        "value": one.lock.scheme,
        "cenc:default_KID": str(UUID(one.lock.key_id)),
    }
    ET.SubElement(adaptation, "ContentProtection", attributes)
    if one.lock.pssh:
        system = {"schemeIdUri": "urn:uuid:1077efec-c0b2-4d02-ace3-3c1e52e2fb4b"}
        ET.SubElement(
            ET.SubElement(adaptation, "ContentProtection", system), "cenc:pssh"
        ).text = one.lock.pssh


def _color(adaptation: ET.Element, one: RenditionFacts) -> None:
    """What a player must be able to show to play this: HDR in the code points of ISO/IEC 23091-2."""
    if one.video_range not in TRANSFERS:
        return
    points = (
        ("ColourPrimaries", BT2020_PRIMARIES),
        ("TransferCharacteristics", TRANSFERS[one.video_range]),
        ("MatrixCoefficients", BT2020_MATRIX),
    )
    for name, value in points:
        scheme = {"schemeIdUri": f"urn:mpeg:mpegB:cicp:{name}", "value": str(value)}
        ET.SubElement(adaptation, "EssentialProperty", scheme)


def _representation(adaptation: ET.Element, one: RenditionFacts, prefix: str) -> None:
    attributes = {"id": one.key, "bandwidth": str(one.bandwidth_bps), "codecs": one.codec_string}
    if one.kind == "video":
        attributes |= {"width": str(one.width), "height": str(one.height), "sar": "1:1"}
        if one.frame_rate is not None:
            attributes["frameRate"] = str(one.frame_rate)
    elif one.kind == "audio":
        attributes["audioSamplingRate"] = str(one.sample_rate_hz)
    representation = ET.SubElement(adaptation, "Representation", attributes)
    if one.kind == "audio":
        ET.SubElement(
            representation,
            "AudioChannelConfiguration",
            {
                "schemeIdUri": "urn:mpeg:dash:23003:3:audio_channel_configuration:2011",
                "value": str(one.channels),
            },
        )
    base = ET.SubElement(representation, "BaseURL")
    if one.kind == "text":
        base.text = f"{prefix}{one.key}/{one.single_file}"
        return
    if one.index is not None and one.init is not None:
        base.text = f"{prefix}{one.key}/{one.index.file}"
        segments = {"timescale": str(one.timescale), "indexRange": _range(one.index)}
        indexed = ET.SubElement(representation, "SegmentBase", segments)
        ET.SubElement(indexed, "Initialization", {"range": _range(one.init)})
        return
    base.text = f"{prefix}{one.key}/"
    template = ET.SubElement(
        representation,
        "SegmentTemplate",
        {
            "timescale": str(one.timescale),
            "initialization": one.init.file if one.init else "",
            "media": CONTAINERS[one.container].segment_template(),
            "startNumber": "1",
        },
    )
    _timeline(template, one.segments)


def _trick_play(
    period: ET.Element, one: RenditionFacts, keyframes: TrickPlay, prefix: str, *, number: int, of: int
) -> None:
    """An adaptation set of keyframes alone, to show while seeking in another (DASH-IF IOP v4.3, 3.2.9)."""
    adaptation = ET.SubElement(
        period,
        "AdaptationSet",
        {
            "id": str(number),
            "contentType": "video",
            "mimeType": "video/mp4",
            "segmentAlignment": "true",
            "startWithSAP": "1",
        },
    )
    _protection(adaptation, one)
    trickmode = {"schemeIdUri": "http://dashif.org/guidelines/trickmode", "value": str(of)}
    ET.SubElement(adaptation, "EssentialProperty", trickmode)
    _color(adaptation, one)
    longest_s = Fraction(max(segment.duration_ticks for segment in one.segments), one.timescale)
    representation = ET.SubElement(
        adaptation,
        "Representation",
        {
            "id": f"{one.key}-keyframes",
            "bandwidth": str(keyframes_bps(one, keyframes)),
            "codecs": one.codec_string,
            "width": str(one.width),
            "height": str(one.height),
            "sar": "1:1",
            "frameRate": str((1 / longest_s).limit_denominator(1000)),
            # As many frames are skipped as a segment has.
            "maxPlayoutRate": str(max(1, round((one.frame_rate or 25) * longest_s))),
            "codingDependency": "false",
        },
    )
    ET.SubElement(representation, "BaseURL").text = f"{prefix}{one.key}/"
    template = ET.SubElement(
        representation,
        "SegmentTemplate",
        {
            "timescale": str(one.timescale),
            "initialization": TRICK_INIT,
            "media": TRICK_SEGMENT.replace("%05d", "$Number%05d$"),
            "startNumber": "1",
        },
    )
    _timeline(template, one.segments)


def _range(part: ByteRange) -> str:
    return f"{part.offset}-{part.offset + part.size_bytes - 1}"


def _timeline(template: ET.Element, segments: Sequence[Segment]) -> None:
    """Start, duration and repetitions; a start is written where it does not follow from what is before it."""
    timeline = ET.SubElement(template, "SegmentTimeline")
    entry: ET.Element | None = None
    expected: int | None = None
    for segment in segments:
        follows = segment.start_ticks == expected
        if entry is not None and follows and entry.attrib["d"] == str(segment.duration_ticks):
            entry.attrib["r"] = str(int(entry.attrib.get("r", "0")) + 1)
        else:
            start = {} if follows else {"t": str(segment.start_ticks)}
            entry = ET.SubElement(timeline, "S", {**start, "d": str(segment.duration_ticks)})
        expected = segment.start_ticks + segment.duration_ticks


def _duration(seconds: Fraction) -> str:
    """An xs:duration in seconds."""
    return f"PT{float(seconds):.6f}".rstrip("0").rstrip(".") + "S"
