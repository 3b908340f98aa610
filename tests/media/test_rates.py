"""Noise, which no encoder makes small, at a bit rate far below what its quality asks for: the cap holds at joins."""

import subprocess
from pathlib import Path

import av
import pytest

from cutroom.ffmpeg import tools
from cutroom.media import video_plan as planning
from cutroom.packaging.facts import RenditionFacts
from cutroom.settings import Settings
from cutroom.steps.local import transcode

pytestmark = pytest.mark.media

SEGMENT_S, MOST_BPS = 2, 150_000

PROFILE = f"""
name: capped
description: Far fewer bits than the quality asks for
segment_s: {SEGMENT_S}
video:
  - {{codec: h264, preset: ultrafast, crf: 15, rungs: [{{box: 160x90, max_bitrate: {MOST_BPS}}}]}}
  - {{codec: hevc, preset: ultrafast, crf: 15, rungs: [{{box: 160x90, max_bitrate: {MOST_BPS}}}]}}
  - {{codec: vp9, preset: "8", crf: 15, rungs: [{{box: 160x90, max_bitrate: {MOST_BPS}}}]}}
  - {{codec: av1, preset: "11", crf: 15, rungs: [{{box: 160x90, max_bitrate: {MOST_BPS}}}]}}
"""


def largest_window_bps(media: Path, window_s: float) -> float:
    """The most bits of any window, frame by frame, from what players fetch."""
    with av.open(str(media)) as opened:
        stream = opened.streams.video[0]
        found = [(packet.dts, packet.size) for packet in opened.demux(stream) if packet.dts is not None]
        times = [float(dts * stream.time_base) for dts, _ in found]
    sizes = [size for _, size in found]
    return max(
        8 * sum(size for size, time in zip(sizes, times, strict=True) if first <= time < first + window_s)
        for first in times
    ) / window_s  # fmt: skip


@pytest.mark.parametrize("segments", [1, 2])
def test_no_codec_takes_more_than_its_cap_in_any_window(
    segments: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planning, "_segments_per_chunk", lambda *_: segments)
    source, profile, out = tmp_path / "noise.mkv", tmp_path / "capped.yaml", tmp_path / "out"
    picture = "testsrc2=s=160x90:r=25:d=7,noise=alls=80:allf=t+u"
    command = [tools.path("ffmpeg"), "-v", "error", "-f", "lavfi", "-i", picture, "-pix_fmt", "yuv420p"]
    subprocess.run([*command, "-c:v", "ffv1", "-g", "25", source], check=True)
    profile.write_text(PROFILE)
    version = transcode(source, out, profile=str(profile), settings=Settings(home=tmp_path))
    assert version.report["ok"]
    facts = [RenditionFacts.load(path.read_bytes()) for path in out.glob("renditions/*/rendition.json")]
    assert len(facts) == 4
    for one in facts:
        assert len(one.segments) == 4
        largest = largest_window_bps(out / "renditions" / one.key / "media.m3u8", 1.5 * SEGMENT_S)
        assert largest <= 1.1 * MOST_BPS, one.name
        # It is the cap that holds it, not the quality.
        assert largest >= 0.3 * MOST_BPS, one.name
