"""What headers of H.264 say of its packets: which are fields of one frame, and which only begin to be whole.

Numbers in brackets are clauses of ISO/IEC 14496-10. Pure.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from cutroom.ffmpeg.nal_units import length_size_of, units

SLICE, IDR_SLICE, SEI, SPS, PPS = 1, 5, 6, 7, 8
"""Types of NAL units (table 7-1)."""

RECOVERY_POINT = 6
"""The payload of a message that tells when pictures are whole (D.2.8)."""

HEADER_BYTES = 64
"""More than the headers of a slice take up to what is read of them."""

WITH_CHROMA_FORMAT = frozenset({100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135})
"""Profiles whose parameter sets tell more (7.3.2.1.1)."""


@dataclass(frozen=True, slots=True)
class FieldPicture:
    """A picture that is one field."""

    frame_num: int
    is_bottom: bool
    is_reference: bool
    is_idr: bool

    def ends(self, other: "FieldPicture | None") -> bool:
        """Whether it is the second field of the frame that another, just before it, began (3.30, 3.31)."""
        return (
            other is not None
            and self.frame_num == other.frame_num
            and self.is_bottom != other.is_bottom
            and self.is_reference == other.is_reference
            and (other.is_idr or not self.is_idr)
        )


@dataclass(frozen=True, slots=True)
class _Sequence:
    """Of a sequence parameter set, what slice headers can't be read without."""

    frame_num_bits: int
    has_fields: bool
    has_colour_planes: bool


class Headers:
    """Reads packets of a track in decode order.

    Args:
        extradata: The decoder configuration of the track: a record with lengths in front of units (ISO/IEC 14496-15),
            or units behind start codes.
    """

    def __init__(self, extradata: bytes) -> None:
        self._length_size = length_size_of(extradata, 4)
        self._sequences: dict[int, _Sequence] = {}
        self._pictures: dict[int, int] = {}
        for unit in _of_record(extradata) if self._length_size else units(extradata, 0):
            self._learn(unit)

    def field(self, data: bytes) -> FieldPicture | None:
        """The field that a packet holds; None where it is a whole frame, or can't be read."""
        try:
            for unit in units(data, self._length_size):
                self._learn(unit)
                if unit[0] & 0x1F in {SLICE, IDR_SLICE}:
                    return self._of_slice(unit)
        except (IndexError, ValueError, KeyError):
            # Damaged: a decoder may still make something of it.
            return None
        return None

    def is_bidirectional(self, data: bytes) -> bool:
        """Whether a packet's picture may refer to later ones, as its first slice says (7.4.3)."""
        try:
            for unit in units(data, self._length_size):
                if unit[0] & 0x1F in {SLICE, IDR_SLICE}:
                    bits = Bits(_plain(unit[1:HEADER_BYTES]))
                    bits.ue()  # first_mb_in_slice
                    return bits.ue() % 5 == 1
        except (IndexError, ValueError):
            return False
        return False

    def whole_after(self, data: bytes) -> int:
        """How many frames after a packet that decoding begins with pictures are whole; 0: at once."""
        try:
            said = self._told(data, RECOVERY_POINT)
            return 0 if said is None else Bits(said).ue()
        except (IndexError, ValueError):
            return 0

    def _told(self, data: bytes, wanted: int) -> bytes | None:
        """The payload of a message in front of a packet's picture."""
        for unit in units(data, self._length_size):
            kind = unit[0] & 0x1F
            if kind in {SLICE, IDR_SLICE}:
                return None
            if kind == SEI and (found := message(unit[1:], wanted)) is not None:
                return found
        return None

    @property
    def may_have_fields(self) -> bool:
        """Whether a packet of the track may be one field."""
        return not self._sequences or any(one.has_fields for one in self._sequences.values())

    def learn(self, data: bytes) -> None:
        """Take the parameter sets of a packet."""
        try:
            for unit in units(data, self._length_size):
                self._learn(unit)
        except (IndexError, ValueError):
            return

    def _learn(self, unit: bytes) -> None:
        kind = unit[0] & 0x1F
        if kind == SPS:
            bits = Bits(_plain(unit[1:]))
            number, found = _sequence(bits)
            self._sequences[number] = found
        elif kind == PPS:
            bits = Bits(_plain(unit[1:HEADER_BYTES]))
            number = bits.ue()
            self._pictures[number] = bits.ue()

    def _of_slice(self, unit: bytes) -> FieldPicture | None:
        bits = Bits(_plain(unit[1:HEADER_BYTES]))
        bits.ue()  # first_mb_in_slice
        bits.ue()  # slice_type
        sequence = self._sequences[self._pictures[bits.ue()]]
        if not sequence.has_fields:
            return None
        if sequence.has_colour_planes:
            bits.u(2)
        frame_num = bits.u(sequence.frame_num_bits)
        if not bits.u(1):
            return None
        return FieldPicture(
            frame_num=frame_num,
            is_bottom=bool(bits.u(1)),
            is_reference=bool(unit[0] & 0x60),
            is_idr=unit[0] & 0x1F == IDR_SLICE,
        )


def _of_record(extradata: bytes) -> Iterator[bytes]:
    """The parameter sets of a configuration record (ISO/IEC 14496-15, 5.3.3.1)."""
    at = 5
    for mask in (0x1F, 0xFF):
        count = extradata[at] & mask if at < len(extradata) else 0
        at += 1
        for _ in range(count):
            size = int.from_bytes(extradata[at : at + 2], "big")
            unit = extradata[at + 2 : at + 2 + size]
            if unit:
                yield unit
            at += 2 + size


def _plain(unit: bytes) -> bytes:
    """Without the bytes that keep start codes from occurring in it (7.4.1)."""
    return unit.replace(b"\0\0\x03", b"\0\0")


def message(messages: bytes, wanted: int) -> bytes | None:
    """The payload of a kind out of a unit of messages (7.3.2.3.1), without the unit's header.

    Raises:
        IndexError: They are cut off.
    """
    data = _plain(messages)
    at = 0
    while at + 2 < len(data):
        head = []
        for _ in range(2):
            value = 0
            while data[at] == 0xFF:
                value, at = value + 255, at + 1
            head.append(value + data[at])
            at += 1
        kind, size = head
        if kind == wanted:
            return data[at : at + size]
        at += size
    return None


def _sequence(bits: "Bits") -> tuple[int, _Sequence]:
    """Number and content of a sequence parameter set (7.3.2.1.1)."""
    profile = bits.u(8)
    bits.u(16)
    number = bits.ue()
    has_colour_planes = False
    if profile in WITH_CHROMA_FORMAT:
        chroma = bits.ue()
        has_colour_planes = chroma == 3 and bool(bits.u(1))
        bits.ue()
        bits.ue()
        bits.u(1)
        if bits.u(1):
            for place in range(12 if chroma == 3 else 8):
                if bits.u(1):
                    _skip_scaling_list(bits, 16 if place < 6 else 64)
    frame_num_bits = bits.ue() + 4
    order = bits.ue()
    if order == 0:
        bits.ue()
    elif order == 1:
        bits.u(1)
        bits.ue()
        bits.ue()
        for _ in range(bits.ue()):
            bits.ue()
    bits.ue()
    bits.u(1)
    bits.ue()
    bits.ue()
    return number, _Sequence(
        frame_num_bits=frame_num_bits, has_fields=not bits.u(1), has_colour_planes=has_colour_planes
    )


def _skip_scaling_list(bits: "Bits", size: int) -> None:
    last = following = 8
    for _ in range(size):
        if following:
            following = (last + bits.se() + 256) % 256
        last = following or last


class Bits:
    """Bits of a header, the first one first; ValueError behind the last."""

    def __init__(self, data: bytes) -> None:
        self._value, self._left = int.from_bytes(data, "big"), len(data) * 8

    def u(self, count: int) -> int:
        """An unsigned number of so many bits."""
        self._left -= count
        if self._left < 0:
            raise ValueError("the header ends too early")
        return self._value >> self._left & ((1 << count) - 1)

    def ue(self) -> int:
        """An unsigned number in Exp-Golomb code (9.1)."""
        zeros = 0
        while not self.u(1):
            zeros += 1
        return (1 << zeros) - 1 + self.u(zeros)

    def se(self) -> int:
        """A signed one (9.1.1)."""
        code = self.ue()
        return (code + 1) // 2 if code & 1 else -(code // 2)
