"""The player page in a real Airflow: login, list, playback from S3, progress, and titles that try to be markup."""

import json
import mimetypes
import re
import urllib.request
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from browser.chromium import PATIENCE_MS
from browser.sample_media import SMALL_LADDER
from cutroom.media.progress import PartProgress
from cutroom.media.upload import UploadedObject
from cutroom.media.version import PublishedRendition, PublishedVersion
from cutroom.settings import Settings
from cutroom.stack.airflow import airflow_password
from cutroom.stack.airflow_config import ADMIN
from cutroom.stores.catalog import Catalog
from cutroom.stores.s3 import s3_client

pytestmark = [pytest.mark.browser, pytest.mark.stack]

REPORT = {
    "checks": [{"name": "all rungs have the same segments", "ok": True, "found": "2 rungs, 1 different grids"}],
    "renditions": {
        f"h264-{rung.height}p": {
            "codec": "avc1.64001e", "width": rung.width, "height": rung.height, "average_bps": 500_000,
            "peak_bps": 560_000, "max_bps": 600_000, "band_db": 3.0, "end_s": 24.0,
            "window": {"seconds": 9.0, "peak_bps": 550_000, "lowest_buffer_bits": 1},
            "segments_s": [0.0, 6.0, 12.0, 18.0], "segments_bps": [480_000, 560_000, 520_000, 440_000],
            "joins": [
                {"at_s": at, "psnr_before_db": before_db, "psnr_after_db": 40.2, "mean_before_db": 40.8,
                 "mean_after_db": 40.9, "ok": before_db > 37}
                for at, before_db in ((6.0, 40.0), (12.0, 35.0))
            ],
        }
        for rung in SMALL_LADDER
    },
    "sound": {"aac-128k-1": {"windows": 96, "lag_ms": 0.0, "spread_ms": 0.02, "silenced": 0}},
}  # fmt: skip

HOSTILE = '<img src=x onerror="window.hacked=1"><script>window.hacked=1</script>'


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What the page is given to show."""

    address: str
    video_id: str
    audio_id: str
    working: UploadedObject
    failed_id: str
    rejected_id: str
    catalog: Catalog


def _upload(name: str, **changes: object) -> UploadedObject:
    values = {"title": name, "owner": "eva", "tags": ("player page",), **changes}
    return UploadedObject(
        bucket="cutroom-uploads", key=f"incoming/player-page/{name}", version="v1", versioned=True,
        size_bytes=4_000_000, uploaded_at="2026-11-22T10:00:00Z", **values,
    )  # fmt: skip


def _run_id(upload: UploadedObject) -> str:
    return f"{upload.file_version_id}--page"


def _start(catalog: Catalog, upload: UploadedObject, *, dag_id: str = "process_video") -> None:
    catalog.start_run(
        run_id=_run_id(upload), dag_id=dag_id, upload=upload, profile="web", profile_digest="page", attempt=1
    )


def _rendition(key: str, prefix: str, **facts: object) -> PublishedRendition:
    values = {"kind": "audio", "codec_string": "mp4a.40.2", "channels": 2, "sample_rate_hz": 48000, **facts}
    return PublishedRendition(
        rendition_key=f"{key}_{prefix[-22:-1].replace('/', '_')}", container="cmaf", bandwidth_bps=140_000,
        average_bandwidth_bps=130_000, bytes=400_000, segments=4, prefix=f"{prefix}renditions/{key}/", **values,
    )  # fmt: skip


def _publish(settings: Settings, catalog: Catalog, upload: UploadedObject, folder: Path) -> None:
    prefix = f"assets/{upload.asset_id}/av_page/"
    client = s3_client(settings)
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
            key = prefix + path.relative_to(folder).as_posix()
            client.put_object(Bucket=settings.media_bucket, Key=key, Body=path.read_bytes(), ContentType=kind)
    has_video = (folder / "thumbnails.vtt").is_file()
    thumbnails = (
        {"vtt": "thumbnails.vtt", "sprite": "sprite.jpg"} if has_video else {"waveform": "waveform.png"}
    )
    renditions = [
        _rendition(
            rung.key, prefix, kind="video", codec_string="avc1.64001e", width=rung.width, height=rung.height,
            frame_rate="25", channels=None, sample_rate_hz=None,
        )
        for rung in SMALL_LADDER
        if has_video
    ]  # fmt: skip
    keys = ["rn_audio"] if has_video else ["rn_audio_128", "rn_audio_64"]
    renditions += [_rendition(key, prefix) for key in keys]
    for rendition in renditions:
        # Its files are with the version here; without any in its own place garbage collection would rightly refuse.
        key = f"renditions/{rendition.rendition_key}/media.m3u8"
        client.put_object(Bucket=settings.media_bucket, Key=key, Body=b"#EXTM3U")
    _start(catalog, upload, dag_id="process_video" if has_video else "process_audio")
    catalog.record_source(
        run_id=_run_id(upload),
        sha256="a" * 64,
        source={
            "container": "mov,mp4",
            "duration_s": "24",
            "video": [{"codec": "h264", "width": 640, "height": 360}] if has_video else [],
            "audio": [{"codec": "aac", "channels": 2, "sample_rate_hz": 48000}],
            "not_carried": ["data track 3 (tmcd)"],
            "damage": ["The last 2 s are missing."],
            "notes": ["The picture does not say how its colours are meant."],
        },
    )
    catalog.publish(
        run_id=_run_id(upload),
        version=PublishedVersion(
            asset_id=upload.asset_id, version_id=f"av_{upload.asset_id}", profile="web", profile_digest="page",
            source_sha256="a" * 64, prefix=prefix, hls=f"{prefix}master.m3u8", dash=f"{prefix}manifest.mpd",
            poster=f"{prefix}poster.jpg", thumbnails={name: prefix + file for name, file in thumbnails.items()},
            duration_s="24", renditions=tuple(renditions), report=REPORT if has_video else {"frames": {"decoded": 600}},
        ),
    )  # fmt: skip


@pytest.fixture(scope="module")
def shown(airflow_stack: Settings, sample_video: Path, sample_audio: Path) -> Iterator[Shown]:
    catalog = Catalog(airflow_stack.database_url)
    video, audio = _upload("Holiday film.mp4"), _upload("Podcast.mp3")
    _publish(airflow_stack, catalog, video, sample_video)
    _publish(airflow_stack, catalog, audio, sample_audio)
    working = _upload("Long film.mp4")
    _start(catalog, working)
    parts = [
        PartProgress(step="encode_video", part=f"h264 {index}", done=0, total=6, unit="s")
        for index in range(4)
    ]
    catalog.record_plan(run_id=_run_id(working), parts=parts)
    catalog.record_progress(run_id=_run_id(working), step="encode_video", part="h264 0", done=3, total=6)
    failed = _upload("Concert.mp4")
    _start(catalog, failed)
    catalog.end_run(run_id=_run_id(failed), status="failed", reason="The encoder ran out of memory.")
    rejected = _upload("notes.mp4", title=f"Notes {HOSTILE}", owner=HOSTILE, tags=(HOSTILE,))
    _start(catalog, rejected)
    catalog.end_run(run_id=_run_id(rejected), status="rejected", reason=f"This is a text file. {HOSTILE}")
    yield Shown(
        address=f"http://{airflow_stack.host}:{airflow_stack.airflow_port}",
        video_id=video.asset_id,
        audio_id=audio.asset_id,
        working=working,
        failed_id=failed.asset_id,
        rejected_id=rejected.asset_id,
        catalog=catalog,
    )
    catalog.end_run(run_id=_run_id(working), status="failed", reason="The tests are over.")
    catalog.close()


def _log_in(page: Page, password: str) -> None:
    page.locator("input[name=username]").fill(ADMIN)
    page.locator("input[name=password]").fill(password)
    page.locator("button[type=submit]").click()


@pytest.fixture(scope="module")
def session(browser: Browser, shown: Shown, airflow_stack: Settings) -> Iterator[Page]:
    """A page of a user who logged in by Airflow's form; what its console complains about fails the test."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    page.goto(f"{shown.address}/cutroom/")
    expect(page).to_have_url(re.compile(r"/auth/login"))
    _log_in(page, airflow_password(airflow_stack))
    expect(page).to_have_url(f"{shown.address}/cutroom/")
    yield page
    context.close()


@pytest.fixture
def catalog_page(session: Page) -> Iterator[Page]:
    complaints: list[str] = []

    def note(message: object) -> None:
        kind = getattr(message, "type", "error")
        if kind == "error":
            complaints.append(str(getattr(message, "text", message)))

    session.on("console", note)
    session.on("pageerror", note)
    yield session
    session.remove_listener("console", note)
    session.remove_listener("pageerror", note)
    assert complaints == []
    assert session.evaluate("window.hacked") is None


def _open(page: Page, shown: Shown, asset_id: str) -> None:
    page.goto(f"{shown.address}/cutroom/#{asset_id}")
    page.reload()
    expect(page.locator(f'.card[href="#{asset_id}"]')).to_have_attribute("aria-current", "true")


def _play(page: Page) -> None:
    # Loading ends before playing begins, else the load would stop it again.
    page.wait_for_function("() => document.getElementById('video').readyState >= 2")
    page.evaluate("() => { const v = document.getElementById('video'); v.muted = true; return v.play(); }")
    page.wait_for_function("() => document.getElementById('video').currentTime > 0.5")


def test_the_navigation_of_airflow_leads_to_the_page(session: Page, shown: Shown) -> None:
    # Not `catalog_page`: what Airflow's own pages log is not ours.
    session.goto(shown.address)
    session.get_by_label("Cutroom").click()
    expect(session).to_have_url(re.compile(r"/cutroom/(#as_.*)?$"))
    expect(session.locator(".card").first).to_be_visible()


def test_assets_are_listed_with_their_status(catalog_page: Page, shown: Shown) -> None:
    _open(catalog_page, shown, shown.video_id)
    card = catalog_page.locator(f'.card[href="#{shown.video_id}"]')
    expect(card.locator(".title")).to_have_text("Holiday film.mp4")
    expect(card.locator(".chip")).to_have_text("Published")
    poster = card.locator("img")
    expect(poster).to_have_js_property("complete", True)
    assert poster.evaluate("image => image.naturalWidth") == 640
    catalog_page.locator(".filter.failed").click()
    expect(catalog_page.locator(f'.card[href="#{shown.failed_id}"]')).to_be_visible()
    expect(card).to_have_count(0)
    catalog_page.locator(".filter.all").click()
    catalog_page.locator("#search").fill("podcast eva")
    expect(catalog_page.locator(".card")).to_have_count(1)


@pytest.mark.parametrize("presentation", ["HLS", "DASH"])
def test_a_video_plays_and_names_the_rendition_that_is_on_screen(
    catalog_page: Page, shown: Shown, presentation: str
) -> None:
    _open(catalog_page, shown, shown.video_id)
    catalog_page.get_by_role("radio", name=presentation).check()
    _play(catalog_page)
    expect(catalog_page.locator("tr.playing")).to_have_count(2)
    height = catalog_page.evaluate("document.getElementById('video').videoHeight")
    expect(catalog_page.locator("tr.playing").first).to_contain_text(f"×{height}")
    expect(catalog_page.locator("#live")).to_contain_text("0 stalls")
    expect(catalog_page.locator("#fault")).to_be_hidden()


def test_a_film_whose_sound_ends_early_is_played_to_its_end(catalog_page: Page, shown: Shown) -> None:
    """By DASH: Shaka Player ends HLS with the shortest track."""

    def shorten(route: Route) -> None:
        playlist, _, _ = route.fetch().text().rpartition("#EXTINF")
        route.fulfill(body=f"{playlist}#EXT-X-ENDLIST\n", headers={"Access-Control-Allow-Origin": "*"})

    catalog_page.route("**/rn_audio/media.m3u8", shorten)
    _open(catalog_page, shown, shown.video_id)
    catalog_page.get_by_role("radio", name="HLS").check()
    _play(catalog_page)
    assert catalog_page.evaluate("document.getElementById('video').duration") == pytest.approx(24, abs=0.2)
    catalog_page.unroute("**/rn_audio/media.m3u8")


def test_the_join_report_is_drawn_and_said(catalog_page: Page, shown: Shown) -> None:
    _open(catalog_page, shown, shown.video_id)
    report = catalog_page.locator(".join-report")
    chart = report.get_by_role("img")
    expect(chart).to_have_attribute(
        "aria-label", re.compile("360p: 500 kb/s on average, at most 550 kb/s, cap 600 kb/s")
    )
    expect(chart.locator("path.rate")).to_have_count(len(SMALL_LADDER))
    expect(chart.locator("circle")).to_have_count(2 * len(SMALL_LADDER))
    expect(report).to_contain_text("2 joins; the least good is 5.8 dB below the mean of its chunk")
    expect(report).to_contain_text("at 12.0 s), as where another scene begins just before it.")
    expect(report).to_contain_text("Sound: at most 0.02 ms from its place in 96 windows")


def test_what_is_left_out_missing_or_assumed_of_a_source_is_said(catalog_page: Page, shown: Shown) -> None:
    _open(catalog_page, shown, shown.video_id)
    for key, words in (("Left out", "tmcd"), ("Damage", "last 2 s"), ("Notes", "its colours")):
        expect(catalog_page.locator(f'[data-key="{key}"]')).to_contain_text(words)


def test_the_seek_bar_shows_thumbnails(catalog_page: Page, shown: Shown) -> None:
    _open(catalog_page, shown, shown.video_id)
    _play(catalog_page)
    bar = catalog_page.locator(".shaka-seek-bar-container").bounding_box()
    assert bar is not None
    catalog_page.mouse.move(bar["x"] + bar["width"] / 2, bar["y"] + bar["height"] / 2)
    image = catalog_page.locator(".shaka-player-ui-thumbnail-image")
    expect(image).to_have_attribute("src", re.compile(r"sprite\.jpg"))
    expect(image).to_be_visible()


def test_the_quality_can_be_chosen(catalog_page: Page, shown: Shown) -> None:
    _open(catalog_page, shown, shown.video_id)
    _play(catalog_page)
    catalog_page.locator("#screen").hover()
    catalog_page.locator(".shaka-resolution-button").first.click()
    catalog_page.locator(".shaka-resolutions button").filter(has_text="180p").click()
    catalog_page.wait_for_function("() => document.getElementById('video').videoHeight === 180")
    expect(catalog_page.locator("tr.playing").first).to_contain_text("320×180")


def test_sound_alone_has_its_waveform_to_seek_in(catalog_page: Page, shown: Shown) -> None:
    _open(catalog_page, shown, shown.audio_id)
    expect(catalog_page.locator(".cover")).to_be_visible()
    _play(catalog_page)
    wave = catalog_page.locator(".wave").bounding_box()
    assert wave is not None
    catalog_page.locator(".wave").click(position={"x": wave["width"] / 2, "y": wave["height"] / 2})
    catalog_page.wait_for_function("() => Math.abs(document.getElementById('video').currentTime - 12) < 2")
    expect(catalog_page.locator("tr.playing")).to_have_count(1)


def test_progress_grows_without_a_reload_and_ends_in_the_outcome(catalog_page: Page, shown: Shown) -> None:
    # One more upload, so that the tests don't depend on their order.
    now = datetime.now(UTC).isoformat()
    upload = replace(shown.working, version=uuid.uuid4().hex, uploaded_at=now)
    _start(shown.catalog, upload)
    _open(catalog_page, shown, upload.asset_id)
    card = catalog_page.locator(f'.card[href="#{upload.asset_id}"]')
    expect(card.locator(".chip")).to_contain_text("Processing")
    arguments = {"run_id": _run_id(upload), "step": "encode_video", "part": "h264 0"}
    shown.catalog.record_progress(**arguments, done=3, total=6)
    expect(catalog_page.locator(".strip progress").first).to_have_attribute("value", "50")
    # Drawn anew every 2 s: what a person closed stays closed.
    catalog_page.locator(".run summary").first.click()
    shown.catalog.record_progress(**arguments, done=6, total=6)
    expect(catalog_page.locator(".strip progress").first).to_have_attribute("value", "100")
    assert catalog_page.locator("details.run").first.evaluate("details => details.open") is False
    shown.catalog.end_run(run_id=_run_id(upload), status="failed", reason="The disk was full.")
    expect(catalog_page.locator(".verdict.failed")).to_contain_text("The disk was full.")


def test_a_failed_run_says_why_and_leads_to_airflow(catalog_page: Page, shown: Shown) -> None:
    _open(catalog_page, shown, shown.failed_id)
    verdict = catalog_page.locator(".verdict.failed")
    expect(verdict).to_contain_text("The encoder ran out of memory.")
    link = verdict.get_by_role("link").get_attribute("href")
    assert link is not None
    assert link.startswith("../dags/process_video/runs/fv_")


def test_what_users_write_is_shown_as_text(catalog_page: Page, shown: Shown) -> None:
    _open(catalog_page, shown, shown.rejected_id)
    expect(catalog_page.locator("h1")).to_have_text(f"Notes {HOSTILE}")
    expect(catalog_page.locator(".verdict.rejected")).to_contain_text(HOSTILE)
    expect(catalog_page.locator(".tag")).to_have_text(HOSTILE)
    assert catalog_page.locator("main img[src=x]").count() == 0


def test_addresses_can_be_copied(catalog_page: Page, shown: Shown) -> None:
    _open(catalog_page, shown, shown.video_id)
    catalog_page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    catalog_page.get_by_role("button", name="Copy HLS").click()
    copied = catalog_page.evaluate("navigator.clipboard.readText()")
    assert copied.endswith("/master.m3u8")
    with urllib.request.urlopen(copied) as answer:
        assert b"#EXTM3U" in answer.read()


def test_the_list_can_be_used_with_the_keyboard_alone(catalog_page: Page, shown: Shown) -> None:
    _open(catalog_page, shown, shown.video_id)
    catalog_page.keyboard.press("/")
    expect(catalog_page.locator("#search")).to_be_focused()
    catalog_page.keyboard.type("podcast")
    catalog_page.keyboard.press("ArrowDown")
    catalog_page.keyboard.press("Enter")
    expect(catalog_page).to_have_url(re.compile(shown.audio_id))


def test_an_asset_that_does_not_exist_is_named(session: Page, shown: Shown) -> None:
    # Not `catalog_page`: the browser itself reports the 404 in its console.
    session.goto(f"{shown.address}/cutroom/#as_unheard_of")
    session.reload()
    expect(session.locator("#head")).to_contain_text("There is no asset 'as_unheard_of'")


def test_a_narrow_window_shows_the_list_or_the_asset(catalog_page: Page, shown: Shown) -> None:
    catalog_page.set_viewport_size({"width": 390, "height": 844})
    try:
        _open(catalog_page, shown, shown.video_id)
        expect(catalog_page.locator(".library")).to_be_hidden()
        width = catalog_page.evaluate("document.documentElement.scrollWidth")
        assert width <= 390
        catalog_page.get_by_role("link", name="All assets").click()
        expect(catalog_page.locator(".library")).to_be_visible()
        expect(catalog_page.locator("#detail")).to_be_hidden()
    finally:
        catalog_page.set_viewport_size({"width": 1440, "height": 900})


@pytest.mark.parametrize("width", [1040, 1280, 1440])
def test_neither_the_report_nor_the_renditions_are_cut(catalog_page: Page, shown: Shown, width: int) -> None:
    catalog_page.set_viewport_size({"width": width, "height": 900})
    try:
        _open(catalog_page, shown, shown.video_id)
        for part in (".join-report figure", ".scroll"):
            place = catalog_page.locator(part).first
            expect(place).to_be_visible()
            assert place.evaluate("each => each.scrollWidth - each.clientWidth") == 0, part
    finally:
        catalog_page.set_viewport_size({"width": 1440, "height": 900})


def test_a_token_of_the_api_opens_the_records(shown: Shown, airflow_stack: Settings) -> None:
    body = json.dumps({"username": ADMIN, "password": airflow_password(airflow_stack)}).encode()
    login = urllib.request.Request(
        f"{shown.address}/auth/token", data=body, headers={"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(login) as answer:
        token = json.load(answer)["access_token"]
    request = urllib.request.Request(
        f"{shown.address}/cutroom/api/assets/{shown.video_id}", headers={"Authorization": f"Bearer {token}"}
    )
    with urllib.request.urlopen(request) as answer:
        assert json.load(answer)["status"] == "published"


def test_the_end_of_a_session_is_said_and_what_plays_goes_on(
    browser: Browser, shown: Shown, airflow_stack: Settings
) -> None:
    context = browser.new_context()
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    page.goto(f"{shown.address}/cutroom/")
    _log_in(page, airflow_password(airflow_stack))
    expect(page).to_have_url(f"{shown.address}/cutroom/")
    _open(page, shown, shown.video_id)
    _play(page)
    context.clear_cookies()
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(page.locator("#notice")).to_contain_text("Your session has ended")
    assert page.evaluate("document.getElementById('video').paused") is False
    context.close()


def test_media_that_are_gone_are_said_to_be(session: Page, shown: Shown, sample_video: Path) -> None:
    session.route("**/master.m3u8", lambda route: route.fulfill(status=404))
    session.route("**/manifest.mpd", lambda route: route.fulfill(status=404))
    _open(session, shown, shown.video_id)
    expect(session.locator("#fault")).to_contain_text("can't be fetched")
    session.unroute_all()
