"""What a rendition's files are called in each container, and what the container does to times: facts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

TS_START_S = Fraction(1, 5)
"""What the packager adds to every time in MPEG-TS, so that none is negative: AAC at 8 kHz begins 0.128 s early."""

TS_DECODE_LEAD_S = Fraction(1, 15)
"""How far decoding begins before the presentation in MPEG-TS, so that hls.js keeps the sound in step.

Its time begins where decoding does. It would move sound whose first frame begins less than the length of a frame away
from there to that moment. AAC begins a frame early: two of them are 64 ms at 32 kHz, the lowest rate that is made.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """One way of packaging."""

    init: str | None
    """Name of the initialization segment; None: segments need none."""
    segment: str
    """Name of a media segment, by its number from 1."""
    single: str | None
    """Name of the file that holds all of them; None: this container is not made so."""
    mime: str
    """Subtype of the media type."""
    demuxer: str
    """ffmpeg's name of it; left to find out, it takes a few frames of MPEG-TS for something else."""
    in_hls: bool
    in_dash: bool
    resolution_s: Fraction
    """How far a time may be from where the encoder was given it: a tick of the container, where it has its own."""
    tells_end: bool = True
    """Whether it says where the sound ends inside its last frame; else players hear what the encoder put behind it."""
    counts_front: bool = False
    """Whether its times of sound count what the encoder put in front: then all of it is heard earlier by as much."""
    start_s: Fraction = Fraction(0)
    """Time in the container at which the presentation starts."""
    decode_lead_s: Fraction = Fraction(0)
    """How far decoding begins before the presentation at least."""

    def segment_template(self) -> str:
        """The name of a segment in the words of the packager and of the MPD."""
        return self.segment.replace("%05d", "$Number%05d$")


CONTAINERS: Mapping[str, Container] = {
    "cmaf": Container(
        init="init.mp4",
        segment="seg_%05d.m4s",
        single="media.mp4",
        mime="mp4",
        demuxer="mov",
        in_hls=True,
        in_dash=True,
        resolution_s=Fraction(0),
    ),
    "ts": Container(
        init=None,
        segment="seg_%05d.ts",
        single=None,
        mime="mp2t",
        demuxer="mpegts",
        in_hls=True,
        in_dash=False,
        resolution_s=Fraction(1, 90_000),
        tells_end=False,
        counts_front=True,
        start_s=TS_START_S,
        decode_lead_s=TS_DECODE_LEAD_S,
    ),
    # Matroska counts in milliseconds.
    "webm": Container(
        init="init.webm",
        segment="seg_%05d.webm",
        single=None,
        mime="webm",
        demuxer="matroska",
        in_hls=False,
        in_dash=True,
        resolution_s=Fraction(1, 1000),
        counts_front=True,
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ManifestName:
    """A multivariant playlist or an MPD of a version."""

    kind: str
    """`hls` or `dash`."""
    container: str
    label: str
    """`hls` and `dash` are what is played by default; others say their container: `hls-ts`."""
    file: str


_FILES = {"hls": ("master", ".m3u8"), "dash": ("manifest", ".mpd")}


def manifest_names(containers: Sequence[str]) -> list[ManifestName]:
    """The manifests of a version that has these containers, the default ones first."""
    found: list[ManifestName] = []
    for kind, (stem, suffix) in _FILES.items():
        able = [
            name
            for name in containers
            if (CONTAINERS[name].in_hls if kind == "hls" else CONTAINERS[name].in_dash)
        ]
        for place, container in enumerate(able):
            other = f"-{container}" if place else ""
            found.append(
                ManifestName(
                    kind=kind, container=container, label=f"{kind}{other}", file=f"{stem}{other}{suffix}"
                )
            )
    return sorted(found, key=lambda one: "-" in one.label)
