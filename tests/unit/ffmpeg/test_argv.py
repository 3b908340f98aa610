"""ffmpeg's arguments, held to golden files: any change of what ffmpeg is told shows in review."""

import re
import subprocess
from collections.abc import Callable
from dataclasses import asdict, replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

import strategies
from cutroom.ffmpeg import argv, inspection, sound, sound_stills, sprites, tools
from cutroom.ffmpeg.containers import DEMUXERS
from cutroom.media.edits import Edit
from cutroom.media.joins import Sampling
from cutroom.media.loudness import Gain
from cutroom.media.plan import Plan, make_plan
from cutroom.media.profile import load_profile, parse_profile, profile_names
from cutroom.media.recipes import Thumbnails
from cutroom.media.source import AudioTrack, Source, VideoTrack

Golden = Callable[[str, str], None]

TRACK = VideoTrack(
    index=0, codec="h264", width=1280, height=720, time_base=Fraction(1, 12_800), frame_rate=Fraction(25)
)
SOUND = AudioTrack(index=1, codec="aac", channels=2, sample_rate_hz=48_000, start_s=Fraction(0))

PROFILE = """
name: small
description: two rungs
segment_s: 2
video:
  - codec: h264
    crf: 22
    rungs: [{box: 1280x720, max_bitrate: 3.5M}, {box: 640x360, max_bitrate: 900k, crf: 24.5}]
audio:
  - {codec: aac, bitrates: [128k, 64k]}
"""


def plan_of(
    times: list[int], sound: AudioTrack = SOUND, *, of_profile: str = PROFILE, **of_track: Any
) -> Plan:
    profile = parse_profile(of_profile, "small")
    packets = strategies.packets_of(times)
    return make_plan(source_of(sound, **of_track), packets, profile, asset_id="as_1", tools={})


def source_of(sound: AudioTrack = SOUND, **of_track: Any) -> Source:
    return Source(
        sha256="ab" * 32,
        size_bytes=1,
        container="mov",
        start_s=None,
        duration_s=None,
        video=(replace(TRACK, **of_track),),
        audio=(sound,),
    )


def one_pair_a_line(arguments: list[str]) -> str:
    """An option and its value on a line; the parts of a filter graph on lines of their own."""
    lines: list[str] = []
    for argument in (one.replace(DEMUXERS, "DEMUXERS") for one in arguments):
        is_option = argument.startswith("-") and len(argument) > 1 and not argument[1:].isdigit()
        if lines and not is_option and lines[-1].startswith("-") and " " not in lines[-1]:
            lines[-1] += " " + argument.replace(";", ";\n    ")
        else:
            lines.append(argument)
    return "\n".join(lines) + "\n"


def encode_of(
    times: list[int],
    track: AudioTrack = SOUND,
    *,
    index: int = 0,
    hidden: tuple[tuple[int, int], ...] = (),
    **planned: Any,
) -> list[str]:
    video = plan_of(times, track, **planned).video
    assert video is not None
    (chunk,) = video.chunks
    return argv.encode_video(
        video,
        replace(chunk, index=index, hidden=hidden),
        video.rungs,
        source=Path("chunk.nut"),
        outputs=[Path(f"{rung.name}.nut") for rung in video.rungs],
        stats=[Path(f"{rung.name}.txt") for rung in video.rungs],
        samples=[Path(f"{rung.name}.given.nut") for rung in video.rungs],
        sampling=[Sampling(head=2048, tail=60_000, every=30) for _ in video.rungs],
    )


CONSTANT = [512 * n for n in range(150)]
VARIABLE = [0, 600, 1_300, 2_600, 30_000, 30_512, 52_000]

VIDEOS: dict[str, tuple[list[int], dict[str, Any]]] = {
    "constant-landscape": (CONSTANT, {}),
    "rotated-90": (CONSTANT, {"rotation": 90}),
    "rotated-180": (CONSTANT, {"rotation": 180}),
    "rotated-270": (CONSTANT, {"rotation": 270}),
    "mirrored": (CONSTANT, {"mirrored": True}),
    "mirrored-and-rotated-270": (CONSTANT, {"mirrored": True, "rotation": 270}),
    "interlaced": (CONSTANT, {"field_order": "tt", "width": 720, "height": 576, "sar": Fraction(64, 45)}),
    "interlaced-by-sight": (CONSTANT, {"field_order": "progressive", "scan": "bff"}),
    "transparent": (CONSTANT, {"codec": "prores", "pix_fmt": "yuva444p10le"}),
    "wide-gamut": (CONSTANT, {"color_primaries": "smpte432", "color_space": "bt709"}),
    "full-range-of-bt601": (CONSTANT, {"color_space": "smpte170m", "color_range": "pc"}),
    "hdr": (CONSTANT, {"color_transfer": "smpte2084", "pix_fmt": "yuv420p10le"}),
    "variable": (VARIABLE, {"frame_rate": None}),
    "shifted-to-negative-times": ([n - 12_801 for n in CONSTANT], {}),
    "late-on-a-long-clock": (
        [3003 * n + 2**33 for n in range(150)],
        {"time_base": Fraction(1, 90_000), "frame_rate": Fraction(30_000, 1001)},
    ),
}


@pytest.mark.parametrize("name", VIDEOS)
def test_encode_video_tells_ffmpeg_for(name: str, golden: Golden) -> None:
    times, of_track = VIDEOS[name]
    track = replace(SOUND, start_s=None)
    golden(f"argv/encode-video-{name}.txt", one_pair_a_line(encode_of(times, track, **of_track)))


def test_a_chunk_may_hide_any_number_of_stretches() -> None:
    """ffmpeg refuses an expression that is a hundred deep, and calls it a want of memory."""
    command = encode_of([2 * n for n in range(400)], hidden=tuple((4 * n + 1, 4 * n + 2) for n in range(199)))
    (select,) = re.findall(r"select=(not\(.*?between.*?)\[", " ".join(command))
    picture = [
        "-f",
        "lavfi",
        "-i",
        "color=s=16x16:r=25",
        "-frames:v",
        "800",
        "-vf",
        f"settb=1/25,select={select}",
    ]
    show = [tools.path("ffmpeg"), "-v", "error", *picture, "-fps_mode", "passthrough", "-f", "framecrc", "-"]
    said = subprocess.run(show, check=True, capture_output=True, text=True).stdout
    times = [int(line.split(",")[2]) for line in said.splitlines() if not line.startswith("#")]
    assert times[:4] == [0, 3, 4, 7]
    assert len(times) == 800


SOUNDS = {
    "stereo": SOUND,
    "mono": replace(SOUND, channels=1),
    "surround-96k": replace(SOUND, channels=6, sample_rate_hz=96_000),
    "late": replace(SOUND, start_s=Fraction(1_250, 1000)),
    "early": replace(SOUND, start_s=Fraction(-21_333, 1_000_000)),
    "edited": replace(
        SOUND,
        codec="vorbis",
        clock="rough",
        edits=(Edit(Fraction(2), Fraction(1)), Edit(Fraction(3), None), Edit(Fraction(4), Fraction(5))),
    ),
}


@pytest.mark.parametrize("name", SOUNDS)
def test_encode_audio_tells_ffmpeg_for(name: str, golden: Golden) -> None:
    (audio,) = plan_of(CONSTANT, SOUNDS[name]).audio
    command = sound.encode(
        audio,
        audio.rungs,
        Gain(gain_db=-2.5),
        source=Path("source.mov"),
        outputs=[Path(f"{rung.name}.mp4") for rung in audio.rungs],
        stats=Path("stats.txt"),
        source_stats=Path("source.txt"),
        decoded_stats=Path("decoded.txt"),
        heard=Path("heard"),
    )
    golden(f"argv/encode-audio-{name}.txt", one_pair_a_line(command))


@pytest.mark.parametrize("name", ["constant-landscape", "rotated-90"])
def test_inspect_video_tells_ffmpeg_for(name: str, golden: Golden) -> None:
    times, of_track = VIDEOS[name]
    video = plan_of(times, **of_track).video
    assert video is not None
    sheet = sprites.plan_sheet(Fraction(6), video.track.display_size, Thumbnails())
    command = inspection.inspect_video(
        video, sheet, source=Path("source.mov"), stats=Path("stats.txt"), folder=Path("stills")
    )
    golden(f"argv/inspect-video-{name}.txt", one_pair_a_line(command))


def test_decode_tells_ffmpeg_for_pictures(golden: Golden) -> None:
    command = argv.decode(source=Path("whole.mp4"), stats=Path("decoded.txt"), small=Path("small"))
    golden("argv/decode-video.txt", one_pair_a_line(command))


def test_a_source_is_compared_as_it_is_shown_and_turned_once_it_is_small() -> None:
    track = VideoTrack(
        index=2,
        codec="h264",
        width=640,
        height=368,
        time_base=Fraction(1, 25),
        rotation=90,
        cropped=(0, 4, 0, 4),
    )
    command = argv.decode_source(
        source=Path("film.mov"), track=track, stats=Path("stats"), small=Path("small")
    )
    (filters,) = [each for each in command if "crop=" in each]
    assert filters.index("scale=640:368") < filters.index("crop=640:360:0:4") < filters.index("scale=18:32")


def test_decode_tells_ffmpeg_for_sound(golden: Golden) -> None:
    command = sound.decode(
        source=Path("whole.mp4"),
        stats=Path("decoded.txt"),
        channels=2,
        heard=Path("heard"),
        end_s=Fraction(101, 48),
    )
    golden("argv/decode-audio.txt", one_pair_a_line(command))


def test_single_channels_of_a_master_are_joined(golden: Golden) -> None:
    track = replace(SOUND, channels=6, channel_layout="5.1", joined=(1, 2, 3, 4, 5, 6))
    (audio,) = plan_of(CONSTANT, track).audio
    golden("argv/measure-joined.txt", one_pair_a_line(sound.measure(audio, source=Path("source.mov"))))


def test_channels_are_taken_for_others_and_times_that_say_nothing_are_left_out(golden: Golden) -> None:
    track = replace(SOUND, channels=3, taken_as="3.0", clock="none")
    (audio,) = plan_of(CONSTANT, track).audio
    golden("argv/measure-taken-as.txt", one_pair_a_line(sound.measure(audio, source=Path("source.wma"))))


def test_a_source_in_nut_is_not_taken_for_what_level_wrote() -> None:
    (audio,) = plan_of(CONSTANT).audio
    heard_of = {
        name: "".join(sound.hear(audio, 2, source=Path(name), heard=Path("heard")))
        for name in ("film.nut", "sound.levelled")
    }
    assert f"[0:{audio.track.index}]" in heard_of["film.nut"]
    assert "[0:0]" in heard_of["sound.levelled"]


def draw_of(source: Path) -> list[str]:
    (audio,) = plan_of(CONSTANT).audio
    return sound_stills.draw(
        audio,
        source=source,
        image=Path("w.png"),
        peaks=Path("peaks.txt"),
        samples_per_peak=2400,
        size_px=(1280, 240),
    )


def test_draw_tells_ffmpeg(golden: Golden) -> None:
    golden("argv/waveform.txt", one_pair_a_line(draw_of(Path("a.flac"))))


def test_extract_cover_tells_ffmpeg(golden: Golden) -> None:
    covers = [(side, Path(f"cover-{side}.jpg")) for side in (600, 300)]
    command = sound_stills.extract_cover(source=Path("a.mp3"), track=1, covers=covers)
    golden("argv/cover.txt", one_pair_a_line(command))


def test_a_download_with_tags_and_a_cover_tells_ffmpeg(golden: Golden) -> None:
    sources = [Path("joined.mp4"), Path("sound.mp4")]
    command = argv.copy(
        sources, Path("film.mp4"), container="mp4", metadata=Path("said.txt"), cover=Path("cover.jpg")
    )
    golden("argv/copy-tagged.txt", one_pair_a_line(command))


def test_a_source_is_never_taken_for_a_protocol_or_an_option() -> None:
    plan = plan_of(CONSTANT)
    (audio,) = plan.audio
    for source in (Path("http:evil"), Path("-y"), Path("concat:a|b")):
        command = sound.measure(audio, source=source)
        assert command[command.index("-i") + 1] == f"file:{source}"


def test_every_input_has_its_protocols_and_formats_named() -> None:
    (audio,) = plan_of(CONSTANT).audio
    commands = [
        encode_of(CONSTANT),
        sound.measure(audio, source=Path("s")),
        sound.level(audio, source=Path("s"), output=Path("o")),
        sound_stills.extract_cover(source=Path("s"), track=1, covers=[(300, Path("c"))]),
        draw_of(Path("s")),
    ]
    for command in commands:
        before = command[: command.index("-i")]
        assert before[before.index("-protocol_whitelist") + 1] == "file"
        assert "-format_whitelist" in before


CODECS = {
    "hevc": ("hevc, bit_depth: 10, hdr: keep", {"color_transfer": "smpte2084", "pix_fmt": "yuv420p10le"}),
    "vp9": ("vp9", {}),
    "av1": ("av1, bit_depth: 10", {}),
}


@pytest.mark.parametrize("codec", CODECS)
def test_encode_video_tells_the_encoder_of(codec: str, golden: Golden) -> None:
    recipe, of_track = CODECS[codec]
    of_profile = PROFILE.replace("codec: h264\n    crf: 22", "codec: " + recipe.replace(", ", "\n    "))
    command = encode_of(CONSTANT, of_profile=of_profile.replace("24.5", "30"), **of_track)
    golden(f"argv/encode-video-{codec}.txt", one_pair_a_line(command))


def test_encode_video_tells_ffmpeg_to_keep_every_second_frame_for_a_slow_rung(golden: Golden) -> None:
    slow = PROFILE.replace("crf: 24.5", "crf: 24.5, max_fps: 30")
    source = replace(TRACK, frame_rate=Fraction(60), time_base=Fraction(1, 60))
    golden(
        "argv/encode-video-thinned.txt",
        one_pair_a_line(encode_of(list(range(90)), of_profile=slow, **asdict(source))),
    )


@pytest.mark.parametrize("name", [name for name in profile_names() if load_profile(name).video])
def test_a_chunk_is_decoded_once_for_each_codec_and_all_its_rungs(name: str) -> None:
    large = {"width": 3840, "height": 2160}
    video = make_plan(
        source_of(**large), strategies.packets_of(CONSTANT), load_profile(name), asset_id="as_1", tools={}
    ).video
    assert video is not None
    made = []
    for codec in video.codecs:
        rungs = [rung for rung in video.rungs if rung.codec == codec]
        outputs = [Path(f"{rung.name}.nut") for rung in rungs]
        command = argv.encode_video(
            video, video.chunks[0], rungs,
            source=Path("chunk.nut"), outputs=outputs, stats=outputs,
            samples=[Path(f"{rung.name}.given.nut") for rung in rungs],
            sampling=[Sampling(head=1, tail=1, every=30) for _ in rungs],
        )  # fmt: skip
        assert command.count("-i") == 1
        # Each rung, and the frames that it will be compared with.
        assert len([option for option in command if option == "-map"]) == 2 * len(rungs)
        made += rungs
    # No rung is left for a decode of its own.
    assert made == list(video.rungs)


@pytest.mark.parametrize(
    ("index", "codec", "shows_all"), [(0, "h264", False), (1, "h264", True), (1, "mpeg2video", False)]
)
def test_a_decoder_that_begins_midway_holds_nothing_back(index: int, codec: str, shows_all: bool) -> None:
    command = encode_of(CONSTANT, index=index, codec=codec)
    assert ("+output_corrupt" in command[: command.index("-i")]) is shows_all


def test_every_rung_notes_its_frames() -> None:
    command = encode_of(CONSTANT)
    noted = [value for option, value in pairwise(command) if option == "-stats_enc_pre:v"]
    assert noted == ["h264-720p.txt", "h264-360p.txt"]


def test_keyframes_are_asked_for_at_all_segments_but_the_first() -> None:
    command = encode_of(CONSTANT)
    asked = [value for option, value in pairwise(command) if option == "-force_key_frames"]
    # Halfway between the frame before and the boundaries at 2 s and 4 s.
    assert asked == ["1.980000,3.980000"] * 2
