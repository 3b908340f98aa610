"""Players find the still of a moment: the right sheet, and the right tile of it."""

from pathlib import Path

import pytest
from playwright.sync_api import Page

from browser import sample_media
from browser.playback import LIBRARIES, serve_harness
from counted import make_counted
from cutroom.settings import Settings
from cutroom.steps.local import transcode

pytestmark = [pytest.mark.browser, pytest.mark.media]

RATE, EVERY_S = 25, 2
PROFILE = f"""
name: test-stills
description: Two sheets of four stills
segment_s: 2
video:
  - {{codec: h264, preset: ultrafast, rungs: [{{box: 320x180, max_bitrate: 1M}}]}}
thumbnails: {{sprite_width: 192, columns: 2, rows: 2, min_interval_s: {EVERY_S}}}
"""


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("film")
    (folder / "profile.yaml").write_text(PROFILE)
    make_counted(folder / "film.mp4", seconds=9, size=(320, 180), audio=None)
    out = folder / "out"
    transcode(folder / "film.mp4", out, profile=str(folder / "profile.yaml"), settings=Settings(home=folder))
    return out


@pytest.mark.parametrize("manifest", ["master.m3u8", "manifest.mpd"])
def test_shaka_player_shows_the_still_of_each_moment(page: Page, film: Path, manifest: str) -> None:
    with sample_media.serve(film) as media, serve_harness("shaka", LIBRARIES["shaka"]) as address:
        page.goto(f"{address}/harness.html")
        page.evaluate("a => harness.load(...a)", ["shaka", f"{media}/{manifest}"])
        found = {at: page.evaluate("at => senses.still(at)", at) for at in (0.5, 3, 5.9, 6.1, 8.5)}
    for at, still in found.items():
        place = at // EVERY_S
        assert still["from"] == pytest.approx(EVERY_S * place, abs=0.01), at
        assert still["number"] == RATE * EVERY_S * place, at
