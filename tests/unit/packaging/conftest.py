"""A small version, complete and right: a plan, and facts as if it had been made."""

from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from typing import Any

import pytest

import strategies
from cutroom import ids
from cutroom.media.joins import Join
from cutroom.media.likeness import Likeness
from cutroom.media.loudness import Gain, Loudness
from cutroom.media.plan import Plan, make_plan
from cutroom.media.profile import load_profile
from cutroom.media.rates import Rates
from cutroom.media.source import AudioTrack, Source, TextTrack, VideoTrack
from cutroom.packaging import hls, mpd, packager, webvtt
from cutroom.packaging.checks.pictures import SourceFrames
from cutroom.packaging.checks.report import Report
from cutroom.packaging.checks.sound import EncodedSound
from cutroom.packaging.containers import CONTAINERS
from cutroom.packaging.facts import ByteRange, RenditionFacts, Segment, bandwidths, stated_durations
from cutroom.packaging.verify import verify

CMAF = CONTAINERS["cmaf"]

JOIN = Join(
    at_ticks=153_600,
    before_db=40.5,
    after_db=43.0,
    mean_before_db=42.0,
    mean_after_db=41.0,
    worst_elsewhere_db=39.0,
)

PREFIX = "../../../renditions/"
FRAMES = 25 * 15
SAMPLES = 48_000 * 15
ALIKE = Likeness(
    windows=60, joins=2, least=0.93, least_at_s=6.25, lag_ms=0.0, spread_ms=0.01, spread_at_s=3.0, drift_ms=0.0,
    silenced=0, silenced_at_s=None,
)  # fmt: skip
METERED = Loudness(integrated_lufs=-20.0, range_lu=5.0, true_peak_dbtp=-3.0)
ENCODED = EncodedSound(
    samples=SAMPLES,
    source_samples=SAMPLES,
    source_sample_rate_hz=48_000,
    source_loudness=METERED,
    gain=Gain(),
)


@dataclass(frozen=True, kw_only=True)
class Version:
    """Everything that verify looks at."""

    plan: Plan
    facts: tuple[RenditionFacts, ...]
    frames: SourceFrames
    sound: dict[str, EncodedSound]
    multivariant: str
    manifest: str
    objects: dict[str, int]
    playlists: dict[str, str]

    def change(self, place: int, **changes: Any) -> "Version":
        """Another value in the facts of one rendition; manifests are as they were."""
        facts = list(self.facts)
        facts[place] = replace(facts[place], **changes)
        return replace(self, facts=tuple(facts))

    def report(self) -> Report:
        return verify(
            self.plan,
            self.facts,
            source_frames={1: self.frames},
            encoded_sound=self.sound,
            texts={"master.m3u8": self.multivariant, "manifest.mpd": self.manifest},
            playlists=self.playlists,
            prefix=PREFIX,
            objects=self.objects,
        )

    def failed(self) -> list[str]:
        return [check.name for check in self.report().checks if not check.ok]


def _source() -> Source:
    sound = AudioTrack(
        index=1,
        codec="aac",
        channels=2,
        sample_rate_hz=48_000,
        start_s=Fraction(0),
        language="en",
        label="English",
    )
    picture = VideoTrack(
        index=0, codec="h264", width=1280, height=720, time_base=Fraction(1, 25), frame_rate=Fraction(25)
    )
    return Source(
        sha256="ab" * 32, size_bytes=1, container="mov", start_s=Fraction(0), duration_s=Fraction(15),
        video=(picture,),
        audio=(sound, replace(sound, index=2, language="de", label="Deutsch")),
        text=(TextTrack(index=3, codec="subrip", language="en", label="English (SDH)", is_sdh=True),),
    )  # fmt: skip


def _segments(timescale: int, grid_s: list[int], size: int) -> tuple[Segment, ...]:
    return tuple(
        Segment(
            start_ticks=at * timescale,
            duration_ticks=(after - at) * timescale,
            size_bytes=size + at,
            file=CMAF.segment % number,
        )
        for number, (at, after) in enumerate(pairwise(grid_s), start=1)
    )


@pytest.fixture(scope="session")
def version() -> Version:
    plan = make_plan(
        _source(), strategies.packets_of(range(FRAMES)), load_profile("web"), asset_id="as_1", tools={}
    )
    assert plan.video is not None
    timescale = plan.video.timing.timescale
    shown = [plan.video.timing.output_ticks(n) for n in range(FRAMES)]
    facts = []
    for number, one in enumerate(plan.renditions):
        is_video = one.kind == "video"
        segments = _segments(timescale if is_video else 48_000, [0, 6, 12, 15], 400_000 // (number + 1))
        durations_s = stated_durations(segments, timescale if is_video else 48_000)
        peak, average = bandwidths([segment.size_bytes for segment in segments], durations_s, plan.target_s)
        names = [CMAF.init, *(CMAF.segment % n for n in range(1, len(segments) + 1))]
        made = RenditionFacts(
            key=f"rn_{number}_{one.name}",
            name=one.name,
            kind=one.kind,
            container=one.container,
            rung=one.rung,
            track=one.track,
            codec_string="avc1.64001f" if is_video else "mp4a.40.2",
            timescale=timescale if is_video else 48_000,
            segments=segments,
            bandwidth_bps=peak,
            average_bandwidth_bps=average,
            size_bytes=sum(segment.size_bytes for segment in segments),
            files=dict.fromkeys(names, "0" * 64),
            bitstream_codec="avc1.64001f" if is_video else "mp4a.40.2",
            init=ByteRange(file=CMAF.init, offset=0, size_bytes=900),
            iframes=tuple(
                ByteRange(file=segment.file, offset=84, size_bytes=segment.size_bytes // 5)
                for segment in (segments if is_video else ())
            ),
        )
        (track,) = one.tracks
        made = replace(
            made, language=track.language, label=track.label, role=track.role, is_default=track.is_default
        )
        if one.kind == "text":
            names = [webvtt.WHOLE, *(webvtt.SEGMENT % n for n in range(1, len(segments) + 1))]
            of_text = [replace(each, file=name) for each, name in zip(segments, names[1:], strict=True)]
            made = replace(
                made, codec_string="wvtt", bitstream_codec=None, segments=tuple(of_text), init=None,
                files=dict.fromkeys(names, "0" * 64), cues=3, source_cues=3,
            )  # fmt: skip
        elif is_video:
            rung = next(rung for rung in plan.video.rungs if rung.name == one.rung)
            made = replace(
                made, width=rung.width, height=rung.height, frame_rate=Fraction(25), video_range="SDR",
                decoded_frames=FRAMES, decoded_ticks_digest=ids.digest(shown), first_tick=0,
                keyframe_ticks=tuple(segment.start_ticks for segment in segments),
                rates=Rates(
                    window_s=Fraction(9), peak_bps=rung.max_bitrate_bps, lowest_fill_bits=rung.buffer_bits // 2
                ),
                joins=(JOIN,),
            )  # fmt: skip
        else:
            made = replace(
                made, channels=2, sample_rate_hz=48_000, first_tick=0, decoded_samples=SAMPLES, loudness=METERED,
                likeness=ALIKE,
            )  # fmt: skip
        facts.append(replace(made, key=one.key))
    readable = [replace(one, key=f"rn_{one.name}") for one in facts]
    renditions = tuple(
        replace(one, key=ids.RenditionKey(fact.key))
        for one, fact in zip(plan.renditions, readable, strict=True)
    )
    sizes = {
        f"{one.key}/{name}": 900
        for one in readable
        for name in (CMAF.init, packager.PLAYLIST, packager.IFRAMES, webvtt.WHOLE)
    } | {f"{one.key}/{segment.file}": segment.size_bytes for one in readable for segment in one.segments}
    return Version(
        plan=replace(plan, renditions=renditions),
        facts=tuple(readable),
        frames=SourceFrames(
            count=FRAMES,
            ticks_digest=ids.digest(shown),
            starts=tuple(at * timescale for at in (0, 6, 12)),
        ),
        sound={one.name: ENCODED for one in readable if one.kind == "audio"},
        multivariant=hls.multivariant_playlist(readable, prefix=PREFIX),
        manifest=mpd.mpd(readable, prefix=PREFIX),
        objects=sizes,
        playlists={
            f"{one.key}/{name}": text for one in readable for name, text in hls.playlists(one).items()
        },
    )
