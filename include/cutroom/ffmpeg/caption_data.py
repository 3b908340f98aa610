"""Closed captions in packets, as their codecs carry them (ATSC A/53 part 4, 6.2.3; CEA-708; SCTE 20; DVD)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_MESSAGE = b"\xb5\x00\x31GA94\x03"
"""A registered message of ITU-T T.35: United States, ATSC, captions."""

_BEFORE = {
    "mpeg2video": b"\0\0\x01\xb2GA94\x03",
    "h264": _MESSAGE,
    "hevc": _MESSAGE,
    "av1": _MESSAGE,
}
"""What stands before them, by ffmpeg's name of the codec."""

CARRIERS = frozenset(_BEFORE)
"""Codecs whose pictures may carry captions."""

_WITH_EMULATION_PREVENTION = {"h264", "hevc"}

TRACK_CODEC = "eia_608"
"""ffmpeg's name of a track of QuickTime that is captions; it gives their packets as triplets."""

FILLING = b"\x80\x80"

_LONGEST = 2 + 31 * 3
"""Bytes of a message: how many triplets follow, a byte that means nothing, and those."""

_LONGEST_SCTE_20 = (5 + 31 * 26 + 7) // 8
_LONGEST_DVD = 1 + (31 * 2 + 1) * 3

SCTE_20 = b"\0\0\x01\xb2\x03"
"""What stands before the captions of one frame in MPEG-2 after SCTE 20, with a byte after it that is 1 or 0x81."""

DVD = b"\0\0\x01\xb2CC\x01\xf8"
"""What stands before the captions of a whole group of pictures on a DVD."""


@dataclass(frozen=True, slots=True)
class CaptionData:
    """What a packet carries."""

    pairs: tuple[tuple[bool, bytes], ...]
    """Of CEA-608: whether of the second field, and the two bytes with parity."""
    has_708: bool = False
    """Whether there is anything of CEA-708."""
    is_of_group: bool = False
    """Whether the pairs are those of all pictures up to the next packet like it."""

    @property
    def is_empty(self) -> bool:
        """Whether the pairs only fill the place of others, as in most pictures."""
        return all(two == FILLING for _, two in self.pairs)


def caption_data(data: bytes, codec: str) -> CaptionData | None:
    """The captions of a packet; None where its pictures carry none."""
    if codec == TRACK_CODEC:
        return _of(_counting(data))
    before = _BEFORE.get(codec)
    if before is None:
        return None
    if before in data:
        return _of([one for at in _places(data, before) for one in _triplets(data[at:], codec)])
    # Where there is more than one kind, they say the same.
    return _of_older_mpeg2(data) if codec == "mpeg2video" else None


def _of(triplets: Sequence[tuple[int, bytes]]) -> CaptionData:
    return CaptionData(
        pairs=tuple((kind == 1, two) for kind, two in triplets if kind < 2),
        has_708=any(kind > 1 for kind, _ in triplets),
    )


def _places(data: bytes, before: bytes) -> Iterator[int]:
    at = data.find(before)
    while at >= 0:
        yield at + len(before)
        at = data.find(before, at + len(before))


def _triplets(message: bytes, codec: str) -> Iterator[tuple[int, bytes]]:
    """The kind and the two bytes of each triplet that counts; of a message that is cut off those that are there."""
    if codec in _WITH_EMULATION_PREVENTION:
        # At most every third byte was put in.
        message = message[: _LONGEST * 3 // 2].replace(b"\0\0\x03", b"\0\0")
    count = message[0] & 0x1F if message and message[0] & 0x40 else 0
    yield from _counting(message[2 : 2 + 3 * count])


def _counting(triplets: bytes) -> list[tuple[int, bytes]]:
    whole = (triplets[at : at + 3] for at in range(0, len(triplets) - 2, 3))
    return [(one[0] & 3, one[1:]) for one in whole if one[0] & 4]


def _of_older_mpeg2(data: bytes) -> CaptionData | None:
    if DVD in data:
        pairs = _of_dvd(data[data.index(DVD) + len(DVD) :])
        return CaptionData(pairs=tuple(pairs), is_of_group=True)
    of_frame = [
        pair
        for at in _places(data, SCTE_20)
        if data[at : at + 1] in {b"\x01", b"\x81"}
        for pair in _of_scte_20(data[at + 1 :], _has_second_field_first(data[:at]))
    ]
    return CaptionData(pairs=tuple(of_frame)) if of_frame else None


def _of_dvd(message: bytes) -> Iterator[tuple[bool, bytes]]:
    """The fields by turns: some discs mark all of them as the first one, so their places count, too."""
    has_first_in_front = bool(message[:1] and message[0] & 0x80)
    # How many are announced is often wrong, though no more than that can be.
    for place, at in enumerate(range(1, min(len(message) - 2, _LONGEST_DVD), 3)):
        marked = message[at]
        if marked & 0xFE != 0xFE:
            return
        is_first = marked & 1 == 1 and (place % 2 == 0) == has_first_in_front
        yield not is_first, message[at + 1 : at + 3]


def _of_scte_20(message: bytes, second_field_first: bool) -> Iterator[tuple[bool, bytes]]:
    """Each: priority (2 bits), field (2), line (5), two bytes (16) with the lowest bit in front, and a one."""
    bits = "".join(f"{one:08b}" for one in message[:_LONGEST_SCTE_20])
    count = int(bits[:5] or "0", 2)
    for at in range(5, min(5 + 26 * count, len(bits) - 25), 26):
        field, letters = int(bits[at + 2 : at + 4], 2), bits[at + 9 : at + 25]
        if field:
            # The third of a frame repeats the first.
            is_second = (field == 2) != second_field_first
            yield is_second, bytes(int(letters[n : n + 8][::-1], 2) for n in (0, 8))


def _has_second_field_first(before: bytes) -> bool:
    """What the header of the last picture says, where that is a frame (ISO/IEC 13818-2, 6.2.3.1)."""
    for at in reversed([*_places(before, b"\0\0\x01\xb5")]):
        told = before[at : at + 4]
        if len(told) == 4 and told[0] >> 4 == 8:
            is_frame, top_field_first = told[2] & 3 == 3, told[3] & 0x80
            return is_frame and not top_field_first
    return False
