"""What counts of fields mean."""

from fractions import Fraction

import pytest

from cutroom.ffmpeg.fields import fields_of, may_have_fields
from cutroom.media.source import VideoTrack

COUNTS = """[Parsed_idet_0] Repeated Fields: Neither: {neither:5} Top: {top:5} Bottom: {bottom:5}
[Parsed_idet_0] Single frame detection: TFF:     0 BFF:     0 Progressive:     0 Undetermined:    99
[Parsed_idet_0] Multi frame detection: TFF: {tff:5} BFF: {bff:5} Progressive: {progressive:5} Undetermined:     0
"""


@pytest.mark.parametrize(
    ("tff", "bff", "progressive", "scan"),
    [
        (100, 0, 0, "tff"),
        (0, 60, 40, "bff"),
        (40, 0, 60, "tff"),
        (2, 1, 97, "progressive"),
        (44, 26, 5, None),
        (15, 0, 85, None),
        (9, 0, 0, None),
        (0, 0, 0, None),
    ],
)
def test_an_order_is_believed_where_it_is_clear(
    tff: int, bff: int, progressive: int, scan: str | None
) -> None:
    said = COUNTS.format(neither=100, top=0, bottom=0, tff=tff, bff=bff, progressive=progressive)
    assert fields_of(said).scan == scan
    assert not fields_of(said).is_telecined


def test_the_last_count_is_the_one_of_the_frames() -> None:
    idle = COUNTS.format(neither=0, top=0, bottom=0, tff=0, bff=0, progressive=0)
    film = COUNTS.format(neither=60, top=20, bottom=20, tff=100, bff=0, progressive=0)
    assert fields_of(idle + film).is_telecined
    assert fields_of("nothing").scan is None


def test_frames_are_looked_at_where_a_system_has_fields_or_the_flags_claim_them() -> None:
    def track(height: int, field_order: str | None) -> VideoTrack:
        return VideoTrack(
            index=0,
            codec="h264",
            width=960,
            height=height,
            time_base=Fraction(1, 25),
            field_order=field_order,
        )

    assert may_have_fields(track(1080, "progressive"))
    assert may_have_fields(track(540, "tt"))
    assert not may_have_fields(track(540, "progressive"))
