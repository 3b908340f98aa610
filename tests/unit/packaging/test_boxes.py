"""Edit lists, and what browsers would take off once more."""

import struct

import pytest

from cutroom.packaging.boxes import edited_out
from cutroom.packaging.packager import zero_pre_skip


def box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(content), kind) + content


def init(*boxes: bytes) -> bytes:
    return box(b"moov", box(b"trak", b"".join(boxes)))


SHORT = struct.pack(">IIIiI", 0, 1, 0, 1024, 1 << 16)
LONG = struct.pack(">IIQqI", 1 << 24, 1, 0, 312, 1 << 16)
EMPTY = struct.pack(">IIIiI", 0, 1, 40, -1, 1 << 16)


@pytest.mark.parametrize(("edits", "ticks"), [(SHORT, 1024), (LONG, 312), (EMPTY, 0)])
def test_an_edit_list_tells_what_is_left_out_in_front(edits: bytes, ticks: int) -> None:
    assert edited_out(init(box(b"edts", box(b"elst", edits)))) == ticks


def test_without_an_edit_list_nothing_is_left_out() -> None:
    assert edited_out(init(box(b"mdia", b""))) == 0


def test_only_the_number_of_samples_to_skip_is_taken_out() -> None:
    stated = bytes.fromhex("0001 0138 0000bb80 0000 00")
    sample = box(b"stsd", bytes(8) + box(b"Opus", bytes(28) + box(b"dOps", stated)))
    mp4 = init(box(b"mdia", box(b"minf", box(b"stbl", sample))))
    changed = bytearray(mp4)
    zero_pre_skip(changed)
    assert changed == mp4.replace(stated, bytes.fromhex("0001 0000 0000bb80 0000 00"))
    assert changed != mp4


def test_bytes_outside_the_description_of_samples_stay_as_they_are() -> None:
    mp4 = init(box(b"mdia", b"dOps" + bytes(range(1, 12))))
    changed = bytearray(mp4)
    zero_pre_skip(changed)
    assert changed == mp4
