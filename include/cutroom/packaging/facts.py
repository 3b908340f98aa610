"""What is known of a packaged rendition: measured, or read from its own bytes, never assumed."""

import struct
import xml.etree.ElementTree as ET
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import m3u8
from pydantic import TypeAdapter

from cutroom.errors import VerificationFailed
from cutroom.media.joins import Join
from cutroom.media.likeness import Likeness
from cutroom.media.loudness import Loudness
from cutroom.media.rates import Rates
from cutroom.packaging import packager, webvtt
from cutroom.packaging.containers import CONTAINERS, Container

_MPD = "{urn:mpeg:dash:schema:mpd:2011}"
_CENC = "{urn:mpeg:cenc:2013}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """One media segment."""

    start_ticks: int
    duration_ticks: int
    size_bytes: int
    file: str = ""
    offset: int = 0
    """First byte in the file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ByteRange:
    """Bytes of a file of the rendition."""

    file: str
    offset: int
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TrickPlay:
    """The keyframes of a track as segments of their own, one for each segment of the track."""

    files: dict[str, str]
    """SHA-256 of each file."""
    sizes_bytes: tuple[int, ...]
    """Of the segments, in order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LockFacts:
    """How the segments are encrypted; the key itself is nowhere."""

    scheme: str
    key_id: str
    key_uri: str
    ivs: tuple[str, ...]
    """Hexadecimal: one for all segments, or one for each (AES-128)."""
    key_name: str = "default"
    """What the settings, or the key service, know the key by."""
    pssh: str | None = None
    """The `pssh` box that tells a browser's content decryption module the key's id, in base 64."""


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
    lead_ticks: int = 0
    """What an encoder put before the sound: in the first segment, but not on the presentation's timeline."""
    files: dict[str, str]
    """SHA-256 of each file of the rendition."""
    init: ByteRange | None = None
    """The initialization segment; None: the container has none."""
    index: ByteRange | None = None
    """Where a single file says which segment is where (`sidx`); None: each segment is a file."""
    iframes: tuple[ByteRange, ...] = ()
    """The keyframe that each segment begins with, and what is needed around it to decode it alone."""
    trick_play: TrickPlay | None = None
    lock: LockFacts | None = None
    width: int | None = None
    height: int | None = None
    frame_rate: Fraction | None = None
    frame_step: int = 1
    """Every how many frames of the source a picture shows one."""
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
    cues: int | None = None
    """Cues that the packaged segments hold, each once."""
    source_cues: int | None = None
    """Cues of the source that are shown in the presentation."""
    loudness: Loudness | None = None
    """What the meter of EBU R 128 shows of the packaged track."""
    likeness: Likeness | None = None
    """How it compares with the sound that its encoder was given; None: silence."""
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

    @property
    def single_file(self) -> str | None:
        """The one file that DASH players read all of it from; None: each segment is a file."""
        if self.kind == "text":
            return webvtt.WHOLE
        return self.index.file if self.index else None

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
    init: ByteRange | None
    index: ByteRange | None
    iframes: tuple[ByteRange, ...]
    pssh: str | None
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

    @property
    def files(self) -> list[str]:
        """Names of the rendition's files, in the order in which they are played."""
        named = [self.init.file] if self.init else []
        return list(dict.fromkeys([*named, *(segment.file for segment in self.segments)]))


def read(folder: Path, container: str = "cmaf") -> Packaged:
    """Read what the packager wrote into a folder, in this container.

    Raises:
        VerificationFailed: The manifests and the files do not agree.
    """
    form = CONTAINERS[container]
    representation, adaptation = _representation(folder / packager.MPD)
    stated = {**adaptation.attrib, **representation.attrib}
    base, template = (representation.find(f"{_MPD}{name}") for name in ("SegmentBase", "SegmentTemplate"))
    init = index = None
    if base is not None:
        timescale, segments, init, index = _indexed(folder, form.single or "", base)
    elif template is not None:
        timescale, segments = _listed(folder, form, template, is_sound="width" not in stated)
        if form.init:
            init = ByteRange(file=form.init, offset=0, size_bytes=(folder / form.init).stat().st_size)
    else:
        raise VerificationFailed("The packager wrote no segments.")
    named = len(m3u8.loads((folder / packager.PLAYLIST).read_text()).segments)
    if named != len(segments):
        raise VerificationFailed(f"The packager's playlist names {named} segments, its MPD {len(segments)}.")
    master = (folder / packager.MULTIVARIANT).read_text()
    return Packaged(
        codec_string=stated["codecs"],
        timescale=timescale,
        segments=segments,
        init=init,
        index=index,
        iframes=_iframes(folder / packager.IFRAMES) if form.in_hls else (),
        pssh=adaptation.findtext(f"{_MPD}ContentProtection/{_CENC}pssh"),
        width=int(stated["width"]) if "width" in stated else None,
        height=int(stated["height"]) if "height" in stated else None,
        frame_rate=Fraction(stated["frameRate"]) if "frameRate" in stated else None,
        video_range=next((one for one in ("PQ", "HLG", "SDR") if f"VIDEO-RANGE={one}" in master), None),
        sample_rate_hz=int(stated["audioSamplingRate"]) if "audioSamplingRate" in stated else None,
    )


def locked(packaged: Packaged) -> Packaged:
    """The same of segments that are locked as a whole: no part of them can be read alone."""
    return replace(packaged, iframes=())


def _listed(
    folder: Path, form: Container, template: ET.Element, *, is_sound: bool
) -> tuple[int, tuple[Segment, ...]]:
    """The segments of a SegmentTemplate, each a file."""
    timescale, name = int(template.attrib["timescale"]), form.segment
    starts_at = round(form.start_s * timescale)
    if is_sound:
        # It begins with the presentation. Where an encoder's delay comes before that, the packager states the times of
        # MPEG-TS by a clock that has wrapped, and tells by the offset where it stands.
        starts_at = int(template.attrib.get("presentationTimeOffset", 0))
    segments = tuple(
        Segment(
            start_ticks=start - starts_at,
            duration_ticks=duration,
            size_bytes=(folder / (name % number)).stat().st_size,
            file=name % number,
        )
        for number, (start, duration) in enumerate(_timeline(template), start=1)
    )
    return timescale, segments


def _indexed(
    folder: Path, file: str, base: ET.Element
) -> tuple[int, tuple[Segment, ...], ByteRange, ByteRange]:
    """The segments of a single file, as its segment index lists them (ISO/IEC 14496-12, 8.16.3)."""
    initialization = base.find(f"{_MPD}Initialization")
    if initialization is None:
        raise VerificationFailed("The packager wrote no initialization.")
    init = _range(file, initialization.attrib["range"])
    index = _range(file, base.attrib["indexRange"])
    with (folder / file).open("rb") as media:
        media.seek(index.offset)
        box = media.read(index.size_bytes)
    is_long = box[8] == 1
    timescale, first, gap = struct.unpack_from(">IQQ" if is_long else ">III", box, 16)
    at = 36 if is_long else 28
    (count,) = struct.unpack_from(">H", box, at + 2)
    segments = []
    start, offset = first, index.offset + index.size_bytes + gap
    for number in range(count):
        size, duration, _ = struct.unpack_from(">III", box, at + 4 + 12 * number)
        # The highest bit tells an index from media.
        size &= 0x7FFFFFFF
        segments.append(
            Segment(start_ticks=start, duration_ticks=duration, size_bytes=size, file=file, offset=offset)
        )
        start, offset = start + duration, offset + size
    return timescale, tuple(segments), init, index


def _range(file: str, written: str) -> ByteRange:
    first, last = (int(number) for number in written.split("-"))
    return ByteRange(file=file, offset=first, size_bytes=last - first + 1)


def _iframes(playlist: Path) -> tuple[ByteRange, ...]:
    if not playlist.is_file():
        return ()
    found = []
    for segment in m3u8.loads(playlist.read_text()).segments:
        size, _, offset = segment.byterange.partition("@")
        found.append(ByteRange(file=segment.uri, offset=int(offset), size_bytes=int(size)))
    return tuple(found)


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
