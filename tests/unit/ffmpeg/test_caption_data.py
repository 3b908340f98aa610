"""Captions as each codec carries them."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from captioned import message, with_parity
from cutroom.ffmpeg.caption_data import DVD, SCTE_20, caption_data

HI = with_parity((ord("h"), ord("i")))
OF_H264 = message([(0, (ord("h"), ord("i"))), (1, (0, 0))], more=b"\xfe\0\0")
OF_MPEG2 = b"\0\0\x01\xb2" + OF_H264[OF_H264.index(b"GA94") :]


@pytest.mark.parametrize(
    ("codec", "data"), [("h264", OF_H264), ("hevc", OF_H264), ("av1", OF_H264), ("mpeg2video", OF_MPEG2)]
)
def test_pairs_are_found_by_field(codec: str, data: bytes) -> None:
    found = caption_data(b"before" + data + b"after", codec)
    assert found is not None
    assert found.pairs == ((False, HI), (True, b"\x80\x80"))
    assert found.has_708


def test_a_packet_of_two_fields_has_two_messages() -> None:
    found = caption_data(OF_MPEG2 + b"\0\0\x01\0picture" + OF_MPEG2, "mpeg2video")
    assert found is not None
    assert len(found.pairs) == 4


def test_bytes_that_keep_start_codes_away_are_taken_out() -> None:
    """Two empty triplets of CEA-708 and what follows look like a start code."""
    told = message([], more=b"\xfe\0\0\x04\0\0" + b"\xfc" + HI)
    assert caption_data(told.replace(b"\0\0\x04", b"\0\0\x03\x04"), "h264") == caption_data(told, "av1")


@pytest.mark.parametrize("codec", ["vp9", "mpeg4", "h264"])
def test_pictures_without_captions_have_none(codec: str) -> None:
    assert caption_data(b"GA94\x03" * 9, codec) is None


@pytest.mark.parametrize("end", range(12, len(OF_MPEG2)))
def test_a_message_that_is_cut_off_gives_what_is_there(end: int) -> None:
    found = caption_data(OF_MPEG2[:end], "mpeg2video")
    assert found is None or len(found.pairs) <= 2


@example(b"\xff" * 999, DVD)
@given(st.binary(max_size=200), st.sampled_from([SCTE_20 + b"\x81", SCTE_20 + b"\x01", DVD, SCTE_20]))
def test_whatever_follows_an_older_mark_is_pairs_or_nothing(rest: bytes, mark: bytes) -> None:
    found = caption_data(b"\0\0\x01\xb5\x8f" + rest[:3] + mark + rest, "mpeg2video")
    assert found is None or all(len(two) == 2 for _, two in found.pairs)
    assert found is None or len(found.pairs) <= 63
    assert (
        mark != SCTE_20 or rest[:1] in {b"\x01", b"\x81"} or DVD in rest or SCTE_20 in rest or found is None
    )


def test_triplets_that_do_not_count_are_left_out() -> None:
    assert caption_data(OF_MPEG2.replace(b"\xfc", b"\xf8"), "mpeg2video").pairs == ((True, b"\x80\x80"),)  # type: ignore[union-attr]
