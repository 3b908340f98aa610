"""Which still becomes the poster."""

from dataclasses import replace
from fractions import Fraction

import pytest

from cutroom.media.poster import Still, choose

FILM_S = Fraction(100)
GOOD = Still(at_s=Fraction(40), brightness=110, contrast=130, colourfulness=45, blur=4.0)


@pytest.mark.parametrize(
    "worse",
    [
        replace(GOOD, brightness=16.5, contrast=1),
        replace(GOOD, brightness=240),
        replace(GOOD, contrast=15),
        replace(GOOD, colourfulness=0),
        replace(GOOD, blur=12.0),
        replace(GOOD, at_s=Fraction(0)),
        replace(GOOD, at_s=Fraction(97)),
    ],
    ids=["black", "washed out", "flat", "grey", "blurred", "title", "credits"],
)
def test_the_better_still_is_chosen_wherever_it_stands(worse: Still) -> None:
    assert choose([worse, GOOD], FILM_S).chosen == 1
    assert choose([GOOD, worse], FILM_S).chosen == 0


def test_a_black_picture_is_not_chosen_for_its_sharpness() -> None:
    black = replace(GOOD, brightness=0.0, blur=1.0)
    assert choose([black, replace(GOOD, blur=9.0)], FILM_S).chosen == 1


def test_a_blurred_picture_is_not_chosen_for_its_colours() -> None:
    """As measured: a picture blurred by 20 pixels, and a sharp one in black and white."""
    blurred = replace(GOOD, contrast=99, blur=4.0 / 0.244)
    sharp = replace(GOOD, contrast=85, colourfulness=1, blur=4.0 / 0.947)
    for title in ([], [replace(GOOD, brightness=9.3, contrast=16, colourfulness=0)]):
        assert choose([blurred, sharp, *title], FILM_S).chosen == 1


def test_pictures_are_not_held_to_the_sharpness_of_words_on_black() -> None:
    """As measured: credits are half as wide at their edges as what they follow."""
    credits_ = replace(GOOD, brightness=8, contrast=3, colourfulness=0, blur=2.0)
    sharp, soft = replace(GOOD, contrast=60), replace(GOOD, blur=7.0)
    assert [one["sharpness"] for one in choose([sharp, soft, credits_], FILM_S).candidates] == [
        1.0,
        0.571,
        1.0,
    ]


def test_of_equals_the_earliest_is_chosen() -> None:
    assert choose([replace(GOOD, at_s=Fraction(n)) for n in (40, 50, 60)], FILM_S).chosen == 0


def test_a_film_of_one_colour_has_a_poster_too() -> None:
    black = Still(at_s=Fraction(0), brightness=0, contrast=0, colourfulness=0, blur=0)
    assert choose([black], Fraction(1)).chosen == 0


def test_the_choice_says_what_was_measured_of_each() -> None:
    choice = choose([replace(GOOD, blur=8.0), GOOD], FILM_S).to_json()
    assert choice["chosen"] == 1
    assert [one["sharpness"] for one in choice["candidates"]] == [0.5, 1.0]
    assert choice["candidates"][1]["score"] == max(one["score"] for one in choice["candidates"])
