"""What edit lists present, frame by frame and sample by sample."""

from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cutroom.media.edits import (
    Edit,
    FastEdit,
    Sample,
    StillEdit,
    apart,
    heard,
    plays_several,
    presented,
    reject_speeds,
    runs,
)

ONE = Fraction(1)
RATE = 25
FILM = [Sample(n, 1000 + n) for n in range(100)]

pauses = st.builds(Edit, st.fractions(0, 2, max_denominator=600), st.none())
stretches = st.builds(
    Edit, st.fractions(0, 3, max_denominator=600), st.fractions(0, 4, max_denominator=90_000)
)


def test_stretches_come_one_after_the_other_and_a_pause_takes_its_time() -> None:
    edits = [Edit(Fraction(1, 5), Fraction(2)), Edit(ONE, None), Edit(Fraction(2, 25), Fraction(0))]
    assert presented(edits, FILM, Fraction(1, RATE)) == [
        *((Fraction(n, RATE), 1050 + n) for n in range(5)),
        (Fraction(6, 5), 1000),
        (Fraction(6, 5) + Fraction(1, 25), 1001),
    ]


def test_a_trim_and_a_late_start_are_one_stretch() -> None:
    one, pause = Edit(ONE, ONE), Edit(ONE, None)
    assert not any(map(plays_several, ([], [one], [pause], [pause, one])))
    assert all(map(plays_several, ([one, one], [one, pause], [pause, one, pause])))


@given(st.lists(pauses | stretches, max_size=6))
def test_every_moment_of_a_stretch_shows_what_its_track_has_there(edits: list[Edit]) -> None:
    """Held against a slower reading of the definition: moment by moment."""
    found = dict(presented(edits, FILM, Fraction(1, RATE)))
    times = sorted(found)
    now, wanted = Fraction(0), {}
    for edit in edits:
        for n in range(100):
            begins = Fraction(n, RATE)
            if edit.begins_s is not None and edit.begins_s <= begins < edit.begins_s + edit.lasts_s:
                wanted[now + begins - edit.begins_s] = 1000 + n
        now += edit.lasts_s
    assert found == wanted
    assert times == list(found)
    assert all(0 <= time < now for time in times)


@given(st.lists(pauses | stretches, max_size=6), st.sampled_from([8000, 44_100, 48_000]))
def test_no_stretch_of_sound_is_a_sample_from_its_place(edits: list[Edit], rate: int) -> None:
    now, place, found = Fraction(0), 0, iter(heard(edits, rate))
    for edit in edits:
        if edit.begins_s is not None and round((now + edit.lasts_s) * rate) > round(now * rate):
            pause, first, end = next(found)
            assert place + pause == round(now * rate)
            assert first == round(edit.begins_s * rate)
            place += pause + end - first
            assert place == round((now + edit.lasts_s) * rate)
        now += edit.lasts_s
    assert next(found, None) is None


def test_another_stretch_is_elsewhere_or_goes_back() -> None:
    assert runs([(0, 0), (0, 1), (5, 2), (5, 3), (5, 1), (5, 2)]) == [0, 0, 1, 1, 2, 2]
    assert runs([]) == []


@given(
    st.lists(st.tuples(st.integers(-400, 400), st.booleans()), max_size=20).flatmap(
        lambda frames: st.tuples(st.just(frames), st.permutations(range(len(frames))))
    )
)
def test_hidden_frames_are_moved_between_those_that_are_shown(
    given_frames: tuple[list[tuple[int, bool]], list[int]],
) -> None:
    frames, order = given_frames
    times, is_hidden = [one[0] for one in frames], [one[1] for one in frames]
    moved = apart(times, is_hidden, order)
    if moved is not None:
        assert all(is_hidden[n] or moved[n] == times[n] for n in range(len(times)))
        assert all(moved[before] < moved[after] for before, after in pairwise(order))


def test_hidden_frames_need_room() -> None:
    """Frames at 0 and 1 with one between them that only a later stretch needs."""
    assert apart([0, 5, 1], [False, True, False], [0, 1, 2]) is None
    assert apart([0, 5, 2], [False, True, False], [0, 1, 2]) == [0, 1, 2]
    assert apart([9, 0, 5, 2], [True, False, True, False], [0, 1, 2, 3]) == [-1, 0, 1, 2]
    assert apart([0, 2], [False, False], [1, 0]) is None


@pytest.mark.parametrize(
    ("speeds", "refusal"),
    [((1, 1), None), ((Fraction(1, 2),), None), ((0,), StillEdit), ((2,), FastEdit), ((1, -1), FastEdit)],
)
def test_a_speed_that_would_leave_something_out_is_refused(
    speeds: tuple[int | Fraction, ...], refusal: type[Exception] | None
) -> None:
    edits = [Edit(ONE, ONE, Fraction(speed)) for speed in speeds]
    if refusal is None:
        reject_speeds(edits)
    else:
        with pytest.raises(refusal):
            reject_speeds(edits)
