"""Which pages of teletext are subtitles."""

import pytest

from cutroom.ffmpeg.teletext import pages_of
from cutroom.packaging.subtitles import sustained
from cutroom.packaging.webvtt import Cue


def dumped(told: str) -> str:
    """Hex digits as ffprobe prints bytes: eight groups of two in a line, and the letters that they would be."""
    lines = [told.replace(" ", "")[at : at + 32] for at in range(0, len(told.replace(" ", "")), 32)]
    groups = [" ".join(line[at : at + 4] for at in range(0, len(line), 4)) for line in lines]
    return "".join(f"\n{16 * n:08x}: {each:<40}..P." for n, each in enumerate(groups)) + "\n"


def test_pages_are_known_by_their_descriptor() -> None:
    """A first page to read, subtitles for the hard of hearing on 888, plain ones on 150 and 801."""
    found = pages_of(dumped("0900 2888 1150 1001"), "deu,deu,eng,fra")
    assert [(one.number, one.language, one.is_sdh) for one in found] == [
        (888, "deu", True),
        (150, "eng", False),
        (801, "fra", False),
    ]


def test_a_long_descriptor_goes_over_lines() -> None:
    told = dumped(" ".join(f"11{page:02}" for page in range(1, 10)))
    assert [one.number for one in pages_of(told, ",".join(["eng"] * 9))] == [*range(101, 110)]


@pytest.mark.parametrize("told", ["", "11a1", "11"])
def test_without_a_page_that_viewers_can_choose_there_is_none(told: str) -> None:
    assert pages_of(dumped(told), "eng") == ()


def test_a_page_may_be_of_no_language() -> None:
    assert [(one.number, one.language) for one in pages_of(dumped("1150"), "")] == [(150, "")]


def cue(start_ms: int, end_ms: int, text: str) -> Cue:
    return Cue(start_ms=start_ms, end_ms=end_ms, text=text)


def test_what_is_sent_again_is_one_cue_and_the_last_stays() -> None:
    again = [cue(0, 10, "a"), cue(10, 20, "a"), cue(30, 40, "a"), cue(40, 50, "b")]
    begun = [cue(0, 999, "a"), cue(10, 999, "a"), cue(30, 999, "a"), cue(40, 999, "b")]
    wanted = [cue(0, 20, "a"), cue(30, 40, "a"), cue(40, 50, "b")]
    assert sustained(again, begun) == wanted
    assert sustained(again, [*begun, cue(50, 999, "c")]) == [*wanted, cue(50, 999, "c")]
    assert sustained([], begun[:1]) == begun[:1]
    assert sustained([], []) == []
