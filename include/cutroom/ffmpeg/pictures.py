"""The pictures of a source as they are shown: upright, in the colours that are meant; filters for ffmpeg."""

from pathlib import Path
from typing import Any

import ffmpeg

from cutroom.ffmpeg.containers import INPUT_OPTIONS
from cutroom.media.colour import BT709, Colour
from cutroom.media.source import VideoTrack
from cutroom.media.video_plan import VideoPlan

# Hable keeps the mid-tones where they were; 100 cd/m² is the white of BT.709 displays (ITU-R BT.2408, 5.1).
TONE_MAP = (
    ("zscale", {"t": "linear", "npl": "100"}),
    ("format", {"pix_fmts": "gbrpf32le"}),
    ("zscale", {"p": "bt709"}),
    ("tonemap", {"tonemap": "hable", "desat": "0"}),
    ("zscale", {"t": "bt709", "m": "bt709", "r": "tv"}),
)

ALPHA_FORMATS = "yuva444p|yuva444p10le|yuva444p12le|yuva444p16le|gbrap|gbrap10le|gbrap12le|gbrap16le"

# JFIF knows nothing else.
JPEG = Colour(primaries="bt709", transfer="bt709", matrix="bt470bg", is_full_range=True)


def frames_of(source: Path, **options: str) -> Any:
    """The frames of a file as they are coded, with the times that they have."""
    # reinit_filter=0: a stream that changes its size midway goes through the same filters; a new set would begin anew.
    return ffmpeg.input(
        f"file:{source}", **INPUT_OPTIONS, noautorotate=None, copyts=None, reinit_filter=0, **options
    )


def as_shown(frames: Any, video: VideoPlan, *, keeps_hdr: bool = False) -> Any:
    """Decoded frames made what viewers see, before they are scaled: the plan of the pictures says how.

    Args:
        frames: As the decoder gives them.
        video: The plan.
        keeps_hdr: Leave HDR as it is; else it is mapped to BT.709.
    """
    picture = video.picture
    frames = coloured(frames, picture.colour)
    # Does nothing but where a stream changes its size midway: the picture keeps the size that it begins with.
    frames = frames.filter("scale", video.track.width, video.track.height)
    if picture.is_transparent:
        frames = on_black(frames)
    if picture.field_order is not None:
        # Seen, so flags do not count.
        frames = frames.filter("bwdif", mode="send_frame", parity=picture.field_order, deint="all")
    elif picture.deinterlace:
        # Only frames that are flagged: film in an interlaced stream stays as it is.
        frames = frames.filter("bwdif", mode="send_frame", deint="interlaced")
    # Behind what tells fields by their lines.
    frames = cropped(frames, video.track)
    if not (picture.tone_map and keeps_hdr):
        frames = in_bt709(frames, picture.colour, is_hdr=picture.tone_map)
    if picture.mirrored:
        frames = frames.filter("hflip")
    turns = {90: ("transpose", "clock"), 270: ("transpose", "cclock")}
    if picture.rotation in turns:
        name, value = turns[picture.rotation]
        frames = frames.filter(name, value)
    elif picture.rotation == 180:
        frames = frames.filter("hflip").filter("vflip")
    return frames


def coloured(frames: Any, colour: Colour) -> Any:
    """What is not stated is told here, so that no filter guesses."""
    return frames.filter("setparams", **stated(colour))


def on_black(frames: Any) -> Any:
    """Colours times opacity: what is seen of transparent pictures."""
    # Left to itself the filter drops the opacity of packed RGB.
    return frames.filter("format", ALPHA_FORMATS).filter("premultiply", inplace=1)


def in_bt709(frames: Any, colour: Colour, *, is_hdr: bool) -> Any:
    """HDR is mapped; SDR with these primaries is left as it is, as its matrix is changed with its size."""
    if is_hdr:
        for name, options in TONE_MAP:
            frames = frames.filter(name, **options)
    elif colour.primaries != BT709.primaries:
        frames = frames.filter("zscale", p="bt709", m="bt709", r="tv")
    return frames


def cropped(frames: Any, track: VideoTrack) -> Any:
    """What the container shows of coded pictures; from where their colours have a sample on, as decoders crop."""
    if track.cropped is None:
        return frames
    left, top, right, bottom = track.cropped
    return frames.filter("crop", track.width - left - right, track.height - top - bottom, left, top)


def stated(colour: Colour) -> dict[str, str]:
    """What `setparams` writes into frames; RGB has neither matrix nor range."""
    of_yuv = {"colorspace": colour.matrix, "range": _range(colour)} if colour.matrix != "gbr" else {}
    return {"color_primaries": colour.primaries, "color_trc": colour.transfer, **of_yuv}


def scaled_to(colour: Colour) -> dict[str, str]:
    """What `scale` makes of colours that its frames state."""
    return {"out_color_matrix": colour.matrix, "out_range": _range(colour)}


def _range(colour: Colour) -> str:
    return "pc" if colour.is_full_range else "tv"
