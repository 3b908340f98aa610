"""What is written while it is read arrives whole, and whoever failed first is the one that is heard."""

from fractions import Fraction
from pathlib import Path

import av
import pytest

from cutroom.errors import EncoderRefused, VerificationFailed
from cutroom.ffmpeg.piped import PIPE_BYTES, piped

MORE_THAN_IT_HOLDS = bytes(range(256)) * (PIPE_BYTES // 64)


def _write(into: Path) -> int:
    return into.write_bytes(MORE_THAN_IT_HOLDS)


def test_all_that_is_written_is_read() -> None:
    with piped(_write) as given:
        assert given.path.read_bytes() == MORE_THAN_IT_HOLDS
    assert given.written() == len(MORE_THAN_IT_HOLDS)


def test_what_the_writing_raised_is_raised_though_the_reader_took_what_came_for_all_of_it() -> None:
    def halfway(into: Path) -> None:
        into.write_bytes(b"half")
        raise VerificationFailed("An encode is not whole.")

    with pytest.raises(VerificationFailed, match="not whole"), piped(halfway) as given:
        assert given.path.read_bytes() == b"half"


def test_what_the_writing_raised_is_raised_in_place_of_what_its_reader_made_of_it() -> None:
    def nothing(_: Path) -> None:
        raise VerificationFailed("An encode is not whole.")

    with pytest.raises(VerificationFailed, match="not whole"), piped(nothing):
        raise EncoderRefused("packager ended with exit code 1.")


def test_a_reader_that_gives_up_is_heard_itself() -> None:
    with pytest.raises(EncoderRefused, match="exit code 1"), piped(_write):
        raise EncoderRefused("packager ended with exit code 1.")


def test_a_reader_that_gives_up_on_a_muxer_is_heard_itself() -> None:
    def muxed(into: Path) -> None:
        with av.open(str(into), "w", format="nut") as container:
            stream = container.add_stream("rawvideo", rate=Fraction(25))
            stream.width = stream.height = 1024
            for number in range(8):
                frame = av.VideoFrame(1024, 1024, "yuv420p")
                frame.pts = number
                for packet in stream.encode(frame):
                    container.mux(packet)

    with pytest.raises(EncoderRefused, match="exit code 1"), piped(muxed):
        raise EncoderRefused("packager ended with exit code 1.")


def test_a_pipe_that_nobody_reads_to_its_end_is_a_failure() -> None:
    with pytest.raises(BrokenPipeError), piped(_write):
        pass
