"""A tool of ours reads a source from the process that started it, without a file or a credential of its own."""

import io
import json
import random
import sys
from pathlib import Path

import pytest

from counted import make_counted
from cutroom.errors import EncoderRefused, ObjectCorrupt
from cutroom.ffmpeg import runner
from cutroom.ffmpeg.served import BUFFER_BYTES, opened, served

DATA = random.Random(1).randbytes(3 * BUFFER_BYTES + 17)

# Reads here and there, to the end, and behind it, as a demuxer does.
READS = """
import hashlib, random, sys
from cutroom.ffmpeg.served import opened
file = opened(sys.argv[1])
chance = random.Random(2)
size = file.seek(0, 2)
print(size)
for _ in range(200):
    place = chance.randrange(size + 100)
    file.seek(place)
    assert file.tell() == place
    print(place, hashlib.sha256(file.read(chance.choice([1, 100, 70_000]))).hexdigest())
file.seek(0)
print(hashlib.sha256(file.read()).hexdigest())
"""


def run_with(file: io.BytesIO, code: str, log: Path) -> str:
    with served(file) as source:
        return runner.run(
            [sys.executable, "-c", code, source.name], log=log, descriptors=source.descriptors
        ).stdout.decode()


def test_it_reads_what_the_plain_file_holds(tmp_path: Path) -> None:
    path = tmp_path / "plain"
    path.write_bytes(DATA)
    plain = READS.replace("opened(sys.argv[1])", "open(sys.argv[1], 'rb')")
    expected = runner.run([sys.executable, "-c", plain, str(path)], log=tmp_path / "log").stdout.decode()
    assert run_with(io.BytesIO(DATA), READS, tmp_path / "log") == expected


class Damaged(io.BytesIO):
    """Can't be read behind its first half."""

    def read(self, size: int | None = -1, /) -> bytes:
        if self.tell() > len(DATA) // 2:
            raise ObjectCorrupt("Block 12ab is damaged.")
        return super().read(size)


def test_why_the_source_could_not_be_read_is_said_in_place_of_the_tools_own_failure(tmp_path: Path) -> None:
    with pytest.raises(ObjectCorrupt, match="12ab"):
        run_with(Damaged(DATA), READS, tmp_path / "log")


def test_a_tool_that_fails_by_itself_says_why(tmp_path: Path) -> None:
    with pytest.raises(EncoderRefused, match="my own mistake"):
        run_with(io.BytesIO(DATA), "raise SystemExit('my own mistake')", tmp_path / "log")


def test_a_tool_that_stops_reading_in_the_middle_is_no_failure(tmp_path: Path) -> None:
    code = "import sys; from cutroom.ffmpeg.served import opened; print(len(opened(sys.argv[1]).read(10)))"
    assert run_with(io.BytesIO(DATA), code, tmp_path / "log") == "10\n"


def test_a_local_file_is_opened_by_its_path() -> None:
    assert opened("/tmp/a film.mp4") == "file:/tmp/a film.mp4"


@pytest.mark.media
@pytest.mark.parametrize("name", ["film.mp4", "film.mkv"])
def test_the_cutter_cuts_a_served_source_as_it_cuts_a_file(name: str, tmp_path: Path) -> None:

    film = tmp_path / name
    make_counted(film, seconds=4, size=(160, 90), audio=("-c:a", "aac"))
    written = {}
    times = tmp_path / "times.txt"
    times.write_text("".join(f"{n} {n}\n" for n in range(100)))
    with served(io.BytesIO(film.read_bytes())) as source:
        for which, argument, descriptors in (
            ("file", str(film), ()),
            ("served", source.name, source.descriptors),
        ):
            cuts = tmp_path / f"{which}.json"
            paths = [tmp_path / f"{which}-{n}.nut" for n in range(2)]
            order = [
                {"path": str(paths[0]), "first": 0, "end": 60},
                {"path": str(paths[1]), "first": 50, "end": 100},
            ]
            told = {"shift_s": 1, "cuts": order, "times": str(times), "time_base": "1/12800"}
            cuts.write_text(json.dumps(told))
            argv = [sys.executable, "-m", "cutroom.ffmpeg.cutter", "split", argument, "0", str(cuts)]
            runner.run(argv, log=tmp_path / "log", descriptors=descriptors)
            written[which] = [path.read_bytes() for path in paths]
    assert written["served"] == written["file"]
    assert all(len(data) > 1000 for data in written["served"])
