"""The playback harness says that good media are good, and notices what a viewer would."""

import re
import shutil
from pathlib import Path

import pytest
from playwright.sync_api import Page

from browser import sample_media
from browser.playback import Library, play_through

pytestmark = [pytest.mark.browser, pytest.mark.media]

BOUNDARIES = [6.0, 12.0, 18.0]


@pytest.mark.parametrize(
    ("library", "manifest"),
    [
        ("shaka", "master.m3u8"),
        ("shaka", "manifest.mpd"),
        ("hls.js", "master.m3u8"),
        ("dash.js", "manifest.mpd"),
    ],
)
def test_a_sound_presentation_plays_through_every_boundary_and_switch(
    page: Page, sample_video: Path, library: Library, manifest: str
) -> None:
    with sample_media.serve(sample_video) as media:
        result = play_through(page, f"{media}/{manifest}", boundaries=BOUNDARIES, library=library)
    assert result.errors == []
    assert result.stall_details == []
    assert result.holes == []
    assert result.crossed == BOUNDARIES
    assert [switch.cleared for switch in result.switches] == [False, True]
    # Kept: the new size comes with a later boundary, never in the middle of what was buffered.
    kept = result.switches[0].seen_at_s
    assert kept is not None
    assert min(abs(kept - boundary) for boundary in [*BOUNDARIES, 24.0]) < 0.2
    assert result.ended
    assert result.corrupted_frames == 0


def test_boundaries_are_read_from_the_manifest_when_none_are_given(page: Page, sample_audio: Path) -> None:
    with sample_media.serve(sample_audio) as media:
        result = play_through(page, f"{media}/master.m3u8")
    assert result.errors == []
    # AAC frames are 1024 samples: audio segments end at the first frame past each 6 s.
    assert result.crossed == pytest.approx(BOUNDARIES, abs=0.03)
    assert len(result.switches) == 2


def test_a_missing_segment_is_noticed(page: Page, sample_video: Path, tmp_path: Path) -> None:
    broken = shutil.copytree(sample_video, tmp_path / "broken")
    for segment in broken.glob("renditions/*/seg_00002.m4s"):
        segment.unlink()
    with sample_media.serve(broken) as media:
        result = play_through(page, f"{media}/master.m3u8", boundaries=BOUNDARIES[:1], limit_s=3)
    assert any("answered 404" in error for error in result.errors)


def test_a_hole_between_two_segments_is_noticed(page: Page, sample_video: Path, tmp_path: Path) -> None:
    holed = shutil.copytree(sample_video, tmp_path / "holed")
    # Leaving the third segment out of every playlist, but not its time, leaves 6 s without pictures.
    for playlist in holed.glob("renditions/*/media.m3u8"):
        text = re.sub(r"#EXTINF:[^\n]*\n[^\n]*seg_00003\.m4s\n", "#EXT-X-GAP\n\\g<0>", playlist.read_text())
        playlist.write_text(text)
    with sample_media.serve(holed) as media:
        result = play_through(page, f"{media}/master.m3u8", boundaries=[12.0, 18.0], limit_s=4)
    assert result.stalls > 0 or result.errors != []


def test_a_host_that_allows_no_origin_is_noticed(
    page: Page, sample_video: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sample_media.MediaHandler, "allowed_origin", "http://elsewhere.example")
    with sample_media.serve(sample_video) as media:
        result = play_through(page, f"{media}/master.m3u8", boundaries=BOUNDARIES)
    assert any("could not load" in error for error in result.errors)
    assert any("CORS" in error for error in result.errors)
