"""How pictures are meant to be seen where they are not shown so: for two eyes, all around, or as they say themselves.

They are shown flat, as they are coded, and turned as their container says. Pure.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

from cutroom.ffmpeg.h264 import IDR_SLICE, SEI, SLICE, Bits, message
from cutroom.ffmpeg.nal_units import length_size_of, units

if TYPE_CHECKING:  # the cutter, a process that is started often, needs nothing of what reads ffprobe's answer
    from cutroom.ffmpeg.ffprobe import Stream

Wish = Literal["turned", "packed", "reshaped"]
"""What a bitstream may ask for: that the picture is turned or mirrored, that it is two, one for each eye, or that it
has another shape midway."""

FRAME_PACKING, DISPLAY_ORIENTATION = 45, 47
"""Payloads of such messages (ISO/IEC 14496-10, D.2.26 and D.2.27; ISO/IEC 23008-2, D.2.16 and D.2.17)."""

_PREFIX_SEI = 39
_SLICES_OF_HEVC = range(32)
"""Types of NAL units (ISO/IEC 23008-2, table 7-1)."""

_SEQUENCE = b"\0\0\x01\xb3"
"""In front of sizes of 12 bits each, and of aspect_ratio_information (ISO/IEC 13818-2, 6.2.2.1)."""

TOLD: Mapping[Wish, str] = {
    "turned": "The pictures themselves say that they are meant to be turned; they are shown as the file around them "
    "says.",
    "packed": "The picture is meant for two eyes; it is shown flat, as it is coded.",
    "reshaped": "The pictures change their shape midway (as from 4:3 to 16:9) and not their size; all are shown in the "
    "shape of the first.",
}

_MESSAGES: Mapping[Wish, int] = {"turned": DISPLAY_ORIENTATION, "packed": FRAME_PACKING}


def asked(data: bytes, codec: str, extradata: bytes) -> set[Wish]:
    """What the messages in front of a packet's picture ask for.

    Args:
        data: A packet that a decoder can begin with.
        codec: ffmpeg's name of its codec; of others than H.264 and HEVC nothing is told.
        extradata: The decoder configuration of its track.
    """
    found: set[Wish] = set()
    for wish, kind in _MESSAGES.items():
        try:
            said = _said(data, codec, extradata, kind)
            if said is not None and _is_asked(said, kind):
                found.add(wish)
        except (IndexError, ValueError):
            # Damaged: it asks for nothing.
            continue
    return found


def shape(data: bytes, codec: str) -> int | None:
    """A code of the shape of MPEG-2's pictures, out of the header in front of a group; None where nothing tells it."""
    if codec != "mpeg2video" or (at := data.find(_SEQUENCE)) < 0 or at + 7 >= len(data):
        return None
    return data[at + 7] >> 4


def notes(stream: "Stream") -> tuple[str, ...]:
    """What a container says of how a picture is meant to be seen, in words."""
    found = []
    for one in stream.side_data_list:
        kind = one.get("side_data_type")
        if kind == "Stereo 3D" and one.get("type") != "2D":
            # Of views that are coded apart, as in MV-HEVC, that is the first.
            found.append(
                f"The picture is meant for two eyes ({one.get('type')}); it is shown flat, as it is coded."
            )
        elif kind == "Spherical Mapping":
            found.append(
                f"The picture is meant to be looked around in ({one.get('projection')}); it is shown flat, as it is "
                "coded."
            )
    return tuple(found)


def _is_asked(said: bytes, kind: int) -> bool:
    bits = Bits(said)
    if kind == FRAME_PACKING:
        bits.ue()
    # A one takes back what was said; two bits mirror, sixteen turn.
    return not bits.u(1) and (kind == FRAME_PACKING or bits.u(18) > 0)


def _said(data: bytes, codec: str, extradata: bytes, wanted: int) -> bytes | None:
    """The payload of a message in front of a packet's picture."""
    if codec == "h264":
        for unit in units(data, length_size_of(extradata, 4)):
            kind = unit[0] & 0x1F
            if kind in {SLICE, IDR_SLICE}:
                return None
            if kind == SEI and (found := message(unit[1:], wanted)) is not None:
                return found
    elif codec == "hevc":
        for unit in units(data, length_size_of(extradata, 21)):
            kind = unit[0] >> 1 & 0x3F
            if kind in _SLICES_OF_HEVC:
                return None
            if kind == _PREFIX_SEI and (found := message(unit[2:], wanted)) is not None:
                return found
    return None
