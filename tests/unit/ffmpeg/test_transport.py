"""The clock of a file is followed over all of its tracks."""

import struct
import subprocess
from pathlib import Path

from cutroom.ffmpeg import ogg, tools
from cutroom.ffmpeg.probe import probe
from cutroom.media.limits import Limits


def page(flags: int, number: int, data: bytes) -> bytes:
    """A page of Ogg with one packet, of track 7 (RFC 3533, 6)."""
    head = ogg.CAPTURE + struct.pack("<BBQII", 0, flags, 0, 7, number)
    sizes = bytes([1, len(data)])
    crc = ogg.checksum(head + bytes(4) + sizes + data)
    return head + struct.pack("<I", crc) + sizes + data


def test_ogg_that_begins_with_a_track_of_data_is_followed(tmp_path: Path) -> None:
    """Nothing is known of the codec of such a track, and it was asked for its name."""
    sound, source = tmp_path / "sound.ogg", tmp_path / "source.ogg"
    argv = [tools.path("ffmpeg"), "-v", "error", "-f", "lavfi", "-i", "sine=d=1", "-c:a", "libvorbis", sound]
    subprocess.run(argv, check=True, capture_output=True)
    source.write_bytes(page(ogg.BEGINS, 0, b"annotations") + sound.read_bytes())
    found, _ = probe(source, sha256="", log=tmp_path / "log", limits=Limits())
    assert [one.codec for one in found.audio] == ["vorbis"]
