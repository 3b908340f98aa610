"""Subtitles of any format and encoding become cues that a WebVTT parser reads as they were meant."""

import re

import pysubs2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cutroom.errors import SourceCorrupt
from cutroom.packaging import webvtt
from cutroom.packaging.code_pages import decoded
from cutroom.packaging.subtitles import placed, read_cues, sustained, within
from cutroom.packaging.webvtt import Cue

ASS = """[Script Info]
ScriptType: v4.00+

[V4+ Styles]
Style: Default,Arial,20,&H00FFFFFF,&H000000FF,&H00000000,&H00000000,0,0,0,0,100,100,0,0,1,2,2,2,10,10,10,1
Style: Sign,Arial,20,&H00FFFFFF,&H000000FF,&H00000000,&H00000000,0,-1,0,0,100,100,0,0,1,2,2,8,10,10,10,1

[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
"""


def srt(words: str, times: str = "00:00:01,000 --> 00:00:02,500") -> list[Cue]:
    return read_cues(f"1\n{times}\n{words}\n", "subrip")


def ass(line: str, style: str = "Default") -> list[Cue]:
    return read_cues(f"{ASS}Dialogue: 0,0:00:01.00,0:00:02.50,{style},,0,0,0,,{line}\n", "ass")


def vtt(words: str, settings: str = "") -> list[Cue]:
    return read_cues(f"WEBVTT\n\nNOTE x\n\n00:01.000 --> 00:02.500 {settings}\n{words}\n", "webvtt")


def test_times_are_exact() -> None:
    (cue,) = srt("a", "01:02:03,004 --> 101:02:03,5")
    assert (cue.start_ms, cue.end_ms) == (3_723_004, 363_723_500)
    assert webvtt.timestamp(cue.end_ms) == "101:02:03.500"


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("plain", "plain"),
        ("<i>so</i> <b>it</b> <u>is</u>", "<i>so</i> <b>it</b> <u>is</u>"),
        ("<I>never closed", "<i>never closed</i>"),
        ("<i>crossed <b>over</i> here</b>", "<i>crossed <b>over</b></i><b> here</b>"),
        ('<font color="red">red</font>', "red"),
        ("<script>alert(1)</script>", "alert(1)"),
        ("a < b & c > d --> e", "a &lt; b &amp; c &gt; d --&gt; e"),
        ("I <3 you", "I &lt;3 you"),
        ("one\x00\x07\u200dtwo", "one\u200dtwo"),
        ("{\\i1}slanted{\\i0} not", "<i>slanted</i> not"),
        ("{\\i1}slanted{\\r} not", "<i>slanted</i> not"),
        ("{kept}", "{kept}"),
    ],
)
def test_styling_of_subrip_is_reduced_and_its_text_is_safe(words: str, shown: str) -> None:
    assert [cue.text for cue in srt(words)] == [shown]


@pytest.mark.parametrize(
    ("line", "style", "shown", "settings"),
    [
        ("one\\Ntwo\\hthree", "Default", "one\ntwo\u00a0three", ""),
        ("{\\an9\\fs40\\c&HFF&}up", "Default", "up", "line:0 position:95% align:right"),
        ("a sign", "Sign", "<i>a sign</i>", "line:0"),
        ("{\\i0}upright", "Sign", "upright", "line:0"),
        ("{\\i0\\b1}strong{\\r}own", "Sign", "<b>strong</b><i>own</i>", "line:0"),
        ("{\\fs9\\rSign}another{\\rDefault} style", "Default", "<i>another</i> style", ""),
        ("{\\a10}old", "Default", "old", "line:50%"),
        ("{a comment}x <b> y", "Default", "x &lt;b&gt; y", ""),
    ],
)
def test_styling_of_ass_is_reduced(line: str, style: str, shown: str, settings: str) -> None:
    assert [(cue.text.replace("<i></i>", ""), cue.settings) for cue in ass(line, style)] == [
        (shown, settings)
    ]


def test_drawings_and_comments_of_ass_are_no_words() -> None:
    assert ass("{\\p1}m 0 0 l 100 0 100 100{\\p0}") == []
    assert read_cues(f"{ASS}Comment: 0,0:00:01.00,0:00:02.00,Default,,0,0,0,,no\n", "ass") == []


def test_webvtt_keeps_its_settings_and_what_it_refers_to() -> None:
    (cue,) = vtt(
        "<v.loud Ann>R&amp;B &lt;live&gt;</v> <00:01.500><c.red>now</c>", "line:0 align:start evil:1"
    )
    assert cue.text == "Ann: R&amp;B &lt;live&gt; now"
    assert cue.settings == "line:0 align:start"


SPOILED = {
    "no empty line between": "1\n00:00:01,000 --> 00:00:02,000\none\n2\n00:00:03,000 --> 00:00:04,000\ntwo\n",
    "lines converted twice": "1\r\r\n00:00:01,000 --> 00:00:02,000\r\r\none\r\r\n\r\r\n"
    "2\r\r\n00:00:03,000 --> 00:00:04,000\r\r\ntwo",
    "no numbers, and no milliseconds": "00:00:01 --> 00:00:02\none\n\n00:00:03 --> 00:00:04\ntwo",
    "times written by hand": "1\n00: 00: 01, 000 -> 00:00:02.0\none\n\n2\n00:00:03:000-->00:00:04,000\ntwo",
}


@pytest.mark.parametrize("name", SPOILED)
def test_spoiled_subrip_keeps_its_cues(name: str) -> None:
    cues = read_cues(SPOILED[name], "subrip")
    assert [(cue.start_ms, cue.end_ms, cue.text) for cue in cues] == [
        (1000, 2000, "one"),
        (3000, 4000, "two"),
    ]


def test_words_of_subrip_go_on_after_an_empty_line_and_may_be_numbers_and_times() -> None:
    text = (
        f"{SRT}It was\n\n1984.<br>1984\n\n2\n00:00:03,000 --> 00:00:04,000\n10:30 --> 11:00\n\\Nclosed\n2000"
    )
    assert [cue.text for cue in read_cues(text, "subrip")] == [
        "It was\n1984.\n1984",
        "10:30 --&gt; 11:00\nclosed\n2000",
    ]


def test_layers_of_ass_are_shown_once_and_words_beside_a_drawing_stay() -> None:
    layers = "".join(
        f"Dialogue: {n},0:00:01.00,0:00:02.00,Default,,0,0,0,,{{\\blur{n}}}Same\n" for n in range(3)
    )
    assert [cue.text for cue in read_cues(ASS + layers, "ass")] == ["Same"]
    assert [cue.text for cue in ass("{\\p1}m 0 0 l 9 9{\\p0}Words", "Sign")] == ["<i>Words</i>"]
    assert ass("{\\p1}m 0 0 l 9 9{\\p0}", "Sign") == []


def test_ttml_is_read_without_its_entities() -> None:
    text = '<tt xmlns="http://www.w3.org/ns/ttml"><body><div><p begin="1s" end="2.5s">Hi<br/>you</p></div></body></tt>'
    assert [(cue.start_ms, cue.end_ms, cue.text) for cue in read_cues(text, "ttml")] == [
        (1000, 2500, "Hi\nyou")
    ]
    with pytest.raises(SourceCorrupt, match="entities"):
        read_cues('<!DOCTYPE tt [<!ENTITY a "b">]>' + text, "ttml")
    with pytest.raises(SourceCorrupt, match="ttml"):
        read_cues("<tt", "ttml")


def test_an_empty_line_and_a_cue_without_time_show_nothing() -> None:
    assert srt("a", "00:00:02,000 --> 00:00:01,000") == []
    assert srt("   ") == []
    assert read_cues("no times at all\n", "subrip") == []


@pytest.mark.parametrize(
    ("encoding", "language", "words"),
    [
        ("utf-8", None, "Größe – naïve"),
        ("utf-8-sig", None, "Größe"),
        ("utf-16", None, "Größe"),
        ("utf-16-le", None, "1\nHello"),
        ("utf-16-be", None, "1\nHello"),
        ("latin-1", "de", "Größe"),
        ("cp1252", None, "“Größe” – déjà"),
        ("cp1251", "ru", "Привет"),
        ("cp1250", "pl", "Zażółć"),
        ("cp932", "ja", "こんにちは"),
        ("gb18030", "zh-Hans", "你好"),
        ("big5hkscs", "zh-Hant-TW", "你好嗎"),
        ("cp1257", "lt", "Ačiū"),
        ("utf-16-le", None, "字幕\r\n00:00:01,000 --> 00:00:02,000"),
    ],
)
def test_encodings_are_found(encoding: str, language: str | None, words: str) -> None:
    assert decoded(words.encode(encoding), language).lstrip("\ufeff") == words


SAID = {
    "cp1251": "Я не знаю, что делать дальше.",
    "koi8_r": "Я не знаю, что делать дальше.",
    "cp932": "今日はどこへ行きますか？わかりません。",
    "euc_jp": "今日はどこへ行きますか？わかりません。",
    "cp949": "오늘 어디에 가요? 모르겠어요.",
    "gb18030": "你好，世界。我们今天去哪里？我不知道。",
    "cp1253": "Δεν ξέρω τι να κάνω, αλλά αύριο θα είναι καλύτερα.",
}

SAID_IN_LATIN = {
    "cs": ("cp1250", "Nevím, proč jsi to řekl, když víš, že to není pravda. Zítra přijdu dřív."),
    "pl": ("cp1250", "Nie wiem, dlaczego to powiedziałeś. Proszę, przyjdź jutro, będę czekać."),
    "hu": ("cp1250", "Őszintén szólva nem örülök, de majd meglátjuk, mi lesz belőle a jövőben."),
    "tr": ("cp1254", "Şimdi ne yapıyorsun? Bugün hava çok güzel, değil mi? Işıklar söndü, geç kaldık."),
    "fr": ("cp1252", "Où vas-tu ? Je ne sais pas, c'est déjà l'été."),
    "de": ("cp1252", "Ich weiß nicht, warum du das gesagt hast. Es wäre schön, wenn wir uns sähen."),
    "es": ("cp1252", "No sé por qué has dicho eso, señor. ¿Qué pasó? Por favor, ven mañana."),
    "pt": ("cp1252", "Não sei por que você disse isso. Então até já, amanhã vou esperar."),
    "sv": ("cp1252", "Jag vet inte varför du sa så. Det här är ett misstag, men så är det."),
    "is": ("cp1252", "Ég veit ekki af hverju þú sagðir þetta. Ég held að þetta sé mistök."),
}


@pytest.mark.parametrize("encoding", SAID)
def test_encodings_are_guessed_where_no_language_is_told(encoding: str) -> None:
    text = told_by(SAID[encoding])
    assert decoded(text.encode(encoding), None) == text


@pytest.mark.parametrize("language", SAID_IN_LATIN)
def test_of_latin_letters_the_likely_language_tells(language: str) -> None:
    encoding, said = SAID_IN_LATIN[language]
    text = told_by(said)
    assert decoded(text.encode(encoding), None) == text


def told_by(said: str) -> str:
    return "".join(f"{n}\n00:00:{n},000 --> 00:00:{n},900\n{said}\n\n" for n in range(10, 60))


@given(st.binary(max_size=200), st.sampled_from([None, "ru", "ja", "ar"]))
def test_any_bytes_are_some_text(data: bytes, language: str | None) -> None:
    assert isinstance(decoded(data, language), str)


@given(st.text(max_size=80), st.sampled_from(["subrip", "webvtt", "ass"]))
def test_hostile_words_stay_inside_their_cue(words: str, codec: str) -> None:
    """Whatever stands in a cue, the file has the cues that it should have and no markup but ours."""
    line = words.replace("\n", " ").replace("\r", " ")
    made = {"subrip": srt, "webvtt": vtt, "ass": ass}[codec](line)
    text = webvtt.document([*made, Cue(start_ms=5000, end_ms=6000, text="after")])
    assert text.count("-->") == len(made) + 1
    assert set(re.findall(r"<[^>]*>", text)) <= {
        f"<{end}{tag}>" for tag in ("b", "i", "u", "ruby", "rt") for end in ("", "/")
    }
    again = pysubs2.SSAFile.from_string(text, format_="vtt")
    assert [(one.start, one.end) for one in again] == [(cue.start_ms, cue.end_ms) for cue in made] + [
        (5000, 6000)
    ]


MANY = 20_000
STYLED = f"{ASS}Dialogue: 0,0:00:01.00,0:00:02.00,Default,,0,0,0,,"
TTML = '<tt xmlns="http://www.w3.org/ns/ttml"><body><div><p begin="1s" end="2s">{}</p></div></body></tt>'
SRT = "1\n00:00:01,000 --> 00:00:02,000\n"
WEBVTT = "WEBVTT\n\n00:01.000 --> 00:02.000"

BOMBS = {
    "a tag without an end": (SRT + "<" + "a" * MANY, "subrip", True),
    "tags in tags": (SRT + "<b><i></b>" * MANY + "x", "subrip", True),
    "overrides without an end": (STYLED + "{" * MANY, "ass", True),
    "overrides of overrides": (STYLED + "{\\b1\\i1\\b0}" * MANY + "x", "ass", True),
    "a drawing without words": (STYLED + "{\\p1}m 0 0 l 9 9" * MANY, "ass", False),
    "references without an end": (f"{WEBVTT} {'line:0 ' * MANY}\n" + "&#" * MANY, "webvtt", True),
    "a file that a style names": (
        "WEBVTT\n\nSTYLE\n::cue { color: url(file:///etc/passwd) }\n",
        "webvtt",
        False,
    ),
    "a font that comes with it": (STYLED + "x\n\n[Fonts]\nfontname: x.ttf\n" + "!" * 80 + "\n", "ass", True),
}
"""Each costs as much as it is long, not the square of that; and whether anything is shown."""


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_of_styling_is_read_as_any_other_subtitles(name: str) -> None:
    text, codec, is_shown = BOMBS[name]
    cues = read_cues(text, codec)
    times = [(cue.start_ms, cue.end_ms) for cue in cues]
    assert times == ([(1000, 2000)] if is_shown else [])
    assert not any(word in cue.text for cue in cues for word in ("url(", "fontname"))


@pytest.mark.parametrize(
    "text",
    [
        TTML.format("<span>" * MANY + "x" + "</span>" * MANY),
        "<!--"
        + "x" * 20_000
        + "-->"
        + '<!DOCTYPE tt [<!ENTITY a SYSTEM "file:///etc/passwd">]>'
        + TTML.format("&a;"),
    ],
    ids=["nested without end", "an entity of a file, far into it"],
)
def test_ttml_that_means_harm_is_refused(text: str) -> None:
    with pytest.raises(SourceCorrupt):
        read_cues(text, "ttml")


def test_cues_are_placed_on_the_presentation_and_cut_at_its_ends() -> None:
    cues = [Cue(start_ms=at, end_ms=at + 2000, text=str(at)) for at in (0, 9000, 12_000, 19_000, 21_000)]
    assert [(one.start_ms, one.end_ms) for one in placed(cues, origin_ms=10_000, duration_ms=10_000)] == [
        (0, 1000),
        (2000, 4000),
        (9000, 10_000),
    ]


@given(st.lists(st.tuples(st.integers(0, 90), st.integers(1, 40)), max_size=20))
def test_each_segment_gets_the_cues_that_it_shows(times: list[tuple[int, int]]) -> None:
    cues = [
        Cue(start_ms=start, end_ms=min(100, start + lasts), text=str(n))
        for n, (start, lasts) in enumerate(times)
    ]
    shown = webvtt.in_segments(cues, segment_ms=30, duration_ms=100)
    assert shown == [
        [cue for cue in cues if cue.start_ms < start + 30 and cue.end_ms > start] for start in (0, 30, 60, 90)
    ]


def test_a_segment_holds_every_cue_that_is_shown_in_it() -> None:
    cues = [Cue(start_ms=1000, end_ms=7000, text="a"), Cue(start_ms=6000, end_ms=8000, text="b")]
    first, second = (webvtt.segment(cues, at, at + 6000, mpegts=9000) for at in (0, 6000))
    assert first.startswith("WEBVTT\nX-TIMESTAMP-MAP=LOCAL:00:00:00.000,MPEGTS:9000\n\n")
    assert ("a" in first, "\nb" in first) == (True, False)
    assert "00:00:01.000 --> 00:00:07.000\na" in second
    assert "00:00:06.000 --> 00:00:08.000\nb" in second


def test_documents_show_what_falls_into_their_time() -> None:
    """A cue that two documents hold, each its part of it, is one."""
    cue = Cue(start_ms=500, end_ms=2500, text="a", settings="line:0")
    parts = [*within([cue], 0, 2000), *within([cue], 2000, 4000), *within([cue], 4000, 6000)]
    assert [(one.start_ms, one.end_ms) for one in parts] == [(500, 2000), (2000, 2500)]
    assert sustained(parts, []) == [cue]


def test_a_cue_that_begins_before_the_film_is_shown_from_its_start_on() -> None:
    """Programs that move all times go below zero."""
    text = "1\n-00:00:03,000 --> -00:00:01,000\ngone\n\n2\n-00:00:01,000 --> 00:00:02,000\nhalf\n"
    assert read_cues(text, "subrip") == [Cue(start_ms=0, end_ms=2000, text="half")]
