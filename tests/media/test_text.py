"""Subtitles of films, inside and beside them, as players get them."""

import json
import shutil
import subprocess
from fractions import Fraction
from pathlib import Path

import av
import m3u8
import pytest

from captioned import (
    BOTTOM,
    CR,
    EDM,
    RU2,
    letters,
    make_caption_track,
    make_captioned,
    message,
    pop_on,
    second_channel,
    twice,
)  # fmt: skip
from counted import make_counted
from cutroom.ffmpeg import tools
from cutroom.ffmpeg.probe import probe
from cutroom.media.limits import Limits
from cutroom.media.text_plan import text_name
from cutroom.packaging.facts import RenditionFacts
from cutroom.packaging.subtitles import read_cues
from cutroom.settings import Settings
from cutroom.steps.local import LocalRecord, transcode
from teletext import FOR_THE_HARD_OF_HEARING, Page, make_teletext

pytestmark = pytest.mark.media

PROFILE = """
name: test-text
description: One small rung, quickly
segment_s: 2
containers: [cmaf, ts]
video:
  - {codec: h264, preset: ultrafast, crf: 30, rungs: [{box: 160x90, max_bitrate: 1M}]}
audio:
  - {codec: aac, bitrates: [64k]}
"""

SRT = "1\n00:00:00,500 --> 00:00:02,500\n<i>One</i> & two\n\n2\n00:00:03,000 --> 00:00:09,000\nThree\n"


@pytest.fixture
def profile(tmp_path: Path) -> str:
    path = tmp_path / "test-text.yaml"
    path.write_text(PROFILE)
    return str(path)


def run(film: Path, profile: str) -> tuple[Path, list[RenditionFacts]]:
    out = film.parent / "out"
    version = transcode(film, out, profile=profile, settings=Settings(home=film.parent))
    assert version.report["ok"], json.dumps(version.report)
    found = [RenditionFacts.load(path.read_bytes()) for path in out.glob("renditions/*/rendition.json")]
    return out, sorted(
        (one for one in found if one.kind == "text"), key=lambda one: (one.container, one.track)
    )


def words(out: Path, one: RenditionFacts) -> list[tuple[int, int, str]]:
    text = (out / "renditions" / one.key / "text.vtt").read_text()
    return [(cue.start_ms, cue.end_ms, cue.text) for cue in read_cues(text, "webvtt")]


@pytest.mark.parametrize(
    ("suffix", "codec"),
    [(".mkv", "srt"), (".mkv", "ass"), (".mkv", "webvtt"), (".mp4", "mov_text"), (".mp4", "ttml")],
)
def test_subtitles_inside_are_on_the_presentation_s_timeline(
    suffix: str, codec: str, tmp_path: Path, profile: str
) -> None:
    """Also where the film starts late on its own clock."""
    plain, subtitles, film = tmp_path / "plain.mp4", tmp_path / "in.srt", tmp_path / f"film{suffix}"
    make_counted(plain, seconds=5, size=(160, 90), audio=("-c:a", "aac"))
    subtitles.write_text(SRT)
    subprocess.run(
        [tools.path("ffmpeg"), "-v", "error", "-i", plain, "-i", subtitles, "-map", "0", "-map", "1", "-c:v", "copy",
         "-c:a", "copy", "-c:s", codec, "-metadata:s:s:0", "language=ger", "-disposition:s:0", "hearing_impaired",
         *(["-output_ts_offset", "10"] if suffix == ".mkv" else []), film],
        check=True,
    )  # fmt: skip
    subtitles.unlink()
    out, found = run(film, profile)
    assert [(one.container, one.language, one.role) for one in found][0::2] == [("cmaf", "de", "caption")]
    rounding = 10 if codec == "ass" else 1
    for one in found:
        shown = words(out, one)
        # ffmpeg writes no styles into TTML.
        styled = "One" if codec == "ttml" else "<i>One</i>"
        assert [text for *_, text in shown] == [f"{styled} &amp; two", "Three"]
        (first, second) = shown
        assert first[0] == pytest.approx(500, abs=rounding)
        assert first[1] == pytest.approx(2500, abs=rounding)
        # What is shown after the end of the film is not.
        assert second[0] == pytest.approx(3000, abs=rounding)
        assert second[1] == pytest.approx(5000, abs=45)


def test_subtitles_beside_are_found_by_name_and_told_apart(tmp_path: Path, profile: str) -> None:
    film = tmp_path / "film.mp4"
    make_counted(film, seconds=5, size=(160, 90), audio=None)
    (tmp_path / "film.en.srt").write_text(SRT)
    (tmp_path / "film.de.sdh.srt").write_bytes("1\n00:00:01,000 --> 00:00:02,000\nGrüße\n".encode("latin-1"))
    (tmp_path / "film.fr.forced.default.vtt").write_text(
        "WEBVTT\n\n00:01.000 --> 00:02.000 line:0\nPanneau\n"
    )
    (tmp_path / "film.es.ass").write_text("nothing of the kind")
    (tmp_path / "film.2.en.srt").write_text(SRT)
    (tmp_path / "film.2.mp4").write_bytes(b"another film")
    out, found = run(film, profile)
    assert [(one.container, one.language, one.label, one.role, one.is_default) for one in found][:3] == [
        ("cmaf", "de", "Deutsch (SDH)", "caption", False),
        ("cmaf", "en", "English", "subtitle", False),
        ("cmaf", "fr", "Français (forced)", "forced", True),
    ]
    assert words(out, found[0]) == [(1000, 2000, "Grüße")]
    for name, mpegts in (("master.m3u8", 0), ("master-ts.m3u8", 18_000)):
        playlist = m3u8.load(str(out / name))
        media = [one for one in playlist.media if one.type == "SUBTITLES"]
        assert [(one.language, one.forced, one.default) for one in media] == [
            ("de", None, "NO"), ("en", None, "NO"), ("fr", "YES", "YES"),
        ]  # fmt: skip
        assert all(variant.stream_info.subtitles == "text" for variant in playlist.playlists)
        segments = m3u8.load(str(out / media[1].uri))
        assert [round(one.duration) for one in segments.segments] == [2, 2, 1]
        texts = [(out / media[1].uri).with_name(one.uri).read_text() for one in segments.segments]
        assert all(f"X-TIMESTAMP-MAP=LOCAL:00:00:00.000,MPEGTS:{mpegts}\n" in text for text in texts)
        # A cue is in every segment that it is shown in.
        assert [("One" in text, "Three" in text) for text in texts] == [
            (True, False),
            (True, True),
            (False, True),
        ]
    mpd = (out / "manifest.mpd").read_text()
    assert mpd.count('contentType="text"') == 3
    assert 'value="forced-subtitle"' in mpd


CAPTIONS = {
    10: pop_on("Hello & you"),
    60: twice(EDM),
    70: [*twice(RU2, CR, BOTTOM), *letters("rolls")],
    100: [*twice(CR), *letters("up")],
    130: twice(EDM),
}


@pytest.mark.parametrize(
    ("suffix", "codec"),
    [
        (".mp4", ("-c:v", "libx264", "-preset", "veryfast", "-bf", "3", "-output_ts_offset", "7")),
        (".ts", ("-c:v", "mpeg2video", "-b:v", "2M", "-bf", "2")),
    ],
)
def test_captions_in_the_pictures_become_subtitles(
    suffix: str, codec: tuple[str, ...], tmp_path: Path, profile: str
) -> None:
    """Also where pictures are stored in another order, and the clock begins late."""
    film = tmp_path / f"film{suffix}"
    make_captioned(film, CAPTIONS, *codec)
    out, found = run(film, profile)
    assert [(one.container, one.label, one.role) for one in found] == [
        ("cmaf", "Closed captions", "caption"),
        ("ts", "Closed captions", "caption"),
    ]
    for one in found:
        shown = words(out, one)
        assert [text for *_, text in shown] == ["Hello &amp; you", "rolls", "rolls\nup"]
        at = {
            round(time / 40): abs(time - 40 * round(time / 40))
            for start, end, _ in shown
            for time in (start, end)
        }
        assert list(at) == [20, 60, 76, 100, 130]
        assert max(at.values()) <= 1
    # What says that the pictures carry none is true.
    assert "CLOSED-CAPTIONS=NONE" in (out / "master.m3u8").read_text()
    assert not [path for path in out.glob("renditions/*/*") if b"GA94" in path.read_bytes()]


def test_a_track_of_captions_becomes_subtitles(tmp_path: Path, profile: str) -> None:
    """Each screen from when the pair that shows it is sent."""
    film = tmp_path / "film.mov"
    told = {
        Fraction(1): pop_on("One"),
        Fraction(2): pop_on("Two & three"),
        Fraction(4): twice(EDM),
        Fraction(5): twice(EDM),
    }
    make_caption_track(film, told, language="eng", second=False)
    out, found = run(film, profile)
    assert [(one.container, one.language, one.label, one.role) for one in found] == [
        ("cmaf", "en", "Closed captions", "caption"),
        ("ts", "en", "Closed captions", "caption"),
    ]
    pair_ms = 1001 / 30
    first, second = (
        round(start + pair_ms * (len(pop_on(said)) - 2))
        for start, said in ((1000, "One"), (2000, "Two & three"))
    )
    assert words(out, found[0]) == [(first, second, "One"), (second, 4000, "Two &amp; three")]


def test_captions_of_the_second_field_are_another_track(tmp_path: Path) -> None:
    film = tmp_path / "film.h264"
    make_captioned(
        film, {0: [*pop_on("si"), *second_channel(pop_on("oui"))]}, "-c", "copy", frames=30, second=True
    )
    found, _ = probe(film, sha256="0" * 64, log=tmp_path / "log", limits=Limits())
    assert [(one.part, one.label) for one in found.text] == [
        ("CC3", "Closed captions CC3"),
        ("CC4", "Closed captions CC4"),
    ]
    assert [text_name(one) for one in found.text] == ["text-1", "text-2"]


def test_captions_may_begin_late(tmp_path: Path) -> None:
    """As where a programme with captions follows one without."""
    plain, captioned, film = (tmp_path / f"{name}.h264" for name in ("before", "programme", "film"))
    make_counted(plain, seconds=24, size=(160, 90), audio=None)
    make_captioned(captioned, {0: pop_on("now")}, "-c", "copy", frames=25)
    film.write_bytes(plain.read_bytes() + captioned.read_bytes())
    found, _ = probe(film, sha256="0" * 64, log=tmp_path / "log", limits=Limits())
    assert [one.part for one in found.text] == ["CC1"]


def test_captions_of_av1_are_found(tmp_path: Path) -> None:
    """In metadata of their own."""
    plain, film = tmp_path / "plain.mp4", tmp_path / "film.mp4"
    make_counted(plain, seconds=1, size=(160, 90), audio=None,
                 video=("-c:v", "libsvtav1", "-preset", "12", "-svtav1-params", "lp=1"))  # fmt: skip
    codes = dict(enumerate(pop_on("yes")))
    with av.open(str(plain)) as source, av.open(str(film), "w") as output:
        pictures = source.streams.video[0]
        copied = output.add_stream_from_template(pictures, opaque=True)
        for number, packet in enumerate(each for each in source.demux(pictures) if each.size):
            # The message of H.264 without its header and its end.
            told = message([(0, codes.get(number, (0, 0)))])[7:-1]
            unit = bytes((5 << 3 | 2, len(told) + 2, 4)) + told + b"\x80"
            changed = av.Packet(bytes(packet) + unit)
            changed.pts, changed.dts, changed.time_base = packet.pts, packet.dts, packet.time_base
            changed.is_keyframe, changed.stream = packet.is_keyframe, copied
            output.mux(changed)
    found, _ = probe(film, sha256="0" * 64, log=tmp_path / "log", limits=Limits())
    assert [one.part for one in found.text] == ["CC1"]


@pytest.mark.parametrize("has_708", [True, False])
def test_captions_without_words_are_nstyledand_those_of_cea_708_alstyledare_named(
    has_708: bool, tmp_path: Path
) -> None:
    film = tmp_path / "film.h264"
    make_counted(film, seconds=1, size=(160, 90), audio=None)
    film.write_bytes(message([(0, (0, 0))], more=b"\xff\x02\x21" if has_708 else b"") + film.read_bytes())
    found, _ = probe(film, sha256="0" * 64, log=tmp_path / "log", limits=Limits())
    assert found.text == ()
    assert any("CEA-708" in told for told in found.not_carried) is has_708


def test_pages_of_teletext_become_subtitles(tmp_path: Path, profile: str) -> None:
    """Two pages on the air in turns, one of them sent again while it is shown; the last stays until the end."""
    plain, film = tmp_path / "plain.mp4", tmp_path / "film.ts"
    make_counted(plain, seconds=6, size=(160, 90), audio=None)
    pages = [
        Page(100, "deu", kind=1),
        Page(888, "deu", kind=FOR_THE_HARD_OF_HEARING),
        Page(150, "eng"),
        Page(151, "fra"),
    ]
    told = {
        Fraction(1): (888, ["Guten Tag & so", "zwei"]),
        Fraction("1.4"): (150, ["Hello"]),
        Fraction("1.6"): (888, ["Guten Tag & so", "zwei"]),
        Fraction(2): (888, []),
        Fraction("2.6"): (150, ["Bye"]),
        Fraction(3): (150, []),
        Fraction(4): (888, ["Ende"]),
        Fraction("4.4"): (150, ["The end"]),
    }
    make_teletext(film, plain, pages, told)
    out, found = run(film, profile)
    assert [(one.language, one.label, one.role) for one in found if one.container == "cmaf"] == [
        ("de", "Deutsch (SDH)", "caption"),
        ("en", "English", "subtitle"),
    ]
    wanted = [
        [(1000, 2000, "Guten Tag &amp; so\nzwei"), (4000, 6000, "Ende")],
        [(1400, 2600, "Hello"), (2600, 3000, "Bye"), (4400, 6000, "The end")],
    ]
    assert [words(out, one) for one in found if one.container == "cmaf"] == wanted
    # What is announced and never comes is not in a menu.
    assert [one.language for one in m3u8.load(str(out / "master-ts.m3u8")).media if one.language] == [
        "de",
        "en",
    ]


def test_subtitles_that_show_nothing_are_told_and_not_listed(tmp_path: Path, profile: str) -> None:
    film, plain, late = (tmp_path / name for name in ("film.mkv", "plain.mp4", "late.srt"))
    make_counted(plain, seconds=2, size=(160, 90), audio=None)
    late.write_text(SRT.replace("00:00:0", "00:00:1"))
    subprocess.run(
        [tools.path("ffmpeg"), "-v", "error", "-i", plain, "-i", late, "-map", "0", "-map", "1", "-c", "copy",
         "-c:s", "srt", film],
        check=True,
    )  # fmt: skip
    late.rename(tmp_path / "film.en.srt")
    told = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(LocalRecord, "record_source", lambda _, **said: told.append(said["source"]))
        out, found = run(film, profile)
    assert found == []
    assert "SUBTITLES" not in (out / "master.m3u8").read_text()
    assert told[-1]["text"] == []
    assert told[-1]["not_carried"] == [
        "track 1: subtitle subrip, of which nothing is shown",
        "subtitles beside the film (English), of which nothing is shown",
    ]


def test_other_subtitles_make_another_version_of_the_same_encodes(tmp_path: Path, profile: str) -> None:
    film = tmp_path / "film.mp4"
    make_counted(film, seconds=2, size=(160, 90), audio=None)
    version_ids = set()
    for text in (None, SRT, SRT.replace("Three", "Four")):
        if text is not None:
            (tmp_path / "film.srt").write_text(text)
        version = transcode(film, tmp_path / "out", profile=profile, settings=Settings(home=tmp_path))
        version_ids.add(version.version_id)
        pictures = {one.rendition_key for one in version.renditions if one.kind == "video"}
        version_ids.add(tuple(sorted(pictures)))  # type: ignore[arg-type]
    assert len([one for one in version_ids if isinstance(one, str)]) == 3
    assert len([one for one in version_ids if isinstance(one, tuple)]) == 1


@pytest.mark.parametrize(
    ("name", "cues"), [("nasa-13s-2-video-2-audio-2-subtitle-tracks.mp4", [4, 4]),
                       ("webcam-1s-1080x720-h264-ac3-srt.mkv", [1])],
)  # fmt: skip
def test_subtitles_of_real_films_are_carried(
    name: str, cues: list[int], corpus: Path, tmp_path: Path, profile: str
) -> None:
    film = tmp_path / name
    shutil.copy(corpus / name, film)
    _, found = run(film, profile)
    assert [one.cues for one in found if one.container == "cmaf"] == cues
