"""Names of files and folders: what is kept can be written by any file system and shown by any screen."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cutroom.errors import RequestInvalid
from cutroom.files.names import NAME_LIMIT_BYTES, checked_name, name_key

ANY_TEXT = st.text(st.characters(codec=None, exclude_categories=()), max_size=300)


@pytest.mark.parametrize(
    "name",
    ["", " ", ".", "..", " .. ", "a/b", "a\\b", "../x", "a\x00b", "a\nb", "a\x7fb", "a\x85b", "a\u2028b",
     "\u202egpj.exe", "\u200b", "\ufeff\u0301", "x\ud800", "ü" * 128, "x" * 256],
)  # fmt: skip
def test_what_a_file_system_or_a_reader_would_stumble_over_is_refused(name: str) -> None:
    with pytest.raises(RequestInvalid):
        checked_name(name)


@pytest.mark.parametrize(
    ("given_name", "kept"),
    [
        ("u\u0308.mp4", "ü.mp4"),
        (" talk .mp4 ", "talk .mp4"),
        ("…", "…"),
        ("x" * 255, "x" * 255),
        ("映画.mp4", "映画.mp4"),
    ],
)
def test_a_name_is_kept_in_its_composed_form(given_name: str, kept: str) -> None:
    assert checked_name(given_name) == kept


@given(ANY_TEXT)
def test_whatever_is_kept_obeys_the_rules(text: str) -> None:
    try:
        name = checked_name(text)
    except RequestInvalid:
        return
    assert 0 < len(name.encode()) <= NAME_LIMIT_BYTES
    assert name not in {".", ".."}
    assert not set(name) & {"/", "\\"}
    assert all(unicodedata.category(character) != "Cc" for character in name)
    assert unicodedata.is_normalized("NFC", name)
    assert checked_name(name) == name


@given(st.text(max_size=40))
def test_names_that_differ_by_case_or_spelling_of_accents_are_one(name: str) -> None:
    assert name_key(name) == name_key(unicodedata.normalize("NFD", name))
    assert name_key(name_key(name)) == name_key(name)


def test_case_makes_no_second_name() -> None:
    assert name_key("Straße.MP4") == name_key("STRASSE.mp4")
    assert name_key("a") != name_key("b")
