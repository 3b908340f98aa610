"""What side data say of HDR."""

import pytest

from cutroom.ffmpeg.hdr import hdr_notes

DOVI = {"side_data_type": "DOVI configuration record", "dv_version_major": 1}


@pytest.mark.parametrize(
    ("record", "words"),
    [
        ({"dv_profile": 8, "dv_bl_signal_compatibility_id": 1}, "(profile 8) is left out"),
        ({"dv_profile": 5, "dv_bl_signal_compatibility_id": 0}, "(profile 5) is all that tells its colours"),
    ],
)
def test_dolby_vision_is_told_with_what_becomes_of_the_colours(record: dict[str, int], words: str) -> None:
    (note,) = hdr_notes([DOVI | record])
    assert words in note


def test_what_is_said_twice_is_told_once_and_other_data_are_passed_over() -> None:
    display = {"side_data_type": "Mastering display metadata", "max_luminance": "40000000/10000"}
    (note,) = hdr_notes([display, {"side_data_type": "Display Matrix"}, display])
    assert "4000 cd/m²" in note
