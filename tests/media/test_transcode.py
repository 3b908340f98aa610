"""`transcode` on sources that a machine can check: every frame and sample, through every join."""

import json
import subprocess
import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import m3u8
import numpy as np
import pytest
from mpegdash.parser import MPEGDASHParser

from awkward import PLAIN, counted, without_frame
from counted import SAMPLE_RATE, decode_sound, lag_samples, make_counted, read_counters
from cutroom.ffmpeg import runner, tools
from cutroom.media import video_plan as planning
from cutroom.packaging.facts import RenditionFacts
from cutroom.settings import Settings
from cutroom.steps import assembling
from cutroom.steps.local import check_folder, transcode
from shown import shown

pytestmark = pytest.mark.media

CUTROOM = Path(sys.executable).with_name("cutroom")

PROFILE = """
name: test
description: Two small rungs and two bit rates, quickly
segment_s: 2
video:
  - codec: h264
    preset: ultrafast
    crf: 20
    rungs:
      - {box: 320x180, max_bitrate: 2M}
      - {box: 160x90, max_bitrate: 500k}
audio:
  - codec: aac
    bitrates: [128k, 64k]
"""


@pytest.fixture
def profile(tmp_path: Path) -> str:
    path = tmp_path / "test.yaml"
    path.write_text(PROFILE)
    return str(path)


@pytest.fixture
def one_segment_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut at every segment, so that there are as many joins as there can be."""
    monkeypatch.setattr(planning, "TARGET_CHUNK_COST_S", Fraction(1, 10**6))
    monkeypatch.setattr(planning, "CHUNKS_WANTED", 10**6)


def facts_of(out: Path) -> list[RenditionFacts]:
    found = [RenditionFacts.load(path.read_bytes()) for path in out.glob("renditions/*/rendition.json")]
    return sorted(found, key=lambda one: (one.kind, one.name))


def playlists(out: Path) -> dict[str, Path]:
    """Media playlist of each rendition by its name."""
    return {one.name: out / "renditions" / one.key / "media.m3u8" for one in facts_of(out)}


H264 = ("-c:v", "libx264", "-preset", "veryfast", "-crf", "12", "-bf", "3")
SOURCES: dict[str, tuple[str, Fraction, tuple[str, ...], tuple[str, ...]]] = {
    "H.264 with B-frames, 30000/1001, mp4": (".mp4", Fraction(30000, 1001), (*H264, "-g", "45"), ("-c:a", "aac")),
    "H.264 with open GOPs, 25, mkv": (
        ".mkv", Fraction(25), (*H264, "-g", "33", "-x264-params", "open-gop=1:b-pyramid=normal"), ("-c:a", "libopus"),
    ),
    "H.264 with one keyframe in all, 24000/1001, ts": (
        ".ts", Fraction(24000, 1001), (*H264, "-g", "9999", "-sc_threshold", "0"), ("-c:a", "mp2"),
    ),
    "HEVC with open GOPs, 60000/1001, mp4": (
        ".mp4", Fraction(60000, 1001), ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=0"),
        ("-c:a", "ac3"),
    ),
    "VP9, 30000/1001, webm": (
        ".webm", Fraction(30000, 1001),
        ("-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-b:v", "2M"), ("-c:a", "libopus"),
    ),
    "AV1, 25, mp4": (
        ".mp4", Fraction(25), ("-c:v", "libaom-av1", "-cpu-used", "8", "-crf", "20", "-g", "60"), ("-c:a", "flac"),
    ),
    "MPEG-2 with B-frames, 25, ts": (
        ".ts", Fraction(25), ("-c:v", "mpeg2video", "-q:v", "2", "-g", "12", "-bf", "2"), ("-c:a", "mp2"),
    ),
    "MPEG-4 part 2, 25, mov": (
        ".mov", Fraction(25), ("-c:v", "mpeg4", "-q:v", "2", "-g", "100"), ("-c:a", "pcm_s16le"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SOURCES)
@pytest.mark.usefixtures("one_segment_chunks")
def test_every_rendition_shows_every_frame_in_order_through_every_join(
    name: str, tmp_path: Path, profile: str
) -> None:
    suffix, rate, video, audio = SOURCES[name]
    source, out = tmp_path / f"source{suffix}", tmp_path / "out"
    count = make_counted(source, seconds=7, rate=rate, video=video, audio=audio)
    version = transcode(source, out, profile=profile, settings=Settings(home=tmp_path))
    assert version.report["ok"]
    video_facts = [one for one in facts_of(out) if one.kind == "video"]
    assert [(one.width, one.height) for one in video_facts] == [(320, 180), (160, 90)]
    for one in video_facts:
        assert read_counters(playlists(out)[one.name]) == list(range(count)), one.name
        assert len(one.segments) == 4
        assert one.frame_rate == rate
    grids = {(one.keyframe_ticks, one.timescale) for one in video_facts}
    assert len(grids) == 1


@pytest.mark.usefixtures("one_segment_chunks")
def test_a_thinned_rung_shows_every_second_frame_on_the_grid_of_the_others(tmp_path: Path) -> None:
    """At 60000/1001 segments of 2 s begin with frames 120, 240 and 360, which both rungs show."""
    path, source, out = tmp_path / "slow.yaml", tmp_path / "source.mov", tmp_path / "out"
    path.write_text(PROFILE.replace("max_bitrate: 500k", "max_bitrate: 500k, max_fps: 30"))
    rate = Fraction(60_000, 1001)
    count = make_counted(source, seconds=6.4, rate=rate)
    transcode(source, out, profile=str(path), settings=Settings(home=tmp_path))
    fast, slow = (one for one in facts_of(out) if one.kind == "video")
    assert (fast.frame_rate, slow.frame_rate) == (rate, rate / 2)
    assert read_counters(playlists(out)[fast.name]) == list(range(count))
    assert read_counters(playlists(out)[slow.name]) == list(range(0, count, 2))
    assert [(one.start_ticks, one.duration_ticks) for one in slow.segments] == [
        (one.start_ticks, one.duration_ticks) for one in fast.segments
    ]
    assert len(slow.segments) == 4
    assert check_folder(out, Settings(home=tmp_path), source)["ok"]


@pytest.mark.usefixtures("one_segment_chunks")
def test_a_thinned_rung_begins_a_segment_whose_first_frame_is_lost_with_the_next_of_its_own(
    tmp_path: Path,
) -> None:
    path, source, out = tmp_path / "slow.yaml", tmp_path / "source.mp4", tmp_path / "out"
    path.write_text(PROFILE.replace("max_bitrate: 500k", "max_bitrate: 500k, max_fps: 30"))
    whole = counted(seconds=4.4, rate=Fraction(50), size=(320, 180), video=(*PLAIN, "-g", "300", "-bf", "2"))
    without_frame(whole, at_s=2)(source)
    version = transcode(source, out, profile=str(path), settings=Settings(home=tmp_path))
    assert version.report["ok"]
    fast, slow = (one for one in facts_of(out) if one.kind == "video")
    begins = [[Fraction(each.start_ticks, one.timescale) for each in one.segments] for one in (fast, slow)]
    assert begins == [[0, Fraction(202, 100), 4], [0, Fraction(204, 100), 4]]
    there = {round(50 * time): number for number, time in shown(source)}
    assert there.keys() == set(range(220)) - {100}
    for one, step in ((fast, 1), (slow, 2)):
        found = {round(50 * time): number for number, time in shown(playlists(out)[one.name])}
        assert found == {at: number for at, number in there.items() if at % step == 0}


@pytest.mark.parametrize("seconds", [8, 7.04, 0.5, 0.04])
def test_any_number_of_chunks_shows_the_same_frames_at_the_same_times(
    seconds: float, tmp_path: Path, profile: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "source.mp4"
    make_counted(source, seconds=seconds)
    seen = set()
    for target in (Fraction(1, 10**6), Fraction(10**6)):
        monkeypatch.setattr(planning, "TARGET_CHUNK_COST_S", target)
        monkeypatch.setattr(planning, "MAX_CHUNK_COST_S", max(target, Fraction(1, 10**6)))
        monkeypatch.setattr(planning, "CHUNKS_WANTED", 10**6 if target < 1 else 1)
        out = tmp_path / f"out-{float(target):g}"
        transcode(source, out, profile=profile, settings=Settings(home=tmp_path))
        for one in facts_of(out):
            if one.kind == "video":
                seen.add((one.decoded_frames, one.decoded_ticks_digest, one.keyframe_ticks))
    assert len(seen) == 1


def test_manifests_parse_elsewhere_and_every_file_that_they_name_is_there(
    tmp_path: Path, profile: str
) -> None:
    source, out = tmp_path / "source.mp4", tmp_path / "out"
    make_counted(source, seconds=7)
    transcode(source, out, profile=profile, settings=Settings(home=tmp_path))
    master = m3u8.load(str(out / "master.m3u8"))
    assert master.is_variant
    assert [variant.stream_info.resolution for variant in master.playlists] == [(320, 180), (160, 90)]
    named = [*(one.uri for one in master.playlists), *(one.uri for one in master.media)]
    for uri in named:
        playlist = m3u8.load(str(out / uri))
        assert playlist.is_endlist
        assert sum(segment.duration for segment in playlist.segments) == pytest.approx(7, abs=0.05)
        for file in [playlist.segment_map[0].uri, *(segment.uri for segment in playlist.segments)]:
            assert (out / uri).with_name(file).stat().st_size > 0
    mpd = MPEGDASHParser.parse(str(out / "manifest.mpd"))
    sets = mpd.periods[0].adaptation_sets
    assert [one.content_type for one in sets] == ["video", "audio", "video", "image"]
    for representation in [r for one in sets[:3] for r in one.representations]:
        template = representation.segment_templates[0]
        count = sum((entry.r or 0) + 1 for entry in template.segment_timelines[0].Ss)
        base = out / representation.base_urls[0].base_url_value
        assert (base / template.initialization).is_file()
        names = [template.media.replace("$Number%05d$", f"{n:05d}") for n in range(1, count + 2)]
        assert all((base / name).is_file() for name in names[:-1])
        assert not (base / names[-1]).exists()


@pytest.mark.parametrize(
    ("codec", "suffix"), [("pcm_s16le", ".mov"), ("aac", ".mp4"), ("libopus", ".mkv"), ("libmp3lame", ".mp4")]
)
def test_sound_is_as_long_as_its_source_and_not_a_sample_late(
    codec: str, suffix: str, tmp_path: Path, profile: str
) -> None:
    source, out = tmp_path / f"source{suffix}", tmp_path / "out"
    make_counted(source, seconds=7, audio=("-c:a", codec))
    transcode(source, out, profile=profile, settings=Settings(home=tmp_path))
    reference = decode_sound(source)
    for name, playlist in playlists(out).items():
        if name.startswith("aac"):
            whole = tmp_path / "whole.mp4"
            files = sorted(playlist.parent.glob("seg_*.m4s"))
            whole.write_bytes(
                (playlist.parent / "init.mp4").read_bytes() + b"".join(f.read_bytes() for f in files)
            )
            sound = decode_sound(whole)
            assert abs(len(sound) - len(reference)) <= 1024
            assert lag_samples(reference, sound) == 0


@pytest.mark.parametrize("late_s", [0.0, 0.5, 2.25])
def test_the_flash_and_the_beep_stay_together(late_s: float, tmp_path: Path, profile: str) -> None:
    """Also where one of them starts later in the source than the other."""
    plain, source, out = tmp_path / "plain.mp4", tmp_path / "source.mkv", tmp_path / "out"
    make_counted(plain, seconds=6, audio=("-c:a", "aac"))
    subprocess.run(
        [tools.path("ffmpeg"), "-v", "error", "-i", plain, "-itsoffset", str(late_s), "-i", plain,
         "-map", "0:v", "-map", "1:a", "-c", "copy", source],
        check=True,
    )  # fmt: skip
    transcode(source, out, profile=profile, settings=Settings(home=tmp_path))
    folder = next(path.parent for name, path in playlists(out).items() if name.startswith("aac"))
    whole = tmp_path / "whole.mp4"
    whole.write_bytes(
        b"".join(f.read_bytes() for f in [folder / "init.mp4", *sorted(folder.glob("seg_*.m4s"))])
    )
    lag = lag_samples(decode_sound(plain), decode_sound(whole))
    first_frame = min(
        Fraction(one.first_tick or 0, one.timescale) for one in facts_of(out) if one.kind == "video"
    )
    assert abs(lag / SAMPLE_RATE - late_s - float(first_frame)) <= 0.002


def test_a_picture_without_sound_and_a_sound_without_picture_are_published(
    tmp_path: Path, profile: str
) -> None:
    silent, blind = tmp_path / "silent.mp4", tmp_path / "blind.wav"
    make_counted(silent, seconds=3, audio=None)
    make_counted(tmp_path / "both.mov", seconds=3)
    subprocess.run(
        [tools.path("ffmpeg"), "-v", "error", "-i", tmp_path / "both.mov", "-vn", blind], check=True
    )
    transcode(silent, tmp_path / "a", profile=profile, settings=Settings(home=tmp_path))
    transcode(blind, tmp_path / "b", profile="podcast", settings=Settings(home=tmp_path))
    assert {one.kind for one in facts_of(tmp_path / "a")} == {"video"}
    assert {one.kind for one in facts_of(tmp_path / "b")} == {"audio", "download"}
    assert "AUDIO=" not in (tmp_path / "a" / "master.m3u8").read_text()
    assert (tmp_path / "b" / "waveform.png").read_bytes().startswith(b"\x89PNG")
    # AAC and Opus at two bit rates each.
    assert len(m3u8.load(str(tmp_path / "b" / "master.m3u8")).playlists) == 4


def text_file(path: Path) -> None:
    path.write_text("This is not a film.\n" * 100)


def empty_file(path: Path) -> None:
    path.write_bytes(b"")


def truncated(path: Path) -> None:
    make_counted(path, seconds=4, audio=("-c:a", "aac"), extra=("-movflags", "+faststart"))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def without_index(path: Path) -> None:
    make_counted(path, seconds=4, audio=("-c:a", "aac"))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def image(path: Path) -> None:
    subprocess.run(
        [
            tools.path("ffmpeg"),
            "-v",
            "error",
            "-f",
            "lavfi",
            "-i",
            "testsrc",
            "-frames:v",
            "1",
            "-f",
            "image2",
            path,
        ],
        check=True,
    )


def playlist(path: Path) -> None:
    path.write_text("#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n")


def unread_picture(path: Path) -> None:
    """Screen video of Flash, with sound that alone would be no film."""
    picture = ("-f", "lavfi", "-i", "testsrc=s=160x96:r=10:d=1", "-f", "lavfi", "-i", "sine=d=1")
    codecs = ("-c:v", "flashsv", "-c:a", "libmp3lame", "-ar", "44100", "-f", "flv")
    subprocess.run([tools.path("ffmpeg"), "-v", "error", *picture, *codecs, path], check=True)


def random_bytes(path: Path) -> None:
    path.write_bytes(np.random.default_rng(1).bytes(50_000))


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (text_file, "plain text"),
        (empty_file, "empty (0 bytes)"),
        (truncated, "truncated"),
        (without_index, "truncated"),
        (image, "image"),
        (playlist, "playlist"),
        (unread_picture, "flashsv) can't be read"),
        (random_bytes, "damaged, or not video or audio"),
    ],
)
def test_what_is_not_whole_media_is_rejected_with_a_reason(
    make: Callable[[Path], None], reason: str, tmp_path: Path
) -> None:
    source, out = tmp_path / "film.mp4", tmp_path / "out"
    make(source)
    told = subprocess.run([CUTROOM, "transcode", source, out], capture_output=True, text=True, check=False)
    assert told.returncode == 3
    last = told.stderr.strip().splitlines()[-1]
    assert reason in last
    assert "Traceback" not in told.stderr
    assert str(tmp_path) not in last
    assert not out.exists()


def test_a_run_that_failed_goes_on_where_it_stopped(
    tmp_path: Path, profile: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, out = tmp_path / "source.mp4", tmp_path / "out"
    make_counted(source, seconds=5)
    real_assemble, real_run, encodes = assembling.assemble, runner.run, []

    def dies(*_: object) -> None:
        raise MemoryError("the machine is gone")

    def counting(argv: list[str], **kwargs: object) -> object:
        encodes.append("libx264" in argv)
        return real_run(argv, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(runner, "run", counting)
    monkeypatch.setattr(assembling, "assemble", dies)
    with pytest.raises(MemoryError):
        transcode(source, out, profile=profile, settings=Settings(home=tmp_path))
    assert sum(encodes) > 0
    assert not (out / "master.m3u8").exists()
    encodes.clear()
    monkeypatch.setattr(assembling, "assemble", real_assemble)
    transcode(source, out, profile=profile, settings=Settings(home=tmp_path))
    assert sum(encodes) == 0
    assert (out / "master.m3u8").exists()
    assert not (out / ".work").exists()


def test_nothing_of_a_run_that_was_stopped_gets_into_a_version_of_another_source(
    tmp_path: Path, profile: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoken, silent, out = tmp_path / "spoken.wav", tmp_path / "silent.mp4", tmp_path / "out"
    sound = ["-f", "lavfi", "-i", "sine=d=1"]
    subprocess.run([tools.path("ffmpeg"), "-v", "error", *sound, spoken], check=True)
    make_counted(silent, seconds=1, audio=None)
    real_assemble = assembling.assemble

    def dies(*_: object) -> None:
        raise MemoryError("the machine is gone")

    monkeypatch.setattr(assembling, "assemble", dies)
    with pytest.raises(MemoryError):
        transcode(spoken, out, profile=profile, settings=Settings(home=tmp_path))
    monkeypatch.setattr(assembling, "assemble", real_assemble)
    transcode(silent, out, profile=profile, settings=Settings(home=tmp_path))
    assert (out / "poster.jpg").exists()
    assert not list(out.glob("waveform*"))


def test_the_same_source_gives_the_same_bytes_whatever_it_and_its_folder_are_called(
    tmp_path: Path, profile: str
) -> None:
    # File systems take any bytes as a name.
    source = tmp_path / "film, 100 %d [b]\udcff.mp4"
    make_counted(source, seconds=5)
    outs = [tmp_path / "a", tmp_path / "b, 100 %d: 'new' [日本];"]
    versions = [transcode(source, out, profile=profile, settings=Settings(home=tmp_path)) for out in outs]
    assert versions[0].version_id == versions[1].version_id
    assert facts_of(outs[0])
    assert [one.files for one in facts_of(outs[0])] == [one.files for one in facts_of(outs[1])]


EVERY_CODEC = """
name: test
description: Each codec, quickly
segment_s: 2
video:
  - {codec: h264, preset: ultrafast, rungs: [{box: 320x180, max_bitrate: 1M}]}
  - {codec: hevc, preset: ultrafast, rungs: [{box: 320x180, max_bitrate: 1M}]}
  - {codec: av1, preset: "11", rungs: [{box: 320x180, max_bitrate: 1M}]}
"""


def test_a_variable_rate_is_told_to_encoders_as_its_mean(tmp_path: Path) -> None:
    """Its ticks, taken for frames, are faster than SVT-AV1 takes, and made x264 choose its highest level."""
    source = tmp_path / "source.mp4"
    make_counted(
        source,
        seconds=5,
        video=(*H264, "-vf", "settb=1/57600,setpts='(N/25+mod(N*N*37,1009)/1009*0.035)*57600'",
               "-fps_mode", "passthrough", "-enc_time_base", "1/57600", "-video_track_timescale", "57600"),
    )  # fmt: skip
    (tmp_path / "test.yaml").write_text(EVERY_CODEC)
    out = tmp_path / "out"
    transcode(source, out, profile=str(tmp_path / "test.yaml"), settings=Settings(home=tmp_path))
    codecs = {one.name.split("-")[0]: one.codec_string for one in facts_of(out) if one.kind == "video"}
    assert all(one.frame_rate and one.frame_rate < 30 for one in facts_of(out) if one.kind == "video")
    assert int(codecs["h264"][-2:], 16) <= 21
    assert codecs["hevc"].split(".")[3] in {"L60", "L63"}
    assert codecs["av1"].startswith("av01.0.00")


CARRIED = (
    "avsync-25s-480p60-vp9-opus.webm", "bbb-10s-1080p30-h264-mp2.ts", "bbb-5s-1080p24-hevc-aac51.ts",
    "bbb-full-10min-720p-h264-aac.mp4", "bear-3s-cover-png.flac", "cake-8s-portrait-360x640-vp9-opus.webm",
    "concert-2s-1080p50-h264-pcm.mov", "cottage-10s-1080p25-h264-422-10bit-aac96k-tmcd.mp4",
    "earth-30s-480x270-h264-aac.mp4", "lecture-10s-480x360-h264-aac.flv",
    "nasa-13s-2-video-2-audio-2-subtitle-tracks.mp4", "ocean-10s-240p-theora-vorbis.ogv",
    "phone-4s-portrait-720x1280-av1-hdr10-aac.mp4", "phone-5s-720p-h264-rotated-270-aac.mp4",
    "podcast-3s-cover-chapters.mp3", "rooftop-3s-1080p-hevc-main10-hlg.mp4", "screen-9s-vfr-3026x1386-h264.mp4",
    "sintel-4s-960x400-mpeg4-mp3.avi", "sintel-trailer-52s-720p-h264-aac.mp4", "speech-3s-16k-mono.wav",
    "speech-3s-stereo.opus", "speech-7s-16k-mono-aac.m4a", "tears-of-steel-70s-800x332-vp8-vorbis.webm",
    "testcard-10s-720p50-h264-422-10bit-8-mono-tracks.mp4", "tv-news-6s-576i-mpeg2-mp2-dvbsub-interlaced.ts",
    "vibe-ace-61s-cover-mono-22k-vorbis.ogg", "webcam-1s-1080x720-h264-ac3-srt.mkv",
)  # fmt: skip

BEGINNING_S = {"bbb-full-10min-720p-h264-aac.mp4": 8, "sintel-trailer-52s-720p-h264-aac.mp4": 8}
"""Of the long files that differ from others in nothing but their length only so much is taken, by a copy of packets."""


def test_every_file_of_the_corpus_is_held_to_its_manifest(corpus: Path) -> None:
    rows = (corpus / "MANIFEST.tsv").read_text().splitlines()[1:]
    assert sorted(row.split("\t")[0] for row in rows) == sorted(CARRIED)


@pytest.mark.parametrize("name", CARRIED)
@pytest.mark.usefixtures("one_segment_chunks")
def test_real_files_are_published_with_as_many_frames_as_they_decode_to(
    name: str, corpus: Path, tmp_path: Path, profile: str
) -> None:
    """The number of frames is that of the corpus' manifest, counted by another decoder run."""
    source = corpus / name
    if name in BEGINNING_S:
        source = tmp_path / name
        copy = ["-i", corpus / name, "-t", str(BEGINNING_S[name]), "-map", "0", "-c", "copy", source]
        subprocess.run([tools.path("ffmpeg"), "-v", "error", *copy], check=True)
    version = transcode(source, tmp_path / "out", profile=profile, settings=Settings(home=tmp_path))
    assert version.report["ok"], json.dumps(version.report)
    rows = [line.split("\t") for line in (corpus / "MANIFEST.tsv").read_text().splitlines()]
    row = dict(zip(rows[0], next(row for row in rows if row[0] == name), strict=False))
    counts = {
        int(one.split("/")[0])
        for one in row["frames decoded/packets"].split(" (")[0].split("; ")
        if "/" in one
    }
    if name in BEGINNING_S:
        counts = {len(shown(source))}
    for one in facts_of(tmp_path / "out"):
        assert one.kind != "video" or one.decoded_frames in counts
