"""Closed captions in the packets of pictures, as their codecs carry them (ATSC A/53 part 4, 6.2.3; CEA-708)."""

from collections.abc import Iterator
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

FILLING = b"\x80\x80"

_LONGEST = 2 + 31 * 3
"""Bytes of a message: how many triplets follow, a byte that means nothing, and those."""


@dataclass(frozen=True, slots=True)
class CaptionData:
    """What a packet carries."""

    pairs: tuple[tuple[bool, bytes], ...]
    """Of CEA-608: whether of the second field, and the two bytes with parity."""
    has_708: bool
    """Whether there is anything of CEA-708."""

    @property
    def is_empty(self) -> bool:
        """Whether the pairs only fill the place of others, as in most pictures."""
        return all(two == FILLING for _, two in self.pairs)


def caption_data(data: bytes, codec: str) -> CaptionData | None:
    """The captions of a packet; None where its pictures carry none."""
    before = _BEFORE.get(codec)
    if before is None or before not in data:
        return None
    triplets = [one for at in _places(data, before) for one in _triplets(data[at:], codec)]
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
    for at in range(2, 2 + 3 * count, 3):
        triplet = message[at : at + 3]
        if len(triplet) == 3 and triplet[0] & 4:
            yield triplet[0] & 3, triplet[1:]
