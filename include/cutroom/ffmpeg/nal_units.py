"""NAL units of H.264 and HEVC in a packet (ISO/IEC 14496-10 and 23008-2, annex B; 14496-15). Pure."""

from collections.abc import Iterator


def length_size_of(extradata: bytes, at: int) -> int:
    """How many bytes of length stand in front of each unit; 0: start codes do.

    Args:
        extradata: The decoder configuration of the track: a record, or units behind start codes.
        at: Where a record says it: 4 in that of H.264, 21 in that of HEVC.
    """
    is_record = extradata[:1] == b"\x01" and len(extradata) > at
    return (extradata[at] & 3) + 1 if is_record else 0


def units(data: bytes, length_size: int) -> Iterator[bytes]:
    """NAL units of a packet: behind start codes, or behind lengths of so many bytes."""
    if length_size:
        at = 0
        while at + length_size < len(data):
            size = int.from_bytes(data[at : at + length_size], "big")
            at += length_size
            if size:
                yield data[at : at + size]
            at += size
        return
    at = data.find(b"\0\0\x01")
    while 0 <= at < len(data) - 3:
        after = data.find(b"\0\0\x01", at + 3)
        yield data[at + 3 : after if after >= 0 else len(data)]
        at = after
