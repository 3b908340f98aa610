"""The track of stills that players show over the seek bar, for HLS and DASH. Pure.

HLS by the image media playlists that Roku and others defined; DASH by the thumbnail tiles of the DASH-IF guidelines
(IOP v4.3, 6.2.6).
"""

import math
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from cutroom.ffmpeg.sprites import SPRITES, SpriteSheet

PLAYLIST = "images.m3u8"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageTrack:
    """Sheets of stills beside the manifests, each for the same stretch of time."""

    sheet: SpriteSheet
    sizes_bytes: tuple[int, ...]
    """Of each sheet."""
    duration_s: Fraction
    """Of the pictures."""

    @property
    def sheet_s(self) -> Fraction:
        """How much of the film a full sheet covers."""
        return self.sheet.interval_s * self.sheet.columns * self.sheet.rows

    @property
    def shown_s(self) -> Sequence[Fraction]:
        """How long each sheet is shown: the last one, whose tiles need not be full, until the pictures end."""
        begins = (self.sheet_s * place for place in range(len(self.sizes_bytes)))
        return [max(Fraction(1, 1000), min(self.sheet_s, self.duration_s - begin)) for begin in begins]

    @property
    def bandwidth_bps(self) -> int:
        """Bit rate of the largest sheet, over the longest time that one is shown: a last one may be short."""
        return max(1, math.ceil(max(self.sizes_bytes) * 8 / max(self.shown_s)))

    @property
    def names(self) -> Sequence[str]:
        """The files."""
        return [SPRITES % number for number in range(1, len(self.sizes_bytes) + 1)]


def media_playlist(track: ImageTrack) -> str:
    """The image media playlist."""
    sheet = track.sheet
    tiles = (
        f"#EXT-X-TILES:RESOLUTION={sheet.width}x{sheet.height},LAYOUT={sheet.columns}x{sheet.rows},"
        f"DURATION={float(sheet.interval_s):.3f}"
    )
    lines = [
        "#EXTM3U",
        "#EXT-X-VERSION:7",
        f"#EXT-X-TARGETDURATION:{math.ceil(max(track.shown_s))}",
        "#EXT-X-MEDIA-SEQUENCE:0",
        "#EXT-X-PLAYLIST-TYPE:VOD",
        "#EXT-X-IMAGES-ONLY",
    ]
    for name, shown_s in zip(track.names, track.shown_s, strict=True):
        lines += [f"#EXTINF:{float(shown_s):.3f},", tiles, name]
    return "\n".join([*lines, "#EXT-X-ENDLIST", ""])


def stream_line(track: ImageTrack) -> str:
    """What the multivariant playlist says of it, with a line break."""
    return (
        f"#EXT-X-IMAGE-STREAM-INF:BANDWIDTH={track.bandwidth_bps},"
        f'RESOLUTION={track.sheet.width}x{track.sheet.height},CODECS="jpeg",URI="{PLAYLIST}"\n'
    )


def adaptation_set(track: ImageTrack, number: int) -> ET.Element:
    """The adaptation set of an MPD, with this number for its id."""
    sheet = track.sheet
    adaptation = ET.Element(
        "AdaptationSet", {"id": str(number), "contentType": "image", "mimeType": "image/jpeg"}
    )
    representation = ET.SubElement(
        adaptation,
        "Representation",
        {
            "id": "thumbnails",
            "bandwidth": str(track.bandwidth_bps),
            "width": str(sheet.width * sheet.columns),
            "height": str(sheet.height * sheet.rows),
        },
    )
    ET.SubElement(
        representation,
        "EssentialProperty",
        {
            "schemeIdUri": "http://dashif.org/guidelines/thumbnail_tile",
            "value": f"{sheet.columns}x{sheet.rows}",
        },
    )
    ET.SubElement(
        representation,
        "SegmentTemplate",
        {
            "media": SPRITES.replace("%05d", "$Number%05d$"),
            "timescale": str(track.sheet_s.denominator),
            "duration": str(track.sheet_s.numerator),
            "startNumber": "1",
            # Sound may go on for longer than any sheet.
            "endNumber": str(len(track.names)),
        },
    )
    return adaptation
