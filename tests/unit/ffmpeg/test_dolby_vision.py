"""What becomes of Dolby Vision."""

import pytest

from cutroom.errors import SourceUnsupported
from cutroom.ffmpeg.ffprobe import Format, ProbeOutput, Stream
from cutroom.ffmpeg.tracks import to_source


def described(profile: int, compatible: int) -> ProbeOutput:
    """A film without a word on its transfer, as those of profile 5 are."""
    record = {
        "side_data_type": "DOVI configuration record",
        "dv_profile": profile,
        "dv_bl_signal_compatibility_id": compatible,
    }
    picture = Stream(
        index=0, codec_type="video", codec_name="hevc", width=64, height=64, side_data_list=(record,)
    )
    return ProbeOutput(format=Format(format_name="mov,mp4"), streams=(picture,))


@pytest.mark.parametrize(("profile", "compatible"), [(4, 2), (7, 6), (7, 0), (8, 1), (8, 2), (8, 4), (10, 1)])
def test_a_base_layer_that_others_show_is_taken_and_the_loss_is_told(profile: int, compatible: int) -> None:
    (note,) = to_source(described(profile, compatible), sha256="", size_bytes=1).notes
    assert f"(profile {profile}) is left out" in note


@pytest.mark.parametrize("profile", [5, 10, 20])
def test_a_picture_whose_colours_would_be_false_is_rejected(profile: int) -> None:
    with pytest.raises(SourceUnsupported, match=rf"Dolby Vision \(profile {profile}\)"):
        to_source(described(profile, 0), sha256="", size_bytes=1)
