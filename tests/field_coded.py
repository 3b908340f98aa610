"""H.264 whose pictures are single fields, which no encoder at hand makes: every macroblock is pixels as they are.

ISO/IEC 14496-10, 7.3; the least that a decoder takes.
"""

import numpy as np
import numpy.typing as npt

MACROBLOCK = 16
FRAME_NUM_BITS = 4


def coded_in_fields(frames: "npt.NDArray[np.uint8]") -> bytes:
    """A stream behind start codes: each grey frame as a top field and a bottom field, all of them intra pictures.

    Args:
        frames: Grey pixels; heights are multiples of 32, widths of 16.
    """
    _, height, width = frames.shape
    stream = [_unit(0x67, _sequence(width, height)), _unit(0x68, _picture_set())]
    for number, frame in enumerate(frames):
        for is_bottom in (False, True):
            is_idr = number == 0 and not is_bottom
            header = _slice_header(number % (1 << FRAME_NUM_BITS), is_bottom=is_bottom, is_idr=is_idr)
            stream.append(_unit(0x65 if is_idr else 0x61, _slice(header, frame[int(is_bottom) :: 2])))
    return b"".join(stream)


def recovery_point(frames: int) -> bytes:
    """A message that pictures are whole after so many frames (D.1.8)."""
    payload = _bytes(_ue(frames) + "1000" + "1")
    return _unit(0x06, bytes([6, len(payload)]) + payload + b"\x80")


def _sequence(width: int, height: int) -> bytes:
    bits = _ue(0) + _ue(FRAME_NUM_BITS - 4) + _ue(2) + _ue(1) + "0"
    bits += _ue(width // MACROBLOCK - 1) + _ue(height // MACROBLOCK // 2 - 1)
    # Not frames alone, none of both kinds, inference, neither cropping nor VUI.
    return bytes([77, 0, 30]) + _bytes(bits + "0" + "0" + "1" + "00" + "1")


def _picture_set() -> bytes:
    return _bytes(_ue(0) * 2 + "00" + _ue(0) * 3 + "000" + _ue(0) * 3 + "100" + "1")


def _slice_header(frame_num: int, *, is_bottom: bool, is_idr: bool) -> str:
    bits = _ue(0) + _ue(7) + _ue(0) + f"{frame_num:0{FRAME_NUM_BITS}b}" + f"1{is_bottom:d}"
    bits += _ue(0) + "00" if is_idr else "0"
    # Quantiser as it is, no deblocking.
    return bits + _ue(0) + _ue(1)


def _slice(header: str, field: "npt.NDArray[np.uint8]") -> bytes:
    data, bits = b"", header
    grey = bytes([128]) * (2 * (MACROBLOCK // 2) ** 2)
    for y in range(0, field.shape[0], MACROBLOCK):
        for x in range(0, field.shape[1], MACROBLOCK):
            bits += _ue(25)
            data += _bytes(bits) + field[y : y + MACROBLOCK, x : x + MACROBLOCK].tobytes() + grey
            bits = ""
    return data + b"\x80"


def _ue(value: int) -> str:
    bits = f"{value + 1:b}"
    return "0" * (len(bits) - 1) + bits


def _bytes(bits: str) -> bytes:
    bits += "0" * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8, "big")


def _unit(head: int, content: bytes) -> bytes:
    safe, zeros = bytearray(), 0
    for byte in content:
        if zeros == 2 and byte <= 3:
            safe.append(3)
            zeros = 0
        safe.append(byte)
        zeros = zeros + 1 if byte == 0 else 0
    return b"\0\0\0\x01" + bytes([head]) + bytes(safe)
