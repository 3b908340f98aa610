"""The join report: what was checked of a version before it was published, and what was found. Pure."""

import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from typing import Any

import m3u8

from cutroom.media.audio_plan import AudioRung
from cutroom.media.loudness import Gain, Loudness
from cutroom.media.plan import Plan
from cutroom.packaging import packager
from cutroom.packaging.facts import RenditionFacts

MAX_AV_OFFSET_S = Fraction(1, 100)
"""Largest difference between where sound and picture start and where the source has them."""

MAX_LOUDNESS_ERROR_LU = 0.5
"""Largest difference between the loudness that a profile asks for and that of the packaged track (EBU R 128, j)."""

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
class EncodedSound:
    """What was noted when a track of sound was encoded."""

    samples: int
    """Of each channel, at the output's rate, that reached the encoder."""
    source_samples: int
    """The same before anything but their place was changed."""
    source_sample_rate_hz: int
    source_loudness: Loudness
    gain: Gain


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All checks of one version."""

    version_id: str
    checks: tuple[Check, ...]
    loudness: tuple[dict[str, Any], ...] = ()
    """For each rendition of sound: of the source, the gain, and of what is published."""

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
            "loudness": list(self.loudness),
        }


def verify(
    plan: Plan,
    renditions: Sequence[RenditionFacts],
    *,
    source_frames: SourceFrames | None,
    encoded_sound: Mapping[str, EncodedSound],
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
        encoded_sound: What was noted when the sound was encoded, by the rung's name.
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
    checks += [_samples(one, encoded_sound[one.rung]) for one in audio]
    checks += [_loudness(rung, one, encoded_sound[one.rung]) for one, rung in _normalised(plan, audio)]
    checks += _starts(plan, audio)
    checks += [_hls(multivariant, renditions, prefix), _dash(manifest, renditions, prefix)]
    return Report(
        version_id=plan.version_id,
        checks=tuple(checks),
        loudness=tuple(_told_loudness(one, encoded_sound[one.rung]) for one in audio),
    )


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


def _samples(one: RenditionFacts, encoded: EncodedSound) -> Check:
    """Every sample that went in comes out; the source's number, at the output's rate, is a sample off by rounding."""
    wanted = Fraction(encoded.source_samples * (one.sample_rate_hz or 0), encoded.source_sample_rate_hz)
    return Check(
        name=f"{one.name} is as long as its source",
        ok=one.decoded_samples == encoded.samples and abs(encoded.samples - wanted) <= 1,
        found=f"{one.decoded_samples} of {encoded.samples} samples, the source's {encoded.source_samples} at "
        f"{encoded.source_sample_rate_hz} Hz",
    )


def _normalised(plan: Plan, audio: Sequence[RenditionFacts]) -> list[tuple[RenditionFacts, AudioRung]]:
    rungs = {rung.name: rung for one in plan.audio for rung in one.rungs}
    return [(one, rungs[one.rung]) for one in audio if rungs[one.rung].loudness_lufs is not None]


def _loudness(rung: AudioRung, one: RenditionFacts, encoded: EncodedSound) -> Check:
    """The loudness that was asked for, or as much as the true peak allowed; silence has none."""
    found = None if one.loudness is None else one.loudness.integrated_lufs
    assert rung.loudness_lufs is not None
    is_silent = encoded.source_loudness.integrated_lufs is None
    is_near = found is not None and abs(found - rung.loudness_lufs) <= MAX_LOUDNESS_ERROR_LU
    return Check(
        name=f"{one.name} is as loud as the profile asks for",
        ok=is_silent
        or is_near
        or (encoded.gain.is_limited and found is not None and found < rung.loudness_lufs),
        found=f"{found} LUFS of {rung.loudness_lufs:g}, gain {encoded.gain.gain_db:+g} dB"
        + (", limited by the true peak" if encoded.gain.is_limited else ""),
    )


def _told_loudness(one: RenditionFacts, encoded: EncodedSound) -> dict[str, Any]:
    return {
        "rendition": one.name,
        "source": asdict(encoded.source_loudness),
        **asdict(encoded.gain),
        "published": None if one.loudness is None else asdict(one.loudness),
    }


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
