"""Where decoders of pictures and of their transparency can begin together."""

import av
import pytest

from cutroom.ffmpeg.alpha import BESIDE, is_keyframe


def packet(*, beside: bytes | None, is_key: bool = True) -> "av.Packet[object]":
    one: av.Packet[object] = av.Packet(b"picture")
    one.is_keyframe = is_key
    if beside is not None:
        kind = av.packet.packet_sidedata_type_from_literal(BESIDE)
        data = av.packet.PacketSideData(kind, 8 + len(beside))
        data.update((1).to_bytes(8, "big") + beside)
        one.set_sidedata(data)
    return one


@pytest.mark.parametrize(
    ("codec", "key", "other", "shown_again"),
    [("vp8", b"\x10", b"\x11", None), ("vp9", b"\x82", b"\x86", b"\x88")],
)
def test_both_streams_have_to_begin(codec: str, key: bytes, other: bytes, shown_again: bytes | None) -> None:
    assert is_keyframe(packet(beside=key), codec)
    assert not is_keyframe(packet(beside=other), codec)
    assert shown_again is None or not is_keyframe(packet(beside=shown_again), codec)
    assert not is_keyframe(packet(beside=key, is_key=False), codec)


def test_without_transparency_the_picture_decides() -> None:
    assert is_keyframe(packet(beside=None), "vp9")
    assert is_keyframe(packet(beside=b""), "vp9")
    assert is_keyframe(packet(beside=b"\x86"), "h264")
