"""Subtitles in a viewer's browser: offered by their names, and on screen at their time."""

from pathlib import Path

import pytest
from playwright.sync_api import Page

from browser import sample_media
from browser.playback import show_subtitles
from counted import make_counted
from cutroom.settings import Settings
from cutroom.steps.local import transcode

pytestmark = [pytest.mark.browser, pytest.mark.media]

PROFILE = """
name: test-subtitles
description: One small rung, quickly
segment_s: 2
video:
  - {codec: h264, preset: ultrafast, crf: 30, rungs: [{box: 160x90, max_bitrate: 1M}]}
audio:
  - {codec: aac, bitrates: [64k]}
"""


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A published film with subtitles in two languages beside it."""
    folder = tmp_path_factory.mktemp("film")
    (folder / "profile.yaml").write_text(PROFILE)
    make_counted(folder / "film.mp4", seconds=7, size=(160, 90), audio=("-c:a", "aac"))
    (folder / "film.en.sdh.srt").write_text("1\n00:00:03,000 --> 00:00:05,500\n[beep] <i>Hello</i> & <3\n")
    (folder / "film.de.forced.srt").write_text("1\n00:00:01,000 --> 00:00:02,000\nGrüße\n")
    out = folder / "out"
    transcode(folder / "film.mp4", out, profile=str(folder / "profile.yaml"), settings=Settings(home=folder))
    return out


@pytest.mark.parametrize("manifest", ["master.m3u8", "manifest.mpd"])
@pytest.mark.parametrize("at_s", [3.5, 4.5], ids=["where they begin", "in the segment after"])
def test_a_cue_is_on_screen_at_its_time(page: Page, film: Path, manifest: str, at_s: float) -> None:
    with sample_media.serve(film) as media:
        seen = show_subtitles(page, f"{media}/{manifest}", label="English (SDH)", at_s=at_s)
    assert sorted((one["language"], one["label"], one["forced"]) for one in seen.tracks) == [
        ("de", "Deutsch (forced)", True),
        ("en", "English (SDH)", False),
    ]
    (cue,) = {(one["from"], one["to"], one["text"]) for one in seen.shown}
    assert cue[:2] == pytest.approx((3.0, 5.5), abs=0.01)
    assert "[beep]" in cue[2]
    assert "Hello" in cue[2]
