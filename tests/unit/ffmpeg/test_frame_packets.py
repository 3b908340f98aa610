"""The packets of a track, one for each frame, and what headers of H.264 say of them."""

import io
from collections.abc import Iterator
from fractions import Fraction
from types import SimpleNamespace

import av
import pytest

from counted import counted_frames
from cutroom.ffmpeg.frame_packets import codec_of, demuxed, packets
from cutroom.ffmpeg.h264 import FieldPicture, Headers
from field_coded import coded_in_fields, recovery_point

FRAMES = counted_frames(20, 32, 32, Fraction(25))


def test_two_fields_in_packets_of_their_own_are_one_frame() -> None:
    """Chunks that end between them would show half of it."""
    stream = coded_in_fields(FRAMES)
    with av.open(io.BytesIO(stream), format="h264") as container:
        assert sum(packet.size > 0 for packet in container.demux(video=0)) == 2 * len(FRAMES)
    with av.open(io.BytesIO(stream), format="h264") as container:
        found = [bytes(packet) for packet in packets(container, container.streams.video[0])]
    assert len(found) == len(FRAMES)
    assert b"".join(found) == stream


def test_a_field_whose_other_one_is_lost_stays_alone() -> None:
    stream = coded_in_fields(FRAMES)
    units = stream.split(b"\0\0\0\x01")
    # Two parameter sets are in front; the bottom field of the third frame goes.
    del units[1 + 2 + 5]
    with av.open(io.BytesIO(b"\0\0\0\x01".join(units)), format="h264") as container:
        found = [bytes(packet) for packet in packets(container, container.streams.video[0])]
    assert [packet.count(b"\0\0\0\x01\x61") + packet.count(b"\x01\x65") for packet in found] == (
        [2, 2, 1] + [2] * 17
    )


FIRST = FieldPicture(frame_num=3, is_bottom=False, is_reference=True, is_idr=False)


@pytest.mark.parametrize(
    ("second", "ends"),
    [
        (FieldPicture(3, True, True, False), True),
        (FieldPicture(3, False, True, False), False),
        (FieldPicture(4, True, True, False), False),
        (FieldPicture(3, True, False, False), False),
        (FieldPicture(3, True, True, True), False),
    ],
)
def test_the_second_field_has_the_other_lines_and_the_same_number(second: FieldPicture, ends: bool) -> None:
    assert second.ends(FIRST) is ends
    assert not second.ends(None)


def test_whole_frames_and_damaged_headers_are_no_fields() -> None:
    headers = Headers(coded_in_fields(FRAMES[:1]))
    picture = coded_in_fields(FRAMES[:1]).split(b"\0\0\0\x01")[3]
    for length in range(3):
        assert headers.field(b"\0\0\0\x01" + picture[:length]) is None
    assert Headers(b"").field(b"\0\0\0\x01" + picture) is None
    assert headers.field(b"\0\0\0\x01" + picture) == FieldPicture(0, False, True, True)


@pytest.mark.parametrize("frames", [0, 1, 24])
def test_a_recovery_point_tells_when_pictures_are_whole(frames: int) -> None:
    headers = Headers(b"")
    picture = coded_in_fields(FRAMES[:1])
    assert headers.whole_after(recovery_point(frames) + picture) == frames
    assert headers.whole_after(picture + recovery_point(frames)) == 0
    assert headers.whole_after(recovery_point(frames)[:6]) == 0
    with_lengths = Headers(b"\x01\x4d\0\x1e\xff\xe0\0")
    unit = recovery_point(frames)[4:]
    assert with_lengths.whole_after(len(unit).to_bytes(4, "big") + unit) == frames


def test_packets_of_a_track_that_begins_midway_are_passed_over() -> None:
    """PyAV raises at each of them, as it knows only the tracks that were there when the file was opened."""

    class Opened:
        found = iter([1, 2, None, 3, None, None, 4])

        def demux(self, _: object) -> Iterator[int]:
            for packet in self.found:
                if packet is None:
                    raise IndexError
                yield packet

    assert list(demuxed(Opened(), [])) == [1, 2, 3, 4]  # type: ignore[arg-type]


def test_a_codec_that_nothing_decodes_has_no_name() -> None:
    assert codec_of(SimpleNamespace(codec_context=None)) == ""
