"""How large a source may be."""

from fractions import Fraction

import pytest

from cutroom.errors import SourceTooLarge
from cutroom.media.limits import SourceLimits, reject_too_large
from cutroom.media.source import AudioTrack, Source, VideoTrack


class TestLimits:
    def source(self, duration_s: Fraction | None = Fraction(60)) -> Source:
        track = VideoTrack(index=0, codec="h264", width=1920, height=1080, time_base=Fraction(1, 25))
        return Source(
            sha256="", size_bytes=1, container="mov", start_s=None, duration_s=duration_s, video=(track,),
            audio=(AudioTrack(index=1, codec="aac", channels=2, sample_rate_hz=48_000),),
        )  # fmt: skip

    def test_a_limit_that_is_just_met_passes(self) -> None:
        reject_too_large(self.source(), SourceLimits(pixels=1920 * 1080, duration_s=60))
        reject_too_large(self.source(None), SourceLimits(pixels=1920 * 1080, duration_s=1))

    def test_a_refusal_names_the_limit_and_its_setting(self) -> None:
        with pytest.raises(SourceTooLarge, match=r"1920×1080.*2073599.*CUTROOM_SOURCE_MAX_PIXELS"):
            reject_too_large(self.source(), SourceLimits(pixels=1920 * 1080 - 1, duration_s=60))
        with pytest.raises(SourceTooLarge, match=r"60 s.*59 s.*CUTROOM_SOURCE_MAX_DURATION_S"):
            reject_too_large(self.source(), SourceLimits(pixels=1920 * 1080, duration_s=59))
