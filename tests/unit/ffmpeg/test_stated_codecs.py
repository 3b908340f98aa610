"""Sound is what its container says, not what ffmpeg takes it for."""

import subprocess
from pathlib import Path

import pytest

from cutroom.errors import SourceUnsupported
from cutroom.ffmpeg import tools
from cutroom.ffmpeg.ffprobe import ProbeOutput
from cutroom.ffmpeg.probe import describe
from cutroom.ffmpeg.stated_codecs import as_stated
from cutroom.media.limits import Limits


def crc(data: bytes) -> bytes:
    """Of a section (ISO/IEC 13818-1, annex A)."""
    register = 0xFFFFFFFF
    for byte in data:
        register ^= byte << 24
        for _ in range(8):
            register = (register << 1 ^ (0x04C11DB7 if register & 1 << 31 else 0)) & 0xFFFFFFFF
    return register.to_bytes(4)


def stated_as(path: Path, kind: int) -> Path:
    """A transport stream of one track of sound in which each table of a programme states another type of it."""
    data = bytearray(path.read_bytes())
    for at in range(0, len(data), 188):
        section = data.find(b"\x00\x02\xb0", at + 4, at + 8) + 1
        if not section:
            continue
        end = section + 3 + data[section + 2] - 4
        track = section + 12 + (data[section + 10] & 15) * 256 + data[section + 11]
        data[track] = kind
        data[end : end + 4] = crc(data[section:end])
    path.write_bytes(data)
    return path


@pytest.fixture
def mp3_in_ts(tmp_path: Path) -> Path:
    path = tmp_path / "source.ts"
    argv = [tools.path("ffmpeg"), "-v", "error", "-f", "lavfi", "-i", "sine=d=2", "-c:a", "libmp3lame", path]
    subprocess.run(argv, check=True, capture_output=True)
    return path


@pytest.mark.parametrize(
    ("kind", "name"), [(0x2D, "mpegh_3d_audio"), (0x2E, "mpegh_3d_audio"), (0x31, "unknown")]
)
def test_sound_of_another_type_in_mpeg_ts_is_not_taken_for_what_it_looks_like(
    kind: int, name: str, mp3_in_ts: Path, tmp_path: Path
) -> None:
    """MPEG-H was published as the noise that a decoder of MP3 makes of it."""
    source = stated_as(mp3_in_ts, kind)
    with pytest.raises(SourceUnsupported, match=rf"track 0: audio {name}, which nothing here decodes"):
        describe(source, log=tmp_path / "log", limits=Limits())


@pytest.mark.parametrize("kind", [0x03, 0x04, 0x06])
def test_sound_of_the_type_that_it_has_is_taken(kind: int, mp3_in_ts: Path, tmp_path: Path) -> None:
    found = describe(stated_as(mp3_in_ts, kind), log=tmp_path / "log", limits=Limits())
    assert [one.codec for one in found.source(sha256="", size_bytes=0).audio] == ["mp3"]


@pytest.mark.parametrize(("codec", "kind"), [("aac", 0xCF), ("ac3", 0xC1), ("eac3", 0xC2)])
def test_segments_of_hls_with_encrypted_samples_are_refused(codec: str, kind: int, tmp_path: Path) -> None:
    source = tmp_path / "source.ts"
    argv = [tools.path("ffmpeg"), "-v", "error", "-f", "lavfi", "-i", "sine=d=1", "-c:a", codec, source]
    subprocess.run(argv, check=True, capture_output=True)
    source.write_bytes(source.read_bytes().replace(b"AC-3", b"zac3").replace(b"EAC3", b"zec3"))
    with pytest.raises(SourceUnsupported, match="The sound is encrypted"):
        describe(stated_as(source, kind), log=tmp_path / "log", limits=Limits())


def test_mpeg_h_that_ffmpeg_does_not_know_in_mp4_is_named() -> None:
    stream = {"index": 0, "codec_type": "audio", "codec_tag_string": "mha1", "codec_tag": "0x3161686d"}
    output = ProbeOutput.model_validate({"format": {"format_name": "mov"}, "streams": [stream]})
    assert [one.codec_name for one in as_stated(output).streams] == ["mpegh_3d_audio"]
