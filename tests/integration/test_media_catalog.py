"""The catalog's application: who is let in, what it answers, and what it never tells."""

import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from airflow._shared.module_loading import find_path_from_directory
from airflow.api_fastapi.core_api.security import get_user
from fastapi import FastAPI, HTTPException
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient
from starlette.routing import Mount

from catalog_servers import SHA, SOURCE, UPLOAD, version
from cutroom.api.edge import content_security_policy
from cutroom.errors import AssetUnknown, StoreUnavailable
from cutroom.settings import PROJECT_ROOT, get_settings
from cutroom.stores.catalog import Catalog
from media_catalog import access
from media_catalog.app import create_app

PROBLEM = "application/problem+json"


class SomeRecord:
    def __init__(self, asset_id: str) -> None:
        self.asset_id = asset_id

    def to_json(self, *, media_base_url: str) -> dict[str, Any]:
        return {"asset_id": self.asset_id, "playback": {"hls": f"{media_base_url}/master.m3u8"}}


class SomeAssets:
    """Five assets; raises `error` instead where one is given."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.asked: list[str | None] = []

    def assets(self, *, status: str | None, limit: int, offset: int) -> Sequence[SomeRecord]:
        if self.error:
            raise self.error
        self.asked.append(status)
        return [SomeRecord(f"as_{number}") for number in range(5)][offset : offset + limit]

    def asset(self, asset_id: str) -> SomeRecord:
        if self.error:
            raise self.error
        return SomeRecord(asset_id)


class SomeAuthManager:
    """Lets the user read the DAGs named."""

    def __init__(self, readable: Sequence[str]) -> None:
        self.readable = readable
        self.methods: set[str] = set()

    def is_authorized_dag(self, *, method: str, details: Any, user: object) -> bool:
        self.methods.add(method)
        return details.id in self.readable


Clients = Callable[..., TestClient]


@pytest.fixture
def client_of(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clients]:
    """Makes clients of a user who is logged in."""
    monkeypatch.setenv("CUTROOM_MEDIA_URL", "https://media.example/base/")
    get_settings.cache_clear()

    def make(
        assets: Any = None,
        *,
        readable: Sequence[str] = access.SHOWN_DAGS,
        user: Callable[[], object] = object,
    ) -> TestClient:
        app = create_app(lambda: assets or SomeAssets())
        app.dependency_overrides[get_user] = user
        monkeypatch.setattr(access, "get_auth_manager", lambda: SomeAuthManager(readable))
        return TestClient(app, follow_redirects=False)

    yield make
    get_settings.cache_clear()


@pytest.fixture
def stranger() -> TestClient:
    """A client without any credentials."""
    return TestClient(create_app(SomeAssets), follow_redirects=False)


def test_every_route_but_the_static_files_refuses_strangers(stranger: TestClient) -> None:
    app = stranger.app
    assert isinstance(app, FastAPI)
    asked = 0
    for route in app.routes:
        if isinstance(route, Mount):
            assert route.path == "/static", f"{route.path} is mounted without a login"
            continue
        assert isinstance(route, APIRoute), f"{route} is not a route that this test can judge"
        for method in route.methods:
            answer = stranger.request(method, route.path.replace("{asset_id}", "as_1"))
            assert answer.status_code in {307, 401}, f"{method} {route.path} answered {answer.status_code}"
            asked += 1
    assert asked >= 3


def test_a_stranger_is_refused_before_the_request_is_judged(stranger: TestClient) -> None:
    assert stranger.get("/api/assets?limit=nonsense").status_code == 401


def test_a_browser_is_sent_to_the_login_of_airflow_and_back_here(stranger: TestClient) -> None:
    answer = stranger.get("/")
    assert answer.status_code == 307
    assert answer.headers["location"] == "/api/v2/auth/login?next=%2F"


def test_the_way_to_the_login_knows_below_which_path_airflow_lives() -> None:
    airflow = FastAPI(root_path="/orchestration")
    airflow.mount("/cutroom", create_app(SomeAssets))
    answer = TestClient(airflow, follow_redirects=False).get("/orchestration/cutroom/")
    location = urlsplit(answer.headers["location"])
    assert location.path == "/orchestration/api/v2/auth/login"
    assert parse_qs(location.query) == {"next": ["/orchestration/cutroom/"]}


def test_an_api_client_is_told_how_to_log_in(stranger: TestClient) -> None:
    answer = stranger.get("/api/assets")
    assert answer.status_code == 401
    assert answer.headers["content-type"] == PROBLEM
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.json()["status"] == 401


def test_a_token_that_is_not_of_this_airflow_counts_as_none(client_of: Clients) -> None:
    def refuse() -> object:
        # What Airflow's own dependency answers to it.
        raise HTTPException(403, "Invalid JWT token")

    client = client_of(user=refuse)
    assert client.get("/").status_code == 307
    assert client.get("/api/assets").status_code == 401


@pytest.mark.parametrize("readable", [(), ("process_video",), ("process_audio",)])
def test_a_user_who_may_not_read_all_shown_dags_is_refused(
    client_of: Clients, readable: Sequence[str]
) -> None:
    client = client_of(readable=readable)
    page = client.get("/")
    assert page.status_code == 403
    assert "You may not see the catalog" in page.text
    answer = client.get("/api/assets/as_1")
    assert answer.status_code == 403
    assert answer.headers["content-type"] == PROBLEM
    assert "process_video" in answer.json()["detail"]


def test_a_page_of_assets_tells_where_the_next_begins(client_of: Clients) -> None:
    client = client_of()
    first = client.get("/api/assets?limit=3").json()
    assert [asset["asset_id"] for asset in first["assets"]] == ["as_0", "as_1", "as_2"]
    assert first["next_offset"] == 3
    last = client.get("/api/assets?limit=3&offset=3").json()
    assert [asset["asset_id"] for asset in last["assets"]] == ["as_3", "as_4"]
    assert last["next_offset"] is None


def test_addresses_begin_with_the_media_base(client_of: Clients) -> None:
    asset = client_of().get("/api/assets/as_1").json()
    assert asset["playback"]["hls"] == "https://media.example/base/master.m3u8"


def test_assets_can_be_asked_for_by_status(client_of: Clients) -> None:
    assets = SomeAssets()
    client = client_of(assets)
    assert client.get("/api/assets?status=failed").status_code == 200
    assert assets.asked == ["failed"]
    wrong = client.get("/api/assets?status=lost")
    assert wrong.status_code == 422
    assert wrong.headers["content-type"] == PROBLEM
    assert "status" in wrong.json()["detail"]


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (AssetUnknown("There is no asset 'x'."), 404),
        (StoreUnavailable("PostgreSQL does not answer."), 503),
    ],
)
def test_what_the_catalog_reports_is_told(client_of: Clients, error: Exception, status: int) -> None:
    answer = client_of(SomeAssets(error)).get("/api/assets/x")
    assert answer.status_code == status
    assert answer.headers["content-type"] == PROBLEM
    assert answer.json()["detail"] == str(error)


def test_what_nobody_expected_stays_in_the_log(client_of: Clients, caplog: pytest.LogCaptureFixture) -> None:
    error = RuntimeError("password=hunter2 at postgresql://secret")
    answer = client_of(SomeAssets(error)).get("/api/assets/x")
    assert answer.status_code == 500
    assert answer.headers["content-type"] == PROBLEM
    assert "hunter2" not in answer.text
    assert "Traceback" not in answer.text
    assert any(record.exc_info and record.exc_info[1] is error for record in caplog.records)


def test_the_page_may_load_from_itself_and_the_media_bucket_only(client_of: Clients) -> None:
    policy = client_of().get("/").headers["content-security-policy"]
    assert "unsafe" not in policy
    assert "*" not in policy
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
    assert "connect-src 'self' https://media.example;" in policy


def test_an_address_with_a_path_and_a_port_is_allowed_by_its_origin() -> None:
    policy = content_security_policy("http://127.0.0.1:4566/cutroom-media")
    assert "media-src blob: http://127.0.0.1:4566;" in policy


def test_no_script_or_style_stands_in_the_pages() -> None:
    pages = list((PROJECT_ROOT / "plugins/media_catalog/templates").glob("*.html"))
    assert len(pages) == 2
    for page in pages:
        text = page.read_text()
        assert "<style" not in text
        assert "style=" not in text
        assert " on" not in "".join(part.partition(">")[0] for part in text.split("<")[1:])
        assert all(part.partition(">")[0].strip().startswith("src=") for part in text.split("<script")[1:])


def test_static_files_are_public_and_the_pages_are_not_among_them(stranger: TestClient) -> None:
    assert stranger.get("/static/catalog.js").status_code == 200
    assert stranger.get("/static/index.html").status_code == 404
    assert stranger.get("/static/../templates/index.html").status_code in {307, 404}
    assert stranger.get("/static/%2e%2e/app.py").status_code == 404


def test_the_style_of_the_player_fetches_nothing_from_elsewhere(client_of: Clients) -> None:
    answer = client_of().get("/player.css")
    assert ".shaka-video-container" in answer.text
    assert "@import" not in answer.text
    fetched = re.findall(r"url\(['\"]?(\w+):", answer.text)
    assert set(fetched) == {"data"}


def test_answers_are_not_kept_by_caches(client_of: Clients) -> None:
    client = client_of()
    assert client.get("/").headers["cache-control"] == "no-store"
    assert client.get("/api/assets").headers["cache-control"] == "no-store"


def test_airflow_loads_one_file_of_this_folder_as_a_plugin() -> None:
    folder = PROJECT_ROOT / "plugins"
    found = find_path_from_directory(str(folder), ".airflowignore")
    own = [path for path in found if "media_catalog" in path.removeprefix(str(folder))]
    assert [path.rpartition("/")[2] for path in own] == ["media_catalog_plugin.py"]


def test_loading_the_plugin_builds_nothing() -> None:
    """Airflow loads plugins in every component: only the API server may pay for the application."""
    script = (
        "import sys; from media_catalog import media_catalog_plugin as module;"
        "plugin = module.MediaCatalogPlugin();"
        "print(*[name for name in sys.modules if name.split('.')[0] == 'cutroom' or name == 'media_catalog.app'"
        " or name == 'pymongo']); print(plugin.react_apps[0]['bundle_url'])"
    )
    environment_path = f"{PROJECT_ROOT / 'plugins'}:{PROJECT_ROOT / 'include'}"
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={
            "PYTHONPATH": environment_path,
            "PATH": "",
            "HOME": "/tmp",
            "AIRFLOW_HOME": "/tmp/airflow-parse",
        },
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[-2:] == ["", "/cutroom/static/open.js"]


def test_records_of_the_real_catalog_are_answered_as_they_are(catalog: Catalog, client_of: Clients) -> None:
    catalog.start_run(
        run_id="run_1", dag_id="process_video", upload=UPLOAD, profile="web", profile_digest="web1", attempt=1
    )
    catalog.record_source(run_id="run_1", sha256=SHA, source=SOURCE)
    catalog.record_progress(run_id="run_1", step="encode_video", part="0", done=3, total=6)
    client = client_of(catalog)
    (listed,) = client.get("/api/assets?status=processing").json()["assets"]
    assert listed["runs"][0]["progress"]["steps"][0]["percent"] == 50
    catalog.publish(run_id="run_1", version=version())
    shown = client.get(f"/api/assets/{listed['asset_id']}").json()
    assert shown["status"] == "published"
    assert shown["playback"]["hls"].startswith("https://media.example/base/assets/")
    assert client.get("/api/assets/as_nothing").status_code == 404
