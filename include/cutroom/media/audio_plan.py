"""The plan of the sound: which tracks are carried, and what each becomes. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from cutroom.media import codecs, edits
from cutroom.media.codecs import AudioCodecName
from cutroom.media.encode_key import encode_key, plain
from cutroom.media.recipes import AudioCodec
from cutroom.media.source import AudioTrack, Source

HEARD_REVISION = 1
"""Raised when what is kept of the sound beside an encode changes: older ones could not be compared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioRung:
    """One bit rate of one codec for one track."""

    name: str
    codec: AudioCodecName
    bitrate_bps: int | None
    """None: lossless."""
    channels: int
    sample_rate_hz: int
    loudness_lufs: float | None = None
    """Integrated loudness that the sound is brought to; None: it is left as it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioPlan:
    """One track of sound and what is made of it, from one decode."""

    track: AudioTrack
    origin_s: Fraction
    rungs: tuple[AudioRung, ...]

    @property
    def name(self) -> str:
        """For people: codec and track, and the channels where they are more than stereo."""
        first = self.rungs[0]
        surround = f" {first.channels} channels" if first.channels > 2 else ""
        return f"{first.codec}{surround} track {self.track.index}"

    @property
    def may_exceed(self) -> bool:
        """Whether samples may lie above full scale, or be no numbers: those of floating point."""
        return self.track.codec.startswith("pcm_f")

    @property
    def needs_measuring(self) -> bool:
        """Whether the gain has to be known before anything is encoded: it is chosen, or a downmix could clip."""
        return self.rungs[0].loudness_lufs is not None or self.rungs[0].channels < self.track.channels


def audio_encode_key(source: Source, audio: AudioPlan, rung: AudioRung, tools: Mapping[str, str]) -> str:
    """The name of one bit rate of one track of sound."""
    what = [str(audio.origin_s), list(audio.track.joined), plain(AudioRung, rung), HEARD_REVISION]
    # Only where there is something to say, so that the names of all others stay.
    behind = codecs.AUDIO[rung.codec].silence_behind
    for is_so, said in (
        (behind > 0, behind),
        (codecs.AUDIO[rung.codec].is_lossless, "even blocks"),
        (audio.track.taken_as is not None, audio.track.taken_as),
        (audio.track.clock in {"rough", "exact", "none"}, audio.track.clock),
        (audio.track.ends_s is not None, str(audio.track.ends_s)),
        (
            bool(audio.track.edits),
            [list(one) for one in edits.heard(audio.track.edits, audio.track.sample_rate_hz)],
        ),
        (audio.may_exceed, "peak"),
        (rung.loudness_lufs is not None, "peaks held"),
    ):
        if is_so:
            what.append(said)
    return encode_key(source, audio.track.index, what, tools)


def chosen_codecs(track: AudioTrack, wanted: Sequence[AudioCodec]) -> list[AudioCodec]:
    """The recipes that suit a track: of one codec in stereo and surround, surround only where the track has it."""
    return [
        one
        for one in wanted
        if not any(
            other.codec == one.codec and track.channels <= other.channels < one.channels for other in wanted
        )
    ]


def plan_audio(track: AudioTrack, codec: AudioCodec, origin: Fraction) -> AudioPlan:
    """What a codec of the profile makes of a track; bit rates above what its channels can use are dropped."""
    facts = codecs.AUDIO[codec.codec]
    channels = min(codec.channels, track.channels if track.channels <= 2 or track.channels >= 6 else 2)
    rate = track.sample_rate_hz if track.sample_rate_hz in facts.sample_rates_hz else 48_000
    bitrates: list[int | None] = [
        _bitrate(bitrate, codec, channels, rate) for bitrate in sorted(codec.bitrates, reverse=True)
    ]
    return AudioPlan(
        track=track,
        origin_s=origin,
        rungs=tuple(
            AudioRung(
                name=_name(codec.codec, bitrate, channels, track.index),
                codec=codec.codec,
                bitrate_bps=bitrate,
                channels=channels,
                sample_rate_hz=rate,
                loudness_lufs=codec.loudness_lufs,
            )
            for bitrate in dict.fromkeys(bitrates or [None])
        ),
    )


def _bitrate(asked: int, codec: AudioCodec, channels: int, rate: int) -> int:
    """The bit rate for these channels, as the codec has it.

    Bit rates are meant for the channels of the recipe, or for stereo; fewer take their part, and an encoder spends no
    more than 4 bits a sample well.
    """
    bitrate = min(asked * channels // max(2, codec.channels), 4 * rate * channels)
    steps = codecs.AUDIO[codec.codec].bitrates_bps
    return max((step for step in steps if step <= bitrate), default=steps[0]) if steps else bitrate


def _name(codec: str, bitrate: int | None, channels: int, track: int) -> str:
    """Codec, bit rate, channels where they are more than stereo, and track: `aac-128k-1`, `flac-6ch-2`."""
    rate = "" if bitrate is None else f"-{bitrate / 1000:g}k"
    surround = f"-{channels}ch" if channels > 2 else ""
    return f"{codec}{rate}{surround}-{track}"
