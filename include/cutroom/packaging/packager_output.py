"""What the packager's own manifests say of the track that it packaged."""

import xml.etree.ElementTree as ET
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import m3u8

from cutroom.errors import VerificationFailed
from cutroom.packaging import packager, segment_index
from cutroom.packaging.containers import CONTAINERS, Container
from cutroom.packaging.facts import ByteRange, Segment

_MPD = "{urn:mpeg:dash:schema:mpd:2011}"
_CENC = "{urn:mpeg:cenc:2013}"


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
    timescale, segments = segment_index.listed(box, index)
    return timescale, segments, init, index


def _range(file: str, written: str) -> ByteRange:
    first, last = (int(number) for number in written.split("-"))
    return ByteRange(file=file, offset=first, size_bytes=last - first + 1)


def _iframes(playlist: Path) -> tuple[ByteRange, ...]:
    if not playlist.is_file():
        return ()
    found: list[ByteRange] = []
    end = 0
    for segment in m3u8.loads(playlist.read_text()).segments:
        size, _, offset = segment.byterange.partition("@")
        # Without one it begins where the one before ends (RFC 8216, 4.3.2.2): that was the only frame of its segment.
        found.append(ByteRange(file=segment.uri, offset=int(offset or end), size_bytes=int(size)))
        end = found[-1].offset + found[-1].size_bytes
    return tuple(found)


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
