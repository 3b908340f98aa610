"""Subtitles of any format as WebVTT cues: encodings found, styling reduced to what WebVTT carries, markup made safe."""

import html
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

import pysubs2

from cutroom.errors import SourceCorrupt
from cutroom.packaging.webvtt import Cue, cue_text, escaped

_LEGACY_ENCODINGS = {
    "cs": "cp1250", "hu": "cp1250", "pl": "cp1250", "ro": "cp1250", "sk": "cp1250", "sl": "cp1250", "hr": "cp1250",
    "bg": "cp1251", "ru": "cp1251", "sr": "cp1251", "uk": "cp1251", "el": "cp1253", "tr": "cp1254", "he": "cp1255",
    "ar": "cp1256", "fa": "cp1256", "vi": "cp1258", "th": "cp874", "ja": "cp932", "ko": "cp949", "zh": "gb18030",
}  # fmt: skip
"""What files were written in before Unicode, by language; others in cp1252, which holds Latin-1's letters."""

_BYTE_ORDER_MARKS = (
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)

_TIMING = re.compile(
    r"\s*(?:(\d{1,4}):)?(\d{1,2}):(\d{1,2})[.,](\d{1,3})\s*-->\s*(?:(\d{1,4}):)?(\d{1,2}):(\d{1,2})[.,](\d{1,3})(.*)"
)

_SETTING = re.compile(
    r"(?:vertical:(?:rl|lr)|line:-?\d+(?:\.\d+)?%?(?:,(?:start|center|end))?"
    r"|position:\d+(?:\.\d+)?%(?:,(?:line-left|center|line-right))?|size:\d+(?:\.\d+)?%"
    r"|align:(?:start|center|end|left|right))"
)

_OVERRIDES = re.compile(r"\{(?P<override>[^{}]*+)\}")
"""What is markup in ASS; a comment is one too."""

_DRAWING = re.compile(r"\{(?:[^{}\\]|\\(?!p[1-9]))*+\\p[1-9]")
"""Shapes in place of words."""

_TAGS = re.compile(
    r"\{(?P<override>\\[^{}]*+)\}|<(?P<end>/?)(?P<tag>[A-Za-z]++)(?P<rest>[^<>]*+)>|<[\d:.]++>"
)
"""In SubRip, where players take overrides too, and in WebVTT, where times may stand between the words."""

_KEPT_TAGS = ("b", "i", "u", "ruby", "rt")

_OVERRIDE = re.compile(r"\\(an?|[biu])(\d+)")


def decoded(data: bytes, language: str | None) -> str:
    """The text of a file: by its mark, as UTF-8, as UTF-16 without a mark, else as files in this language were.

    Args:
        data: The whole file.
        language: RFC 5646, as its name tells.
    """
    for mark, encoding in _BYTE_ORDER_MARKS:
        if data.startswith(mark):
            return data.decode(encoding, errors="replace")
    if data[1:2] == b"\x00" or data[:1] == b"\x00":
        return data.decode("utf-16-le" if data[1:2] == b"\x00" else "utf-16-be", errors="replace")
    for encoding in ("utf-8", _LEGACY_ENCODINGS.get((language or "").split("-")[0], "cp1252"), "cp1252"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    return data.decode("latin-1")


def read_cues(text: str, codec: str) -> list[Cue]:
    """The cues of subtitles, in the order of their start, on the clock of their file.

    Args:
        text: All of it.
        codec: ffmpeg's name of the format.

    Raises:
        SourceCorrupt: It is not in this format.
    """
    if codec in {"ass", "ssa", "ttml"}:
        cues = list(_styled_cues(text, codec))
    else:
        cues = list(_timed_blocks(text, is_webvtt=codec == "webvtt"))
    shown = (replace(cue, text=cue_text(cue.text)) for cue in cues if cue.end_ms > cue.start_ms)
    return sorted((cue for cue in shown if cue.text), key=lambda cue: (cue.start_ms, cue.end_ms))


def placed(cues: Sequence[Cue], *, origin_ms: int, duration_ms: int) -> list[Cue]:
    """Cues on the presentation's timeline; what lies outside it is cut off."""
    moved = (replace(cue, start_ms=cue.start_ms - origin_ms, end_ms=cue.end_ms - origin_ms) for cue in cues)
    return within(list(moved), 0, duration_ms)


def within(cues: Sequence[Cue], start_ms: int, end_ms: int) -> list[Cue]:
    """What is shown of cues in a stretch of time."""
    cut = (replace(cue, start_ms=max(start_ms, cue.start_ms), end_ms=min(end_ms, cue.end_ms)) for cue in cues)
    return [cue for cue in cut if cue.start_ms < cue.end_ms]


def sustained(ended: Sequence[Cue], begun: Sequence[Cue]) -> list[Cue]:
    """Cues of words that are sent again and again while they are shown, each of them once.

    Args:
        ended: The cues, each up to the next.
        begun: The same without an end, and the last one, which stays.
    """
    last = [cue for cue in begun if not ended or cue.start_ms >= ended[-1].end_ms][-1:]
    found: list[Cue] = []
    for cue in [*ended, *last]:
        if found and found[-1].end_ms == cue.start_ms and found[-1].text == cue.text:
            found[-1] = replace(found[-1], end_ms=cue.end_ms)
        else:
            found.append(cue)
    return found


def _timed_blocks(text: str, *, is_webvtt: bool) -> Iterator[Cue]:
    """SubRip and WebVTT: a line of times, then words up to an empty line."""
    lines = iter(text.replace("\r\n", "\n").replace("\r", "\n").split("\n"))
    for line in lines:
        times = _TIMING.fullmatch(line)
        if times is None:
            continue
        words = []
        for each in lines:
            if not each.strip():
                break
            words.append(each)
        body = "\n".join(words)
        settings = [one for one in times[9].split() if _SETTING.fullmatch(one)] if is_webvtt else []
        written, alignment = _webvtt(body, markup=_TAGS, has_references=is_webvtt)
        yield Cue(
            start_ms=_ms(*times.groups()[0:4]),
            end_ms=_ms(*times.groups()[4:8]),
            text=written,
            settings=" ".join(settings) or _placement(alignment),
        )


def _ms(hours: str | None, minutes: str, seconds: str, fraction: str) -> int:
    whole = (int(hours or 0) * 60 + int(minutes)) * 60 + int(seconds)
    return whole * 1000 + int(fraction.ljust(3, "0"))


def _styled_cues(text: str, codec: str) -> Iterator[Cue]:
    if codec == "ttml" and ("<!DOCTYPE" in text or "<!ENTITY" in text):
        raise SourceCorrupt("The subtitles define entities of their own, which is not taken.")
    try:
        subtitles = pysubs2.SSAFile.from_string(text, format_=codec)
    except (
        ValueError,
        NotImplementedError,
        ArithmeticError,
        LookupError,
        SyntaxError,
        RecursionError,
        pysubs2.Pysubs2Error,
    ) as error:
        raise SourceCorrupt(f"The subtitles are not {codec}: they can't be read.") from error
    for event in subtitles:
        if event.is_comment or _DRAWING.search(event.text):
            continue
        style = subtitles.styles.get(event.style, pysubs2.SSAStyle.DEFAULT_STYLE)
        switches = (("b", style.bold), ("i", style.italic), ("u", style.underline))
        opening = "".join(f"{{\\{tag}1}}" for tag, is_set in switches if is_set)
        lines = event.text.replace("\\N", "\n").replace("\\n", "\n").replace("\\h", "\u00a0")
        written, alignment = _webvtt(opening + lines, markup=_OVERRIDES)
        yield Cue(
            start_ms=max(0, event.start),
            end_ms=max(0, event.end),
            text=written,
            settings=_placement(alignment or int(style.alignment)),
        )


def _webvtt(text: str, *, markup: re.Pattern[str], has_references: bool = False) -> tuple[str, int | None]:
    """Words in WebVTT's markup, and the place on the keypad that an override names.

    Bold, italic, underlined and ruby stay; colours, fonts, effects and tags that nobody knows go; all else shows as it
    was written.
    """
    out: list[str] = []
    opened: list[str] = []
    alignment: int | None = None
    at = 0

    def words(piece: str) -> str:
        return escaped(html.unescape(piece) if has_references else piece)

    for found in markup.finditer(text):
        out.append(words(text[at : found.start()]))
        at = found.end()
        parts = found.groupdict()
        tag = (parts.get("tag") or "").lower()
        if parts["override"] is not None:
            for name, number in _OVERRIDE.findall(parts["override"]):
                if name in {"an", "a"}:
                    alignment = int(number) if name == "an" else _SSA_ALIGNMENTS.get(int(number))
                else:
                    out.append(_switched(name, opened, is_on=int(number) > 0))
        elif tag in _KEPT_TAGS:
            out.append(_switched(tag, opened, is_on=not parts["end"]))
        elif tag == "v" and not parts["end"]:
            # Who speaks goes before the words; a class of the voice, `<v.loud Ann>`, goes.
            name = words(parts["rest"].partition(" ")[2]).strip()
            out.append(f"{name}: " if name else "")
    out.append(words(text[at:]))
    return "".join([*out, *(f"</{each}>" for each in reversed(opened))]), alignment


def _switched(tag: str, opened: list[str], *, is_on: bool) -> str:
    """Open a tag, or close it and all that were opened inside it; once only."""
    if is_on and tag not in opened:
        opened.append(tag)
        return f"<{tag}>"
    if is_on or tag not in opened:
        return ""
    closed = []
    while opened:
        closed.append(opened.pop())
        if closed[-1] == tag:
            break
    inner = closed[-2::-1] if len(closed) > 1 else []
    opened += inner
    return "".join([*(f"</{each}>" for each in closed), *(f"<{each}>" for each in inner)])


_SSA_ALIGNMENTS = {1: 1, 2: 2, 3: 3, 5: 7, 6: 8, 7: 9, 9: 4, 10: 5, 11: 6}
"""SSA's own numbers, as places on a keypad."""


def _placement(alignment: int | None) -> str:
    """Cue settings for a place on the keypad: 8 is top centre; bottom centre is where cues are anyway."""
    if alignment is None or not 1 <= alignment <= 9:
        return ""
    row, column = divmod(alignment - 1, 3)
    lines = {1: ["line:50%"], 2: ["line:0"]}.get(row, [])
    sides = {0: ["position:5%", "align:left"], 2: ["position:95%", "align:right"]}.get(column, [])
    return " ".join([*lines, *sides])
