"""What a file lacks at its end, and what a user reads of what tools refuse."""

import pytest

import strategies
from cutroom.errors import EncoderRefused, SourceCorrupt, SourceUnsupported
from cutroom.ffmpeg import completeness
from cutroom.ffmpeg.ffprobe import Stream
from cutroom.ffmpeg.refusals import of_decoding, reason_of


class TestTruncated:
    def check(
        self, there: int, *, named: str | None = "100", start: str = "0", duration: str | None = "4"
    ) -> tuple[str, ...]:
        stream = Stream.model_validate(
            {"index": 0, "nb_frames": named, "start_time": start, "duration": duration, "time_base": "1/25"}
        )
        packets = strategies.packets_of([n + int(25 * float(start)) for n in range(there)])
        return completeness.lost_frames(stream, packets)

    def test_a_file_that_ends_early_says_how_much_is_there(self) -> None:
        (words,) = self.check(60)
        assert "names 100 frames, 60 (60 %)" in words
        assert self.check(60, start="100")

    def test_a_whole_file_and_one_that_lacks_a_last_frame_pass(self) -> None:
        assert not self.check(100)
        assert not self.check(100, start="100")
        assert not self.check(99)

    def test_without_an_index_nothing_is_known(self) -> None:
        assert not self.check(60, named=None)
        assert not self.check(60, duration=None)

    @pytest.mark.parametrize(
        ("said", "kind", "words"),
        [
            ("[mov] moov atom not found", SourceCorrupt, "truncated"),
            ("[mov] this file requires zlib support compiled in", SourceUnsupported, "old QuickTime"),
            ("[hls] Format not on whitelist 'mov'", SourceUnsupported, "format that is not taken"),
            ("PictureEncrypted", SourceUnsupported, "encrypted"),
            ("EditsNotTaken", SourceUnsupported, "edit list"),
            ("FramesOverlap", SourceUnsupported, "fragments"),
            ("Invalid data found when processing input", SourceCorrupt, "damaged"),
        ],
    )
    def test_what_the_tool_said_becomes_a_reason(self, said: str, kind: type[Exception], words: str) -> None:
        reason = reason_of(said)
        assert type(reason) is kind
        assert words in str(reason)


class TestOfDecoding:
    SAID = "[enc:libx264] Could not open encoder before EOF"

    def test_a_source_of_which_nothing_is_decoded_is_damaged(self) -> None:
        with pytest.raises(SourceCorrupt, match="The picture is damaged"), of_decoding("The picture"):
            raise EncoderRefused(self.SAID)

    def test_an_encoder_that_does_not_take_its_settings_is_no_fault_of_the_source(self) -> None:
        said = f"[enc:libsvtav1] Error while opening encoder - maybe incorrect parameters\n{self.SAID}"
        with pytest.raises(EncoderRefused, match="what the profile asks"), of_decoding("The picture"):
            raise EncoderRefused(said)
