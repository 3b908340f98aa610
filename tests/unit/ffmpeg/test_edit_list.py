"""What edit lists say."""

import struct
from fractions import Fraction
from pathlib import Path

import pytest

from containers import box
from cutroom.ffmpeg.edit_list import edits, notes, read
from cutroom.media.edits import Edit

ENTRIES = {0: ">Iii", 1: ">Qqi"}
FILM, OWN = 1000, 50


def track(version: int, *listed: tuple[int, float]) -> bytes:
    """The content of a track's box: when each edit begins, and its speed; each lasts 2 s."""
    entries = b"".join(struct.pack(ENTRIES[version], 2000, at, round(speed * 65536)) for at, speed in listed)
    head = bytes([version, 0, 0, 0]) + len(listed).to_bytes(4)
    header = box(b"mdhd", bytes(12) + OWN.to_bytes(4) + bytes(8))
    return box(b"tkhd", b"") + box(b"edts", box(b"elst", head + entries)) + box(b"mdia", header)


@pytest.mark.parametrize("version", ENTRIES)
def test_edits_tell_what_is_played_from_when_on_how_fast(version: int) -> None:
    found = edits(track(version, (-1, 3), (0, 1), (10, 0.5), (20, -1)), FILM)
    assert found == (
        Edit(Fraction(2), None, Fraction(3)),
        Edit(Fraction(2), Fraction(0)),
        Edit(Fraction(2), Fraction(1, 5), Fraction(1, 2)),
        Edit(Fraction(2), Fraction(2, 5), Fraction(-1)),
    )


def test_a_list_that_is_cut_off_or_lies_about_its_length_has_what_is_there() -> None:
    whole = track(0, (0, 1), (10, 0.5))
    assert all(edits(whole[:end], FILM) == () for end in range(len(whole)))
    assert edits(box(b"edts", box(b"elst", bytes(4) + b"\xff" * 4)) + whole[-40:], FILM) == ()


def test_times_of_no_scale_are_none() -> None:
    assert edits(track(0, (0, 1)), 0) == ()


@pytest.mark.parametrize(("speed", "told"), [(1, None), (-1, "(-1 times"), (0.5, "(0.5 times")])
def test_another_speed_is_told(tmp_path: Path, speed: float, told: str | None) -> None:
    film = tmp_path / "film.mov"
    header = box(b"mvhd", bytes(12) + FILM.to_bytes(4) + bytes(80))
    other = box(b"trak", track(0, (0, 7)))
    film.write_bytes(
        box(b"ftyp", b"qt  ") + box(b"moov", header + other + box(b"trak", track(0, (-1, 7), (0, speed))))
    )
    said = notes(read(film, 1), "The sound")
    assert said == () if told is None else told in said[0] and said[0].startswith("The sound")
    assert read(film, 2) == ()
