"""What edit lists say of speed."""

import struct
from fractions import Fraction
from pathlib import Path

import pytest

from containers import box
from cutroom.ffmpeg.edit_speeds import edit_speeds, notes

EDITS = {0: ">Iii", 1: ">Qqi"}


def track(version: int, *edits: tuple[int, float]) -> bytes:
    """The content of a track's box: when each edit begins, and its speed."""
    listed = b"".join(struct.pack(EDITS[version], 1000, at, round(speed * 65536)) for at, speed in edits)
    head = bytes([version, 0, 0, 0]) + len(edits).to_bytes(4)
    return box(b"tkhd", b"") + box(b"edts", box(b"elst", head + listed))


@pytest.mark.parametrize("version", EDITS)
def test_speeds_are_those_of_what_is_played(version: int) -> None:
    found = edit_speeds(track(version, (-1, 3), (0, 1), (10, 0.5), (20, -1)))
    assert found == {Fraction(1), Fraction(1, 2), Fraction(-1)}


def test_what_is_cut_off_or_not_there_tells_no_speed() -> None:
    whole = track(0, (0, 1), (10, 0.5))
    assert all(edit_speeds(whole[:end]) == set() for end in range(len(whole)))
    assert edit_speeds(box(b"edts", box(b"elst", bytes(4) + b"\xff" * 4))) == set()


@pytest.mark.parametrize(
    ("speed", "told"), [(1, None), (-1, "(-1 times"), (0.5, "(0.5 times"), (0, "(0 times")]
)
def test_another_speed_is_told(tmp_path: Path, speed: float, told: str | None) -> None:
    film = tmp_path / "film.mov"
    other = box(b"trak", track(0, (0, 7)))
    film.write_bytes(box(b"ftyp", b"qt  ") + box(b"moov", other + box(b"trak", track(0, (0, speed)))))
    said = notes(film, 1)
    assert said == () if told is None else told in said[0]
    assert notes(film, 2) == ()
