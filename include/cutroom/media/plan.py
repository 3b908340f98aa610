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
from cutroom.media.audio_plan import (
    AudioPlan,
    AudioRung,
    audio_encode_key,
    chosen_codecs,
    plan_audio,
)
from cutroom.media.encode_key import adapter, plain
from cutroom.media.profile import Profile
from cutroom.media.recipes import Download, Thumbnails
from cutroom.media.source import Source, VideoTrack
from cutroom.media.text_plan import text_content, text_name, text_role
from cutroom.media.timeline import Packet
from cutroom.media.video_plan import VideoPlan, chunk_encode_key, plan_video

PACKAGE_REVISION = 3
"""Likewise for joining and packaging."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodedTrack:
    """One encoded track: the encodes that are joined to it."""

    kind: str
    """`video` or `audio`."""
    rung: str
    track: int
    """Stream index in the source."""
    encode_keys: tuple[str, ...]
    """Keys of the encodes that are joined, in order; text is not encoded and has none."""
    language: str | None = None
    label: str | None = None
    """What players list the track as."""
    role: str | None = None
    is_default: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RenditionPlan:
    """One thing to deliver: a track in segments, or a file to take away."""

    key: ids.RenditionKey
    name: str
    kind: str
    """`video`, `audio`, `text` or `download`."""
    container: str
    """What it is packaged as."""
    tracks: tuple[EncodedTrack, ...]
    """One in segments; a download has a picture, a sound, or both."""

    @property
    def rung(self) -> str:
        """The rung of the first track."""
        return self.tracks[0].rung

    @property
    def track(self) -> int:
        """Stream index of the first track in the source."""
        return self.tracks[0].track

    @property
    def encode_keys(self) -> tuple[str, ...]:
        """Keys of the encodes of the first track."""
        return self.tracks[0].encode_keys


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """How the segments are encrypted. The key itself is fetched by its name when it is needed, and never kept."""

    scheme: str
    key_name: str
    key_id: str
    """32 hexadecimal digits: public, and part of the names of what it locks."""
    key_uri: str


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
    origin = _origin(source, track, packets)
    video = None if track is None else plan_video(track, packets, profile, origin)
    audio = tuple(
        plan_audio(one, codec, origin) for one in source.audio for codec in chosen_codecs(one, profile.audio)
    )
    if video is None and not audio:
        raise SourceUnsupported(_nothing_to_make(source, profile))
    lock = _lock(profile, key_id)
    tracks = [
        *(_video_tracks(source, video, tools) if video else ()),
        *(_audio_track(source, one, rung, tools) for one in audio for rung in one.rungs),
    ]
    packaging = [str(profile.segment_s), profile.segments, None if lock is None else plain(Lock, lock)]
    renditions = (
        *(
            _rendition(
                name=track.rung if container == "cmaf" else f"{track.rung}-{container}",
                kind=track.kind,
                container=container,
                tracks=(track,),
                packaging=packaging,
                tools=tools,
            )
            for track, codec in tracks
            for container in profile.containers_of(codec)
        ),
        *_text_renditions(source, profile, origin, tools),
        *_downloads(profile, tracks, video, audio, tools),
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
        segments=profile.segments,
        iframe_playlists=profile.iframe_playlists,
        lock=lock,
    )


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


def _origin(source: Source, track: VideoTrack | None, packets: Sequence[Packet]) -> Fraction:
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


_Coded = tuple[EncodedTrack, str]
"""A track and the name of its codec."""


def _video_tracks(source: Source, video: VideoPlan, tools: Mapping[str, str]) -> list[_Coded]:
    return [
        (
            EncodedTrack(
                kind="video",
                rung=rung.name,
                track=video.track.index,
                encode_keys=tuple(
                    chunk_encode_key(source, video, chunk, rung, tools) for chunk in video.chunks
                ),
            ),
            rung.codec,
        )
        for rung in video.rungs
    ]


def _audio_track(source: Source, audio: AudioPlan, rung: AudioRung, tools: Mapping[str, str]) -> _Coded:
    keys = (audio_encode_key(source, audio, rung, tools),)
    track = EncodedTrack(
        kind="audio",
        rung=rung.name,
        track=audio.track.index,
        encode_keys=keys,
        language=audio.track.language,
        label=audio.track.label,
        role=audio.track.role,
        is_default=audio.track.index == source.audio[0].index,
    )
    return track, rung.codec


def _text_renditions(
    source: Source, profile: Profile, origin: Fraction, tools: Mapping[str, str]
) -> list[RenditionPlan]:
    """Subtitles go beside the segments of every container, each on its clock."""
    return [
        _rendition(
            name=text_name(one) if container == "cmaf" else f"{text_name(one)}-{container}",
            kind="text",
            container=container,
            tracks=(
                EncodedTrack(
                    kind="text",
                    rung=text_name(one),
                    track=one.index,
                    encode_keys=(),
                    language=one.language,
                    label=one.label,
                    role=text_role(one),
                    is_default=one.is_default,
                ),
            ),
            packaging=[str(profile.segment_s), text_content(source, one, str(origin))],
            tools=tools,
        )
        for one in source.text
        for container in profile.containers
    ]


def _downloads(
    profile: Profile,
    tracks: Sequence[_Coded],
    video: VideoPlan | None,
    audio: Sequence[AudioPlan],
    tools: Mapping[str, str],
) -> list[RenditionPlan]:
    """The files to take away: of each what the source has; a file of which nothing is left is not made."""
    encoded = {track.rung: track for track, _ in tracks}
    found = []
    for part in profile.downloads:
        names = [_picture(part, video), _sound(part, audio)]
        chosen = tuple(encoded[name] for name in names if name is not None)
        if chosen:
            found.append(
                _rendition(
                    name=part.name,
                    kind="download",
                    container=part.container,
                    tracks=chosen,
                    packaging=[],
                    tools=tools,
                )
            )
    return found


def _picture(part: Download, video: VideoPlan | None) -> str | None:
    """The largest rung that is not larger than asked for, else the smallest."""
    if video is None or part.video is None:
        return None
    rungs = [rung for rung in video.rungs if rung.codec == part.video]
    fitting = [r for r in rungs if part.height is None or min(r.width, r.height) <= part.height]
    return (fitting or rungs[-1:])[0].name


def _sound(part: Download, audio: Sequence[AudioPlan]) -> str | None:
    """The default track, at the most channels and the highest bit rate."""
    plans = [one for one in audio if one.rungs[0].codec == part.audio]
    if not plans:
        return None
    first = plans[0].track.index
    best = max((one for one in plans if one.track.index == first), key=lambda one: one.rungs[0].channels)
    return best.rungs[0].name


def _rendition(
    *,
    name: str,
    kind: str,
    container: str,
    tracks: tuple[EncodedTrack, ...],
    packaging: list[Any],
    tools: Mapping[str, str],
) -> RenditionPlan:
    # The version of ffmpeg counts in the names of the encodes already.
    made_by = {tool: version for tool, version in tools.items() if tool != "ffmpeg"}
    contents = [plain(EncodedTrack, track) for track in tracks]
    packaged: Any = [contents, container, packaging, made_by, PACKAGE_REVISION]
    return RenditionPlan(
        key=ids.RenditionKey("rn_" + ids.digest(packaged)),
        name=name,
        kind=kind,
        container=container,
        tracks=tracks,
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
