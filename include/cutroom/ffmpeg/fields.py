"""Looks at a sample of frames for fields: whether a picture is interlaced, as flags lie both ways."""

import re
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import ffmpeg

from cutroom.errors import EncoderRefused
from cutroom.ffmpeg import runner
from cutroom.ffmpeg.argv import compiled
from cutroom.ffmpeg.containers import INPUT_OPTIONS
from cutroom.media.limits import Limits
from cutroom.media.source import Scan, VideoTrack

SAMPLE_FRAMES = 100
"""About a CPU second of 1080 lines."""

FEWEST_FRAMES = 10
"""That show what they are; with less, the flags count."""

CODECS = {"mpeg2video", "h264", "hevc", "vc1", "mpeg4", "dvvideo", "prores", "dnxhd", "mjpeg", "ffv1", "huffyuv",
          "utvideo", "rawvideo", "v210", "jpeg2000", "qtrle", "png"}  # fmt: skip
"""Those whose frames may be two fields, by themselves or because their encoder was told nothing."""

HEIGHTS = {480, 486, 512, 576, 608, 1080, 1088}
"""Lines of the systems that have fields."""

MOST_RATE = Fraction(30)
"""Frames a second of two fields."""

_SEEN = re.compile(r"Multi frame detection: TFF: *(\d+) BFF: *(\d+) Progressive: *(\d+)")
_REPEATED = re.compile(r"Repeated Fields: Neither: *(\d+) Top: *(\d+) Bottom: *(\d+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fields:
    """What a sample shows."""

    scan: Scan | None
    """None: nothing clear."""
    is_telecined: bool
    """Whether fields are repeated in the manner of 3:2."""


UNSEEN = Fields(scan=None, is_telecined=False)


def may_have_fields(track: VideoTrack) -> bool:
    """Whether it is worth to look at this track."""
    is_slow = track.frame_rate is None or track.frame_rate <= MOST_RATE
    return track.codec in CODECS and (track.height in HEIGHTS or track.is_interlaced) and is_slow


def look(path: Path, track: VideoTrack, *, duration_s: Fraction | None, log: Path, limits: Limits) -> Fields:
    """Decode a sample of a track, from a third of the duration on where that is known; what can't be shows nothing."""
    later = {} if duration_s is None or duration_s < 30 else {"ss": f"{float(duration_s / 3):.3f}"}
    frames = ffmpeg.input(f"file:{path}", **INPUT_OPTIONS, **later)[str(track.index)].filter("idet")
    options = {"f": "null", "fps_mode": "passthrough", "frames:v": SAMPLE_FRAMES}
    try:
        done = runner.run(compiled([ffmpeg.output(frames, "-", **options)]), log=log, limits=limits)
    except EncoderRefused:
        return UNSEEN
    return fields_of(done.stderr)


def fields_of(said: str) -> Fields:
    """What the last count that ffmpeg's `idet` printed means. Pure."""
    seen, repeated = _SEEN.findall(said), _REPEATED.findall(said)
    if not seen or not repeated:
        return UNSEEN
    tff, bff, progressive = map(int, seen[-1])
    neither, top, bottom = map(int, repeated[-1])
    known = tff + bff + progressive
    if known < FEWEST_FRAMES:
        return UNSEEN
    scan: Scan | None = None
    # Two of five frames of film in 3:2 are of two fields. Where both orders are seen, it is fine detail.
    if max(tff, bff) * 4 >= known and min(tff, bff) * 4 <= max(tff, bff):
        scan = "tff" if tff > bff else "bff"
    elif progressive * 10 >= known * 9:
        scan = "progressive"
    # 3:2 repeats a top field and a bottom field in every five frames.
    is_telecined = scan != "progressive" and min(top, bottom) * 8 >= neither + top + bottom
    return Fields(scan=scan, is_telecined=is_telecined and scan is not None)


def notes(track: VideoTrack) -> tuple[str, ...]:
    """Where the frames are not what the stream says of them, in words. Pure."""
    said = []
    if track.scan is not None and track.is_interlaced != replace(track, scan=None).is_interlaced:
        shown = "are two fields each" if track.is_interlaced else "are whole"
        said.append(f"Its flags say otherwise, but the frames {shown}; they are treated so.")
    if track.is_telecined:
        said.append(
            "The picture is film with repeated fields (3:2); all its frames are kept and deinterlaced."
        )
    return tuple(said)
