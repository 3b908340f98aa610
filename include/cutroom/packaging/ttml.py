"""TTML (W3C) as cues: its clocks, its timing of elements in elements, bold, italic, underline, and rough places."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from xml.etree import ElementTree

from cutroom.errors import SourceCorrupt
from cutroom.packaging.webvtt import Cue, escaped, placement

ENDLESS_MS = 100 * 3600 * 1000
"""End of what has none: whoever shows it cuts it off where the film ends."""

MOST_NESTED = 100

MOST_RUNS = 1000

_CLOCK = re.compile(r"(\d{1,4}):(\d\d?):(\d\d?)(?:[.,](\d{1,9})|:(\d{1,9})(?:\.(\d{1,9}))?)?")
_OFFSET = re.compile(r"(\d{1,18}(?:\.\d{1,9})?)(h|ms|m|s|f|t)")
_LENGTH = re.compile(r"(\d+(?:\.\d+)?)(%|px|c)")

_TIMED = {"body", "div", "p", "span"}
_SHOWN_AS = {("fontStyle", "italic"): "i", ("fontStyle", "oblique"): "i", ("fontWeight", "bold"): "b",
             ("textDecoration", "underline"): "u"}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """Words that are shown alike, from a time up to another."""

    start: Fraction
    end: Fraction | None
    text: str
    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Within:
    """What an element has of those around it."""

    start: Fraction
    end: Fraction | None
    style: Mapping[str, str]
    is_preserved: bool = False


def read_ttml(text: str) -> list[Cue]:
    """The cues of a document, in its order; their text and settings are WebVTT's.

    Raises:
        SourceCorrupt: It is no TTML, or a harmful one.
    """
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise SourceCorrupt("The subtitles define entities of their own, which is not taken.")
    try:
        root = ElementTree.fromstring(text.lstrip("\ufeff \r\n\t"))  # noqa: S314  entities are refused above
    except (ElementTree.ParseError, ValueError) as error:
        raise SourceCorrupt("The subtitles are not ttml: they can't be read.") from error
    if _name(root) != "tt":
        raise SourceCorrupt("The subtitles are not ttml: they can't be read.")
    document, whole = _Document.read(root), _Within(Fraction(0), None, {})
    try:
        return [cue for body in root if _name(body) == "body" for cue in document.cues(body, whole, 0)]
    except (ValueError, ArithmeticError) as error:
        raise SourceCorrupt("The subtitles count their times in a way that is none of TTML.") from error


@dataclass(frozen=True, kw_only=True)
class _Document:
    attributes: Mapping[str, str]
    """Those of the root: how times are counted, and how large the picture is."""
    styles: Mapping[str, ElementTree.Element]
    regions: Mapping[str, ElementTree.Element]
    found: dict[str, Mapping[str, str]] = field(default_factory=dict)

    @classmethod
    def read(cls, root: ElementTree.Element) -> "_Document":
        named: dict[str, dict[str, ElementTree.Element]] = {"style": {}, "region": {}}
        for one in root.iter():
            if _name(one) in named and (name := _attributes(one).get("id")) is not None:
                named[_name(one)][name] = one
        return cls(attributes=_attributes(root), styles=named["style"], regions=named["region"])

    def cues(self, element: ElementTree.Element, around: _Within, depth: int) -> Iterator[Cue]:
        """The cues of an element and all in it."""
        if depth > MOST_NESTED:
            raise SourceCorrupt("The subtitles nest their elements without end.")
        inside = self._entered(element, around)
        if _name(element) == "p":
            runs = [*self._runs(element, inside, depth)]
            yield from _shown(runs, self._settings(inside.style))
            return
        for child, given in self._children(element, inside):
            if _name(child) in _TIMED:
                yield from self.cues(child, given, depth + 1)

    def _runs(self, element: ElementTree.Element, inside: _Within, depth: int) -> Iterator[_Run]:
        """The words of an element that has been entered."""
        if depth > MOST_NESTED:
            raise SourceCorrupt("The subtitles nest their elements without end.")
        tags = tuple(
            tag for (name, value), tag in _SHOWN_AS.items() if value in inside.style.get(name, "").split()
        )

        def run(words: str) -> _Run:
            return _Run(start=inside.start, end=inside.end, text=words, tags=tags)

        yield run(_spaced(element.text, inside))
        for child, given in self._children(element, inside):
            if _name(child) == "br":
                yield run("\n")
            elif _name(child) == "span":
                yield from self._runs(child, self._entered(child, given), depth + 1)
            yield run(_spaced(child.tail, inside))

    def _children(
        self, element: ElementTree.Element, inside: _Within
    ) -> Iterator[tuple[ElementTree.Element, _Within]]:
        """Each child, and what it counts from: all from the start, or one from the end of the other."""
        follows = element.get("timeContainer") == "seq"
        start: Fraction | None = inside.start
        for child in element:
            if start is None:
                return
            given = replace(inside, start=start)
            yield child, given
            if follows and _name(child) in _TIMED:
                start = self._times(child, given)[1]

    def _entered(self, element: ElementTree.Element, around: _Within) -> _Within:
        start, end = self._times(element, around)
        own = _attributes(element)
        region = self.regions.get(own.get("region", ""))
        style = {**around.style, **({} if region is None else self._style(region)), **self._style(element)}
        space = own.get("space")
        is_preserved = around.is_preserved if space is None else space == "preserve"
        return _Within(start, end, style, is_preserved)

    def _times(self, element: ElementTree.Element, around: _Within) -> tuple[Fraction, Fraction | None]:
        begin, end, lasts = (self._time(element.get(name)) for name in ("begin", "end", "dur"))
        start = around.start + (begin or 0)
        ends = [around.end, *(around.start + one for one in (end,) if one is not None)]
        ends += [start + one for one in (lasts,) if one is not None]
        return start, min((one for one in ends if one is not None), default=None)

    def _time(self, said: str | None) -> Fraction | None:
        """A time in seconds (TTML2, 12.3.1).

        Raises:
            SourceCorrupt: It is none.
        """
        if said is None:
            return None
        rate = self._rate("frameRate", 30)
        over, under = re.split(r"[ :]", self.attributes.get("frameRateMultiplier", "1 1"), maxsplit=1)
        effective = rate * Fraction(int(over), int(under))
        if (clock := _CLOCK.fullmatch(said.strip())) is not None:
            hours, minutes, seconds, fraction, frames, parts = clock.groups()
            whole = (int(hours) * 60 + int(minutes)) * 60 + int(seconds)
            count = int(frames or 0) + Fraction(int(parts or 0), int(self._rate("subFrameRate", 1)))
            if self.attributes.get("timeBase") == "smpte":
                tens = int(hours) * 54 + int(minutes) - int(minutes) // 10
                dropped = tens * 2 if self.attributes.get("dropMode") == "dropNTSC" else 0
                return (whole * rate + count - dropped) / effective
            return whole + Fraction(f"0.{fraction or 0}") + count / effective
        if (offset := _OFFSET.fullmatch(said.strip())) is not None:
            ticks = self._rate("tickRate", rate if "frameRate" in self.attributes else 1)
            units: dict[str, Fraction | int] = {
                "h": 3600,
                "m": 60,
                "s": 1,
                "ms": Fraction(1, 1000),
                "f": 1 / effective,
                "t": 1 / ticks,
            }
            return Fraction(offset[1]) * units[offset[2]]
        raise SourceCorrupt(f"The subtitles hold a time that is none of TTML: {said[:40]!r}.")

    def _rate(self, name: str, default: Fraction | int) -> Fraction:
        said = self.attributes.get(name, "")
        return Fraction(said) if said.isdigit() and int(said) else Fraction(default)

    def _style(self, element: ElementTree.Element, seen: tuple[str, ...] = ()) -> dict[str, str]:
        """What is said of an element itself: by the styles that it names, those that it holds, and its attributes."""
        own = _attributes(element)
        found: dict[str, str] = {}
        for name in own.get("style", "").split():
            if name in self.styles and name not in seen and len(seen) < MOST_NESTED:
                if name not in self.found:
                    self.found[name] = self._style(self.styles[name], (*seen, name))
                found |= self.found[name]
        if _name(element) == "region":
            for child in element:
                if _name(child) == "style":
                    found |= self._style(child, seen)
            found["region"] = own.get("id", "")
        return {
            **found,
            **{name: value for name, value in own.items() if name not in {"id", "style", "region"}},
        }

    def _settings(self, style: Mapping[str, str]) -> str:
        """Where a region lies, as far as WebVTT's keypad of places goes."""
        column = {"left": 0, "start": 0, "right": 2, "end": 2}.get(style.get("textAlign", ""), 1)
        row = 0
        if "region" in style:
            top, height = self._vertical(style, "origin", 0), self._vertical(style, "extent", 100)
            part = {"center": 0.5, "after": 1.0}.get(style.get("displayAlign", ""), 0.0)
            at = top + part * min(height, 100 - top)
            row = 2 if at < 40 else 1 if at < 60 else 0
        return placement(3 * row + column + 1)

    def _vertical(self, style: Mapping[str, str], name: str, default: float) -> float:
        """The second of two lengths, in percent of the picture's height."""
        found = _LENGTH.fullmatch(style.get(name, "").partition(" ")[2].strip())
        if found is None:
            return default
        if found[2] == "%":
            return float(found[1])
        if found[2] == "c":
            whole = self.attributes.get("cellResolution", "32 15").partition(" ")[2]
        else:
            whole = self.attributes.get("extent", "").partition(" ")[2].removesuffix("px")
        return 100 * float(found[1]) / float(whole) if whole.isdigit() and int(whole) else default


def _shown(runs: Sequence[_Run], settings: str) -> Iterator[Cue]:
    """What is shown of a paragraph: a cue for each stretch in which its words stay the same."""
    runs = [one for one in runs if one.text and (one.end is None or one.end > one.start)]
    # A paragraph has a few lines.
    if len(runs) > MOST_RUNS:
        raise SourceCorrupt(f"The subtitles hold a paragraph of more than {MOST_RUNS} parts.")
    if not runs:
        return
    edges = sorted({edge for one in runs for edge in (one.start, one.end) if edge is not None})
    found: list[Cue] = []
    for start, end in zip(edges, [*edges[1:], None], strict=True):
        there = [one for one in runs if one.start <= start and (one.end is None or one.end > start)]
        if not any(one.text.strip() for one in there):
            continue
        text = "".join(
            "".join(f"<{tag}>" for tag in one.tags)
            + escaped(one.text)
            + "".join(f"</{tag}>" for tag in reversed(one.tags))
            if one.text.strip()
            else one.text
            for one in there
        )
        start_ms, end_ms = round(start * 1000), ENDLESS_MS if end is None else round(end * 1000)
        if found and found[-1].end_ms == start_ms and found[-1].text == text:
            found[-1] = replace(found[-1], end_ms=end_ms)
        else:
            found.append(Cue(start_ms=start_ms, end_ms=end_ms, text=text, settings=settings))
    yield from found


def _spaced(text: str | None, inside: _Within) -> str:
    return (text or "") if inside.is_preserved else re.sub(r"[ \t\r\n]+", " ", text or "")


def _name(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def _attributes(element: ElementTree.Element) -> dict[str, str]:
    """By their names, whatever version of TTML they are of."""
    return {name.rpartition("}")[2]: value for name, value in element.items()}
