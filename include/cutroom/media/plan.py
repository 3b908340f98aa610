"""The plan of one source under one profile: every decision, made once, before anything is encoded.

Planning is pure: the same source, packets, profile and tools give the same plan, and names in the plan are digests
of what they stand for. Steps carry the plan out and decide nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from cutroom import ids
from cutroom.errors import PlanInvalid, SourceUnsupported
from cutroom.media import timeline
from cutroom.media.audio_plan import AudioPlan, AudioRung, audio_encode_key, carried_audio, plan_audio
from cutroom.media.encode_key import adapter
from cutroom.media.profile import Profile, Thumbnails
from cutroom.media.source import Source, VideoTrack
from cutroom.media.timeline import Packet
from cutroom.media.video_plan import VideoPlan, chunk_encode_key, plan_video

PACKAGE_REVISION = 1
"""Likewise for joining and packaging."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RenditionPlan:
    """One track of the output: which encodes make it, and its name."""

    key: ids.RenditionKey
    name: str
    kind: str
    """`video` or `audio`."""
    rung: str
    track: int
    """Stream index in the source."""
    encode_keys: tuple[str, ...]
    """Keys of the encodes that are joined, in order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Every decision about one source under one profile."""

    plan_id: str
    version_id: ids.VersionId
    source: Source
    profile: str
    profile_digest: str
    segment_s: Fraction
    tools: dict[str, str]
    """Name and version of each tool that shapes the output."""
    video: VideoPlan | None
    audio: tuple[AudioPlan, ...]
    renditions: tuple[RenditionPlan, ...]
    thumbnails: Thumbnails

    def rendition(self, key: str) -> RenditionPlan:
        """The rendition with this key."""
        return next(rendition for rendition in self.renditions if rendition.key == key)

    def dump(self) -> bytes:
        """The plan as JSON."""
        return adapter(Plan).dump_json(self)

    @classmethod
    def load(cls, data: bytes) -> "Plan":
        """The reverse of `dump`."""
        plan: Plan = adapter(Plan).validate_json(data)
        return plan


def make_plan(
    source: Source,
    packets: Sequence[Packet],
    profile: Profile,
    *,
    asset_id: str,
    tools: Mapping[str, str],
) -> Plan:
    """Plan what is made of a source.

    Args:
        source: What the probe found.
        packets: Packets of the source's main video track in decode order; empty where it has none.
        profile: The recipe.
        asset_id: Whose version this becomes.
        tools: Versions of the tools; another version may give other bytes, so it counts in every name.

    Raises:
        SourceUnsupported: The profile makes nothing from such a source.
        PlanInvalid: The grid can't be laid.
    """
    tools = dict(tools)
    track = source.video[0] if source.video and profile.video else None
    origin = _origin(source, track, packets)
    video = None if track is None else plan_video(track, packets, profile, origin)
    audio = tuple(plan_audio(one, codec, origin) for one in carried_audio(source) for codec in profile.audio)
    if video is None and not audio:
        raise SourceUnsupported(_nothing_to_make(source, profile))
    renditions = (
        *(_video_renditions(source, video, profile, tools) if video else ()),
        *(_audio_rendition(source, one, rung, profile, tools) for one in audio for rung in one.rungs),
    )
    named: Any = [asset_id, source.sha256, profile.digest, tools, [rendition.key for rendition in renditions]]
    return Plan(
        plan_id="pl_" + ids.digest(named),
        version_id=ids.VersionId("av_" + ids.digest(named, 16)),
        source=source,
        profile=profile.name,
        profile_digest=profile.digest,
        segment_s=profile.segment_s,
        tools=tools,
        video=video,
        audio=audio,
        renditions=renditions,
        thumbnails=profile.thumbnails,
    )


def _origin(source: Source, track: VideoTrack | None, packets: Sequence[Packet]) -> Fraction:
    """When the presentation starts: with the earliest of the tracks that are carried.

    A sound that starts less than a millisecond before the picture is taken to start with it: containers that count
    in milliseconds round the encoder delay.
    """
    sound = [one.start_s for one in carried_audio(source) if one.start_s is not None]
    if track is None:
        return min(sound, default=Fraction(0))
    shown = timeline.shown_pts(packets)
    if not shown:
        raise PlanInvalid("The video track holds no frame that is shown.")
    picture = shown[0] * track.time_base
    return min([picture, *(start for start in sound if picture - start > Fraction(1, 1000))])


def _video_renditions(
    source: Source, video: VideoPlan, profile: Profile, tools: Mapping[str, str]
) -> list[RenditionPlan]:
    return [
        _rendition(
            kind="video",
            name=rung.name,
            track=video.track.index,
            encode_keys=tuple(chunk_encode_key(source, video, chunk, rung, tools) for chunk in video.chunks),
            profile=profile,
            tools=tools,
        )
        for rung in video.rungs
    ]


def _audio_rendition(
    source: Source, audio: AudioPlan, rung: AudioRung, profile: Profile, tools: Mapping[str, str]
) -> RenditionPlan:
    keys = (audio_encode_key(source, audio, rung, tools),)
    return _rendition(
        kind="audio", name=rung.name, track=audio.track.index, encode_keys=keys, profile=profile, tools=tools
    )


def _rendition(
    *,
    kind: str,
    name: str,
    track: int,
    encode_keys: tuple[str, ...],
    profile: Profile,
    tools: Mapping[str, str],
) -> RenditionPlan:
    packaged: Any = [list(encode_keys), str(profile.segment_s), tools.get("packager", ""), PACKAGE_REVISION]
    return RenditionPlan(
        key=ids.RenditionKey("rn_" + ids.digest(packaged)),
        name=name,
        kind=kind,
        rung=name,
        track=track,
        encode_keys=encode_keys,
    )


def _nothing_to_make(source: Source, profile: Profile) -> str:
    has = " and ".join(kind for kind, there in (("video", source.video), ("audio", source.audio)) if there)
    wants = " and ".join(
        kind for kind, there in (("video", profile.video), ("audio", profile.audio)) if there
    )
    held = f"holds only {has}" if has else "holds no video and no audio track"
    return (
        f"The file {held}, and profile {profile.name} makes {wants}. Choose another profile, or another file."
    )
