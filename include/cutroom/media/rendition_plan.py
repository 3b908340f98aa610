"""The plan of what is delivered: each rendition, and the encoded tracks that it is made of. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from cutroom import ids
from cutroom.media.audio_plan import AudioPlan, AudioRung, audio_encode_key
from cutroom.media.encode_key import plain
from cutroom.media.profile import Profile
from cutroom.media.source import Source
from cutroom.media.tagging import Tagging
from cutroom.media.text_plan import text_content, text_name, text_role
from cutroom.media.video_plan import VideoPlan, chunk_encode_key

PACKAGE_REVISION = 15
"""Raised when joining or packaging changes, so that older renditions are not taken for the same."""


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
    trick_play: bool = False
    """Whether its keyframes are packaged once more, alone, for players of DASH to show while they seek."""
    tagging: Tagging | None = None
    """What a download says of itself; None: nothing."""

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


CodedTrack = tuple[EncodedTrack, str]
"""A track and the name of its codec."""


def video_tracks(source: Source, video: VideoPlan, tools: Mapping[str, str]) -> list[CodedTrack]:
    """The rungs of the pictures, each joined of the encodes of all chunks."""
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


def audio_track(source: Source, audio: AudioPlan, rung: AudioRung, tools: Mapping[str, str]) -> CodedTrack:
    """One bit rate of a track of sound, which is encoded whole."""
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


def plan_rendition(
    *,
    name: str,
    kind: str,
    container: str,
    tracks: tuple[EncodedTrack, ...],
    packaging: list[Any],
    tools: Mapping[str, str],
    trick_play: bool = False,
    tagging: Tagging | None = None,
) -> RenditionPlan:
    """One thing to deliver, under a digest of all that decides its bytes.

    Args:
        name: What it is called in its version.
        kind: See `RenditionPlan`.
        container: What it is packaged as.
        tracks: What it holds.
        packaging: JSON values of whatever else decides how it is packaged.
        tools: Name and version of the tools.
        trick_play: See `RenditionPlan`.
        tagging: See `RenditionPlan`.
    """
    # The version of ffmpeg counts in the names of the encodes already.
    made_by = {tool: version for tool, version in tools.items() if tool != "ffmpeg"}
    contents = [plain(EncodedTrack, track) for track in tracks]
    packaged: Any = [contents, container, packaging, made_by, PACKAGE_REVISION]
    packaged += ["trick play"] if trick_play else []
    packaged += [plain(Tagging, tagging)] if tagging else []
    return RenditionPlan(
        key=ids.RenditionKey("rn_" + ids.digest(packaged)),
        name=name,
        kind=kind,
        container=container,
        tracks=tracks,
        trick_play=trick_play,
        tagging=tagging,
    )


def plan_text_renditions(
    source: Source, profile: Profile, origin: Fraction, tools: Mapping[str, str]
) -> list[RenditionPlan]:
    """Subtitles go beside the segments of every container, each on its clock."""
    return [
        plan_rendition(
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
