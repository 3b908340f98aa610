"""What side data say of HDR."""

from cutroom.ffmpeg.hdr import hdr_notes


def test_what_is_said_twice_is_told_once_and_other_data_are_passed_over() -> None:
    display = {"side_data_type": "Mastering display metadata", "max_luminance": "40000000/10000"}
    (note,) = hdr_notes([display, {"side_data_type": "Display Matrix"}, display])
    assert "4000 cd/m²" in note
