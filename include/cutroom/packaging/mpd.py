"""The MPD of a version (ISO/IEC 23009-1), made of the same facts as the HLS playlists. Pure."""

import xml.etree.ElementTree as ET
from collections.abc import Sequence
from fractions import Fraction
from itertools import groupby

from cutroom.packaging import packager
from cutroom.packaging.facts import RenditionFacts, Segment

MIN_BUFFER_S = 2


def mpd(renditions: Sequence[RenditionFacts], *, prefix: str) -> str:
    """The MPD of a version.

    Video renditions of one codec are one adaptation set, the sound of one track another.

    Args:
        renditions: Facts of all renditions, in the plan's order.
        prefix: How to get from the MPD to the folder of the renditions, with a slash at the end.
    """
    duration = _duration(max(one.end_s for one in renditions))
    root = ET.Element(
        "MPD",
        {
            "xmlns": "urn:mpeg:dash:schema:mpd:2011",
            "profiles": "urn:mpeg:dash:profile:isoff-live:2011,urn:mpeg:dash:profile:cmaf:2019",
            "type": "static",
            "minBufferTime": f"PT{MIN_BUFFER_S}S",
            "mediaPresentationDuration": duration,
        },
    )
    period = ET.SubElement(root, "Period", {"id": "0", "start": "PT0S", "duration": duration})
    for number, (kind, members) in enumerate(adaptation_sets(renditions)):
        attributes = {
            "id": str(number),
            "contentType": kind,
            "mimeType": f"{kind}/mp4",
            "segmentAlignment": "true",
            "startWithSAP": "1",
            **({"lang": members[0].language} if members[0].language else {}),
        }
        adaptation = ET.SubElement(period, "AdaptationSet", attributes)
        ET.SubElement(adaptation, "Role", {"schemeIdUri": "urn:mpeg:dash:role:2011", "value": "main"})
        for one in members:
            _representation(adaptation, one, prefix)
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def adaptation_sets(renditions: Sequence[RenditionFacts]) -> list[tuple[str, list[RenditionFacts]]]:
    """Renditions that a player may switch between: one codec of the picture, one track of the sound."""

    def group(one: RenditionFacts) -> tuple[str, str]:
        return (
            one.kind,
            one.codec_string.split(".")[0] if one.kind == "video" else str(one.track),
        )

    ordered = sorted(renditions, key=lambda one: (one.kind != "video", group(one)))
    return [(key[0], list(members)) for key, members in groupby(ordered, key=group)]


def _representation(adaptation: ET.Element, one: RenditionFacts, prefix: str) -> None:
    attributes = {"id": one.key, "bandwidth": str(one.bandwidth_bps), "codecs": one.codec_string}
    if one.kind == "video":
        attributes |= {"width": str(one.width), "height": str(one.height), "sar": "1:1"}
        if one.frame_rate is not None:
            attributes["frameRate"] = str(one.frame_rate)
    else:
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
    ET.SubElement(representation, "BaseURL").text = f"{prefix}{one.key}/"
    template = ET.SubElement(
        representation,
        "SegmentTemplate",
        {
            "timescale": str(one.timescale),
            "initialization": packager.INIT,
            "media": "seg_$Number%05d$.m4s",
            "startNumber": "1",
        },
    )
    _timeline(template, one.segments)


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
