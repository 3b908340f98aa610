"""Tags have one name, whatever the container calls them."""

import pytest

from cutroom.media.languages import language_name, language_tag
from cutroom.media.tags import normalised


@pytest.mark.parametrize(
    ("found", "wanted"),
    [
        ({"TITLE": "A", "ARTIST": "B", "TRACKNUMBER": "3", "TRACKTOTAL": "12"},
         {"title": "A", "artist": "B", "track": "3", "tracks": "12"}),
        ({"TIT2": "A", "TPE1": "B", "TRCK": "3/12", "TPOS": "1/2", "TSRC": "GBAYE6800011", "TYER": "1968"},
         {"title": "A", "artist": "B", "track": "3", "tracks": "12", "disc": "1", "discs": "2",
          "isrc": "GBAYE6800011", "date": "1968"}),
        ({"title": "A", "album_artist": "C", "date": "2011-07-19", "genre": "Jazz"},
         {"title": "A", "album_artist": "C", "date": "2011-07-19", "genre": "Jazz"}),
        ({"major_brand": "isom", "encoder": "Lavf", "iTunSMPB": "0", "id3v2_priv.x": "y", "Mood": "calm"},
         {"mood": "calm"}),
        ({"title": " \x00A\x07 ", "artist": "  "}, {"title": "A"}),
    ],
)  # fmt: skip
def test_tags_are_normalised(found: dict[str, str], wanted: dict[str, str]) -> None:
    assert normalised(found) == wanted


@pytest.mark.parametrize(
    ("said", "tag", "name"),
    [
        ("eng", "en", "English"), ("ger", "de", "Deutsch"), ("deu", "de", "Deutsch"), ("fre", "fr", "Français"),
        ("pt_br", "pt-BR", "Português (Brasil)"), ("zh-hans", "zh-Hans", "中文 (简体)"), ("iw", "he", "עברית"),
    ],
)  # fmt: skip
def test_a_language_has_its_shortest_tag_and_its_own_name(said: str, tag: str, name: str) -> None:
    assert language_tag(said) == tag
    assert language_name(tag) == name


@pytest.mark.parametrize("said", [None, "", "und", "zxx", "x", 'en"', "English, UK", "a\nb"])
def test_what_names_no_language_is_none(said: str | None) -> None:
    assert language_tag(said) is None
