"""Vorbis of so little sound that all of it is on one page of Ogg."""

import subprocess
from pathlib import Path

import pytest

from cutroom.ffmpeg import tools
from cutroom.ffmpeg.probe import probe
from cutroom.media.limits import Limits


@pytest.mark.parametrize(("samples", "is_told"), [(6_664, True), (127_273, False)])
def test_vorbis_ends_where_its_only_page_says(samples: int, is_told: bool, tmp_path: Path) -> None:
    source = tmp_path / "source.ogg"
    sound = f"anoisesrc=r=48000:seed=1,atrim=end_sample={samples}"
    command = [tools.path("ffmpeg"), "-v", "error", "-f", "lavfi", "-i", sound, "-c:a", "libvorbis"]
    subprocess.run([*command, str(source)], check=True, capture_output=True)
    found, _ = probe(source, sha256="", log=tmp_path / "log", limits=Limits())
    (track,) = found.audio
    assert track.start_s is not None
    # ffmpeg ends longer sound itself.
    assert (track.ends_s is not None) is is_told
    assert not is_told or (track.ends_s - track.start_s) * track.sample_rate_hz == samples
