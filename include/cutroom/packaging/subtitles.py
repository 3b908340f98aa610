"""Subtitles of any format as WebVTT cues: styling reduced to what WebVTT carries, markup made safe."""

import html
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import pysubs2

from cutroom.errors import SourceCorrupt
from cutroom.packaging.ttml import read_ttml
from cutroom.packaging.webvtt import Cue, cue_text, escaped, placement

_TIME = r"(?:(\d{1,4}) ?: ?)?(\d{1,2}) ?: ?(\d{1,2})(?: ?[.,:] ?(\d{1,3}))?"
_TIMING = re.compile(rf"\s*(-?){_TIME}\s*--?>\s*(-?){_TIME}(.*)")
"""Hands and old programs write times in many ways; what was moved too far begins before the film."""

_SETTING = re.compile(
    r"(?:vertical:(?:rl|lr)|line:-?\d+(?:\.\d+)?%?(?:,(?:start|center|end))?"
    r"|position:\d+(?:\.\d+)?%(?:,(?:line-left|center|line-right))?|size:\d+(?:\.\d+)?%"
    r"|align:(?:start|center|end|left|right))"
)

_OVERRIDES = re.compile(r"\{(?P<override>[^{}]*+)\}")
"""What is markup in ASS; a comment is one too."""

_TAGS = re.compile(
    r"\{(?P<override>\\[^{}]*+)\}|<(?P<end>/?)(?P<tag>[A-Za-z]++)(?P<rest>[^<>]*+)>|<[\d:.]++>"
)
"""In SubRip, where players take overrides too, and in WebVTT, where times may stand between the words."""

_SWITCHES = ("b", "i", "u")
_KEPT_TAGS = (*_SWITCHES, "ruby", "rt")

_OVERRIDE = re.compile(r"\\(an?|[biup])(\d+)|\\(r)([^\\]*)")


def read_cues(text: str, codec: str) -> list[Cue]:
    """The cues of subtitles, in the order of their start, on the clock of their file.

    Args:
        text: All of it.
        codec: ffmpeg's name of the format.

    Raises:
        SourceCorrupt: It is not in this format.
    """
    if codec == "ttml":
        cues = read_ttml(text)
    elif codec in {"ass", "ssa"}:
        cues = list(_styled_cues(text, codec))
    else:
        cues = list(_timed_blocks(text, is_webvtt=codec == "webvtt"))
    shown = (replace(cue, text=cue_text(cue.text)) for cue in cues if cue.end_ms > cue.start_ms)
    # Typesetting puts the same words one over the other, in layers.
    distinct = dict.fromkeys(cue for cue in shown if cue.text)
    return sorted(distinct, key=lambda cue: (cue.start_ms, cue.end_ms))


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
    """SubRip and WebVTT: a line of times, then words up to the next of them, in WebVTT up to an empty line."""
    # Lines that were converted twice end in two returns.
    lines = re.split(r"\r*\n|\r", text)
    found = [(number, times) for number, line in enumerate(lines) if (times := _timing(line)) is not None]
    ends = [*(number for number, _ in found[1:]), len(lines)]
    for (number, times), end in zip(found, ends if found else [], strict=True):
        body = _words(lines[number + 1 : end], is_webvtt=is_webvtt, is_last=end == len(lines))
        settings = [one for one in times[11].split() if _SETTING.fullmatch(one)] if is_webvtt else []
        written, alignment = _webvtt(body, markup=_TAGS, has_references=is_webvtt)
        yield Cue(
            start_ms=_ms(*times.groups()[0:5]),
            end_ms=_ms(*times.groups()[5:10]),
            text=written,
            settings=" ".join(settings) or placement(alignment),
        )


def _timing(line: str) -> re.Match[str] | None:
    """The times of a cue; minutes and seconds alone are those of which people talk."""
    found = _TIMING.fullmatch(line)
    return found if found is not None and (found[2] or found[5]) else None


def _words(lines: Sequence[str], *, is_webvtt: bool, is_last: bool) -> str:
    """The words of a cue, out of the lines between its times and the next ones, whose name or number is not its own."""
    if is_webvtt:
        empty = next((number for number, line in enumerate(lines) if not line.strip()), len(lines))
        return "\n".join(lines[:empty])
    kept = list(lines)
    if not is_last and kept and kept[-1].strip().isdigit():
        kept.pop()
    return "\n".join(line for line in kept if line.strip()).replace("\\N", "\n").replace("\\h", "\u00a0")


def _ms(sign: str, hours: str | None, minutes: str, seconds: str, fraction: str | None) -> int:
    whole = (int(hours or 0) * 60 + int(minutes)) * 60 + int(seconds)
    return 0 if sign else whole * 1000 + int((fraction or "").ljust(3, "0"))


def _styled_cues(text: str, codec: str) -> Iterator[Cue]:
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
    switched_on = {name: _switched_on(style) for name, style in subtitles.styles.items()}
    for event in subtitles:
        if event.is_comment:
            continue
        style = subtitles.styles.get(event.style, pysubs2.SSAStyle.DEFAULT_STYLE)
        lines = event.text.replace("\\N", "\n").replace("\\n", "\n").replace("\\h", "\u00a0")
        # A reset without a name goes back to the line's own style, which it begins with.
        own = switched_on | {"": _switched_on(style)}
        written, alignment = _webvtt(f"{{\\r}}{lines}", markup=_OVERRIDES, styles=own)
        yield Cue(
            start_ms=max(0, event.start),
            end_ms=max(0, event.end),
            text=written,
            settings=placement(alignment or int(style.alignment)),
        )


def _switched_on(style: pysubs2.SSAStyle) -> tuple[str, ...]:
    """The tags of a style."""
    is_set = (style.bold, style.italic, style.underline)
    return tuple(tag for tag, is_on in zip(_SWITCHES, is_set, strict=True) if is_on)


def _webvtt(
    text: str,
    *,
    markup: re.Pattern[str],
    has_references: bool = False,
    styles: Mapping[str, Sequence[str]] | None = None,
) -> tuple[str, int | None]:
    """Words in WebVTT's markup, and the place on the keypad that an override names.

    Bold, italic, underlined and ruby stay; colours, fonts, effects and tags that nobody knows go; all else shows as it
    was written. Where there are no words there is nothing.
    """
    made = _Marked(has_references=has_references, styles=styles or {})
    at = 0
    for found in markup.finditer(text):
        made.words(text[at : found.start()])
        at = found.end()
        parts = found.groupdict()
        if parts["override"] is not None:
            made.override(parts["override"])
        elif parts.get("tag"):
            made.tag(parts["tag"].lower(), parts["rest"], is_end=bool(parts["end"]))
    made.words(text[at:])
    return made.text, made.alignment


@dataclass(kw_only=True)
class _Marked:
    """Words that are being written with WebVTT's tags."""

    has_references: bool
    styles: Mapping[str, Sequence[str]]
    """What each style that a reset may name has tags for; the empty name is the line's own."""
    out: list[str] = field(default_factory=list)
    opened: list[str] = field(default_factory=list)
    alignment: int | None = None
    is_drawing: bool = False
    """Whether shapes stand in place of words."""
    has_words: bool = False

    @property
    def text(self) -> str:
        """What was written, with all tags closed."""
        closing = (f"</{each}>" for each in reversed(self.opened))
        return "".join([*self.out, *closing]) if self.has_words else ""

    def words(self, piece: str) -> None:
        """Write words."""
        if not self.is_drawing:
            self.has_words = self.has_words or bool(piece.strip())
            self.out.append(escaped(html.unescape(piece) if self.has_references else piece))

    def override(self, said: str) -> None:
        """Do what stands in braces."""
        for name, number, is_reset, style in _OVERRIDE.findall(said):
            if is_reset:
                self._reset(self.styles.get(style.strip(), self.styles.get("", ())))
            elif name == "p":
                self.is_drawing = int(number) > 0
            elif name in {"an", "a"}:
                self.alignment = int(number) if name == "an" else _SSA_ALIGNMENTS.get(int(number))
            else:
                self.out.append(_switched(name, self.opened, is_on=int(number) > 0))

    def _reset(self, tags: Sequence[str]) -> None:
        for tag in _SWITCHES:
            self.out.append(_switched(tag, self.opened, is_on=tag in tags))

    def tag(self, tag: str, rest: str, *, is_end: bool) -> None:
        """Do what stands in angle brackets."""
        if tag == "br":
            self.out.append("\n")
        elif tag in _KEPT_TAGS:
            self.out.append(_switched(tag, self.opened, is_on=not is_end))
        elif tag == "v" and not is_end and (name := rest.partition(" ")[2].strip()):
            # Who speaks goes before the words; a class of the voice, `<v.loud Ann>`, goes.
            self.words(f"{name}: ")


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
