"""Closed captions of CEA-608 as cues: a screen of 15 rows and 32 columns that codes write on. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby

from cutroom.media.line21 import END_OF_CAPTION, MISC, RESUME_DIRECT, RESUME_LOADING, ROLL_UP, Code
from cutroom.packaging.webvtt import Cue, escaped

ROWS, COLUMNS = 15, 32

GROWS_WITHIN_MS = 500
"""Letters come one by one; those that come so soon after each other are shown at once, when the first of them is."""

LONGEST_LAST_MS = 16_000
"""How long the last screen stays where nothing takes it off, as in receivers (CEA-608, C.9)."""

_BASIC = {0x27: "’", 0x2A: "á", 0x5C: "é", 0x5E: "í", 0x5F: "ó", 0x60: "ú", 0x7B: "ç", 0x7C: "÷", 0x7D: "Ñ", 0x7E: "ñ",
          0x7F: "█"}  # fmt: skip
"""Where the letters are not those of ASCII."""

_SPECIAL = "®°½¿™¢£♪à\u00a0èâêîôû"
_EXTENDED = {
    0x12: "ÁÉÓÚÜü‘¡*'—©℠•“”ÀÂÇÈÊËëÎÏïÔÙùÛ«»",
    0x13: "ÃãÍÌìÒòÕõ{}\\^_|~ÄäÖöß¥¤¦ÅåØø┌┐└┘",
}
"""By the first byte; the second counts from 0x30, and from 0x20."""

_PAC_ROWS = {0x10: (11, 11), 0x11: (1, 2), 0x12: (3, 4), 0x13: (12, 13), 0x14: (14, 15), 0x15: (5, 6), 0x16: (7, 8),
             0x17: (9, 10)}  # fmt: skip
"""Rows of a preamble, from 1: for a second byte below 0x60, and from there on."""

_BACKSPACE, _DELETE_TO_END, _ERASE_SHOWN, _CARRIAGE_RETURN, _ERASE_LOADED = 0x21, 0x24, 0x2C, 0x2D, 0x2E
_TABS = range(0x21, 0x24)


@dataclass(frozen=True, slots=True)
class _Cell:
    letter: str
    is_italic: bool
    is_underlined: bool


_Memory = dict[int, dict[int, _Cell]]
"""Cells by column, by row; both count from 1 and from 0."""

_Row = tuple[int, tuple[tuple[int, _Cell], ...]]
_Screen = tuple[_Row, ...]


def read_cues(codes: Iterable[Code]) -> list[Cue]:
    """The cues of one channel.

    Args:
        codes: Its codes, timed in milliseconds.
    """
    times = _screens(codes)
    cues = []
    for number, (start, screen) in enumerate(times):
        end = times[number + 1][0] if number + 1 < len(times) else start + LONGEST_LAST_MS
        text = "\n".join(_markup(cells) for _, cells in screen)
        if text and start < end:
            cues.append(Cue(start_ms=start, end_ms=end, text=text, settings=_place(screen)))
    return cues


def _screens(codes: Iterable[Code]) -> list[tuple[int, _Screen]]:
    """What is shown from when on; letters that come one by one are there from the first of them."""
    decoder = _Decoder()
    found: list[tuple[int, _Screen]] = []
    changed = 0
    for code in codes:
        is_written = decoder.take(code)
        screen = decoder.screen() if decoder.is_changed else None
        decoder.is_changed = False
        if screen is None or screen == (found[-1][1] if found else ()):
            continue
        if is_written and found and found[-1][1] and code.time - changed <= GROWS_WITHIN_MS:
            found[-1] = (found[-1][0], screen)
        else:
            found.append((code.time, screen))
        changed = code.time
    return found


class _Decoder:
    """The two memories of a channel: one is shown, one is loaded meanwhile."""

    def __init__(self) -> None:
        self.shown: _Memory = {}
        self.loaded: _Memory = {}
        self.is_changed = False
        self._mode: str | None = None
        self._rolled = 0
        self._row, self._column = ROWS, 0
        self._is_italic = self._is_underlined = False

    def take(self, code: Code) -> bool:
        """Do what a code says; gives whether it wrote letters."""
        if code.first == MISC and code.second < 0x30:
            self._steer(code.second)
        elif self._mode is None:
            return False
        elif code.first in _PAC_ROWS and code.second >= 0x40:
            self._address(code.first, code.second)
        elif code.first == 0x17 and code.second in _TABS:
            self._column = min(COLUMNS - 1, self._column + code.second - 0x20)
        elif code.first == 0x11 and 0x20 <= code.second < 0x30:
            # White, or a colour, ends italics. The code takes a place, as a space.
            self._is_italic, self._is_underlined = code.second & 0x0E == 0x0E, bool(code.second & 1)
            self._write(" ")
        else:
            return self._spell(code)
        return False

    def screen(self) -> _Screen:
        """What is shown: rows that have letters, from top to bottom."""
        rows = ((row, _trimmed(cells)) for row, cells in sorted(self.shown.items()))
        return tuple((row, cells) for row, cells in rows if cells)

    def _spell(self, code: Code) -> bool:
        if code.first == 0x11 and 0x30 <= code.second < 0x40:
            self._write(_SPECIAL[code.second - 0x30])
        elif code.first in _EXTENDED and 0x20 <= code.second < 0x40:
            # It takes the place of a letter that older receivers show.
            self._step_back()
            self._write(_EXTENDED[code.first][code.second - 0x20])
        elif code.first >= 0x20:
            for one in (code.first, code.second):
                if one >= 0x20:
                    self._write(_BASIC.get(one, chr(one)))
        else:
            return False
        return True

    @property
    def _memory(self) -> _Memory:
        return self.loaded if self._mode == "pop-on" else self.shown

    def _touched(self) -> None:
        self.is_changed = self.is_changed or self._mode != "pop-on"

    def _write(self, letter: str) -> None:
        cell = _Cell(letter, self._is_italic, self._is_underlined)
        self._memory.setdefault(self._row, {})[self._column] = cell
        self._column = min(COLUMNS - 1, self._column + 1)
        self._touched()

    def _step_back(self) -> None:
        self._column = max(0, self._column - 1)
        self._memory.get(self._row, {}).pop(self._column, None)
        self._touched()

    def _address(self, first: int, second: int) -> None:
        row = _PAC_ROWS[first][second >= 0x60]
        if self._mode == "roll-up" and row != self._row:
            # The lines that are there move with their last one.
            self.shown = {
                at + row - self._row: cells for at, cells in self.shown.items() if at + row > self._row
            }
            self._touched()
        self._row = row
        style = second >> 1 & 0x0F
        self._column = 4 * (style - 8) if style >= 8 else 0
        self._is_italic, self._is_underlined = style == 7, bool(second & 1)

    def _steer(self, what: int) -> None:
        if what == RESUME_LOADING:
            self._mode = "pop-on"
        elif what == RESUME_DIRECT:
            self._mode = "paint-on"
        elif what in ROLL_UP:
            if self._mode != "roll-up":
                self.shown, self.loaded, self.is_changed = {}, {}, True
                self._mode, self._row = "roll-up", ROWS
            self._rolled, self._column = ROLL_UP[what], 0
        elif what == END_OF_CAPTION:
            self.shown, self.loaded, self.is_changed = self.loaded, self.shown, True
            self._mode = "pop-on"
        else:
            self._clear(what)

    def _clear(self, what: int) -> None:
        if what == _ERASE_SHOWN:
            self.shown, self.is_changed = {}, True
        elif what == _ERASE_LOADED:
            self.loaded = {}
        elif what == _CARRIAGE_RETURN and self._mode == "roll-up":
            kept = range(self._row - self._rolled + 2, self._row + 1)
            self.shown = {at - 1: cells for at, cells in self.shown.items() if at in kept and at > 1}
            self._column, self.is_changed = 0, True
            self._is_italic = self._is_underlined = False
        elif what == _BACKSPACE and self._mode is not None:
            self._step_back()
        elif what == _DELETE_TO_END and self._mode is not None:
            cells = self._memory.get(self._row, {})
            self._memory[self._row] = {at: cell for at, cell in cells.items() if at < self._column}
            self._touched()


def _trimmed(cells: dict[int, _Cell]) -> tuple[tuple[int, _Cell], ...]:
    """The cells from the first letter to the last."""
    written = [at for at, cell in cells.items() if cell.letter.strip()]
    return (
        tuple(sorted((at, cell) for at, cell in cells.items() if min(written) <= at <= max(written)))
        if written
        else ()
    )


def _markup(cells: tuple[tuple[int, _Cell], ...]) -> str:
    """A row in WebVTT's words; cells that nothing was written in are spaces."""
    return "".join(
        f"{'<i>' * italic}{'<u>' * underlined}{escaped(words)}{'</u>' * underlined}{'</i>' * italic}"
        for (italic, underlined), words in _runs(cells)
    )


def _runs(cells: tuple[tuple[int, _Cell], ...]) -> Iterator[tuple[tuple[bool, bool], str]]:
    last = cells[0][0]
    letters = []
    for at, cell in cells:
        letters.append((cell, " " * max(0, at - last - 1) + cell.letter))
        last = at
    for style, run in groupby(letters, lambda one: (one[0].is_italic, one[0].is_underlined)):
        yield style, "".join(words for _, words in run)


def _place(screen: _Screen) -> str:
    """Cue settings: nothing for what stands centred in the lower fifth, where cues are anyway.

    The screen is the middle four fifths of the picture, both ways.
    """
    first = min(cells[0][0] for _, cells in screen)
    is_centred = all(abs(cells[0][0] - (COLUMNS - 1 - cells[-1][0])) <= 2 for _, cells in screen)
    top, bottom = screen[0][0], screen[-1][0]
    line = [] if bottom > ROWS - 3 else [f"line:{10 + 80 * (top - 1) // ROWS}%"]
    side = [] if is_centred else [f"position:{10 + 80 * first // COLUMNS}%", "align:left"]
    return " ".join([*line, *side])
