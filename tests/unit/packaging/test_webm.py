"""Where Opus begins and ends in WebM."""

import struct
from fractions import Fraction

import pytest

from cutroom.errors import VerificationFailed
from cutroom.packaging.webm import OpusEnds, ended_early, opus_ends
from unit.packaging.test_boxes import LONG, box, init


def durations(*entries: tuple[int, int]) -> bytes:
    pairs = b"".join(struct.pack(">II", *entry) for entry in entries)
    return box(b"mdia", box(b"minf", box(b"stbl", box(b"stts", struct.pack(">II", 0, len(entries)) + pairs))))


@pytest.mark.parametrize(
    ("entries", "behind"), [([(600, 960), (1, 336)], 624), ([(600, 960)], 0), ([(1, 336)], 624)]
)
def test_an_encode_tells_what_its_encoder_put_at_its_ends(
    entries: list[tuple[int, int]], behind: int
) -> None:
    mp4 = init(box(b"edts", box(b"elst", LONG)), durations(*entries))
    assert opus_ends(mp4) == OpusEnds(before=312, behind=behind)


@pytest.mark.parametrize("before", [0, 120, 312, 316, 3840])
def test_frames_begin_with_whole_milliseconds(before: int) -> None:
    """Matroska rounds when a frame is heard, and what is left out in front; half a millisecond up."""
    half, lead_ms = Fraction(1, 2), Fraction(before, 48)
    earlier_s = OpusEnds(before=before, behind=0).earlier_s
    assert abs(earlier_s) <= Fraction(1, 2000)
    for frame in range(50):
        heard_ms = 20 * frame - lead_ms - 1000 * earlier_s
        assert (heard_ms + half) // 1 + (lead_ms + half) // 1 == 20 * frame


def element(name: str, content: bytes) -> bytes:
    assert len(content) < 127
    return bytes.fromhex(name) + bytes([0x80 | len(content)]) + content


BLOCK, LASTS = element("a1", bytes(20)), element("9b", b"\x07")
TIME = element("e7", b"\x00")
SIMPLE = element("a3", bytes(30))


def test_only_the_last_frame_ends_early() -> None:
    segment = element("1f43b675", TIME + SIMPLE + element("a0", BLOCK + LASTS))
    ended = ended_early(segment, 13_500_000)
    padding = element("75a2", struct.pack(">i", 13_500_000)).replace(b"\x84", b"\x01" + bytes(6) + b"\x04", 1)
    assert ended.endswith(BLOCK + LASTS + padding)
    assert TIME + SIMPLE in ended
    assert ended_early(segment, 0) == segment


@pytest.mark.parametrize("segment", [b"", element("1f43b675", TIME + SIMPLE), element("1f43b675", b"")])
def test_another_last_segment_than_the_packager_writes_is_not_changed(segment: bytes) -> None:
    with pytest.raises(VerificationFailed):
        ended_early(segment, 1)
