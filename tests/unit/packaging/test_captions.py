"""What closed captions show, and when."""

import re
from collections.abc import Sequence

import pytest

from captioned import (
    BOTTOM,
    CR,
    EDM,
    EOC,
    INDENTED,
    ITALIC,
    RCL,
    RDC,
    RU2,
    TOP,
    Bytes,
    letters,
    pop_on,
    twice,
    with_parity,
)  # fmt: skip
from cutroom.media.line21 import Pair, codes
from cutroom.packaging.captions import LONGEST_LAST_MS, read_cues
from cutroom.packaging.webvtt import Cue

FRAME_MS = 40


def shown(*sent: tuple[int, Sequence[Bytes]]) -> list[Cue]:
    """The cues of codes that begin at these frames, one in each."""
    pairs = [
        Pair((start + n) * FRAME_MS, False, with_parity(code))
        for start, several in sent
        for n, code in enumerate(several)
    ]
    return read_cues(code for _, code in codes(pairs))


def words(cues: Sequence[Cue]) -> list[tuple[int, int, str]]:
    return [(cue.start_ms // FRAME_MS, cue.end_ms // FRAME_MS, cue.text) for cue in cues]


def test_what_is_loaded_is_shown_when_it_is_told_to_be_and_until_it_is_erased() -> None:
    assert words(shown((0, pop_on("Hello")), (50, twice(EDM)))) == [(7, 50, "Hello")]


def test_another_screen_takes_its_place() -> None:
    assert words(shown((0, pop_on("one")), (50, pop_on("two")), (90, twice(EDM)))) == [
        (6, 56, "one"),
        (56, 90, "two"),
    ]


def test_the_last_screen_stays_as_long_as_in_receivers() -> None:
    (cue,) = shown((0, pop_on("end")))
    assert cue.end_ms - cue.start_ms == LONGEST_LAST_MS


def test_lines_roll_up_and_are_there_from_their_first_letter() -> None:
    cues = shown(
        (0, [*twice(RU2, CR, BOTTOM), *letters("first line")]),
        (30, [*twice(CR), *letters("second")]),
        (60, [*twice(CR), *letters("third")]),
        (90, twice(EDM)),
    )
    assert words(cues) == [(6, 30, "first line"), (30, 60, "first line\nsecond"), (60, 90, "second\nthird")]


def test_letters_that_come_late_are_shown_late() -> None:
    cues = shown((0, [*twice(RDC, BOTTOM), *letters("now ")]), (30, letters("later")), (60, twice(EDM)))
    assert words(cues) == [(4, 30, "now"), (30, 60, "now later")]


def test_rows_stand_where_they_were_put() -> None:
    place = {name: shown((0, pop_on("x", at)))[0].settings for name, at in (("top", TOP), ("low", INDENTED))}
    assert place == {"top": "line:10% position:10% align:left", "low": "position:30% align:left"}
    (centred,) = shown((0, pop_on("     in the middle, by hand")))
    assert (centred.text, centred.settings) == ("in the middle, by hand", "")
    assert all(
        re.fullmatch(r"(line:\d+%)?( ?position:\d+% align:left)?", each)
        for each in [*place.values(), centred.settings]
    )


def test_a_row_that_roll_up_lines_are_moved_to() -> None:
    cues = shown((0, [*twice(RU2, CR, BOTTOM), *letters("up")]), (20, twice((0x11, 0x70))), (40, twice(EDM)))
    assert [cue.settings for cue in cues] == ["position:10% align:left", "line:15% position:10% align:left"]
    assert {cue.text for cue in cues} == {"up"}


def test_styles_stay_and_markup_is_made_safe() -> None:
    italic = shown(
        (0, [*twice(RCL, ITALIC), *letters("<i> "), *twice((0x11, 0x20)), *letters("&"), *twice(EOC)])
    )
    assert [cue.text for cue in italic] == ["<i>&lt;i&gt; </i> &amp;"]
    underlined = shown((0, [*twice(RCL, (0x14, 0x71)), *letters("u"), *twice(EOC)]))
    assert [cue.text for cue in underlined] == ["<u>u</u>"]


@pytest.mark.parametrize(
    ("sent", "letter"),
    [([(0x2A, 0)], "á"), (twice((0x11, 0x37)), "♪"), ([(ord("E"), 0), *twice((0x12, 0x21))], "É"),
     ([(ord("a"), 0), *twice((0x13, 0x30))], "Ä"), ([(0x7E, 0)], "ñ"), ([(0x27, 0)], "’")],
)  # fmt: skip
def test_letters_that_ascii_has_not(sent: list[Bytes], letter: str) -> None:
    assert [cue.text for cue in shown((0, [*twice(RCL), *sent, *twice(EOC)]))] == [letter]


def test_mistakes_are_taken_back() -> None:
    backspace, delete = (0x14, 0x21), (0x14, 0x24)
    cues = shown((0, [*twice(RCL), *letters("cax"), *twice(backspace), *letters("t"), *twice(EOC)]))
    assert [cue.text for cue in cues] == ["cat"]
    cues = shown(
        (0, [*twice(RCL, BOTTOM), *letters("gone"), *twice(BOTTOM, delete), *letters("ok"), *twice(EOC)])
    )
    assert [cue.text for cue in cues] == ["ok"]


def test_tabs_and_gaps_are_spaces() -> None:
    cues = shown((0, [*twice(RCL, BOTTOM), *letters("a"), *twice((0x17, 0x22)), *letters("b"), *twice(EOC)]))
    assert [cue.text for cue in cues] == ["a  b"]
