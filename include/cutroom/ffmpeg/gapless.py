"""The tag in front of an MP3 that tells which of its samples are sound: LAME's, behind Xing's."""

from pathlib import Path

from cutroom.ffmpeg.metadata import seven_bits

_ID3_HEADER_BYTES = 10
_FIRST_FRAME_BYTES = 400
_NAMES = (b"Xing", b"Info")
_FRAMES, _BYTES, _TABLE, _QUALITY = 1, 2, 4, 8
"""What Xing's tag has, by a bit each, in this order."""

_TRIM_AT, _CRC_AT = 21, 34
"""Where LAME's tag has the samples to leave out, 12 bits in front and 12 behind, and its check sum."""

MOST = 0xFFF


def state_end(mp3: Path, samples: int) -> None:
    """Have the tag leave out all that is behind so many samples.

    ffmpeg writes what the last frame has too much, and leaves in what the one before it has. A file without the tag, or
    whose encoder put more behind than the tag has room for, stays as it is.

    Args:
        mp3: As ffmpeg wrote it; it is changed in place.
        samples: Of each channel, of the sound.
    """
    with mp3.open("r+b") as file:
        head = file.read(_ID3_HEADER_BYTES)
        begins = _ID3_HEADER_BYTES + seven_bits(head[6:]) if head[:3] == b"ID3" else 0
        file.seek(begins)
        frame = bytearray(file.read(_FIRST_FRAME_BYTES))
        at = next((place for name in _NAMES if (place := frame.find(name)) >= 0), None)
        if at is None or not (has := int.from_bytes(frame[at + 4 : at + 8])) & _FRAMES:
            return
        frames = int.from_bytes(frame[at + 8 : at + 12])
        sizes = {_FRAMES: 4, _BYTES: 4, _TABLE: 100, _QUALITY: 4}
        lame = at + 8 + sum(size for bit, size in sizes.items() if has & bit)
        trim = slice(lame + _TRIM_AT, lame + _TRIM_AT + 3)
        in_front = int.from_bytes(frame[trim]) >> 12
        is_mpeg_1 = frame[1] & 0x18 == 0x18
        behind = frames * (1152 if is_mpeg_1 else 576) - in_front - samples
        if not 0 <= behind <= MOST:
            return
        frame[trim] = (in_front << 12 | behind).to_bytes(3)
        end = lame + _CRC_AT
        frame[end : end + 2] = _crc(bytes(frame[:end])).to_bytes(2)
        file.seek(begins)
        file.write(frame[: end + 2])


def _crc(data: bytes) -> int:
    """CRC-16 as LAME has it: of the frame up to the sum."""
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ 0xA001 if crc & 1 else crc >> 1
    return crc
