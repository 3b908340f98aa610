"""What a download says of itself: what its source says of the work, and nothing of who made the file where."""

from dataclasses import replace
from fractions import Fraction
from typing import Any

from cutroom.media.plan import Plan, make_plan
from cutroom.media.profile import load_profile
from cutroom.media.source import AudioTrack, Chapter, CoverArt, Source
from cutroom.media.tagging import Tagging, plan_tagging

SOURCE = Source(
    sha256="ab" * 32,
    size_bytes=1,
    container="mp3",
    start_s=Fraction(1),
    duration_s=Fraction(10),
    audio=(AudioTrack(index=0, codec="mp3", channels=2, sample_rate_hz=44_100, start_s=Fraction(1)),),
)
COVER = CoverArt(index=1, codec="mjpeg", width=10, height=10)


def tagging(container: str = "mp3", **of_source: Any) -> Tagging | None:
    return plan_tagging(replace(SOURCE, **of_source), container, Fraction(1))


def tags(**known: str) -> dict[str, str]:
    found = tagging(tags=known)
    return found.tags if found else {}


def plan_of(**of_source: Any) -> Plan:
    source = replace(SOURCE, **of_source)
    return make_plan(source, [], load_profile("podcast"), asset_id="as_1", tools={})


def test_a_source_that_says_nothing_makes_a_download_that_says_nothing() -> None:
    assert tagging() is None


def test_what_is_private_does_not_go_on() -> None:
    private = {"comment": "DJI 123", "location": "+48.1+11.5/", "com.apple.quicktime.make": "Apple",
               "lyrics": "x", "encoded_with": "Lavf in my folder"}  # fmt: skip
    assert tags(title="A talk", **private) == {"title": "A talk"}
    assert tagging(tags=private) is None


def test_a_date_is_that_of_a_day() -> None:
    assert tags(date="2024-05-01T10:11:12+0200") == {"date": "2024-05-01"}
    assert [tags(date=one) for one in ("1999", "20240501")] == [{"date": "1999"}, {"date": "20240501"}]
    assert tags(date="last summer", title="A") == {"title": "A"}


def test_numbers_are_numbers_and_tell_how_many_there_are() -> None:
    assert tags(track="3", tracks="12", disc="1") == {"track": "3/12", "disc": "1"}
    assert tags(season="2", episode="7") == {"season_number": "2", "episode_sort": "7"}
    assert tags(track="A1", tracks="12") == {}


def test_chapters_are_on_the_clock_of_the_presentation_and_end_with_it() -> None:
    found = tagging(
        chapters=(
            Chapter(start_s=Fraction(5), end_s=Fraction(99), title="Last"),
            Chapter(start_s=Fraction(0), end_s=Fraction(5)),
            Chapter(start_s=Fraction(50), end_s=Fraction(60), title="Behind"),
        )
    )
    assert found is not None
    assert [(one.start_s, one.end_s, one.title) for one in found.chapters] == [
        (0, 4, "Chapter 1"),
        (4, 10, "Last"),
    ]


def test_an_mp3_lists_as_many_chapters_as_it_can() -> None:
    many = tuple(Chapter(start_s=Fraction(1) + n, end_s=Fraction(2) + n) for n in range(300))
    found = [tagging(one, chapters=many, duration_s=None) for one in ("mp3", "m4a")]
    assert [len(one.chapters) for one in found if one] == [255, 300]


def test_a_title_in_an_mp3_is_as_long_as_its_readers_can_take() -> None:
    """At most 120 bytes, and no half of a letter."""
    titles = ("a" * 120, "a" * 121, "a" + "ж" * 60, "words " * 30)
    known = tuple(
        Chapter(start_s=Fraction(n), end_s=Fraction(n + 1), title=one) for n, one in enumerate(titles, 1)
    )
    mp3, m4a = (tagging(one, chapters=known) for one in ("mp3", "m4a"))
    assert mp3 is not None
    assert m4a is not None
    assert [one.title for one in m4a.chapters] == list(titles)
    assert [one.title for one in mp3.chapters] == [
        titles[0], "a" * 117 + "…", "a" + "ж" * 58 + "…", ("words " * 30)[:117].rstrip() + "…",
    ]  # fmt: skip


def test_webm_has_no_room_for_a_cover() -> None:
    found = tagging(cover=COVER)
    assert found is not None
    assert found.cover_of == SOURCE.sha256
    assert tagging("webm", cover=COVER) is None


def test_another_tag_makes_another_download_of_the_same_encodes() -> None:
    plain, titled, commented = plan_of(), plan_of(tags={"title": "A"}), plan_of(tags={"comment": "A"})
    for one, other in ((plain, titled), (titled, plan_of(tags={"title": "B"}))):
        changed = {a.kind for a, b in zip(one.renditions, other.renditions, strict=True) if a.key != b.key}
        assert changed == {"download"}
    assert [one.encode_keys for one in plain.renditions] == [one.encode_keys for one in titled.renditions]
    assert [one.key for one in plain.renditions] == [one.key for one in commented.renditions]
    assert Plan.load(titled.dump()) == titled
