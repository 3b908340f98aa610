"""Line 21: the pairs of bytes that closed captions are sent in (CEA-608), told apart by channel. Pure.

Each of the two fields of a picture carries two channels of captions, two of text that is no caption, and the second
also facts about the programme (XDS), all in turns.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

CHANNELS = ("CC1", "CC2", "CC3", "CC4")
"""The first two are those of the first field."""

MISC = 0x14
"""First byte of the codes that steer a channel."""

RESUME_LOADING, RESUME_DIRECT, TEXT_RESTART, RESUME_TEXT, END_OF_CAPTION = 0x20, 0x29, 0x2A, 0x2B, 0x2F
ROLL_UP = {0x25: 2, 0x26: 3, 0x27: 4}
"""Second byte of the codes that begin lines which roll up, and how many there are."""

CAPTION_MODES = {RESUME_LOADING, RESUME_DIRECT, END_OF_CAPTION, *ROLL_UP}

UNREADABLE = 0x7F
"""Stands in for a letter that arrived damaged, as decoders show it: a block."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two bytes of a field of a picture, as they were sent: with parity."""

    time: int
    """When the picture is shown, in any unit."""
    is_second_field: bool
    data: bytes


@dataclass(frozen=True, slots=True)
class Code:
    """Two bytes for one channel: without parity, as if it were the first channel of the first field."""

    time: int
    first: int
    second: int


@dataclass(slots=True)
class _Field:
    channel: int = 0
    is_xds: bool = False
    last: tuple[int, int] | None = None
    """A code that may come once more: they are sent twice, against loss."""
    text: set[int] = field(default_factory=set)
    """Channels whose letters are no captions now."""


def codes(pairs: Iterable[Pair]) -> Iterator[tuple[str, Code]]:
    """The codes of captions, each once, with the channel that it is for.

    Args:
        pairs: All pairs, in the order in which their pictures are shown.
    """
    fields = (_Field(), _Field())
    for pair in pairs:
        state = fields[pair.is_second_field]
        first, second = _without_parity(pair.data)
        if 0x10 <= first <= 0x1F:
            state.is_xds = False
            if state.last == (first, second):
                state.last = None
                continue
            state.last = (first, second)
            state.channel = first >> 3 & 1
            first &= 0x17
            if first == MISC + 1 and second < 0x30:
                # The second field has steering codes of its own.
                first = MISC
            if first == MISC and second in {TEXT_RESTART, RESUME_TEXT}:
                state.text.add(state.channel)
            elif first == MISC and second in CAPTION_MODES:
                state.text.discard(state.channel)
        else:
            state.last = None
            if 0 < first < 0x10:
                # 0x0F is the end of it.
                state.is_xds = first != 0x0F
                continue
        if (first or second) and not state.is_xds and state.channel not in state.text:
            yield CHANNELS[2 * pair.is_second_field + state.channel], Code(pair.time, first, second)


def channels_with_words(pairs: Iterable[Pair]) -> list[str]:
    """The channels that letters are sent in, once they were told how to show them."""
    ready: set[str] = set()
    found: set[str] = set()
    for channel, code in codes(pairs):
        if code.first == MISC and code.second in CAPTION_MODES:
            ready.add(channel)
        elif channel in ready and code.first > 0x20:
            found.add(channel)
    return sorted(found)


def _without_parity(data: bytes) -> tuple[int, int]:
    """Both bytes; nothing where the second is damaged, and a block for a damaged first (CEA-608, 8.4)."""
    first, second = data
    if not second.bit_count() % 2:
        return 0, 0
    return (first & 0x7F if first.bit_count() % 2 else UNREADABLE), second & 0x7F
