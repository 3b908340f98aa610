"""The routes of the File Service: who is let in, what they answer, and how they refuse."""

import hashlib
import re
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient
from sqlalchemy import text

from cutroom.api.files.app import PREFIX, create_app
from cutroom.blocks.block import block_of
from cutroom.errors import TooManyRequests
from cutroom.settings import Settings
from cutroom.stores import request_rates
from cutroom.stores.database import Database
from cutroom.stores.file_service import FileService
from cutroom.stores.request_rates import RequestRates
from integration.files.conftest import Uploader, app_of, fresh

pytestmark = pytest.mark.stack

PROBLEM = "application/problem+json"
Clients = Callable[[str], TestClient]

BODIES: dict[str, object] = {
    "/upload/init": {"name": "a.mp4", "size_bytes": 0, "blocks": []},
    "/folders": {"name": "Talks"},
    "/folders/{folder_id}": {"name": "Other"},
    "/file/{file_id}": {"name": "other.mp4"},
    "/tokens": {"name": "laptop"},
}


def routes_of(app: FastAPI) -> list[tuple[str, str]]:
    """Method and path of every route."""
    return [
        (method, route.path)
        for route in app.routes
        if isinstance(route, APIRoute)
        for method in route.methods
    ]


def test_every_route_refuses_strangers_before_it_looks_at_anything(service: FileService) -> None:
    app = create_app(lambda _: service)
    stranger = TestClient(app)
    asked = 0
    for method, path in [*routes_of(app), ("GET", "/openapi.json"), ("GET", "/nothing/here")]:
        for headers in ({}, {"Authorization": "Bearer cutroom_wrong"}, {"Authorization": "Basic YTpi"}):
            answer = stranger.request(
                method, re.sub("{.*?}", "x", path), content=b"{nonsense", headers=headers
            )
            assert answer.status_code == 401, f"{method} {path}"
            assert answer.headers["content-type"] == PROBLEM
            assert answer.headers["www-authenticate"] == "Bearer"
            asked += 1
    assert asked >= 50


def test_what_others_have_is_not_there(
    service: FileService, uploader: Uploader, owner: str, client_of: Clients
) -> None:
    version = uploader.upload(fresh(1))
    session = uploader.begin(fresh(1), "other.mp4")
    folder = service.tree.create_folder(owner, name="Talks")
    token, _ = service.tokens.create(owner, name="laptop")
    ids = {
        "session_id": session.session_id,
        "file_id": version.file_id,
        "version_id": version.version_id,
        "folder_id": folder.folder_id,
        "token_id": token.token_id,
    }
    stranger = client_of(owner + "-stranger")
    asked = 0
    for method, path in routes_of(create_app(lambda _: service)):
        if "{" not in path:
            continue
        answer = stranger.request(method, path.format(**ids), json=BODIES.get(path))
        assert answer.status_code == 404, f"{method} {path} answered {answer.status_code}"
        assert answer.headers["content-type"] == PROBLEM
        assert "not served" not in answer.text, "that is no route at all"
        asked += 1
    assert asked >= 12
    assert service.tree.file(owner, version.file_id).name == "film.mp4"
    assert stranger.post("/upload/init", json={**FILE, "folder_id": folder.folder_id}).status_code == 404


FILE = {"name": "a.mp4", "size_bytes": 0, "blocks": []}


def test_a_file_goes_up_and_comes_down_by_the_routes_alone(client_of: Clients, owner: str) -> None:
    client = client_of(owner)
    parts = fresh(2)
    blocks = [{"block_id": block_of(part).block_id, "size_bytes": len(part)} for part in parts]
    begun = client.post("/upload/init", json={"name": "a.mp4", "size_bytes": 2000, "blocks": blocks})
    assert begun.status_code == 201
    session = begun.json()
    assert client.post(f"/upload/{session['session_id']}/complete").status_code == 409
    for one in session["missing"]:
        put = httpx.put(one["url"], content=parts[one["position"]], headers=one["headers"], timeout=300)
        assert put.status_code == 200
    done = client.post(f"/upload/{session['session_id']}/complete").json()
    assert done["status"] == "committed"
    file_id = done["version"]["file_id"]
    told = client.get(f"/download/{file_id}").json()
    assert b"".join(httpx.get(one["url"], timeout=300).content for one in told["blocks"]) == b"".join(parts)
    assert client.get(f"/versions/{done['version']['version_id']}").json()["run"]["status"] == "waiting"
    [file] = client.get("/folders/root").json()["files"]
    assert file["file_id"] == file_id
    assert client.delete(f"/file/{file_id}").status_code == 204
    assert client.get("/folders/root").json()["files"] == []


def test_missing_blocks_are_named_in_the_problem(client_of: Clients, owner: str) -> None:
    client = client_of(owner)
    block = block_of(fresh(1)[0])
    body = {
        "name": "a.mp4", "size_bytes": 1000,
        "blocks": [{"block_id": block.block_id, "size_bytes": block.size_bytes}],
    }  # fmt: skip
    session = client.post("/upload/init", json=body).json()
    answer = client.post(f"/upload/{session['session_id']}/complete")
    assert answer.status_code == 409
    assert answer.json()["missing"] == [block.block_id]
    assert "send them" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({**FILE, "name": "../x"}, "U+002F"),
        ({**FILE, "name": "a\x00b"}, "U+0000"),
        ({**FILE, "size_bytes": 1}, "0 bytes together"),
        ({**FILE, "size_bytes": -1}, "size_bytes"),
        ({**FILE, "blocks": [{"block_id": "A" * 64, "size_bytes": 1}]}, "block_id"),
        ({**FILE, "blocks": [{"block_id": "a" * 64, "size_bytes": 2**22 + 1}]}, "4194304"),
        ({**FILE, "owner": "eva"}, "owner"),
        ({**FILE, "content_type": "text/html\r\nx: y"}, "content_type"),
    ],
)
def test_what_breaks_a_rule_is_refused_with_the_rule(
    body: dict[str, object], says: str, client_of: Clients, owner: str
) -> None:
    answer = client_of(owner).post("/upload/init", json=body)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == PROBLEM
    assert says in answer.json()["detail"]


@pytest.mark.parametrize("name", ["..", "a/b", "a\\b", "a\x00b", "a\nb", "\u202egpj.exe", "ü" * 128])
def test_the_rules_of_names_hold_wherever_a_name_is_given(
    name: str, client_of: Clients, owner: str, uploader: Uploader
) -> None:
    client = client_of(owner)
    file_id = uploader.upload(fresh(1)).file_id
    folder_id = client.post("/folders", json={"name": "Talks"}).json()["folder_id"]
    for method, path in (
        ("POST", "/folders"), ("PATCH", f"/folders/{folder_id}"), ("PATCH", f"/file/{file_id}"),
        ("POST", "/tokens"),
    ):  # fmt: skip
        answer = client.request(method, path, json={"name": name})
        assert answer.status_code == 422, f"{method} {path} took {name!r}"
    content = client.get("/folders/root").json()
    assert [one["name"] for one in (*content["folders"], *content["files"])] == ["Talks", "film.mp4"]


def test_a_title_that_no_store_can_hold_is_taken_without_what_it_can_not(
    client_of: Clients, owner: str
) -> None:
    client = client_of(owner)
    # As JSON may say it, and as no client of ours does.
    said = b'{"name": "a.mp4", "size_bytes": 0, "blocks": [], "title": "A\\u0000 talk", "tags": ["t\\u0000"]}'
    session = client.post("/upload/init", content=said, headers={"Content-Type": "application/json"})
    assert session.status_code == 201
    version = client.post(f"/upload/{session.json()['session_id']}/complete").json()["version"]
    assert version["title"].startswith("A")
    assert version["title"].endswith(" talk")


def test_more_than_any_file_needs_is_refused_before_it_is_read(
    client_of: Clients, owner: str, stack: Settings
) -> None:
    client = client_of(owner)
    answer = client.post("/upload/init", content=b"{}", headers={"Content-Length": str(2**40)})
    assert answer.status_code == 413
    chunked = client.post("/upload/init", content=iter([b"{}"]))
    assert chunked.status_code == 411
    assert "Content-Length" in chunked.json()["detail"]


def test_a_token_ends_at_once_and_is_kept_as_a_digest_only(
    client_of: Clients, owner: str, service: FileService, stack: Settings
) -> None:
    client = client_of(owner)
    made = client.post("/tokens", json={"name": "laptop", "days": 1}).json()
    device = TestClient(
        app_of(service),
        base_url=f"http://testserver{PREFIX}",
        headers={"Authorization": f"Bearer {made['token']}"},
    )
    assert device.get("/me").json()["owner"] == owner
    assert made["token"] not in client.get("/tokens").text
    with Database(stack.database_url).snapshot() as session:
        kept = session.scalars(
            text("SELECT to_json(t)::text FROM device_tokens t WHERE token_id = :id"),
            {"id": made["token_id"]},
        ).one()
    assert made["token"].removeprefix("cutroom_") not in kept
    assert hashlib.sha256(made["token"].encode()).hexdigest() in kept
    assert client.delete(f"/tokens/{made['token_id']}").status_code == 204
    assert device.get("/me").status_code == 401
    assert client.delete(f"/tokens/{made['token_id']}").status_code == 204


def test_a_token_is_good_for_its_days_only(client_of: Clients, owner: str, stack: Settings) -> None:
    client = client_of(owner)
    assert client.get("/me").status_code == 200
    with Database(stack.database_url).transaction() as session:
        session.execute(
            text("UPDATE device_tokens SET expires_at = now() - interval '1 s' WHERE owner = :owner"),
            {"owner": owner},
        )
    assert client.get("/me").status_code == 401


def test_the_feed_tells_of_a_change_as_soon_as_it_happens(
    client_of: Clients, owner: str, uploader: Uploader
) -> None:
    client = client_of(owner)
    since = client.get("/changes").json()["next_since"]
    began = time.monotonic()
    assert client.get(f"/changes?since={since}&wait_s=0.3").json() == {"changes": [], "next_since": since}
    assert time.monotonic() - began >= 0.3
    later = threading.Timer(0.5, lambda: uploader.upload(fresh(1)))
    later.start()
    told = client.get(f"/changes?since={since}&wait_s=20").json()
    later.join()
    assert [(one["kind"], one["change"]) for one in told["changes"]] == [("file", "created")]
    assert client.get("/changes").json()["changes"] == told["changes"]
    # A server that was restored from a backup knows less than its reader, who must not wait for ever.
    lost = client.get(f"/changes?since={told['next_since'] + 1}&wait_s=20")
    assert lost.status_code == 410
    assert "since 0" in lost.json()["detail"]


@pytest.mark.parametrize(
    ("body", "kind", "status", "says"),
    [
        (b"[" * 100_000, "application/json", 400, "JSON"),
        (b'{"name": "\xff"}', "application/json", 400, "JSON"),
        (b"name=x", "application/x-www-form-urlencoded", 422, "body: "),
    ],
)
def test_a_body_that_is_none_is_told_to_be_so(
    client_of: Clients, owner: str, body: bytes, kind: str, status: int, says: str
) -> None:
    answer = client_of(owner).post("/folders", content=body, headers={"Content-Type": kind})
    assert (answer.status_code, answer.headers["content-type"]) == (status, PROBLEM)
    assert says in answer.json()["detail"]


def test_who_asks_too_often_is_told_to_wait_by_every_process(
    stack: Settings, owner: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Twenty at once, and next to nothing more however long this takes.
    monkeypatch.setattr(request_rates, "BURST_S", 1e6)
    # Each has connections of its own, as each process of a server has.
    processes = [RequestRates(Database(stack.database_url)) for _ in range(4)]

    def passes(number: int) -> bool:
        try:
            processes[number % 4].take(owner, per_s=20 / 1e6)
        except TooManyRequests:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(passes, range(60))) == 20
    for process in processes:
        process.take(f"{owner}-other", per_s=20 / 1e6)


def test_what_was_not_used_is_saved_up_again(stack: Settings, owner: str) -> None:
    database = Database(stack.database_url)
    rates = RequestRates(database)
    rates.take(owner, per_s=0.1)
    with pytest.raises(TooManyRequests):
        rates.take(owner, per_s=0.001)
    with database.transaction() as session:
        session.execute(
            text("UPDATE request_rates SET asked_at = asked_at - interval '1 day' WHERE owner = :owner"),
            {"owner": owner},
        )
    for _ in range(2):
        rates.take(owner, per_s=0.2)


def test_too_many_requests_are_answered_with_when_to_come_back(
    service: FileService, owner: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Three at once, and next to nothing more however long this takes.
    monkeypatch.setattr(request_rates, "BURST_S", 1e6)
    monkeypatch.setenv("CUTROOM_REQUESTS_PER_S", "0.000003")
    from cutroom.settings import get_settings

    get_settings.cache_clear()
    _, token = service.tokens.create(owner, name="test")
    client = TestClient(create_app(lambda _: service), headers={"Authorization": f"Bearer {token}"})
    statuses = [client.get("/me") for _ in range(5)]
    assert [one.status_code for one in statuses] == [200, 200, 200, 429, 429]
    assert statuses[-1].headers["retry-after"] == "1"


def test_folders_are_made_moved_listed_and_removed(client_of: Clients, owner: str) -> None:
    client = client_of(owner)
    made = client.post("/folders", json={"name": "Talks"}, headers={"Idempotency-Key": "one"})
    assert made.status_code == 201
    talks = made.json()["folder_id"]
    again = client.post("/folders", json={"name": "Talks"}, headers={"Idempotency-Key": "one"})
    assert again.json() == made.json()
    assert client.post("/folders", json={"name": "TALKS"}).status_code == 409
    inner = client.post("/folders", json={"name": "2026", "parent_id": talks}).json()["folder_id"]
    assert client.patch(f"/folders/{talks}", json={"parent_id": inner}).status_code == 409
    assert client.delete(f"/folders/{talks}").status_code == 409
    assert (
        client.patch(f"/folders/{inner}", json={"parent_id": "root", "name": "Old"}).json()["name"] == "Old"
    )
    for number in range(5):
        client.post("/folders", json={"name": f"f{number}", "parent_id": talks})
    names, after = [], ""
    while after is not None:
        page = client.get(f"/folders/{talks}", params={"limit": 2, "after": after}).json()
        names += [one["name"] for one in page["folders"]]
        after = page["next_after"]
    assert names == [f"f{number}" for number in range(5)]
    assert client.delete(f"/folders/{inner}").status_code == 204
    assert client.get(f"/folders/{inner}").status_code == 404


def test_a_page_may_end_between_folders_and_files(client_of: Clients, owner: str, uploader: Uploader) -> None:
    client = client_of(owner)
    for name in ("a", "b"):
        client.post("/folders", json={"name": name})
    for name in ("c.mp4", "d.mp4", "e.mp4"):
        uploader.upload(fresh(1, 10), name)
    for limit in (1, 2, 3, 4, 5):
        found, after = [], ""
        while after is not None:
            page = client.get("/folders/root", params={"limit": limit, "after": after}).json()
            here = [one["name"] for one in (*page["folders"], *page["files"])]
            assert 0 < len(here) <= limit
            found += here
            after = page["next_after"]
        assert found == ["a", "b", "c.mp4", "d.mp4", "e.mp4"]


def test_a_file_is_renamed_and_moved_and_keeps_its_asset(
    client_of: Clients, owner: str, uploader: Uploader
) -> None:
    client = client_of(owner)
    version = uploader.upload(fresh(1), "film.mp4")
    other = uploader.upload(fresh(1), "other.mp4")
    folder = client.post("/folders", json={"name": "Talks"}).json()["folder_id"]
    assert client.patch(f"/file/{other.file_id}", json={"name": "FILM.mp4"}).status_code == 409
    moved = client.patch(f"/file/{version.file_id}", json={"name": "Film.mp4", "folder_id": folder}).json()
    assert (moved["name"], moved["folder_id"]) == ("Film.mp4", folder)
    newer = uploader.upload(fresh(1), "film.mp4", folder_id=folder)
    assert newer.asset_id == version.asset_id
    listed = client.get(f"/file/{version.file_id}/versions").json()["versions"]
    assert [one["version_id"] for one in listed] == [newer.version_id, version.version_id]
    changes = [one["change"] for one in client.get("/changes").json()["changes"]]
    assert changes == ["created", "created", "created", "moved", "changed"]


def test_the_documents_name_every_route_and_show_examples(client_of: Clients, owner: str) -> None:
    told = client_of(owner).get("/openapi.json").json()
    assert {"/upload/init", "/upload/{session_id}/complete", "/download/{file_id}", "/changes"} <= set(
        told["paths"]
    )
    assert told["servers"] == [{"url": PREFIX}]
    assert told["components"]["schemas"]["NewUploadBody"]["examples"]
    for path, methods in told["paths"].items():
        for method, facts in methods.items():
            assert facts["security"], f"{method} {path}"
            assert "401" in facts["responses"]


@pytest.mark.parametrize(
    "path",
    [
        "/folders/root?after=d:%00",
        "/folders/root?after=x",
        "/folders/root?limit=-1",
        "/folders/%00",
        "/changes?since=99999999999999999999",
        "/upload/us_x?after=-1",
        "/download/fl_x?version=%27",
    ],
)
def test_a_query_that_no_store_can_take_is_refused(path: str, client_of: Clients, owner: str) -> None:
    answer = client_of(owner).get(path)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == PROBLEM
