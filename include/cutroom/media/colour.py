"""What the numbers of a picture mean: what the source says of its colours, and what stands in where it is silent. Pure.

Everything that is shown as SDR leaves as BT.709 in limited range, which every player understands with or without
tags. The curves of SDR are not told apart: they are all shown on the same displays (ITU-R BT.1886).
"""

from dataclasses import dataclass

from cutroom.media.source import VideoTrack

HD_HEIGHT = 720
"""From here on players take untagged pictures for BT.709, below for BT.601."""

PAL_HEIGHTS = {288, 576, 608}

MATRICES = {"bt709": "bt709", "smpte170m": "smpte170m", "bt470bg": "bt470bg", "bt2020": "bt2020nc"}
"""The matrix that goes with primaries."""

KNOWN_MATRICES = {*MATRICES.values(), "fcc", "smpte240m"}

KNOWN_PRIMARIES = {*MATRICES, "bt470m", "smpte240m", "film", "smpte428", "smpte431", "smpte432", "ebu3213"}

RGB_FORMATS = ("rgb", "bgr", "gbr", "argb", "abgr", "0rgb", "0bgr", "x2rgb", "x2bgr", "pal8")

ALPHA_FORMATS = ("yuva", "rgba", "bgra", "argb", "abgr", "gbrap", "ya8", "ya16", "pal8")


@dataclass(frozen=True, slots=True, kw_only=True)
class Colour:
    """Colours of the decoded frames, by ffmpeg's names; nothing is unknown."""

    primaries: str
    transfer: str
    """Of HDR its own, else `bt709`."""
    matrix: str
    """`gbr`: the frames are RGB and have none."""
    is_full_range: bool


BT709 = Colour(primaries="bt709", transfer="bt709", matrix="bt709", is_full_range=False)


_SAID = {
    "bt709": "those of HD (BT.709)",
    "smpte170m": "those of NTSC (BT.601)",
    "bt470bg": "those of PAL (BT.601)",
    "bt2020nc": "those of UHD (BT.2020)",
}
"""What is assumed, in words."""


def colour_of(track: VideoTrack) -> Colour:
    """What a track states, and for the rest what players assume by its height."""
    is_rgb = _pixels(track).startswith(RGB_FORMATS)
    primaries = track.color_primaries if track.color_primaries in KNOWN_PRIMARIES else None
    return Colour(
        # Who states no primaries mastered on the screen of a computer rather than in a studio.
        primaries=primaries or ("bt2020" if track.is_hdr else "bt709"),
        transfer=track.color_transfer if track.is_hdr and track.color_transfer else "bt709",
        matrix="gbr" if is_rgb else _stated_matrix(track) or _assumed_matrix(track),
        is_full_range=is_rgb or track.color_range == "pc" or _pixels(track).startswith("yuvj"),
    )


def _pixels(track: VideoTrack) -> str:
    # ffprobe opens no packet of PNG, and only these say what they hold.
    return track.pix_fmt or ("rgba" if track.codec == "png" else "")


def _stated_matrix(track: VideoTrack) -> str | None:
    if track.color_space in KNOWN_MATRICES:
        return track.color_space
    return MATRICES.get(track.color_primaries or "")


def _assumed_matrix(track: VideoTrack) -> str:
    if track.is_hdr:
        return "bt2020nc"
    if track.height >= HD_HEIGHT:
        return "bt709"
    return "bt470bg" if track.height in PAL_HEIGHTS else "smpte170m"


def decodes_to_alpha(track: VideoTrack) -> bool:
    """Whether the decoded frames have an alpha channel."""
    return _pixels(track).startswith(ALPHA_FORMATS)


def colour_notes(track: VideoTrack) -> tuple[str, ...]:
    """What is assumed or left behind, in words."""
    colour = colour_of(track)
    notes = []
    if colour.matrix != "gbr" and _stated_matrix(track) is None:
        notes.append(
            f"The picture does not say how its colours are meant; they are taken for {_SAID[colour.matrix]}."
        )
    if decodes_to_alpha(track):
        notes.append("The picture can be transparent; where it is, it is shown on black.")
    elif track.has_lost_alpha:
        notes.append("The picture's transparency is left out: it is shown as if it were opaque.")
    return tuple(notes)
