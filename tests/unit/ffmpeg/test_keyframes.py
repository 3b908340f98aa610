"""Which packets a decoder can begin with, whatever a container says of them."""

import av
import pytest

from cutroom.ffmpeg.keyframes import is_keyframe

HVCC = b"\x01" + bytes(20) + b"\x03"
"""A configuration record whose units have four bytes of length in front."""


def packet(data: bytes, *, is_key: bool = True) -> "av.Packet[object]":
    one: av.Packet[object] = av.Packet(data)
    one.is_keyframe = is_key
    return one


def unit(kind: int) -> bytes:
    return bytes([kind << 1, 1, 0x80])


def with_lengths(*kinds: int) -> bytes:
    return b"".join(len(unit(kind)).to_bytes(4, "big") + unit(kind) for kind in kinds)


def with_start_codes(*kinds: int) -> bytes:
    return b"".join(b"\0\0\0\x01" + unit(kind) for kind in kinds)


@pytest.mark.parametrize(
    ("codec", "extradata", "key", "other"),
    [
        ("mpeg4", b"", b"\0\0\x01\xb0\xf5\0\0\x01\xb6\x10", b"\0\0\x01\xb6\x50"),
        ("mpeg2video", b"", b"\0\0\x01\xb3data\0\0\x01\x00\x00\x0f", b"\0\0\x01\x00\x00\x17"),
        ("mpeg1video", b"", b"\0\0\x01\x00\xff\xcf", b"\0\0\x01\x00\xff\xdf"),
        ("msmpeg4v3", b"", b"\x3f", b"\x40"),
        ("wmv2", b"", b"\x7f", b"\x80"),
        ("hevc", HVCC, with_lengths(35, 39, 19), with_lengths(35, 39, 1)),
        ("hevc", HVCC, with_lengths(21, 1), with_lengths(9, 21)),
        ("hevc", b"", with_start_codes(32, 33, 34, 20), with_start_codes(35, 0)),
    ],
)
def test_the_picture_decides_where_the_container_calls_every_frame_a_keyframe(
    codec: str, extradata: bytes, key: bytes, other: bytes
) -> None:
    assert is_keyframe(packet(key), codec, extradata)
    assert not is_keyframe(packet(other), codec, extradata)
    assert not is_keyframe(packet(key, is_key=False), codec, extradata)


@pytest.mark.parametrize("codec", ["mpeg4", "mpeg2video", "hevc", "wmv2", "prores"])
def test_the_container_is_believed_where_a_packet_shows_no_picture(codec: str) -> None:
    for data in (b"", b"\0\0\x01\xb6", b"\0\0\x01", b"\xff" * 3):
        if codec == "wmv2" and data:
            continue
        assert is_keyframe(packet(data), codec, HVCC)
