"""What ffmpeg itself does with times and turned pictures is what the plan says of them."""

import subprocess
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import pytest

import strategies
from cutroom.ffmpeg import argv, probe, runner, tools
from cutroom.media.joins import Sampling
from cutroom.media.limits import Limits
from cutroom.media.plan import make_plan
from cutroom.media.profile import load_profile
from cutroom.media.source import AudioTrack, Source, VideoTrack
from cutroom.media.video_plan import VideoPlan
from cutroom.steps.frame_stats import frame_ticks

pytestmark = pytest.mark.media

LIMITS = Limits(stall_s=60)
ANY_FRAMES = Sampling(head=1, tail=1, every=100)


def ffmpeg(*arguments: str) -> bytes:
    command = [tools.path("ffmpeg"), "-v", "error", "-nostdin", "-y", *arguments]
    return subprocess.run(command, check=True, capture_output=True, timeout=60).stdout


@pytest.fixture(scope="module")
def corner(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A picture whose four corners differ, so that each of the eight orientations is another picture."""
    path = tmp_path_factory.mktemp("corner") / "corner.mp4"
    graph = "color=black:s=64x32,format=yuv420p,geq=lum='16+X*2+Y*3':cb=128:cr=128"
    ffmpeg("-f", "lavfi", "-i", graph, "-frames:v", "1", "-c:v", "libx264", "-qp", "0", str(path))
    return path


@pytest.mark.parametrize("flip", [[], ["-display_hflip"], ["-display_vflip"]], ids=["", "hflip", "vflip"])
@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_a_picture_is_turned_as_a_player_turns_it(
    corner: Path, tmp_path: Path, rotation: int, flip: list[str]
) -> None:
    turned = tmp_path / "turned.mp4"
    ffmpeg("-display_rotation", str(rotation), *flip, "-i", str(corner), "-c", "copy", str(turned))
    source, packets = probe.probe(turned, sha256="ab", log=tmp_path / "log", limits=LIMITS)
    video = make_plan(source, packets, load_profile("web"), asset_id="as_1", tools={}).video
    assert video is not None
    rung = replace(video.rungs[0], crf=1, max_bitrate_bps=10**8, encoder_bps=10**8, buffer_bits=10**8)
    (chunk,) = video.chunks
    command = argv.encode_video(
        video,
        chunk,
        [rung],
        source=turned,
        outputs=[tmp_path / "o.nut"],
        stats=[tmp_path / "stats"],
        samples=[tmp_path / "given.nut"],
        sampling=[ANY_FRAMES],
    )
    runner.run(command, log=tmp_path / "encode.log", limits=LIMITS)
    raw = ["-pix_fmt", "gray", "-f", "rawvideo", "-"]
    shown, ours = (ffmpeg("-i", str(path), *raw) for path in (turned, tmp_path / "o.nut"))
    assert (rung.width, rung.height) == video.track.display_size
    assert len(shown) == len(ours)
    assert max(abs(a - b) for a, b in zip(shown, ours, strict=True)) < 12


def source_with(times: list[int], time_base: Fraction, path: Path) -> None:
    """A NUT file of raw frames at these times."""
    with av.open(str(path), "w", format="nut") as made:
        stream = made.add_stream("rawvideo", rate=25)
        stream.width, stream.height, stream.pix_fmt = 16, 16, "gray"
        stream.time_base = stream.codec_context.time_base = time_base
        for time in times:
            frame = av.VideoFrame(16, 16, "gray")
            frame.pts, frame.time_base = time, time_base
            for packet in stream.encode(frame):
                made.mux(packet)


def plan_for(times: list[int], time_base: Fraction, sound_s: Fraction, rate: Fraction | None) -> VideoPlan:
    source = Source(
        sha256="ab", size_bytes=1, container="nut", start_s=None, duration_s=None,
        video=(VideoTrack(index=0, codec="rawvideo", width=16, height=16, time_base=time_base, frame_rate=rate),),
        audio=(AudioTrack(index=1, codec="aac", channels=1, sample_rate_hz=48_000, start_s=sound_s),),
    )  # fmt: skip
    packets = strategies.packets_of(times, 1)
    video = make_plan(source, packets, load_profile("web"), asset_id="as_1", tools={}).video
    assert video is not None
    return video


VARIABLE = [90_000 + gap for gap in (0, 3_003, 6_007, 9_999, 44_444, 300_001, 1_234_567)]

CASES = {
    "variable": (VARIABLE, Fraction(1, 90_000), Fraction(0), None),
    "variable, half a tick off the sound": (VARIABLE, Fraction(1, 90_000), Fraction(50, 1_000_000), None),
    "variable, in microseconds": (
        [1_000_007, 1_033_340, 1_100_001, 3_000_000], Fraction(1, 1_000_000), Fraction(50, 1_000_000), None),
    "30000/1001 in milliseconds": (
        strategies.ticks_of(Fraction(30_000, 1001), Fraction(1, 1000), 60, 67), Fraction(1, 1000), Fraction(0),
        Fraction(30_000, 1001)),
    "60000/1001 on a long clock": (
        strategies.ticks_of(Fraction(60_000, 1001), Fraction(1, 90_000), 60, 2**33), Fraction(1, 90_000),
        Fraction(2**33, 90_000), Fraction(60_000, 1001)),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_ffmpeg_gives_every_frame_the_time_that_the_plan_says(tmp_path: Path, name: str) -> None:
    times, time_base, sound_s, rate = CASES[name]
    source_with(times, time_base, tmp_path / "s.nut")
    video = plan_for(times, time_base, sound_s, rate)
    (chunk,) = video.chunks
    command = argv.encode_video(
        video, chunk, video.rungs[:1],
        source=tmp_path / "s.nut", outputs=[tmp_path / "o.nut"], stats=[tmp_path / "stats"],
        samples=[tmp_path / "given.nut"],
        sampling=[ANY_FRAMES],
    )  # fmt: skip
    runner.run(command, log=tmp_path / "encode.log", limits=LIMITS)
    assert frame_ticks(tmp_path / "stats", video.timing.timescale) == video.timing.thinned(
        [video.timing.output_ticks(pts) for pts in times], video.rungs[0].frame_step
    )
