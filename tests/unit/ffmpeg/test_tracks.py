"""What is made of ffprobe's words; the JSON files beside hold what it says of real files."""

import re
import subprocess
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cutroom.ffmpeg import shape, tools, tracks
from cutroom.ffmpeg.ffprobe import ProbeOutput, Stream
from cutroom.media.source import Source, VideoTrack

FOUND = Path(__file__).parents[2] / "data" / "ffprobe"


def source_of(name: str) -> Source:
    (path,) = FOUND.glob(f"{name}*.json")
    output = ProbeOutput.model_validate_json(path.read_text())
    return tracks.to_source(output, sha256="ab", size_bytes=7)


def of_streams(*streams: dict[str, Any]) -> Source:
    numbered = [{"index": n, "time_base": "1/1000", **one} for n, one in enumerate(streams)]
    output = ProbeOutput.model_validate({"format": {"format_name": "mov"}, "streams": numbered})
    return tracks.to_source(output, sha256="ab", size_bytes=7)


def video(**more: Any) -> dict[str, Any]:
    return {"codec_type": "video", "codec_name": "h264", "width": 64, "height": 32, **more}


def audio(**more: Any) -> dict[str, Any]:
    return {"codec_type": "audio", "codec_name": "aac", "channels": 2, "sample_rate": "48000", **more}


class TestToSource:
    @pytest.mark.parametrize("path", sorted(FOUND.glob("*.json")), ids=lambda path: path.stem)
    def test_every_example_is_understood(self, path: Path) -> None:
        source = source_of(path.stem)
        assert source.video or source.audio
        assert all(track.sample_rate_hz > 0 and track.channels > 0 for track in source.audio)

    def test_there_are_a_dozen_examples_without_paths(self) -> None:
        files = list(FOUND.glob("*.json"))
        assert len(files) >= 12
        assert not [path for path in files if re.search(r'"filename": "[^"]*/', path.read_text())]

    def test_of_two_pictures_the_larger_default_one_is_taken_and_the_rest_is_told(self) -> None:
        source = source_of("nasa")
        assert [(one.index, one.width, one.height) for one in source.video] == [(3, 480, 270)]
        assert [one.index for one in source.audio] == [1, 4]
        assert source.not_carried == ("track 0: video h264",)
        assert [(one.index, one.language) for one in source.text] == [(2, "en"), (5, "en")]

    def test_the_default_picture_comes_before_a_larger_one(self) -> None:
        source = of_streams(video(width=640), video(disposition={"default": 1}))
        assert source.video[0].index == 1

    def test_a_shot_of_full_size_is_not_taken_for_the_film(self) -> None:
        """Phones put one or two beside the film of a motion photo, as a track that is enabled like it."""
        is_default = {"disposition": {"default": 1}}
        shot = video(**is_default, width=2048, height=1536, nb_frames="2")
        found = of_streams(video(**is_default, nb_frames="53"), shot)
        assert [one.index for one in found.video] == [0]
        assert found.not_carried == ("track 1: video h264",)
        # A slow slide show beside its speaker is one.
        assert of_streams(video(**is_default, nb_frames="15"), shot).video[0].index == 1

    def test_a_phone_held_upright_is_turned(self) -> None:
        track = source_of("phone-5s").video[0]
        assert (track.rotation, track.mirrored, track.display_size) == (270, False, (720, 1280))

    def test_hdr_is_known_by_its_transfer(self) -> None:
        assert [source_of(name).video[0].is_hdr for name in ("phone-4s", "rooftop", "nasa")] == [
            True,
            True,
            False,
        ]

    def test_broadcast_pictures_are_interlaced_and_not_square(self) -> None:
        track = source_of("tv-news").video[0]
        assert track.is_interlaced
        assert track.sar == Fraction(16, 11)
        assert track.display_size == (1024, 576)

    def test_times_are_exact(self) -> None:
        source = source_of("tv-news")
        assert source.start_s == Fraction("13582.024544")
        assert source.video[0].time_base == Fraction(1, 90_000)
        assert source_of("nasa").video[0].frame_rate == Fraction(30_000, 1001)

    def test_a_cover_is_no_video(self) -> None:
        for name in ("podcast", "bear"):
            source = source_of(name)
            assert source.video == ()
            assert source.cover is not None
            assert source.cover.index == 1
            assert source.not_carried == ()

    def test_subtitles_that_are_pictures_are_told(self) -> None:
        assert any("dvb_subtitle, which is pictures" in said for said in source_of("tv-news").not_carried)

    def test_chapters_and_titles_are_kept(self) -> None:
        source = source_of("podcast")
        assert [(one.start_s, one.end_s, one.title) for one in source.chapters] == [
            (0, Fraction(3, 5), "Chapter title"),
            (Fraction(3, 5), Fraction(6, 5), "chap2"),
        ]
        assert source.tags["title"] == "Test title"

    def test_what_is_not_known_is_none(self) -> None:
        source = of_streams(
            video(sample_aspect_ratio="0:1", avg_frame_rate="0/0", r_frame_rate="0/0", pix_fmt="unknown",
                  bit_rate="N/A", tags={"language": "und"}),
            audio(start_time="N/A", channel_layout="unknown", tags={"language": ""}),
        )  # fmt: skip
        track, sound = source.video[0], source.audio[0]
        assert (track.sar, track.frame_rate, track.pix_fmt, track.bit_rate_bps, track.language) == (None,) * 5
        assert (sound.start_s, sound.channel_layout, sound.language, sound.label) == (
            None,
            None,
            None,
            "Main",
        )
        assert (source.duration_s, source.start_s, source.cover) == (None, None, None)

    @pytest.mark.parametrize("language", ['en"', "a\nb", "\x08", "English, UK", "1x", "-", "toolonglanguage"])
    def test_what_is_no_language_tag_is_not_passed_on(self, language: str) -> None:
        assert of_streams(audio(tags={"language": language})).audio[0].language is None

    @pytest.mark.parametrize(
        ("said", "tag"),
        [("eng", "en"), ("ger", "de"), ("de", "de"), ("pt-BR", "pt-BR"), ("zh-Hant-TW", "zh-Hant-TW")],
    )
    def test_a_language_has_its_shortest_tag(self, said: str, tag: str) -> None:
        assert of_streams(audio(tags={"language": said})).audio[0].language == tag

    def test_the_source_starts_with_the_first_track_that_is_carried(self) -> None:
        source = of_streams(
            video(start_time="0.5"), audio(start_time="-0.021333"),
            {"codec_type": "subtitle", "codec_name": "srt", "start_time": "-9"},
        )  # fmt: skip
        assert source.start_s == Fraction(-21_333, 1_000_000)

    @pytest.mark.parametrize(
        "broken", [video(width=0), video(codec_name="unknown"), audio(channels=0), audio(sample_rate="0")]
    )
    def test_a_track_that_is_not_understood_is_not_carried(self, broken: dict[str, Any]) -> None:
        source = of_streams(audio(), broken)
        assert (len(source.video), len(source.audio), len(source.not_carried)) == (0, 1, 1)

    @given(st.integers(1, 999), st.integers(1, 999))
    def test_pictures_are_never_shrunk_to_make_their_pixels_square(self, over: int, under: int) -> None:
        track = VideoTrack(
            index=0, codec="h264", width=640, height=480, time_base=Fraction(1), sar=Fraction(over, under)
        )
        width, height = track.display_size
        assert width >= 640
        assert height >= 480
        assert abs(Fraction(width, height) / (Fraction(640, 480) * Fraction(over, under)) - 1) < Fraction(
            1, 100
        )


def matrix_of(a: int, b: int, c: int, d: int) -> tuple[dict[str, Any], ...]:
    rows = [(a << 16, b << 16, 0), (c << 16, d << 16, 0), (0, 0, 1 << 30)]
    text = "".join(f"\n{n:08d}: " + " ".join(f"{cell:11d}" for cell in row) for n, row in enumerate(rows))
    return ({"side_data_type": "Other"}, {"side_data_type": "Display Matrix", "displaymatrix": text + "\n"})


MATRICES = {
    (1, 0, 0, 1): (0, False),
    (0, 1, -1, 0): (90, False),
    (-1, 0, 0, -1): (180, False),
    (0, -1, 1, 0): (270, False),
    (-1, 0, 0, 1): (0, True),
    (0, -1, -1, 0): (90, True),
    (1, 0, 0, -1): (180, True),
    (0, 1, 1, 0): (270, True),
}
"""Where a point (x, y), y downwards, is shown: (ax + cy, bx + dy); and the flip and turn that do the same."""


@pytest.mark.parametrize("matrix", MATRICES)
def test_a_display_matrix_is_a_flip_and_then_a_turn(matrix: tuple[int, int, int, int]) -> None:
    assert shape.orientation(matrix_of(*matrix)) == MATRICES[matrix]


@pytest.mark.parametrize("matrix", MATRICES)
@pytest.mark.parametrize("point", [(1, 0), (0, 1)])
def test_a_flip_and_a_turn_move_a_point_as_the_matrix_does(
    matrix: tuple[int, int, int, int], point: tuple[int, int]
) -> None:
    a, b, c, d = matrix
    x, y = point
    wanted = (a * x + c * y, b * x + d * y)
    rotation, mirrored = shape.orientation(matrix_of(*matrix))
    if mirrored:
        x = -x
    for _ in range(rotation // 90):
        x, y = -y, x  # clockwise, as y points down
    assert (x, y) == wanted


@pytest.mark.parametrize(
    ("matrix", "meant", "shown"),
    [((1, 1, -1, 1), 45, 0), ((2, 3, -3, 2), 56, 90), ((-3, -2, 2, -3), 214, 180), ((2, -1, 1, 2), 333, 0)],
)
def test_a_turn_by_no_quarter_is_told(matrix: tuple[int, int, int, int], meant: int, shown: int) -> None:
    """Players turn pictures by quarters alone."""
    stream = Stream(index=0, codec_type="video", side_data_list=matrix_of(*matrix))
    assert shape.orientation(stream.side_data_list) == (shown, False)
    (note,) = shape.turn_notes(stream)
    assert f" {meant}°" in note
    assert f" {shown}°" in note


@pytest.mark.parametrize("matrix", [*MATRICES, (0, 0, 0, 0)])
def test_a_turn_by_quarters_is_not_told(matrix: tuple[int, int, int, int]) -> None:
    assert shape.turn_notes(Stream(index=0, codec_type="video", side_data_list=matrix_of(*matrix))) == ()


def test_a_matrix_of_nothing_does_not_turn() -> None:
    assert shape.orientation(matrix_of(0, 0, 0, 0)) == (0, False)


def test_a_track_without_a_matrix_is_not_turned() -> None:
    assert shape.orientation(()) == (0, False)
    assert shape.orientation(({"side_data_type": "Other"},)) == (0, False)


def test_sound_that_nothing_decodes_is_told() -> None:
    found = of_streams(video(), audio(codec_name="ac4"))
    assert not found.audio
    assert found.not_carried == ("track 1: audio ac4, which nothing here decodes",)


@pytest.mark.parametrize("container", ["asf", "rm"])
def test_times_that_are_not_those_of_the_samples_count_only_beside_a_picture(container: str) -> None:
    """RealAudio alone was stretched after its rounded times."""

    def clock(*streams: dict[str, Any]) -> str:
        numbered = [{"index": n, "time_base": "1/1000", **one} for n, one in enumerate(streams)]
        output = ProbeOutput.model_validate({"format": {"format_name": container}, "streams": numbered})
        return tracks.to_source(output, sha256="ab", size_bytes=7).audio[0].clock

    assert clock(audio()) == "none"
    assert clock(video(), audio()) == "loose"


def test_it_is_known_what_ffmpeg_does_not_decode() -> None:
    argv = [tools.path("ffmpeg"), "-v", "error", "-codecs"]
    said = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
    named = [line.split()[:2] for line in said.partition("-------\n")[2].splitlines()]
    # `DEAIL.`: decoded, encoded, sound.
    undecoded = {name for can, name in named if can[0] == "." and can[2] == "A"}
    assert undecoded | {"unknown"} == tracks.UNHEARD
