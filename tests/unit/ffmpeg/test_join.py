"""Joining, with real encodes of a few small frames."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import pytest
from av.packet import Packet
from hypothesis import assume, given

import strategies
from cutroom.errors import VerificationFailed
from cutroom.ffmpeg import join, tools
from cutroom.ffmpeg.piped import PIPE_BYTES, piped

TIMESCALE = 12_800
FRAME = 512


@dataclass(frozen=True)
class Encodes:
    """Encoded chunks and the times that their encoders were given, in the order of their packets."""

    files: list[Path]
    ticks: list[list[int]]

    @property
    def shown(self) -> list[int]:
        return sorted(tick for ticks in self.ticks for tick in ticks)


@pytest.fixture(scope="module")
def encodes(tmp_path_factory: pytest.TempPathFactory) -> Encodes:
    """Three chunks of 11, 11 and 3 frames with B-frames, at their places on one timeline that starts late."""
    folder = tmp_path_factory.mktemp("encodes")
    files, ticks = [], []
    for number, (first, count) in enumerate([(7, 11), (18, 11), (29, 3)]):
        files.append(folder / f"{number}.nut")
        command = [
            tools.path("ffmpeg"), "-v", "error", "-nostdin", "-y",
            "-f", "lavfi", "-i", f"testsrc2=s=64x48:r=25:d={(first + count) / 25}",
            "-vf", f"trim=start_frame={first},settb=1/{TIMESCALE}", "-fps_mode", "passthrough",
            "-enc_time_base", f"1/{TIMESCALE}",
            "-c:v", "libx264", "-threads", "1", "-bf", "3", "-pix_fmt", "yuv420p",
            "-x264-params", "keyint=infinite:scenecut=0:b-adapt=0:b-pyramid=normal", "-f", "nut", str(files[-1]),
        ]  # fmt: skip
        subprocess.run(command, check=True, capture_output=True, timeout=60)
        found = [pts for pts, _, _ in packets_of(files[-1])]
        ticks.append([pts - min(found) + FRAME * first for pts in found])
        assert sorted(ticks[-1]) == [FRAME * n for n in range(first, first + count)]
    return Encodes(files, ticks)


def packets_of(path: Path) -> list[tuple[int, int, bool]]:
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        scale = Fraction(stream.time_base or 1) * TIMESCALE
        return [
            (int((one.pts or 0) * scale), int((one.dts or 0) * scale), one.is_keyframe)
            for one in container.demux(stream)
            if one.size
        ]


def decoded_times(path: Path) -> list[int]:
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        return [int(frame.pts * frame.time_base * TIMESCALE) for frame in container.decode(stream)]


def edited(source: Path, target: Path, edit: Callable[[list[Packet]], list[Packet]]) -> Path:
    """A copy of an encode with other packets."""
    with av.open(str(source)) as given, av.open(str(target), "w", format="nut") as made:
        stream = given.streams.video[0]
        out = made.add_stream_from_template(stream)
        made.start_encoding()
        for packet in edit([one for one in given.demux(stream) if one.size]):
            packet.stream = out
            made.mux(packet)
    return target


@pytest.mark.media
def test_the_encodes_are_a_test_as_they_hold_frames_out_of_order(encodes: Encodes) -> None:
    for file in encodes.files[:2]:
        times = [pts for pts, _, _ in packets_of(file)]
        assert times != sorted(times)


@pytest.mark.media
@pytest.mark.parametrize("finer", [1, 1800, 160_000])
def test_every_frame_is_shown_at_the_time_that_its_encoder_was_given(
    finer: int, encodes: Encodes, tmp_path: Path
) -> None:
    """Also where ticks are finer, up to what a muxer can count: 1/23040000 s of an editor ended in an error."""
    ticks = [[tick * finer for tick in one] for one in encodes.ticks]
    join.join(encodes.files, ticks, TIMESCALE * finer, tmp_path / "o.mp4")
    assert decoded_times(tmp_path / "o.mp4") == encodes.shown
    assert sorted(pts for pts, _, _ in packets_of(tmp_path / "o.mp4")) == encodes.shown


@pytest.mark.media
def test_decode_times_rise_and_are_not_after_what_is_shown(encodes: Encodes, tmp_path: Path) -> None:
    join.join(encodes.files, encodes.ticks, TIMESCALE, tmp_path / "o.mp4")
    packets = packets_of(tmp_path / "o.mp4")
    assert all(before[1] < after[1] for before, after in pairwise(packets))
    assert all(dts <= pts for pts, dts, _ in packets)
    # No step at the joins: every frame is decoded one frame after the one before.
    assert {after[1] - before[1] for before, after in pairwise(packets)} == {FRAME}


@pytest.mark.media
def test_decoding_does_not_run_ahead_by_what_the_first_frames_are_apart(
    encodes: Encodes, tmp_path: Path
) -> None:
    first, *others = encodes.shown
    late = [[tick + 2 * TIMESCALE * (tick > first) for tick in ticks] for ticks in encodes.ticks]
    # The packets of the first encode stay where they are, so it is the note that is held against them.
    with (
        av.open(str(encodes.files[0])) as given,
        av.open(str(tmp_path / "late.nut"), "w", format="nut") as made,
    ):
        stream = made.add_stream_from_template(given.streams.video[0])
        made.start_encoding()
        for packet, tick in zip((one for one in given.demux(video=0) if one.size), late[0], strict=True):
            scale = Fraction(1, TIMESCALE) / (packet.time_base or 1)
            packet.pts = int(tick * scale)
            packet.stream = stream
            made.mux(packet)
    join.join([tmp_path / "late.nut", *encodes.files[1:]], late, TIMESCALE, tmp_path / "o.mp4")
    packets = packets_of(tmp_path / "o.mp4")
    assert sorted(pts for pts, _, _ in packets) == [first, *(tick + 2 * TIMESCALE for tick in others)]
    assert all(before[1] < after[1] for before, after in pairwise(packets))
    assert 0 <= first - packets[0][1] <= TIMESCALE * join.LONGEST_LEAD_S


@pytest.mark.media
@pytest.mark.parametrize(
    ("starts_at", "few", "wanted"),
    [
        (0, False, -TIMESCALE // 10),
        (TIMESCALE, False, -TIMESCALE // 10),
        (TIMESCALE, True, TIMESCALE - TIMESCALE // 6),
        (60 * TIMESCALE, False, (60 - join.LONGEST_WAIT_S) * TIMESCALE),
    ],
    ids=["at once", "late", "late and few", "too late"],
)
def test_decoding_begins_as_early_as_a_container_asks(
    encodes: Encodes, tmp_path: Path, starts_at: int, few: bool, wanted: int
) -> None:
    """By its first packet alone, and every frame keeps its time."""
    moved = [[tick - encodes.shown[0] + starts_at for tick in ticks] for ticks in encodes.ticks]
    segment_ticks = Fraction(1) if few else None
    plain, early = (
        join.join(
            encodes.files,
            moved,
            TIMESCALE,
            tmp_path / f"{number}.mp4",
            lead_s=lead,
            segment_ticks=segment_ticks,
        )
        for number, lead in enumerate((Fraction(0), Fraction(1, 10)))
    )
    assert early.decode_ticks[0] == wanted < plain.decode_ticks[0]
    assert early.decode_ticks[1:] == plain.decode_ticks[1:]
    assert decoded_times(tmp_path / "1.mp4") == sorted(tick for ticks in moved for tick in ticks)


@pytest.mark.media
def test_each_chunk_begins_with_a_keyframe(encodes: Encodes, tmp_path: Path) -> None:
    join.join(encodes.files, encodes.ticks, TIMESCALE, tmp_path / "o.mp4")
    assert [pts for pts, _, key in packets_of(tmp_path / "o.mp4") if key] == [
        ticks[0] for ticks in encodes.ticks
    ]


@pytest.mark.media
def test_a_gap_between_chunks_stays(encodes: Encodes, tmp_path: Path) -> None:
    later = [[tick + 9 * TIMESCALE for tick in ticks] for ticks in encodes.ticks]
    join.join(encodes.files, [encodes.ticks[0], *later[1:]], TIMESCALE, tmp_path / "o.mp4")
    assert decoded_times(tmp_path / "o.mp4") == [
        *sorted(encodes.ticks[0]),
        *sorted(later[1]),
        *sorted(later[2]),
    ]


@pytest.mark.media
@pytest.mark.parametrize("place", [1, 4, -1])
def test_a_packet_that_was_lost_is_noticed(encodes: Encodes, tmp_path: Path, place: int) -> None:
    def lose(packets: list[Packet]) -> list[Packet]:
        del packets[place]
        return packets

    broken = edited(encodes.files[1], tmp_path / "b.nut", lose)
    with pytest.raises(VerificationFailed, match="does not hold the 11 frames"):
        join.join([encodes.files[0], broken, encodes.files[2]], encodes.ticks, TIMESCALE, tmp_path / "o.mp4")


@pytest.mark.media
def test_a_packet_that_is_there_twice_is_noticed(encodes: Encodes, tmp_path: Path) -> None:
    def double(packets: list[Packet]) -> list[Packet]:
        again = Packet(bytes(packets[-1]))
        again.time_base, again.pts = packets[-1].time_base, (packets[-1].pts or 0) + 1
        again.dts = (packets[-1].dts or 0) + 1
        return [*packets, again]

    broken = edited(encodes.files[1], tmp_path / "b.nut", double)
    with pytest.raises(VerificationFailed, match="does not hold the 11 frames"):
        join.join([encodes.files[0], broken, encodes.files[2]], encodes.ticks, TIMESCALE, tmp_path / "o.mp4")


@pytest.mark.media
def test_a_frame_at_another_time_is_noticed(encodes: Encodes, tmp_path: Path) -> None:
    ticks = [list(one) for one in encodes.ticks]
    ticks[1][5] += 100
    with pytest.raises(VerificationFailed, match="does not hold the 11 frames"):
        join.join(encodes.files, ticks, TIMESCALE, tmp_path / "o.mp4")


@pytest.mark.media
def test_an_encode_without_a_frame_is_noticed(encodes: Encodes, tmp_path: Path) -> None:
    broken = edited(encodes.files[1], tmp_path / "b.nut", lambda _: [])
    with pytest.raises(VerificationFailed, match="holds no frame"):
        join.join([encodes.files[0], broken, encodes.files[2]], encodes.ticks, TIMESCALE, tmp_path / "o.mp4")


READ_LATE = """
import fcntl, os, select, struct, sys, termios
pipe, full = int(sys.argv[1]), int(sys.argv[2])
while struct.unpack("i", fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)))[0] < full:
    select.select([], [], [], 0.01)
print("full", flush=True)
was_told = bool(select.select([sys.stdin], [], [], 20)[0])
while os.read(pipe, 2**20):
    pass
sys.exit(not was_told)
"""
"""Reads a pipe when it is full and somebody says so; or after 20 s, so that nothing hangs."""


@pytest.mark.media
def test_others_go_on_while_a_reader_keeps_the_end_of_a_film_waiting(tmp_path: Path) -> None:
    """A packager was never started where the end of a short film filled its pipe first."""
    noise = "nullsrc=s=640x480:r=25:d=0.2,geq=lum='random(1)*255':cb=128:cr=128"
    command = [tools.path("ffmpeg"), "-v", "error", "-nostdin", "-f", "lavfi", "-i", noise]
    command += ["-c:v", "libx264", "-preset", "ultrafast", "-qp", "0", str(tmp_path / "noise.nut")]
    subprocess.run(command, check=True, timeout=60)
    # One fragment, which is written at the very end.
    assert (tmp_path / "noise.nut").stat().st_size > PIPE_BYTES
    ticks = [[FRAME * number for number in range(5)]]
    with (
        piped(lambda into: join.join([tmp_path / "noise.nut"], ticks, TIMESCALE, into)) as given,
        subprocess.Popen(
            [sys.executable, "-c", READ_LATE, str(given.descriptor), str(PIPE_BYTES * 9 // 10)],
            pass_fds=[given.descriptor],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        ) as reader,
    ):
        assert reader.stdout is not None
        assert reader.stdout.readline() == b"full\n"
        reader.communicate(b"go on")
    assert reader.returncode == 0
    assert list(given.written().ticks) == ticks[0]


@given(strategies.tracks())
def test_decoding_runs_ahead_just_as_far_as_the_order_needs(track: strategies.Track) -> None:
    order = [packet.pts for packet in track.packets]
    shown = sorted(order)
    delay = join._delay(order, shown)
    # Frame n is decoded when the frame `delay` places earlier is shown; and not one place later for all of them.
    assert all(pts >= shown[n - delay] for n, pts in enumerate(order) if n >= delay)
    if delay:
        assert any(pts < shown[n - delay + 1] for n, pts in enumerate(order) if n >= delay - 1)


@given(strategies.tracks())
def test_decode_times_rise_and_no_frame_is_shown_before_it_is_decoded(track: strategies.Track) -> None:
    order = [packet.pts for packet in track.packets]
    assume(len(set(order)) == len(order))
    times = join._decode_ticks(order, sorted(order), TIMESCALE)
    assert all(before < after for before, after in pairwise(times))
    assert all(decoded <= shown for decoded, shown in zip(times, order, strict=False))


def test_at_a_variable_rate_players_reckon_that_the_last_frame_lasts_until_the_end() -> None:
    """They add to its time how long its packet lasts until the next is decoded (Media Source Extensions, 3.5.8)."""
    # Two closed groups, the second from 100 on; in each a frame refers to a later one.
    order = [0, 30, 10, 20, 90, 40, 100, 190, 110, 160]
    times = join._decode_ticks(order, sorted(order), TIMESCALE)
    ends = [pts + after - before for pts, (before, after) in zip(order, pairwise(times), strict=False)]
    assert max(ends[:6]) == 100
    # As long as frames are shown on average: 30 after the one before it may be a pause.
    assert max(ends[6:]) == 190 + 190 // 9
    assert times[0] == 0
