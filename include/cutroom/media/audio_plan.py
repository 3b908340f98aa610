"""The plan of the sound: which tracks are carried, and what each becomes. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from cutroom.media.encode_key import encode_key, plain
from cutroom.media.profile import AudioCodec
from cutroom.media.source import AudioTrack, Source

AAC_SAMPLE_RATES_HZ = frozenset({8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000})
"""Rates that AAC-LC has and that players take; any other is resampled to 48 kHz."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioRung:
    """One bit rate of one codec for one track."""

    name: str
    codec: str
    bitrate_bps: int
    channels: int
    sample_rate_hz: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioPlan:
    """One track of sound and what is made of it, from one decode."""

    track: AudioTrack
    origin_s: Fraction
    rungs: tuple[AudioRung, ...]


def audio_encode_key(source: Source, audio: AudioPlan, rung: AudioRung, tools: Mapping[str, str]) -> str:
    """The name of one bit rate of one track of sound."""
    return encode_key(source, audio.track.index, [str(audio.origin_s), plain(AudioRung, rung)], tools)


def carried_audio(source: Source) -> list[AudioTrack]:
    """One track of each language: the one that is marked as default, else the first."""
    chosen: dict[str | None, AudioTrack] = {}
    for track in sorted(source.audio, key=lambda one: not one.is_default):
        chosen.setdefault(track.language, track)
    return sorted(chosen.values(), key=lambda one: one.index)


def plan_audio(track: AudioTrack, codec: AudioCodec, origin: Fraction) -> AudioPlan:
    """What a codec of the profile makes of a track; bit rates above what its channels can use are dropped."""
    channels = min(codec.channels, track.channels)
    rate = track.sample_rate_hz if track.sample_rate_hz in AAC_SAMPLE_RATES_HZ else 48_000
    # Bit rates are meant for stereo; one channel takes half, and an encoder spends no more than 4 bits a sample well.
    bitrates = (
        min(bitrate * channels // 2, 4 * rate * channels) for bitrate in sorted(codec.bitrates, reverse=True)
    )
    return AudioPlan(
        track=track,
        origin_s=origin,
        rungs=tuple(
            AudioRung(
                name=f"{codec.codec}-{bitrate / 1000:g}k-{track.index}",
                codec=codec.codec,
                bitrate_bps=bitrate,
                channels=channels,
                sample_rate_hz=rate,
            )
            for bitrate in dict.fromkeys(bitrates)
        ),
    )
