"""What codecs and containers can do: facts that profiles are held against and plans are made with. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

VideoCodecName = Literal["h264", "hevc", "vp9", "av1"]
AudioCodecName = Literal["aac", "opus", "mp3", "flac", "ac3", "eac3"]
ContainerName = Literal["cmaf", "ts", "webm"]
DownloadContainer = Literal["mp4", "webm", "m4a", "mp3", "flac", "ogg"]


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoFacts:
    """What a codec of pictures can do."""

    bit_depths: tuple[int, ...]
    """Bits of a sample that we encode and players take; the first is the default."""
    presets: tuple[str, ...]
    """Places of the encoder's own speed knob, fast ones first where they have names."""
    preset: str
    """Where it is left, if the profile does not turn it."""
    crf: float
    """Constant quality that looks like that of the other codecs' defaults."""
    max_crf: int
    min_crf: int = 0
    """1: at 0 its encoder makes something else, which players do not take, or nothing."""
    holds_rate: bool = False
    """Whether its encoder keeps within a decoder's buffer frame by frame; else each of its encodes is measured, and
    made again with less where it is too large."""


def _numbers(last: int) -> tuple[str, ...]:
    return tuple(str(number) for number in range(last + 1))


_X26X = (
    "ultrafast",
    "superfast",
    "veryfast",
    "faster",
    "fast",
    "medium",
    "slow",
    "slower",
    "veryslow",
    "placebo",
)

VIDEO: Mapping[VideoCodecName, VideoFacts] = {
    "h264": VideoFacts(
        bit_depths=(8,), presets=_X26X, preset="medium", crf=21, max_crf=51, min_crf=1, holds_rate=True
    ),
    "hevc": VideoFacts(
        bit_depths=(8, 10), presets=_X26X, preset="medium", crf=24, max_crf=51, holds_rate=True
    ),
    "vp9": VideoFacts(bit_depths=(8,), presets=_numbers(8), preset="4", crf=32, max_crf=63),
    "av1": VideoFacts(bit_depths=(8, 10), presets=_numbers(13), preset="8", crf=32, max_crf=63, min_crf=1),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioFacts:
    """What a codec of sound can do."""

    sample_rates_hz: frozenset[int]
    """Rates that it has and that players take; any other is resampled to 48 kHz."""
    max_channels: int
    frame_samples: int
    """Most samples of one frame: as many may be put behind the last one of a track."""
    is_lossless: bool = False
    """Has no bit rate to choose."""
    bitrates_bps: tuple[int, ...] = ()
    """The only ones that it has; empty: any."""
    silence_behind: int = 0
    """Samples of silence that its encoder has to get behind the sound, and that are cut off again: it keeps the end of
    a last frame that is nearly full, as long as its delay, to itself."""


_AC3_BITRATES = (*(1000 * n for n in (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224)),
                 *(1000 * n for n in (256, 320, 384, 448, 512, 576, 640)))  # fmt: skip

AUDIO: Mapping[AudioCodecName, AudioFacts] = {
    # None up to 24 kHz: decoders may take them for half of what they are, and their frames last up to 128 ms.
    "aac": AudioFacts(
        sample_rates_hz=frozenset({32_000, 44_100, 48_000}), max_channels=6, frame_samples=1024
    ),
    "opus": AudioFacts(sample_rates_hz=frozenset({48_000}), max_channels=6, frame_samples=960),
    "mp3": AudioFacts(
        sample_rates_hz=frozenset({8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000}),
        max_channels=2,
        frame_samples=1152,
    ),
    # Up to 96 kHz, as far as browsers and phones decode it.
    "flac": AudioFacts(
        sample_rates_hz=frozenset({16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 88_200, 96_000}),
        max_channels=6,
        frame_samples=4608,
        is_lossless=True,
    ),
    "ac3": AudioFacts(
        sample_rates_hz=frozenset({32_000, 44_100, 48_000}),
        max_channels=6,
        frame_samples=1536,
        bitrates_bps=_AC3_BITRATES,
        silence_behind=1536,
    ),
    "eac3": AudioFacts(
        sample_rates_hz=frozenset({32_000, 44_100, 48_000}),
        max_channels=6,
        frame_samples=1536,
        silence_behind=1536,
    ),
}

# What Shaka Packager 3.8 writes of them and players take (MP3 in segments: neither).
CARRIED: Mapping[ContainerName, frozenset[str]] = {
    "cmaf": frozenset({"h264", "hevc", "vp9", "av1", "aac", "opus", "flac", "ac3", "eac3"}),
    "ts": frozenset({"h264", "aac", "ac3", "eac3"}),
    "webm": frozenset({"vp9", "av1", "opus"}),
}

DOWNLOADED: Mapping[DownloadContainer, frozenset[str]] = {
    "mp4": frozenset({"h264", "hevc", "vp9", "av1", "aac", "opus", "flac", "ac3", "eac3", "mp3"}),
    "webm": frozenset({"vp9", "av1", "opus"}),
    "m4a": frozenset({"aac", "ac3"}),
    "mp3": frozenset({"mp3"}),
    "flac": frozenset({"flac"}),
    "ogg": frozenset({"opus", "flac"}),
}
