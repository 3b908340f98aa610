"""What is known of a packaged rendition: measured, or read from its own bytes, never assumed."""

import xml.etree.ElementTree as ET
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import m3u8
from pydantic import TypeAdapter

from cutroom.errors import VerificationFailed
from cutroom.media.joins import Join
from cutroom.media.loudness import Loudness
from cutroom.media.rates import Rates
from cutroom.packaging import packager

_MPD = "{urn:mpeg:dash:schema:mpd:2011}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """One media segment."""

    start_ticks: int
    duration_ticks: int
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RenditionFacts:
    """A rendition as it is, for manifests, for records and for verification."""

    key: str
    name: str
    kind: str
    container: str
    rung: str
    """The rung that it was made of; for a download that of its first track."""
    track: int
    """Stream index in the source; for a download that of its first track."""
    codec_string: str
    """RFC 6381, from the bitstream."""
    timescale: int
    segments: tuple[Segment, ...]
    bandwidth_bps: int
    """Largest bit rate of any segment (RFC 8216, 4.3.4.2)."""
    average_bandwidth_bps: int
    size_bytes: int
    files: dict[str, str]
    """SHA-256 of each file of the rendition."""
    width: int | None = None
    height: int | None = None
    frame_rate: Fraction | None = None
    video_range: str | None = None
    channels: int | None = None
    sample_rate_hz: int | None = None
    language: str | None = None
    label: str | None = None
    """What players list the track as."""
    role: str | None = None
    """What a track of sound is for: see `cutroom.media.source`."""
    is_default: bool = False
    decoded_frames: int | None = None
    """Frames that the packaged track decodes to."""
    decoded_ticks_digest: str | None = None
    """Digest of their presentation times."""
    first_tick: int | None = None
    decoded_samples: int | None = None
    """Samples of each channel that the packaged track decodes to, priming and padding taken off."""
    loudness: Loudness | None = None
    """What the meter of EBU R 128 shows of the packaged track."""
    keyframe_ticks: tuple[int, ...] = ()
    bitstream_codec: str | None = None
    """RFC 6381, read from the initialization segment without the packager; None where there is none to read."""
    rates: Rates | None = None
    """Bit rate and decoder buffer frame by frame, of a picture."""
    joins: tuple[Join, ...] = ()
    """Joins between encode chunks whose quality was measured."""

    @property
    def duration_s(self) -> Fraction:
        """From the start of the first segment to the end of the last."""
        return Fraction(sum(segment.duration_ticks for segment in self.segments), self.timescale)

    @property
    def end_s(self) -> Fraction:
        """When the last segment ends, on the presentation's timeline."""
        last = self.segments[-1]
        return Fraction(last.start_ticks + last.duration_ticks, self.timescale)

    def dump(self) -> bytes:
        """The facts as JSON."""
        return _ADAPTER.dump_json(self, exclude_none=True)

    @classmethod
    def load(cls, data: bytes) -> "RenditionFacts":
        """The reverse of `dump`."""
        return _ADAPTER.validate_json(data)


_ADAPTER = TypeAdapter(RenditionFacts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Packaged:
    """What the packager's own manifests say of one track."""

    codec_string: str
    timescale: int
    segments: tuple[Segment, ...]
    width: int | None
    height: int | None
    frame_rate: Fraction | None
    video_range: str | None
    sample_rate_hz: int | None

    @property
    def end_s(self) -> Fraction:
        """When the last segment ends, on the presentation's timeline."""
        last = self.segments[-1]
        return Fraction(last.start_ticks + last.duration_ticks, self.timescale)


def read(folder: Path) -> Packaged:
    """Read what the packager wrote into a folder.

    Raises:
        VerificationFailed: The manifests and the files do not agree.
    """
    representation, adaptation = _representation(folder / packager.MPD)
    template = representation.find(f"{_MPD}SegmentTemplate")
    if template is None:
        raise VerificationFailed("The packager wrote no segment template.")
    times = _timeline(template)
    sizes = [(folder / (packager.SEGMENTS % number)).stat().st_size for number in range(1, len(times) + 1)]
    playlist = m3u8.loads((folder / packager.PLAYLIST).read_text())
    if len(playlist.segments) != len(times):
        raise VerificationFailed(
            f"The packager's playlist names {len(playlist.segments)} segments, its MPD {len(times)}."
        )
    stated = {**adaptation.attrib, **representation.attrib}
    master = (folder / packager.MULTIVARIANT).read_text()
    return Packaged(
        codec_string=stated["codecs"],
        timescale=int(template.attrib["timescale"]),
        segments=tuple(
            Segment(start_ticks=start, duration_ticks=duration, size_bytes=size)
            for (start, duration), size in zip(times, sizes, strict=True)
        ),
        width=int(stated["width"]) if "width" in stated else None,
        height=int(stated["height"]) if "height" in stated else None,
        frame_rate=Fraction(stated["frameRate"]) if "frameRate" in stated else None,
        video_range=next((one for one in ("PQ", "HLG", "SDR") if f"VIDEO-RANGE={one}" in master), None),
        sample_rate_hz=int(stated["audioSamplingRate"]) if "audioSamplingRate" in stated else None,
    )


def bandwidths(segments: tuple[Segment, ...], timescale: int) -> tuple[int, int]:
    """Peak and average bit rate in bits per second.

    RFC 8216, 4.3.4.2: the peak is the largest of any contiguous set of segments that lasts 0.5 to 1.5 times the
    target duration; a last segment that is shorter counts together with the one before it.
    """
    target = max(segment.duration_ticks for segment in segments)
    peak = Fraction(0)
    for first in range(len(segments)):
        ticks = size = 0
        for segment in segments[first:]:
            ticks += segment.duration_ticks
            size += segment.size_bytes
            if 2 * ticks > 3 * target:
                break
            if 2 * ticks >= target:
                peak = max(peak, Fraction(size * 8 * timescale, ticks))
    total = Fraction(
        sum(s.size_bytes for s in segments) * 8 * timescale, sum(s.duration_ticks for s in segments)
    )
    return max(1, round(max(peak, total))), max(1, round(total))


def _representation(path: Path) -> tuple[ET.Element, ET.Element]:
    root = ET.fromstring(path.read_bytes())  # noqa: S314  our own packager wrote it
    adaptation = root.find(f"{_MPD}Period/{_MPD}AdaptationSet")
    representation = None if adaptation is None else adaptation.find(f"{_MPD}Representation")
    if adaptation is None or representation is None:
        raise VerificationFailed("The packager wrote no representation.")
    return representation, adaptation


def _timeline(template: ET.Element) -> list[tuple[int, int]]:
    """Start and duration of each segment out of a SegmentTimeline (ISO/IEC 23009-1, 5.3.9.6)."""
    times: list[tuple[int, int]] = []
    at = 0
    for entry in template.iterfind(f"{_MPD}SegmentTimeline/{_MPD}S"):
        at = int(entry.attrib.get("t", at))
        for _ in range(int(entry.attrib.get("r", 0)) + 1):
            times.append((at, int(entry.attrib["d"])))
            at += int(entry.attrib["d"])
    return times
