"""Whom each pair of line 21 is for."""

from collections.abc import Iterable
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from captioned import CR, EDM, EOC, RCL, RU2, Bytes, letters, pop_on, second_channel, twice, with_parity
from cutroom.media.line21 import Pair, channels_with_words, codes
from cutroom.packaging.captions import read_cues

TEXT_RESTART, XDS_TITLE, XDS_END = (0x14, 0x2A), (0x01, 0x03), (0x0F, 0x1D)


def sent(pairs: Iterable[Bytes], *, second_field: bool = False) -> list[Pair]:
    return [Pair(at, second_field, with_parity(one)) for at, one in enumerate(pairs)]


def heard(pairs: Iterable[Bytes], *, second_field: bool = False) -> list[tuple[str, Bytes]]:
    found = codes(sent(pairs, second_field=second_field))
    return [(channel, (code.first, code.second)) for channel, code in found]


def test_what_steers_is_sent_twice_and_meant_once() -> None:
    """Sent four times it is meant twice; something between makes it another one."""
    assert [code for _, code in heard([*twice(CR), *twice(CR), CR, (0, 0), CR])] == [CR] * 4


def test_each_field_has_two_channels() -> None:
    assert {channel for channel, _ in heard(pop_on("one"))} == {"CC1"}
    assert {channel for channel, _ in heard(second_channel(pop_on("two")))} == {"CC2"}
    assert {channel for channel, _ in heard(pop_on("three"), second_field=True)} == {"CC3"}
    assert {channel for channel, _ in heard(second_channel(pop_on("four")), second_field=True)} == {"CC4"}


def test_channels_take_turns() -> None:
    turns = [*twice(RCL), *letters("ab"), *second_channel(twice(RCL)), *letters("cd"), *twice(EOC)]
    assert [(channel, code) for channel, code in heard(turns) if code[0] >= 0x20] == [
        ("CC1", (ord("a"), ord("b"))),
        ("CC2", (ord("c"), ord("d"))),
    ]


def test_the_second_field_steers_with_codes_of_its_own() -> None:
    assert heard([(0x15, 0x20), (0x1D, 0x2C)], second_field=True) == [("CC3", RCL), ("CC4", EDM)]


def test_text_and_facts_about_the_programme_are_no_captions() -> None:
    assert heard([*twice(TEXT_RESTART), *letters("news")])[1:] == []
    facts = [XDS_TITLE, *letters("Title"), XDS_END]
    assert heard([RCL, *facts, *letters("on")], second_field=True) == [
        ("CC3", RCL),
        ("CC3", (ord("o"), ord("n"))),
    ]


def test_what_arrives_damaged_is_a_block_or_nothing() -> None:
    good = with_parity((ord("a"), ord("b")))
    flipped = bytes((good[0] ^ 0x80,))
    assert [code.first for _, code in codes([Pair(0, False, flipped + good[1:])])] == [0x7F]
    assert list(codes([Pair(0, False, good[:1] + bytes((good[1] ^ 1,)))])) == []


def test_a_channel_holds_words_once_it_was_told_how_to_show_them() -> None:
    assert channels_with_words(sent(letters("lost"))) == []
    assert channels_with_words(sent([*twice(RU2), *twice(CR)])) == []
    assert channels_with_words(sent(pop_on("found"))) == ["CC1"]


@given(st.lists(st.tuples(st.booleans(), st.binary(min_size=2, max_size=2)), max_size=200))
def test_any_bytes_are_cues_in_order_or_nothing(pairs: list[tuple[bool, bytes]]) -> None:
    """What codes write stays on the screen."""
    found = [*codes(Pair(33 * at, second, data) for at, (second, data) in enumerate(pairs))]
    for channel in ("CC1", "CC2", "CC3", "CC4"):
        cues = read_cues(code for each, code in found if each == channel)
        assert all(a.end_ms <= b.start_ms for a, b in pairwise(cues))
        assert all(cue.text and "\n\n" not in cue.text and cue.text.count("\n") < 15 for cue in cues)
