"""Which files of subtitles belong to a film, and what their names say."""

import pytest

from cutroom.media.sidecars import FORMATS, SidecarName, sidecar_name, sidecars_of
from cutroom.media.upload import TEXT_SUFFIXES


def test_a_sidecar_belongs_to_the_film_with_the_longest_name_that_it_begins_with() -> None:
    names = [
        "film.mp4",
        "film.en.srt",
        "film.srt",
        "film.2.mp4",
        "film.2.de.srt",
        "filmed.srt",
        "film.nfo",
        "a.srt",
    ]
    assert sidecars_of("film.mp4", names) == ["film.en.srt", "film.srt"]
    assert sidecars_of("film.2.mp4", names) == ["film.2.de.srt"]


def test_a_name_need_not_be_written_as_the_films_is() -> None:
    names = [
        "film_en.srt",
        "FILM.EN.FORCED.SRT",
        "film-pt-BR.srt",
        "film de.srt",
        "film_part.srt",
        "film_2.srt",
    ]
    assert sidecars_of("film.mp4", names) == [
        "FILM.EN.FORCED.SRT",
        "film de.srt",
        "film-pt-BR.srt",
        "film_en.srt",
    ]
    assert sidecars_of("film.mp4", ["film.mp4", "film_en.mp4", "film_en.srt"]) == []
    two = ["film.mp4", "Film.mp4", "Film.srt", "film.srt"]
    assert [sidecars_of(film, two) for film in two[:2]] == [["film.srt"], ["Film.srt"]]


def test_every_name_of_subtitles_has_its_format() -> None:
    assert FORMATS.keys() == TEXT_SUFFIXES


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("film.srt", SidecarName(codec="subrip")),
        ("film.en.srt", SidecarName(codec="subrip", language="en", label="English")),
        ("film.GER.Forced.vtt", SidecarName(codec="webvtt", language="de", label="Deutsch", is_forced=True)),
        ("film.sdh.en.ass", SidecarName(codec="ass", language="en", label="English", is_sdh=True)),
        ("film.pt-BR.default.ttml",
         SidecarName(codec="ttml", language="pt-BR", label="Português (Brasil)", is_default=True)),
        ("film.German.srt", SidecarName(codec="subrip", language="de", label="Deutsch")),
        ("film.Hungarian.srt", SidecarName(codec="subrip", language="hu", label="Magyar")),
        ("film.en.hi.srt", SidecarName(codec="subrip", language="en", label="English", is_sdh=True)),
        ("film.hi.srt", SidecarName(codec="subrip", language="hi", label="हिन्दी")),
        ("FILM.EN.FORCED.SRT", SidecarName(codec="subrip", language="en", label="English", is_forced=True)),
        ("film_en.srt", SidecarName(codec="subrip", language="en", label="English")),
        ("film_pt_BR.srt", SidecarName(codec="subrip", language="pt-BR", label="Português (Brasil)")),
        ("film-de_sdh.vtt", SidecarName(codec="webvtt", language="de", label="Deutsch", is_sdh=True)),
        ("film.fr.Notes of the director.ssa",
         SidecarName(codec="ssa", language="fr", label="Notes of the director")),
    ],
)  # fmt: skip
def test_a_name_tells_language_and_flags(name: str, wanted: SidecarName) -> None:
    assert sidecar_name("film.mp4", name) == wanted
