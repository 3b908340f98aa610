"""ffprobe reads a source from the process that started it: what it finds, what it can reach, and what stops it."""

import io
import random
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cutroom.errors import EncoderKilled, EncoderRefused, ObjectCorrupt, SourceCorrupt
from cutroom.ffmpeg import confine, ffprobe, probe, ranged, runner
from cutroom.ffmpeg.ranged import MOST_PIECES, PIECE_BYTES, ReadAllOver
from cutroom.media.limits import Limits

LIMITS = Limits()
DATA = random.Random(4).randbytes(3 * 2**20 + 17)

# Asks for what lies behind a place, as a demuxer does that stays on a connection until it needs another one.
READS = """
import hashlib, sys, urllib.request
for place in (0, 5, 1_000_000, 3):
    asked = urllib.request.Request(sys.argv[1], headers={"Range": f"bytes={place}-"})
    before = urllib.request.urlopen(asked)
    print(hashlib.sha256(before.read(int(sys.argv[2]))).hexdigest(), before.headers["Content-Range"], flush=True)
"""


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log"


@pytest.fixture
def shared_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As where the kernel lets nobody make a network."""
    program = Path(confine.__file__).read_text()
    asks = "CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000"
    assert asks in program
    (tmp_path / "confine.py").write_text(program.replace(asks, "CLONE_NEWUSER, CLONE_NEWNET = 1, 1"))
    monkeypatch.setattr(confine, "__file__", str(tmp_path / "confine.py"))


def run_with(file: io.BytesIO, code: str, log: Path, *arguments: str) -> str:
    with ranged.ranged(file) as source:
        argv = [sys.executable, "-c", code, source.url, *arguments]
        return runner.run(argv, log=log, door=source.door).stdout.decode()


def shown(source: Path | io.BytesIO, log: Path) -> Any:
    printed, _ = ffprobe.ask(
        source, "-show_format", "-show_streams", "-show_chapters", log=log, limits=LIMITS
    )
    del printed["format"]["filename"]
    return printed


@pytest.mark.parametrize(
    "pattern", ["*.mp4", "*.mov", "*.m4a", "*.ts", "*.mkv", "*.webm", "*.avi", "*.flv", "*.og?", "*.opus",
                "*.flac", "*.mp3", "*.wav"],
)  # fmt: skip
def test_real_files_are_described_as_local_ones_are(pattern: str, corpus: Path, log: Path) -> None:
    """The index behind the media, in front of them, or none."""
    paths = sorted(corpus.glob(pattern))
    assert paths
    for path in paths:
        assert shown(io.BytesIO(path.read_bytes()), log) == shown(path, log), path.name


@pytest.mark.parametrize("network", ["its own", "shared"])
@pytest.mark.parametrize("count", [10, 2**30])
def test_every_byte_is_the_files(network: str, count: int, log: Path, request: pytest.FixtureRequest) -> None:
    if network == "shared":
        request.getfixturevalue("shared_network")
    told = run_with(io.BytesIO(DATA), READS, log, str(count)).splitlines()
    plain = "import hashlib, sys; data = open(sys.argv[1], 'rb').read()\nfor place in (0, 5, 1_000_000, 3):"
    plain += " print(hashlib.sha256(data[place:][:int(sys.argv[2])]).hexdigest(), f'bytes {place}-3145744/3145745')"
    path = log.with_name("plain")
    path.write_bytes(DATA)
    argv = [sys.executable, "-c", plain, str(path), str(count)]
    assert told == runner.run(argv, log=log).stdout.decode().splitlines()


def test_the_tool_reaches_nothing_else(log: Path) -> None:
    """Not even another listener of this machine; only where the kernel lets nobody make a network may it."""
    allowed = subprocess.run(["unshare", "--net", "true"], capture_output=True, check=False).returncode == 0
    with socket.create_server(("127.0.0.1", 0)) as other:
        code = "import socket, sys, urllib.request\n"
        code += "first = urllib.request.Request(sys.argv[1], headers={'Range': 'bytes=0-'})\n"
        code += "print(len(urllib.request.urlopen(first).read()))\n"
        code += (
            f"try: socket.create_connection(('127.0.0.1', {other.getsockname()[1]}), 2); print('reached')\n"
        )
        code += "except OSError: print('refused')"
        assert run_with(io.BytesIO(DATA), code, log).split() == [
            str(len(DATA)),
            "refused" if allowed else "reached",
        ]


@pytest.mark.usefixtures("shared_network")
def test_only_who_was_told_the_address_reads_it(log: Path) -> None:
    code = "import sys, urllib.error, urllib.parse, urllib.request\n"
    code += "other = urllib.parse.urljoin(sys.argv[1], '/')\n"
    code += "try: urllib.request.urlopen(urllib.request.Request(other, headers={'Range': 'bytes=0-'}))\n"
    code += "except urllib.error.HTTPError as error: print(error.code)"
    assert run_with(io.BytesIO(DATA), code, log) == "404\n"


@pytest.mark.usefixtures("shared_network")
def test_a_proxy_that_the_environment_names_is_not_asked(
    monkeypatch: pytest.MonkeyPatch, corpus: Path, log: Path
) -> None:
    """There is none at that address; asked for the source it could give no answer."""
    with socket.create_server(("127.0.0.1", 0)) as gone:
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{gone.getsockname()[1]}")
    [path] = corpus.glob("speech-3s*.wav")
    assert shown(io.BytesIO(path.read_bytes()), log)["format"]["format_name"] == "wav"


class Damaged(io.BytesIO):
    """Can't be read behind its first 300,000 bytes."""

    def read(self, size: int | None = -1, /) -> bytes:
        if self.tell() + (size or 0) > 300_000:
            raise ObjectCorrupt("Block 12ab is damaged.")
        return super().read(size)


def test_why_the_source_could_not_be_read_is_said_in_place_of_what_ffprobe_makes_of_it(
    corpus: Path, log: Path
) -> None:
    """Of this film it needs its end, and of that one so little that it is content with what it got."""
    for pattern in ("phone-5s*.mp4", "tears*.webm"):
        [path] = corpus.glob(pattern)
        with pytest.raises(ObjectCorrupt, match="12ab"):
            shown(Damaged(path.read_bytes()), log)


def test_a_tool_that_fails_by_itself_says_why(log: Path) -> None:
    code = "import sys, urllib.request\n"
    code += "urllib.request.urlopen(urllib.request.Request(sys.argv[1], headers={'Range': 'bytes=0-'}))\n"
    code += "raise SystemExit('my own mistake')"
    with pytest.raises(EncoderRefused, match="my own mistake"):
        run_with(io.BytesIO(DATA), code, log)


def test_a_tool_that_never_reached_its_source_is_no_word_on_the_source(log: Path) -> None:
    with pytest.raises(EncoderKilled, match="did not reach"):
        run_with(io.BytesIO(DATA), "raise SystemExit('no route')", log)
    with pytest.raises(EncoderKilled, match="did not reach"), ranged.ranged(io.BytesIO(DATA)) as source:
        runner.run(["no-such-tool", source.url], log=log, door=source.door)


def test_half_an_answer_is_not_taken_for_a_description(
    corpus: Path, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ffprobe describes a film without what it did not get, and ends well."""
    [path] = corpus.glob("phone-5s*.mp4")

    def read(self: Any, place: int, count: int) -> bytes:
        return path.read_bytes()[place : place + count] if place != 48 else b""

    monkeypatch.setattr(ranged._Answers, "read", read)
    with pytest.raises(EncoderKilled, match="could not read its source"):
        shown(io.BytesIO(path.read_bytes()), log)


class Hollow(io.BytesIO):
    """Zeros of any length."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self._size, self.places = size, 0

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        self._at = offset + (self._size if whence == io.SEEK_END else 0)
        return self._at

    def read(self, size: int | None = -1, /) -> bytes:
        self.places += 1
        return bytes(max(0, min(size or 0, self._size - self._at)))


def test_a_file_that_is_read_all_over_is_given_up() -> None:
    file = Hollow(1000 * PIECE_BYTES)
    answers = ranged._Answers(file)
    for number in range(1000):
        answers.read(number * 7 % 1000 * PIECE_BYTES, 100)
    assert isinstance(answers.failed[0], ReadAllOver)
    assert file.places == MOST_PIECES


def test_of_a_large_file_that_is_no_media_little_is_read(log: Path) -> None:
    file = Hollow(10 * 2**30)
    with pytest.raises(SourceCorrupt, match="can't be read"):
        probe.describe(file, log=log, limits=LIMITS)
    assert file.places * ranged.SENT_BYTES < 20 * 2**20
