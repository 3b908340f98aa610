"""Keyframes: packets that a decoder can begin with, by what is coded in them.

A container's own word is not enough: a recorder that writes no table of keyframes makes each frame of an MP4 one, and
an AVI of packed frames flags those that are none. A chunk that begins with such a frame is decoded to garbage.
"""

from collections.abc import Callable, Mapping
from typing import Any

import av

from cutroom.ffmpeg import alpha
from cutroom.ffmpeg.nal_units import length_size_of, units


def is_keyframe(packet: Any, codec: str, extradata: bytes) -> bool:
    """Whether a decoder can begin with a packet: where the container says so, and the picture does not deny it.

    Args:
        packet: A packet of PyAV's.
        codec: ffmpeg's name of its codec.
        extradata: The decoder configuration of its track.
    """
    if not alpha.is_keyframe(packet, codec):
        return False
    if codec in _NAL_UNITS:
        return _begins_with_irap(bytes(packet), extradata) is not False
    is_intra = _IS_INTRA.get(codec)
    return is_intra is None or is_intra(bytes(packet)) is not False


def is_told_by_picture(codec: str) -> bool:
    """Whether coded pictures tell, or the demuxers' parser does: else the container's word is all there is."""
    return codec in {*_NAL_UNITS, *_IS_INTRA, *_PARSED} or codec in _INTRA or _is_intra_only(codec)


def is_bidirectional(data: bytes, codec: str) -> bool | None:
    """Whether a picture of MPEG refers to later ones, so that it is shown before them; None of other codecs."""
    told = _IS_BIDIRECTIONAL.get(codec)
    return None if told is None else told(data) is True


def _is_intra_only(codec: str) -> bool:
    try:
        return bool(av.Codec(codec, "r").intra_only)
    except ValueError:
        return False


def _coded_type(
    start_code: bytes, byte: int, shift: int, mask: int, wanted: int
) -> Callable[[bytes], bool | None]:
    """Reads the type of the first picture, some bits behind its start code; None where there is no picture."""

    def is_of_type(data: bytes) -> bool | None:
        at = data.find(start_code)
        if at < 0 or at + byte >= len(data):
            return None
        return data[at + byte] >> shift & mask == wanted

    return is_of_type


def _first_bits(shift: int) -> Callable[[bytes], bool | None]:
    """Reads the type of a picture without a start code, in its first bits: zeros are an intra picture."""
    return lambda data: data[0] >> shift == 0 if data else None


_MPEG_PICTURE = _coded_type(b"\0\0\x01\x00", 5, 3, 7, 1)
"""picture_coding_type (ISO/IEC 13818-2, 6.2.3), behind ten bits of temporal_reference."""

_IS_BIDIRECTIONAL: Mapping[str, Callable[[bytes], bool | None]] = {
    "mpeg1video": _coded_type(b"\0\0\x01\x00", 5, 3, 7, 3),
    "mpeg2video": _coded_type(b"\0\0\x01\x00", 5, 3, 7, 3),
    "mpeg4": _coded_type(b"\0\0\x01\xb6", 4, 6, 3, 2),
}

_IS_INTRA: Mapping[str, Callable[[bytes], bool | None]] = {
    "mpeg1video": _MPEG_PICTURE,
    "mpeg2video": _MPEG_PICTURE,
    # vop_coding_type (ISO/IEC 14496-2, 6.2.5).
    "mpeg4": _coded_type(b"\0\0\x01\xb6", 4, 6, 3, 0),
    # As ffmpeg's decoders read them; there is no public text.
    "msmpeg4v2": _first_bits(6),
    "msmpeg4v3": _first_bits(6),
    "wmv1": _first_bits(6),
    "wmv2": _first_bits(7),
    # Behind the bit that tells headers from pictures (Theora specification, 7.1).
    "theora": lambda data: data[0] & 0x40 == 0 if data else None,
    # The first bit of the range coder, whose first state is even (RFC 9043, 3.8.1).
    "ffv1": lambda data: data[:2] >= b"\x7f\x80" if len(data) > 1 else None,
}

_NAL_UNITS = {"hevc"}

_PARSED = {"h264", "vp8", "vp9", "av1", "vc1", "wmv3"}
"""The demuxers' parser tells the keyframes of these, whatever the container says of them."""

_INTRA = {"png", "cfhd"}
"""Pictures that each stand alone, of codecs that are not known for it."""

_PICTURES = range(32)
_IRAP = range(16, 24)
"""Types of NAL units (ISO/IEC 23008-2, table 7-1): slices, and those of pictures to begin with."""


def _begins_with_irap(data: bytes, extradata: bytes) -> bool | None:
    """Whether the first slice is of such a picture; None where there is none."""
    for unit in units(data, length_size_of(extradata, 21)):
        kind = unit[0] >> 1 & 0x3F
        if kind in _PICTURES:
            return kind in _IRAP
    return None
