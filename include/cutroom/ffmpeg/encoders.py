"""How each encoder is told what we mean: facts, not decisions.

Every encode begins with a keyframe, has others exactly where they are asked for, and refers to nothing before them.
The bytes do not depend on the machine: each encoder works with one thread, and several of them use the cores (see
`media.threads`).
A chunk counts on a decoder's buffer that is half full (vbv-init), so that it may follow any other chunk.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from cutroom.media.audio_plan import AudioRung
from cutroom.media.video_plan import VideoRung


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoEncoder:
    """One encoder of pictures."""

    name: str
    preset: str
    """Its option for the speed."""
    bitrate: str
    """Its option for the most bits a second."""
    parameters: str
    """Its option for parameters of its own."""
    own: str
    """Those parameters."""
    rate: str
    """Its parameter for the frame rate. The times of the frames alone do not tell it: with a variable rate an encoder
    would take each tick for a frame, choose the highest level, or refuse."""
    options: Mapping[str, str]


# In all of them: keyframes stay on the grid that all rungs share (no scene cuts, no longest distance), and nothing
# refers across a boundary (closed groups).
VIDEO: Mapping[str, VideoEncoder] = {
    # threads=1: x264 with one thread a rung makes as much as with many, see docs/benchmarks.md.
    "h264": VideoEncoder(
        name="libx264",
        preset="preset",
        bitrate="maxrate",
        parameters="x264-params",
        own="scenecut=0:open-gop=0:keyint=infinite:min-keyint=1:stitchable=1:vbv-init=0.5",
        rate=":fps={rate}",
        # a53cc: captions in the pictures become WebVTT; what of them came through here would have gaps.
        options={"profile:v": "high", "forced-idr": "1", "threads": "1", "a53cc": "0"},
    ),
    # min-vbv-fullness: x265 keeps the buffer half full, and codes a last frame that is a keyframe, or the only one,
    # with next to nothing when it is no more than that.
    # no-info: no settings and version in the bitstream. repeat-headers is off: `hvc1` has them in the init segment.
    "hevc": VideoEncoder(
        name="libx265",
        preset="preset",
        bitrate="maxrate",
        parameters="x265-params",
        own="scenecut=0:open-gop=0:keyint=-1:min-keyint=1:pools=none:frame-threads=1:vbv-init=0.5:min-vbv-fullness=40"
        ":info=0:log-level=warning",
        rate=":fps={rate}",
        options={"forced-idr": "1"},
    ),
    # A bit rate beside the quality makes it capped quality ("constrained", as libvpx says).
    "vp9": VideoEncoder(
        name="libvpx-vp9",
        preset="cpu-used",
        bitrate="b:v",
        parameters="",
        own="",
        rate="",
        options={
            "deadline": "good", "g": "99999", "row-mt": "0", "tile-columns": "0", "auto-alt-ref": "1",
            "lag-in-frames": "25", "threads": "1",
        },
    ),
    # lp=1: the least parallelism. keyint=-1 and no scene cuts: keyframes where they are asked for only.
    # mbr-overshoot-pct: left to itself it takes half as much again as the rate that it is told.
    "av1": VideoEncoder(
        name="libsvtav1",
        preset="preset",
        bitrate="maxrate",
        parameters="svtav1-params",
        own="keyint=-1:scd=0:lp=1:mbr-overshoot-pct=0",
        rate=":fps-num={rate.numerator}:fps-denom={rate.denominator}",
        options={},
    ),
}  # fmt: skip

PIXEL_FORMATS = {8: "yuv420p", 10: "yuv420p10le"}

PROFILES = {("hevc", 8): "main", ("hevc", 10): "main10"}


def video_options(rung: VideoRung, rate: Fraction) -> dict[str, Any]:
    """Options of ffmpeg for the encoder of a rung: constant quality, capped.

    Args:
        rung: What is made.
        rate: Frames a second.
    """
    encoder = VIDEO[rung.codec]
    profile = PROFILES.get((rung.codec, rung.bit_depth))
    return {
        "c:v": encoder.name,
        **encoder.options,
        **({"profile:v": profile} if profile else {}),
        **({encoder.parameters: encoder.own + encoder.rate.format(rate=rate)} if encoder.parameters else {}),
        "pix_fmt": PIXEL_FORMATS[rung.bit_depth],
        encoder.preset: rung.preset,
        "crf": f"{rung.crf:g}",
        encoder.bitrate: rung.encoder_bps,
        "bufsize": rung.buffer_bits,
    }


AUDIO: Mapping[str, Mapping[str, str]] = {
    "aac": {"c:a": "aac", "f": "mp4"},
    "opus": {"c:a": "libopus", "vbr": "on", "f": "mp4"},
    # The LAME tag in the first frame tells players how much the encoder put in front and behind.
    "mp3": {"c:a": "libmp3lame", "write_xing": "1", "id3v2_version": "0", "f": "mp3"},
    "flac": {"c:a": "flac", "compression_level": "8", "f": "mp4"},
    "ac3": {"c:a": "ac3", "f": "mp4"},
    "eac3": {"c:a": "eac3", "f": "mp4"},
}


def audio_options(rung: AudioRung) -> dict[str, Any]:
    """Options of ffmpeg for the encoder of a rung of sound, and for the file that it writes."""
    bitrate = {} if rung.bitrate_bps is None else {"b:a": rung.bitrate_bps}
    return {**AUDIO[rung.codec], **bitrate}
