"""Files that are read as one are their bytes one after the other."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cutroom.ffmpeg.chained import Chained


@given(
    pieces=st.lists(st.binary(max_size=20), max_size=6),
    reads=st.lists(
        st.tuples(st.sampled_from(["set", "cur", "end"]), st.integers(-30, 90), st.integers(0, 30))
    ),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_read_anywhere_is_what_lies_there(
    pieces: list[bytes], reads: list[tuple[str, int, int]], tmp_path: Path
) -> None:
    files = [tmp_path / str(number) for number in range(len(pieces))]
    for file, piece in zip(files, pieces, strict=True):
        file.write_bytes(piece)
    whole = b"".join(pieces)
    with Chained(files) as chained:
        for whence, offset, size in reads:
            base = {"set": 0, "cur": chained.tell(), "end": len(whole)}[whence]
            at = max(0, base + offset)
            assert chained.seek(at - base, getattr(os, f"SEEK_{whence.upper()}")) == at
            read = chained.read(size)
            assert read == whole[at : at + len(read)]
            assert read or not size or at >= len(whole)
            assert chained.tell() == at + len(read)


def open_files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def test_no_more_than_one_file_is_open(tmp_path: Path) -> None:
    files = [tmp_path / str(number) for number in range(50)]
    for file in files:
        file.write_bytes(b"abc")
    before = open_files()
    with Chained(files) as chained:
        while chained.read(100):
            assert open_files() <= before + 1
        assert chained.tell() == 150
    assert open_files() == before


def test_a_file_that_is_gone_is_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Chained([tmp_path / "gone"])
