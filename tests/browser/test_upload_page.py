"""The upload page in a real Airflow: files are dropped, arrive bit by bit in S3, and go on after a reload."""

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, Route, expect

from browser.chromium import PATIENCE_MS
from cutroom.blocks.block import BLOCK_BYTES, block_of
from cutroom.settings import Settings
from cutroom.stack.airflow import airflow_password
from cutroom.stack.airflow_config import ADMIN
from cutroom.stores.blocks import open_block_service
from cutroom.stores.file_records import FileRecord
from cutroom.stores.file_service import FileService, open_file_service
from cutroom.stores.s3 import s3_client

pytestmark = [pytest.mark.browser, pytest.mark.stack]


@pytest.fixture
def service(airflow_stack: Settings) -> FileService:
    return open_file_service(airflow_stack)


@pytest.fixture
def upload_page(browser: Browser, airflow_stack: Settings) -> Iterator[Page]:
    """The page, opened by the player page's link after Airflow's login."""
    context = browser.new_context(viewport={"width": 1100, "height": 800})
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    page.goto(f"{airflow_stack.airflow_url}/files/")
    page.get_by_role("textbox", name="username").fill(ADMIN)
    page.get_by_role("textbox", name="password").fill(airflow_password(airflow_stack))
    page.get_by_role("button", name="Sign in").click()
    expect_ready(page)
    yield page
    context.close()


def expect_ready(page: Page) -> None:
    """What is dropped before the page's script runs is the browser's to open, not the page's to take."""
    expect(page.get_by_role("button", name="Choose files")).to_be_enabled()


def files_of(service: FileService, folder_id: str = "root") -> dict[str, FileRecord]:
    return {file.name: file for file in service.tree.content(ADMIN, folder_id, limit=500).files}


def read_back(settings: Settings, file: FileRecord) -> bytes:
    blocks = open_block_service(settings)
    listed = blocks.references(file.version.version_id)
    urls = blocks.get_block_download_urls(
        [block.block_id for block in listed], reference_id=file.version.version_id
    )
    return b"".join(httpx.get(url, timeout=300).content for url in urls)


def make_file(folder: Path, size: int) -> Path:
    path = folder / f"film {uuid.uuid4().hex[:8]}.txt"
    path.write_bytes(os.urandom(size))
    return path


def drop(page: Page, path: Path) -> None:
    """Drag a file or folder from the desktop onto the page, as far as the browser can tell."""
    session = page.context.new_cdp_session(page)
    place = {"x": 550, "y": 200}
    data = {"items": [], "files": [str(path)], "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver", "drop"):
        session.send("Input.dispatchDragEvent", {"type": kind, **place, "data": data})
    session.detach()


def arrived(settings: Settings, file: Path) -> int:
    """How many blocks of a file S3 holds."""
    data = file.read_bytes()
    parts = [data[start : start + BLOCK_BYTES] for start in range(0, len(data), BLOCK_BYTES)]
    prefixes = [f"blocks/{block_of(part).block_id[:2]}/{block_of(part).block_id}" for part in parts]
    client = s3_client(settings)
    return sum(
        client.list_objects_v2(Bucket=settings.blocks_bucket, Prefix=prefix)["KeyCount"]
        for prefix in prefixes
    )


def test_a_dropped_file_arrives_block_by_block(
    upload_page: Page, tmp_path: Path, service: FileService, airflow_stack: Settings
) -> None:
    file = make_file(tmp_path, 2 * BLOCK_BYTES + 1234)
    puts: list[str] = []
    upload_page.on("request", lambda request: puts.append(request.url) if request.method == "PUT" else None)
    drop(upload_page, file)
    link = upload_page.get_by_role("link", name=file.name)
    expect(link).to_be_visible()
    record = files_of(service)[file.name]
    assert read_back(airflow_stack, record) == file.read_bytes()
    assert len(puts) == 3
    assert link.get_attribute("href") == f"../cutroom/#{record.version.asset_id}"
    puts.clear()
    drop(upload_page, file)
    expect(upload_page.get_by_role("link", name=file.name)).to_have_count(2)
    assert puts == []


def test_a_folder_keeps_its_shape(
    upload_page: Page, tmp_path: Path, service: FileService, airflow_stack: Settings
) -> None:
    name = f"Folder {uuid.uuid4().hex[:8]}"
    inner = tmp_path / name / "Inside"
    inner.mkdir(parents=True)
    file = make_file(inner, 1000)
    drop(upload_page, tmp_path / name)
    expect(upload_page.get_by_role("link", name=f"{name}/Inside/{file.name}")).to_be_visible()
    [outer] = [one for one in service.tree.content(ADMIN, limit=500).folders if one.name == name]
    [inside] = service.tree.content(ADMIN, outer.folder_id).folders
    assert read_back(airflow_stack, files_of(service, inside.folder_id)[file.name]) == file.read_bytes()


def test_subtitles_are_sent_before_their_film_and_wait_for_no_run(upload_page: Page, tmp_path: Path) -> None:
    folder = tmp_path / f"Film {uuid.uuid4().hex[:8]}"
    folder.mkdir()
    for name in ("a film.mp4", "a film.srt"):
        (folder / name).write_bytes(os.urandom(1000))
    drop(upload_page, folder)
    lines = upload_page.get_by_role("listitem")
    expect(lines.nth(0)).to_contain_text("a film.srt")
    expect(lines.nth(0)).to_contain_text("Kept for its film")
    expect(lines.nth(1)).to_contain_text("a film.mp4")


def test_after_a_reload_only_what_is_missing_is_sent(
    upload_page: Page, tmp_path: Path, service: FileService, airflow_stack: Settings
) -> None:
    file = make_file(tmp_path, 4 * BLOCK_BYTES)
    sent: list[str] = []
    blocks_host = f"{airflow_stack.s3_endpoint_url}/{airflow_stack.blocks_bucket}/**"

    def let_two_pass(route: Route) -> None:
        if route.request.method == "PUT" and len(sent) < 2:
            sent.append(route.request.url)
            route.continue_()
        elif route.request.method == "OPTIONS":
            route.continue_()
        # Others are left waiting until the page goes.

    upload_page.context.route(blocks_host, let_two_pass)
    drop(upload_page, file)
    while arrived(airflow_stack, file) < 2:
        upload_page.wait_for_timeout(100)
    upload_page.on("dialog", lambda dialog: dialog.accept())
    # Requests that are held go on as soon as nobody holds them: the page has to be gone by then.
    upload_page.reload()
    upload_page.context.unroute(blocks_host)
    expect_ready(upload_page)
    expect(upload_page.get_by_text(f"Not finished: {file.name}")).to_be_visible()
    puts: list[str] = []
    upload_page.on("request", lambda request: puts.append(request.url) if request.method == "PUT" else None)
    drop(upload_page, file)
    expect(upload_page.get_by_role("link", name=file.name)).to_be_visible()
    assert len(puts) == 2
    assert read_back(airflow_stack, files_of(service)[file.name]) == file.read_bytes()


def test_what_can_not_be_taken_is_told_and_stops_no_other(upload_page: Page, tmp_path: Path) -> None:
    folder = tmp_path / f"Folder {uuid.uuid4().hex[:8]}"
    folder.mkdir()
    for name in ("a.txt", "A.txt", "b.txt"):
        (folder / name).write_bytes(os.urandom(10))
    (folder / "c.txt").symlink_to("/nowhere")
    drop(upload_page, folder)
    expect(upload_page.get_by_role("link", name="b.txt")).to_be_visible()
    failed = upload_page.get_by_role("listitem").filter(has_text="Failed")
    expect(failed).to_have_count(1)
    expect(failed).to_contain_text("would have the name of")


def test_a_narrow_screen_shows_the_page(upload_page: Page) -> None:
    upload_page.set_viewport_size({"width": 360, "height": 640})
    expect_ready(upload_page)
    assert upload_page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_who_logs_in_next_learns_no_name_of_a_file(upload_page: Page, tmp_path: Path) -> None:
    upload_page.context.route("**/upload/init", lambda _: None)
    drop(upload_page, make_file(tmp_path, 10))
    expect(upload_page.get_by_role("progressbar")).to_be_visible()
    kept = "Object.keys(localStorage).filter((key) => key.startsWith('cutroom-unfinished'))"
    assert upload_page.evaluate(kept) == [f"cutroom-unfinished-uploads of {ADMIN}"]


def test_the_player_page_leads_to_the_upload_page_and_strangers_to_the_login(
    upload_page: Page, airflow_stack: Settings, browser: Browser
) -> None:
    upload_page.goto(f"{airflow_stack.airflow_url}/cutroom/")
    upload_page.get_by_role("link", name="Upload").click()
    expect(upload_page.get_by_role("heading", name="Upload")).to_be_visible()
    expect_ready(upload_page)
    base = f"{airflow_stack.airflow_url}/files"
    stranger = httpx.get(f"{base}/", headers={"Accept": "text/html"}, timeout=300)
    assert stranger.status_code == 307
    assert "/auth/login" in stranger.headers["location"]
    assert httpx.get(f"{base}/me", timeout=300).status_code == 401
    forged = {"Authorization": "Bearer " + "x" * 40}
    assert httpx.get(f"{base}/me", headers=forged, timeout=300).status_code == 401
    assert "script-src 'self'" in stranger.headers["content-security-policy"]


def test_a_login_of_airflow_is_enough_for_the_routes(airflow_stack: Settings) -> None:
    login = {"username": ADMIN, "password": airflow_password(airflow_stack)}
    token = httpx.post(f"{airflow_stack.airflow_url}/auth/token", json=login, timeout=300).json()[
        "access_token"
    ]
    told = httpx.get(
        f"{airflow_stack.airflow_url}/files/me", headers={"Authorization": f"Bearer {token}"}
    ).json()
    assert told["owner"] == ADMIN
