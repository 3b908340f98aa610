"""The join report: what was checked of a version before it was published, and what was found. Pure."""

import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from typing import Any

import m3u8

from cutroom.media.audio_plan import AudioPlan
from cutroom.media.plan import Plan
from cutroom.packaging import packager
from cutroom.packaging.facts import RenditionFacts

MAX_AV_OFFSET_S = Fraction(1, 100)
"""Largest difference between where sound and picture start and where the source has them."""

AAC_FRAME_SAMPLES = 1024

_MPD = "{urn:mpeg:dash:schema:mpd:2011}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that must hold."""

    name: str
    ok: bool
    found: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFrames:
    """What decoding the source itself gave, apart from any encode."""

    count: int
    ticks_digest: str
    """Digest of the output times that these frames should have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All checks of one version."""

    version_id: str
    checks: tuple[Check, ...]

    @property
    def ok(self) -> bool:
        """Whether all of them hold."""
        return all(check.ok for check in self.checks)

    def to_json(self) -> dict[str, Any]:
        """A plain value."""
        return {
            "version_id": self.version_id,
            "ok": self.ok,
            "checks": [asdict(check) for check in self.checks],
        }


def verify(
    plan: Plan,
    renditions: Sequence[RenditionFacts],
    *,
    source_frames: SourceFrames | None,
    source_samples: Mapping[int, int],
    multivariant: str,
    manifest: str,
    prefix: str,
    objects: Mapping[str, int],
) -> Report:
    """Check a version against its source, its plan and itself.

    Args:
        plan: The plan.
        renditions: Facts of every rendition.
        source_frames: What decoding the source's pictures gave; None without video.
        source_samples: For each sound track the samples, at the output's rate, that reached the encoder.
        multivariant: The multivariant playlist.
        manifest: The MPD.
        prefix: How the manifests reach the renditions.
        objects: Size of every object in the renditions' folders, by its key below them.
    """
    video = [one for one in renditions if one.kind == "video"]
    audio = [one for one in renditions if one.kind == "audio"]
    checks = [_complete(plan, renditions), *_objects(renditions, objects)]
    if plan.video is not None:
        if source_frames is None:
            checks.append(Check(name="the source's frames were counted", ok=False, found="no count"))
        else:
            checks += _frames(video, source_frames)
        checks += [_grid(plan, video), _aligned(video)]
        checks += [_bitrate(plan, one) for one in video]
    checks += [check for one in plan.audio for check in _samples(one, audio, source_samples)]
    checks += _starts(plan, audio)
    checks += [_hls(multivariant, renditions, prefix), _dash(manifest, renditions, prefix)]
    return Report(version_id=plan.version_id, checks=tuple(checks))


def _complete(plan: Plan, renditions: Sequence[RenditionFacts]) -> Check:
    planned, there = [one.key for one in plan.renditions], [one.key for one in renditions]
    return Check(
        name="every planned rendition is there", ok=planned == there, found=f"{len(there)} of {len(planned)}"
    )


def _objects(renditions: Sequence[RenditionFacts], objects: Mapping[str, int]) -> list[Check]:
    named = {f"{one.key}/{name}" for one in renditions for name in (*one.files, packager.PLAYLIST)}
    sizes = {
        f"{one.key}/{packager.SEGMENTS % number}": segment.size_bytes
        for one in renditions
        for number, segment in enumerate(one.segments, start=1)
    }
    missing = sorted((named | sizes.keys()) - objects.keys())
    wrong = sorted(
        name for name in named & objects.keys() if objects[name] != sizes.get(name, max(1, objects[name]))
    )
    return [
        Check(
            name="every file of every rendition is stored, with its size",
            ok=not missing and not wrong,
            found=f"{len(named)} files"
            if not missing and not wrong
            else f"missing {missing[:3]}, of another size {wrong[:3]}",
        )
    ]


def _frames(video: Sequence[RenditionFacts], source: SourceFrames) -> list[Check]:
    return [
        Check(
            name=f"{one.name} shows the source's frames, each at its time",
            ok=one.decoded_frames == source.count and one.decoded_ticks_digest == source.ticks_digest,
            found=f"{one.decoded_frames} of {source.count} frames, times "
            + ("equal" if one.decoded_ticks_digest == source.ticks_digest else "differ"),
        )
        for one in video
    ]


def _grid(plan: Plan, video: Sequence[RenditionFacts]) -> Check:
    """Every segment begins with a keyframe on a boundary of the plan.

    The first boundary is not compared: where the source begins with frames that can't be decoded it moves.
    """
    assert plan.video is not None
    planned = tuple(plan.video.timing.output_ticks(boundary) for boundary in plan.video.boundaries)[1:]
    wrong = [
        one.name
        for one in video
        if one.keyframe_ticks[1:] != planned
        or tuple(segment.start_ticks for segment in one.segments) != one.keyframe_ticks
    ]
    return Check(
        name="segments begin with keyframes, on the grid and nowhere else",
        ok=not wrong,
        found=f"{len(planned) + 1} segments" if not wrong else f"not in {', '.join(wrong)}",
    )


def _aligned(video: Sequence[RenditionFacts]) -> Check:
    grids = {tuple((s.start_ticks, s.duration_ticks) for s in one.segments) for one in video}
    return Check(
        name="all rungs have the same segments",
        ok=len(grids) == 1,
        found=f"{len(video)} rungs, {len(grids)} different grids",
    )


def _bitrate(plan: Plan, one: RenditionFacts) -> Check:
    assert plan.video is not None
    rung = next(rung for rung in plan.video.rungs if rung.name == one.rung)
    # Over a window of T seconds the buffer lets through T × max_bitrate and, once, what it held.
    shortest = min(float(segment.duration_ticks) for segment in one.segments) / one.timescale
    allowed = rung.max_bitrate_bps * 1.1 + rung.buffer_bits / max(shortest, 1.0)
    return Check(
        name=f"{one.name} keeps its bit rate",
        ok=one.bandwidth_bps <= allowed,
        found=f"peak {one.bandwidth_bps} bit/s, of {rung.max_bitrate_bps} and a buffer of {rung.buffer_bits} bits",
    )


def _samples(audio: AudioPlan, facts: Sequence[RenditionFacts], source: Mapping[int, int]) -> list[Check]:
    wanted = source[audio.track.index]
    checks = []
    names = {rung.name for rung in audio.rungs}
    for one in (one for one in facts if one.rung in names):
        found = one.decoded_samples or 0
        checks.append(
            Check(
                name=f"{one.name} is as long as its source",
                ok=abs(found - wanted) <= AAC_FRAME_SAMPLES,
                found=f"{found} of {wanted} samples",
            )
        )
    return checks


def _starts(plan: Plan, audio: Sequence[RenditionFacts]) -> list[Check]:
    """Sound is padded to begin with the presentation; picture times were compared frame by frame."""
    return [
        Check(
            name=f"{one.name} begins with the presentation",
            ok=one.first_tick is not None and abs(Fraction(one.first_tick, one.timescale)) <= MAX_AV_OFFSET_S,
            found="no sound"
            if one.first_tick is None
            else f"{float(Fraction(one.first_tick, one.timescale)) * 1000:.3f} ms",
        )
        for one in audio
        if plan.audio
    ]


def _hls(text: str, renditions: Sequence[RenditionFacts], prefix: str) -> Check:
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
        name="the multivariant playlist states every rendition, its codec and bit rate",
        ok=named == by_uri.keys() and not wrong,
        found=f"{len(named & by_uri.keys())} of {len(by_uri)} playlists"
        + (f", wrong {wrong[:3]}" if wrong else ""),
    )


def _dash(text: str, renditions: Sequence[RenditionFacts], prefix: str) -> Check:
    """Read the MPD back: the same renditions, codecs, bit rates and numbers of segments as the facts say."""
    stated = set()
    for representation in ET.fromstring(text).iter(f"{_MPD}Representation"):  # noqa: S314  we wrote it
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
        (f"{prefix}{one.key}/", one.codec_string, one.bandwidth_bps, len(one.segments)) for one in renditions
    }
    return Check(
        name="the MPD states every rendition, its codec, bit rate and segments",
        ok=stated == wanted,
        found=f"{len(stated & wanted)} of {len(wanted)} representations",
    )
