"""Each shipped profile, and what is locked, plays in a browser."""

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from playwright.sync_api import Page

from browser import sample_media
from browser.playback import Playback, play_through, trick_play
from counted import make_counted
from cutroom import ids
from cutroom.ffmpeg import tools
from cutroom.media.profile import PROFILES, profile_names
from cutroom.settings import Settings
from cutroom.steps.local import transcode

pytestmark = [pytest.mark.browser, pytest.mark.media]

SECONDS = 5
# Playing begins before the first boundary and ends behind the second.
BOUNDARIES = [2.0]
BEFORE_S, PAST_S = 1.0, 2.4
FASTEST = {"h264": "ultrafast", "hevc": "ultrafast", "vp9": "8", "av1": "12"}
KEY_ID = "00112233445566778899aabbccddeeff"
KEY = "000102030405060708090a0b0c0d0e0f"

Made = Callable[[str, dict[str, Any]], Path]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Makes a profile with these changes, once each, of a source of 5 s."""
    folder = tmp_path_factory.mktemp("formats")
    picture, sound = folder / "picture.mov", folder / "sound.wav"
    make_counted(picture, seconds=SECONDS, size=(640, 360))
    chord = f"aevalsrc='0.2*sin(2*PI*220*t)+0.1*sin(2*PI*330*t)*(1+sin(2*PI*3*t))':s=48000:d={SECONDS}"
    subprocess.run([tools.path("ffmpeg"), "-v", "error", "-f", "lavfi", "-i", chord, sound], check=True)
    known: dict[str, Path] = {}

    def make(name: str, changes: dict[str, Any]) -> Path:
        # A comma in a folder's name must do no harm.
        out = folder / f"{name}, {ids.digest(changes, 8)}"
        if str(out) not in known:
            value = yaml.safe_load((PROFILES / f"{name}.yaml").read_text()) | {"segment_s": 2} | changes
            # As shipped, but for what takes minutes: the encoders' speed.
            for part in value.get("video", ()):
                part["preset"] = FASTEST[part["codec"]]
            path = folder / f"{out.name}.yaml"
            path.write_text(yaml.safe_dump(value))
            keys = f'{{"default": "{KEY_ID}:{KEY}"}}'
            source = picture if value.get("video") else sound
            transcode(source, out, profile=str(path), settings=Settings(home=folder, content_keys=keys))
            known[str(out)] = out
        return known[str(out)]

    return make


def played(page: Page, out: Path, manifest: str, **settings: Any) -> Playback:
    with sample_media.serve(out) as media:
        result = play_through(
            page,
            f"{media}/{manifest}",
            boundaries=BOUNDARIES,
            before_s=BEFORE_S,
            past_s=PAST_S,
            settings=settings,
        )
    assert result.errors == []
    assert result.stall_details == []
    assert result.holes == []
    assert result.crossed == BOUNDARIES
    assert result.ended
    assert result.corrupted_frames == 0
    assert result.duration_s == pytest.approx(SECONDS, abs=0.05)
    return result


HLS, DASH = "master.m3u8", "manifest.mpd"

# Profile, manifest, and what of it is asked for; Chromium decodes no HEVC and no E-AC-3, so the other codec plays.
PLAYED = [
    ("web", HLS, {}, ["avc1", "mp4a"]),
    (
        "web-modern",
        HLS,
        {"preferredVideoCodecs": ["av01"], "preferredAudioCodecs": ["opus"]},
        ["av01", "opus"],
    ),
    (
        "web-modern",
        DASH,
        {"preferredVideoCodecs": ["av01"], "preferredAudioCodecs": ["opus"]},
        ["av01", "opus"],
    ),
    (
        "web-modern",
        HLS,
        {"preferredVideoCodecs": ["avc1"], "preferredAudioCodecs": ["mp4a"]},
        ["avc1", "mp4a"],
    ),
    ("web-hevc", HLS, {}, ["avc1", "mp4a"]),
    ("web-hevc", DASH, {}, ["avc1", "mp4a"]),
    ("legacy-ts", HLS, {}, ["avc1", "mp4a"]),
    ("webm", DASH, {}, ["vp09", "opus"]),
    ("podcast", HLS, {"preferredAudioCodecs": ["opus"]}, ["opus"]),
    ("podcast", DASH, {"preferredAudioCodecs": ["mp4a"]}, ["mp4a"]),
    ("music", HLS, {"preferredAudioCodecs": ["flac"]}, ["flac"]),
    ("music", DASH, {"preferredAudioCodecs": ["flac"]}, ["flac"]),
    ("archive-proxy", HLS, {}, ["avc1", "mp4a"]),
    ("archive-proxy", DASH, {}, ["avc1", "mp4a"]),
]


@pytest.mark.parametrize(("name", "manifest", "wishes", "codecs"), PLAYED)
def test_a_shipped_profile_plays(
    name: str, manifest: str, wishes: dict[str, Any], codecs: list[str], page: Page, made: Made
) -> None:
    out = made(name, {})
    result = played(page, out, manifest, **wishes)
    assert [codec.split(".")[0] for codec in result.codecs] == codecs


def test_a_player_of_dash_shows_the_keyframes_alone_in_trick_play(page: Page, made: Made) -> None:
    out = made("web", {})
    fetched: list[str] = []
    page.on("requestfinished", lambda request: fetched.append(request.url.rsplit("/", 1)[-1]))
    with sample_media.serve(out) as media:
        played = trick_play(page, f"{media}/{DASH}", to_s=PAST_S)
    assert played["found"]
    assert played["at"] > PAST_S
    assert "trick.mp4" in fetched
    assert any(name.startswith("trick_0") for name in fetched)


def test_every_shipped_profile_is_played() -> None:
    assert {name for name, *_ in PLAYED} == set(profile_names())


@pytest.mark.parametrize(("scheme", "segments"), [("cenc", "files"), ("cbcs", "single_file")])
@pytest.mark.parametrize("manifest", [HLS, DASH])
def test_locked_segments_play_with_their_key(
    scheme: str, segments: str, manifest: str, page: Page, made: Made
) -> None:
    lock = {"scheme": scheme, "key_uri": f"data:text/plain,{KEY_ID}"}
    out = made("archive-proxy", {"encryption": lock, "segments": segments, "downloads": []})
    played(page, out, manifest, drm={"clearKeys": {KEY_ID: KEY}})


def test_a_download_plays_while_it_loads(page: Page, made: Made) -> None:
    out = made("archive-proxy", {})
    (path,) = out.glob("renditions/*/proxy.mp4")
    with sample_media.serve(path.parent) as media:
        page.goto(f"{media}/proxy.mp4")
        page.wait_for_function("document.querySelector('video').currentTime > 0.5")
        assert page.evaluate("document.querySelector('video').videoHeight") == 360


def test_a_silent_screen_recording_plays_to_its_end(page: Page, corpus: Path, tmp_path: Path) -> None:
    """With gaps of over a second, also before the last frame, and pictures that refer to later ones."""
    out, profile = tmp_path / "out", tmp_path / "screen.yaml"
    profile.write_text(
        "name: screen\ndescription: Two rungs with B-frames\nvideo:\n"
        "  - {codec: h264, preset: medium, rungs:"
        " [{box: 160x90, max_bitrate: 1M}, {box: 80x46, max_bitrate: 500k}]}\n"
        "closest_rungs: 1\n"
    )
    source = corpus / "screen-9s-vfr-3026x1386-h264.mp4"
    transcode(source, out, profile=str(profile), settings=Settings(home=tmp_path))
    with sample_media.serve(out) as media:
        result = play_through(page, f"{media}/master.m3u8", library="hls.js")
    assert result.errors == []
    assert result.ended
