"""What is encrypted is called so, and not damaged."""

import io
import subprocess
from pathlib import Path

import pytest

from cutroom.errors import SourceUnsupported
from cutroom.ffmpeg import tools
from cutroom.ffmpeg.encryption import reject_encrypted
from cutroom.ffmpeg.ffprobe import Stream
from cutroom.ffmpeg.probe import describe
from cutroom.media.limits import Limits


def box(name: bytes, content: bytes) -> bytes:
    return (8 + len(content)).to_bytes(4) + name + content


def movie(*entries: bytes) -> bytes:
    def track(entry: bytes) -> bytes:
        inside = box(b"stsd", bytes(8) + box(entry, bytes(28)))
        for name in (b"stbl", b"minf", b"mdia"):
            inside = box(name, inside)
        return box(b"trak", box(b"tkhd", bytes(80)) + inside)

    return box(b"ftyp", b"isom") + box(b"moov", box(b"mvhd", bytes(100)) + b"".join(map(track, entries)))


def asf(*objects: str) -> bytes:
    """A header of such objects, by their GUIDs."""
    inside = b"".join(bytes.fromhex(one) + (40).to_bytes(8, "little") + bytes(16) for one in objects)
    header = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
    return header + (30 + len(inside)).to_bytes(8, "little") + bytes(6) + inside


PROPERTIES, LOCK = "a1dcab8c47a9cf118ee400c00c205365", "14e68a292226174cb935dae07ee9289c"


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (movie(b"avc1", b"enca"), "sound"),
        (movie(b"drms"), "sound"),
        (movie(b"encv", b"mp4a"), "picture"),
        (asf(PROPERTIES, LOCK), "file"),
    ],
)
def test_the_container_says_what_is_encrypted(data: bytes, what: str) -> None:
    with pytest.raises(SourceUnsupported, match=f"The {what} is encrypted"):
        reject_encrypted(io.BytesIO(data))


@pytest.mark.parametrize(
    "data",
    [
        movie(b"avc1", b"mp4a"),
        asf(PROPERTIES),
        asf(PROPERTIES, LOCK)[:50],
        asf(PROPERTIES) + bytes(16) + b"\xff" * 8,
        b"",
        b"x" * 99,
    ],
)
def test_what_is_in_clear_passes(data: bytes) -> None:
    reject_encrypted(io.BytesIO(data))


def test_matroska_names_the_key_of_a_track() -> None:
    stream = Stream(index=0, codec_type="audio", tags={"enc_key_id": "AAAA"})
    with pytest.raises(SourceUnsupported, match="The sound is encrypted"):
        reject_encrypted(io.BytesIO(b""), [stream])


def test_encrypted_sound_is_not_called_damaged(tmp_path: Path) -> None:
    path, key = tmp_path / "a.m4a", "00112233445566778899aabbccddeeff"
    argv = [
        tools.path("ffmpeg"),
        "-v",
        "error",
        "-f",
        "lavfi",
        "-i",
        "sine=d=0.5",
        "-c:a",
        "aac",
        "-f",
        "mp4",
    ]
    argv += ["-encryption_scheme", "cenc-aes-ctr", "-encryption_key", key, "-encryption_kid", key, str(path)]
    subprocess.run(argv, check=True, capture_output=True)
    with pytest.raises(SourceUnsupported, match="The sound is encrypted"):
        describe(path, log=tmp_path / "probe.log", limits=Limits())
