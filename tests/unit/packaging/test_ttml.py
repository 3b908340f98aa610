"""TTML by its own rules: clocks, times of elements in elements, and styling."""

import pytest

from cutroom.errors import SourceCorrupt
from cutroom.packaging.ttml import ENDLESS_MS, read_ttml
from cutroom.packaging.webvtt import Cue

NAMESPACES = (
    'xmlns="http://www.w3.org/ns/ttml" xmlns:ttp="http://www.w3.org/ns/ttml#parameter" '
    'xmlns:tts="http://www.w3.org/ns/ttml#styling"'
)


def document(paragraphs: str, *, root: str = "", head: str = "", body: str = "", div: str = "") -> str:
    return (
        f"<tt {NAMESPACES} {root}><head>{head}</head><body {body}><div {div}>{paragraphs}</div></body></tt>"
    )


def times(cues: list[Cue]) -> list[tuple[int, int, str]]:
    return [(cue.start_ms, cue.end_ms, cue.text) for cue in cues]


@pytest.mark.parametrize(
    ("root", "begin", "wanted_ms"),
    [
        ("", "00:00:01.5", 1500),
        ("", "1.5s", 1500),
        ("", "1500ms", 1500),
        ("", "1.5m", 90_000),
        ("", "0.5h", 1_800_000),
        ('ttp:frameRate="25"', "00:00:01:12", 1480),
        ('ttp:frameRate="25"', "30f", 1200),
        ('ttp:frameRate="24" ttp:frameRateMultiplier="1000 1001"', "00:01:00:12", 60_500),
        ('ttp:tickRate="10000000"', "15000000t", 1500),
        ('ttp:frameRate="24" ttp:subFrameRate="2"', "00:00:01:12.1", 1521),
        # A minute of 1800 numbers that are counted at 29.97 frames a second.
        ('ttp:timeBase="smpte" ttp:frameRate="30" ttp:frameRateMultiplier="1000:1001"', "00:01:00:00", 60_060),
        ('ttp:timeBase="smpte" ttp:frameRate="30" ttp:frameRateMultiplier="1000:1001" ttp:dropMode="dropNTSC"',
         "00:10:00:00", 599_999),
    ],
)  # fmt: skip
def test_every_clock_is_read(root: str, begin: str, wanted_ms: int) -> None:
    (cue,) = read_ttml(document(f'<p begin="{begin}" dur="10s">x</p>', root=root))
    assert (cue.start_ms, cue.end_ms) == (wanted_ms, wanted_ms + 10_000)


@pytest.mark.parametrize("begin", ["soon", "1:2", "1y", "-1s", ""])
def test_a_time_that_is_none_is_refused(begin: str) -> None:
    with pytest.raises(SourceCorrupt, match="time"):
        read_ttml(document(f'<p begin="{begin}">x</p>'))


def test_times_count_from_what_is_around_and_end_with_it() -> None:
    paragraphs = '<p begin="1s" end="99s">one</p><p>whole</p>'
    cues = read_ttml(document(paragraphs, body='begin="10s"', div='begin="5s" dur="20s"'))
    assert times(cues) == [(16_000, 35_000, "one"), (15_000, 35_000, "whole")]
    assert times(read_ttml(document("<p>always</p>"))) == [(0, ENDLESS_MS, "always")]


def test_one_follows_the_other_where_that_is_said() -> None:
    cues = read_ttml(document('<p dur="1s">a</p><p begin="1s" dur="2s">b</p>', div='timeContainer="seq"'))
    assert times(cues) == [(0, 1000, "a"), (2000, 4000, "b")]


def test_words_with_times_of_their_own_come_and_go() -> None:
    spans = '<span end="3s">one</span><span begin="1s">two</span>'
    cues = read_ttml(document(f'<p begin="10s" dur="4s">{spans}</p>'))
    assert times(cues) == [(10_000, 11_000, "one"), (11_000, 13_000, "onetwo"), (13_000, 14_000, "two")]


def test_bold_italic_and_underline_are_kept_whoever_says_them() -> None:
    head = (
        '<styling><style xml:id="base" tts:fontStyle="italic"/><style xml:id="s" style="base s"/></styling>'
    )
    words = 'a<span tts:fontWeight="bold"> b </span>&lt;c&gt;<br/><span tts:fontStyle="normal">d\n   e</span>'
    (cue,) = read_ttml(document(f'<p begin="1s" end="2s" style="s">{words}</p>', head=head))
    assert cue.text == "<i>a</i><i><b> b </b></i><i>&lt;c&gt;</i>\nd e"


@pytest.mark.parametrize(
    ("region", "settings"),
    [
        ('tts:origin="10% 5%" tts:extent="80% 20%"', "line:0"),
        ('tts:origin="10% 75%" tts:extent="80% 20%" tts:textAlign="left"', "position:5% align:left"),
        ('tts:displayAlign="after"', ""),
        ('tts:displayAlign="center"', "line:50%"),
        ('tts:origin="0px 900px" tts:extent="1920px 100px"', ""),
        ('tts:origin="0c 1c" tts:extent="32c 2c"', "line:0"),
    ],
)
def test_places_stay_as_far_as_webvtt_has_them(region: str, settings: str) -> None:
    head = f'<layout><region xml:id="r" {region}/></layout>'
    text = document('<p begin="1s" end="2s" region="r">x</p>', head=head, root='tts:extent="1920px 1080px"')
    (cue,) = read_ttml(text)
    assert cue.settings == settings


def test_what_is_no_ttml_and_what_has_no_end_is_refused() -> None:
    many = "".join(f'<span begin="{n}ms">x</span>' for n in range(2000))
    for text in ("<html/>", "<tt", document("<div>" * 200 + "</div>" * 200), document(f"<p>{many}</p>")):
        with pytest.raises(SourceCorrupt):
            read_ttml(text)
