"""Picture and sound are in step where it counts: on the screen and in the speakers of a browser."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest
from playwright.sync_api import Page

from awkward import ffmpeg
from browser import sample_media
from browser.in_step import sense
from browser.playback import Library
from counted import beeps, make_counted
from cutroom.settings import Settings
from cutroom.steps.local import transcode

pytestmark = [pytest.mark.browser, pytest.mark.media]

MAX_OFFSET_MS = 0.8
"""Far less than a viewer may notice (5 ms): nothing here depends on a clock, so more is a mistake in the times."""
SECONDS = 5
# In the first segment, at the flash and the beep; and at those just behind the boundary of the third.
MOMENTS = [1.0, 4.02]

MEDIA_CLOCK = {
    "manifest": {"hls": {"ignoreManifestTimestampsInSegmentsMode": True}},
    "mediaSource": {"forceTransmux": True},
}
"""What the player page has set for MPEG-TS."""

PROFILE = """
name: in-step
description: With pictures that refer to later ones, and encoders that put something in front of the sound
segment_s: 2
containers: [{containers}]
segments: {segments}
video:
  - {{codec: {picture}, preset: "{preset}", rungs: [{{box: 160x90, max_bitrate: 1M}}]}}
audio:
  - {{codec: {sound}, bitrates: [96k]}}
"""
TS = {"containers": "ts", "segments": "files", "picture": "h264", "preset": "superfast", "sound": "aac"}
RECIPES = {
    "aac": {"containers": "cmaf, ts", "segments": "files", "picture": "h264", "preset": "superfast", "sound": "aac"},
    "opus": {"containers": "cmaf, webm", "segments": "files", "picture": "vp9", "preset": "8", "sound": "opus"},
    "one file": {
        "containers": "cmaf", "segments": "single_file", "picture": "h264", "preset": "superfast", "sound": "aac"},
    # What decides where sound begins in MPEG-TS, and decoding.
    "50 frames a second": TS,
    "nothing refers to later pictures": {**TS, "preset": "ultrafast"},
    "8 kHz": TS,
}  # fmt: skip
FRAME_RATES = {"50 frames a second": 50}
SAMPLE_RATES = {"nothing refers to later pictures": "44100", "8 kHz": "8000"}

Made = Callable[[str], Path]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Publishes a counted source by one of the recipes, once each."""
    folder = tmp_path_factory.mktemp("in-step")

    def make(recipe: str) -> Path:
        out = folder / recipe
        if not out.exists():
            profile, source = folder / f"{recipe}.yaml", folder / f"{recipe}.mov"
            make_counted(
                source,
                seconds=SECONDS,
                rate=Fraction(FRAME_RATES.get(recipe, 25)),
                size=(160, 90),
                audio=("-ar", SAMPLE_RATES.get(recipe, "48000"), "-c:a", "pcm_s16le"),
            )
            profile.write_text(PROFILE.format(**RECIPES[recipe]))
            transcode(source, out, profile=str(profile), settings=Settings(home=folder))
        return out

    return make


@pytest.mark.parametrize(
    ("recipe", "manifest", "library"),
    [
        ("aac", "master.m3u8", "hls.js"),
        ("aac", "master.m3u8", "shaka"),
        ("aac", "manifest.mpd", "shaka"),
        ("aac", "master-ts.m3u8", "hls.js"),
        ("aac", "master-ts.m3u8", "shaka"),
        ("50 frames a second", "master.m3u8", "hls.js"),
        ("nothing refers to later pictures", "master.m3u8", "hls.js"),
        ("8 kHz", "master.m3u8", "hls.js"),
        ("8 kHz", "master.m3u8", "shaka"),
        ("opus", "master.m3u8", "hls.js"),
        ("opus", "master.m3u8", "shaka"),
        ("opus", "manifest.mpd", "shaka"),
        ("opus", "manifest-webm.mpd", "shaka"),
        ("one file", "master.m3u8", "shaka"),
    ],
)
def test_the_sound_of_a_frame_is_heard_when_it_is_shown(
    page: Page, made: Made, recipe: str, manifest: str, library: Library
) -> None:
    settings = MEDIA_CLOCK if manifest == "master-ts.m3u8" or RECIPES[recipe]["containers"] == "ts" else None
    with sample_media.serve(made(recipe)) as media:
        sensed = sense(
            page, f"{media}/{manifest}", beeps(SECONDS),
            library=library, rate=FRAME_RATES.get(recipe, 25), moments=MOMENTS, settings=settings,
        )  # fmt: skip
    assert [one.at_s for one in sensed if one.likeness < 0.8] == []
    assert [one for one in sensed if abs(one.offset_ms) > MAX_OFFSET_MS] == []


@pytest.mark.parametrize(
    ("recipe", "late_s", "played"),
    [
        ("aac", 1.0, [("master.m3u8", "shaka"), ("master-ts.m3u8", "shaka"), ("master-ts.m3u8", "hls.js")]),
        ("8 kHz", 0.13, [("master.m3u8", "hls.js")]),
    ],
    ids=["a second", "a moment"],
)
def test_a_picture_that_begins_after_the_sound_keeps_its_place(
    page: Page, tmp_path: Path, recipe: str, late_s: float, played: list[tuple[str, Library]]
) -> None:
    """By the playlists' times Shaka Player would begin both at once; phones begin tens of milliseconds late.

    Shaka Player has to find a picture before anybody plays, and hls.js the sound in front of it.
    """
    whole, source, out = tmp_path / "whole.mov", tmp_path / "source.mov", tmp_path / "out"
    make_counted(whole, seconds=SECONDS, size=(160, 90))
    late = ("-itsoffset", str(late_s), "-i", whole)
    ffmpeg(*late, "-i", whole, "-map", "0:v", "-map", "1:a", "-c", "copy", source)
    profile = tmp_path / "aac.yaml"
    profile.write_text(PROFILE.format(**RECIPES[recipe]))
    transcode(source, out, profile=str(profile), settings=Settings(home=tmp_path))
    for manifest, library in played:
        with sample_media.serve(out) as media:
            (sensed,) = sense(
                page, f"{media}/{manifest}", beeps(SECONDS),
                library=library, rate=25, moments=[3.02],
                settings=MEDIA_CLOCK if library == "shaka" else None,
            )  # fmt: skip
        assert abs(sensed.offset_ms + 1000 * late_s) <= MAX_OFFSET_MS, (manifest, library)
        assert abs(sensed.sound_late_ms) <= 250, (manifest, library)
        assert page.evaluate("document.querySelector('video').buffered.length") == 1, (manifest, library)
