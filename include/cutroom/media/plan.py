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
from cutroom.media.audio_plan import AudioPlan, AudioRung, chosen_codecs, plan_audio
from cutroom.media.download_plan import plan_downloads
from cutroom.media.encode_key import adapter, plain
from cutroom.media.profile import Profile
from cutroom.media.recipes import Thumbnails
from cutroom.media.rendition_plan import (
    RenditionPlan,
    audio_track,
    plan_rendition,
    plan_text_renditions,
    video_tracks,
)
from cutroom.media.source import Source, VideoTrack
from cutroom.media.target_duration import target_duration_s
from cutroom.media.timeline import Packet
from cutroom.media.video_plan import VideoPlan, plan_video


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """How the segments are encrypted. The key itself is fetched by its name when it is needed, and never kept."""

    scheme: str
    key_name: str
    key_id: str
    """32 hexadecimal digits: public, and part of the names of what it locks."""
    key_uri: str


PACKET_TIMES = "packet_times.txt"
"""Of a plan: `pts dts` of each packet of the pictures, a line each, for whoever reads the source once more."""


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
    """Video, then audio, then text, then downloads, in the profile's order."""
    thumbnails: Thumbnails
    target_s: int = 1
    """The target duration of all playlists of pictures and sound; see `target_duration`."""
    segments: str = "files"
    """`files`, or `single_file` with byte ranges."""
    iframe_playlists: bool = True
    lock: Lock | None = None

    @property
    def origin_s(self) -> Fraction:
        """When the presentation starts, in seconds on the source's clock."""
        return self.audio[0].origin_s if self.video is None else self.video.timing.origin_s

    @property
    def containers(self) -> tuple[str, ...]:
        """What segments are packaged as, each once, in the profile's order."""
        return tuple(dict.fromkeys(one.container for one in self.renditions if one.kind != "download"))

    def audio_rung(self, name: str) -> AudioRung:
        """The rung of sound of this name."""
        return next(rung for audio in self.audio for rung in audio.rungs if rung.name == name)

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
    key_id: str | None = None,
) -> Plan:
    """Plan what is made of a source.

    Args:
        source: What the probe found.
        packets: Packets of the source's main video track in decode order; empty where it has none.
        profile: The recipe.
        asset_id: Whose version this becomes.
        tools: Versions of the tools; another version may give other bytes, so it counts in every name.
        key_id: Public id of the content key that the profile names; None: it names none.

    Raises:
        SourceUnsupported: The profile makes nothing from such a source.
        PlanInvalid: The grid can't be laid.
    """
    tools = dict(tools)
    track = source.video[0] if source.video and profile.video else None
    origin = origin_of(source, track, packets)
    video = None if track is None else plan_video(track, packets, profile, origin)
    audio = tuple(
        plan_audio(one, codec, origin) for one in source.audio for codec in chosen_codecs(one, profile.audio)
    )
    if video is None and not audio:
        raise SourceUnsupported(_nothing_to_make(source, profile))
    lock = _lock(profile, key_id)
    tracks = [
        *(video_tracks(source, video, tools) if video else ()),
        *(audio_track(source, one, rung, tools) for one in audio for rung in one.rungs),
    ]
    smallest = {rung.codec: rung.name for rung in video.rungs} if video else {}
    target_s = target_duration_s(video, packets, audio, profile.segment_s)
    packaging = [
        *(str(profile.segment_s), profile.segments, target_s),
        None if lock is None else plain(Lock, lock),
    ]
    renditions = (
        *(
            plan_rendition(
                name=track.rung if container == "cmaf" else f"{track.rung}-{container}",
                kind=track.kind,
                container=container,
                tracks=(track,),
                packaging=packaging,
                tools=tools,
                trick_play=track.rung == smallest.get(codec) and _has_trick_play(profile, container),
            )
            for track, codec in tracks
            for container in profile.containers_of(codec)
        ),
        *plan_text_renditions(source, profile, origin, tools),
        *plan_downloads(
            source=source,
            profile=profile,
            tracks=tracks,
            video=video,
            audio=audio,
            origin_s=origin,
            tools=tools,
        ),
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
        target_s=target_s,
        segments=profile.segments,
        iframe_playlists=profile.iframe_playlists,
        lock=lock,
    )


def _has_trick_play(profile: Profile, container: str) -> bool:
    """Not in one file: its MPD is of another kind, whose players take no segments beside."""
    return profile.iframe_playlists and container == "cmaf" and profile.segments == "files"


def _lock(profile: Profile, key_id: str | None) -> Lock | None:
    if profile.encryption is None:
        return None
    if key_id is None:
        raise PlanInvalid(f"Profile {profile.name} encrypts, and no content key was given.")
    return Lock(
        scheme=profile.encryption.scheme,
        key_name=profile.encryption.key,
        key_id=key_id,
        key_uri=profile.encryption.key_uri.replace("{key_id}", key_id),
    )


def origin_of(source: Source, track: VideoTrack | None, packets: Sequence[Packet]) -> Fraction:
    """When the presentation starts: with the earliest of the tracks that are carried.

    A sound that starts less than a millisecond before the picture is taken to start with it: containers that count
    in milliseconds round the encoder delay.
    """
    sound = [one.start_s for one in source.audio if one.start_s is not None]
    if track is None:
        return min(sound, default=Fraction(0))
    shown = timeline.shown_pts(packets)
    if not shown:
        raise PlanInvalid("The video track holds no frame that is shown.")
    picture = shown[0] * track.time_base
    return min([picture, *(start for start in sound if picture - start > Fraction(1, 1000))])


def _nothing_to_make(source: Source, profile: Profile) -> str:
    has = " and ".join(kind for kind, there in (("video", source.video), ("audio", source.audio)) if there)
    wants = " and ".join(
        kind for kind, there in (("video", profile.video), ("audio", profile.audio)) if there
    )
    held = f"holds only {has}" if has else "holds no video and no audio track"
    return (
        f"The file {held}, and profile {profile.name} makes {wants}. Choose another profile, or another file."
    )
