"""Requests that nobody thought of: whatever the documents allow, and whatever they don't, gets an answer.

Requests are about what earlier answers told of, by its id, and files have real blocks: so uploads are committed, read,
renamed and deleted on the way. An answer of 500 or above is a fault, everything else is not. The requests are the same
in each run, and bounded, so that this stays in the suite.
"""

import json
import random
from collections import Counter, defaultdict
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import httpx
import pytest
import schemathesis
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.generation.modes import GenerationMode

from cutroom.api.files.app import create_app
from cutroom.blocks.block import block_of
from cutroom.settings import Settings, get_settings
from cutroom.stores.file_service import FileService
from cutroom.stores.file_versions import FileVersions
from integration.files.conftest import Uploader, fresh

pytestmark = pytest.mark.stack

CONTENTS = {block_of(data).block_id: data for data in (bytes([number]) * 10 for number in range(6))}
IDS = ("session_id", "file_id", "version_id", "folder_id", "token_id")


@pytest.fixture
def fuzz(stack: Settings, service: FileService, owner: str, monkeypatch: pytest.MonkeyPatch) -> "Fuzz":
    monkeypatch.setenv("CUTROOM_REQUESTS_PER_S", "100000")
    get_settings.cache_clear()
    return Fuzz(service, owner)


def made(operation: Any, mode: GenerationMode, count: int) -> list[schemathesis.Case]:
    """Requests to a route, the same in each run."""
    cases: list[schemathesis.Case] = []

    @settings(
        max_examples=count,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def keep(case: schemathesis.Case) -> None:
        cases.append(case)

    try:
        keep()
    except Unsatisfiable:
        # A route without parameters can't be asked wrongly.
        assert mode is GenerationMode.NEGATIVE
    return cases


class Fuzz:
    """Asks a service as one owner, and keeps what it answered well."""

    def __init__(self, service: FileService, owner: str) -> None:
        self.well: Counter[str] = Counter()
        self._chance = random.Random(7)
        self._known: dict[str, list[str]] = defaultdict(list)
        own, secret = service.tokens.create(owner, name="fuzz")
        self._headers = {"Authorization": f"Bearer {secret}"}
        self._own_token_id = own.token_id
        self._app = create_app(lambda _: service)
        self.schema = schemathesis.openapi.from_dict(self._app.openapi())
        self.schema.app = self._app

    def run(self, count: int) -> list[str]:
        """So many requests to each route, some of them against the documents; gives those whose answer is a fault."""
        cases: list[schemathesis.Case] = []
        for found in self.schema.get_all_operations():
            operation = found.ok()
            # What is deleted can't be asked for: more is made than goes.
            many = count // 4 if operation.method == "delete" else count
            cases += made(operation, GenerationMode.POSITIVE, many)
            cases += made(operation, GenerationMode.NEGATIVE, count // 4)
        self._chance.shuffle(cases)
        faults = []
        for case in cases:
            self._mend(case)
            answer = case.call(headers=self._headers)
            if answer.status_code >= 500:
                faults.append(f"{case.as_curl_command()} answered {answer.status_code}: {answer.text}")
            self._learn(answer, case)
        return faults

    def _mend(self, case: schemathesis.Case) -> None:
        """Let a request mean something, more often than not."""
        # A wait would only cost time.
        case.query.pop("wait_s", None)
        for name, said in case.path_parameters.items():
            if self._known[name] and said not in self._known[name] and self._chance.random() < 0.8:
                case.path_parameters[name] = self._chance.choice(self._known[name][-5:])
        body = case.body
        if case.operation.path == "/upload/init" and isinstance(body, dict) and self._chance.random() < 0.8:
            ids = self._chance.choices(list(CONTENTS), k=self._chance.randint(0, 3))
            body["blocks"] = [{"block_id": one, "size_bytes": len(CONTENTS[one])} for one in ids]
            body["size_bytes"] = 10 * len(ids)
            body["name"] = f"film {self._chance.randint(0, 5)}.mp4"
            body["folder_id"] = "root"

    def _learn(self, response: Any, case: schemathesis.Case) -> None:
        """Keep what the answer tells of ids, and send the blocks that it asks for."""
        if not 200 <= response.status_code < 300:
            return
        self.well[f"{case.operation.method.upper()} {case.operation.path}"] += 1
        told = response.json() if response.content else None
        self._note_ids(told)
        for one in told.get("missing", ()) if isinstance(told, dict) else ():
            if one["block_id"] in CONTENTS:
                httpx.put(one["url"], content=CONTENTS[one["block_id"]], headers=one["headers"], timeout=300)

    def _note_ids(self, told: Any) -> None:
        for name, value in told.items() if isinstance(told, dict) else ():
            # Who ends his own token is a stranger from then on.
            if name in IDS and value and value not in (*self._known[name], self._own_token_id):
                self._known[name].append(value)
            self._note_ids(value)
        for value in told if isinstance(told, list) else ():
            self._note_ids(value)


def test_no_request_makes_the_service_fail_and_every_route_is_used(fuzz: Fuzz, uploader: Uploader) -> None:
    assert fuzz.run(16) == []
    routes = {
        f"{method.upper()} {path}"
        for path, methods in fuzz.schema.raw_schema["paths"].items()
        for method in methods
    }
    assert routes - set(fuzz.well) == set(), fuzz.well
    # Nothing was lost meanwhile.
    uploader.upload(fresh(1))


CONTROLS = [chr(code) for code in (*range(32), *range(127, 160))]
NOT_IN_NAMES = [*CONTROLS, "/", "\\", "\u2028", "\u2029", "\u202e", "\u2066", "\ud800"]


def test_no_route_takes_a_name_with_a_control_character(
    service: FileService, owner: str, uploader: Uploader, client_of: Callable[[str], TestClient]
) -> None:
    """Each route that takes a name, and each such character; nothing of it is kept, or breaks the answer."""
    version = uploader.upload(fresh(1), name="film.mp4")
    folder = service.tree.create_folder(owner, name="Talks")
    client = client_of(owner)
    schema = client.get("/openapi.json").json()
    asked = set()
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            body = (
                operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
            )
            taken = schema["components"]["schemas"][body["$ref"].rpartition("/")[2]] if body else {}
            if "name" not in taken.get("properties", {}):
                continue
            asked.add(f"{method.upper()} {path}")
            address = path.format(file_id=version.file_id, folder_id=folder.folder_id)
            for character in NOT_IN_NAMES:
                # Bytes, as a client in Python refuses to write half of a surrogate pair.
                data = json.dumps({**taken["examples"][0], "name": f"evil{character}name.mp4"}).encode()
                answer = client.request(
                    method, address, content=data, headers={"Content-Type": "application/json"}
                )
                assert 400 <= answer.status_code < 500, f"{method} {path} {character!r}: {answer.text}"
                assert answer.headers["content-type"] == "application/problem+json"
    assert asked == {
        "POST /upload/init", "POST /folders", "PATCH /folders/{folder_id}", "PATCH /file/{file_id}", "POST /tokens",
    }  # fmt: skip
    top = client.get("/folders/root").json()
    assert [one["name"] for one in (*top["folders"], *top["files"])] == ["Talks", "film.mp4"]
    assert "evil" not in client.get("/tokens").text


def test_no_other_text_with_control_characters_makes_the_service_fail(
    uploader: Uploader, owner: str, client_of: Callable[[str], TestClient]
) -> None:
    """Titles and tags keep what can be kept; ids and places in a list are none."""
    version = uploader.upload(fresh(1))
    client = client_of(owner)
    for character in "\0\n\r\x1b\x7f\x85\u2028\u202e\ud800":
        text = f"a{character}b"
        body = {"name": "b.mp4", "size_bytes": 0, "blocks": [], "title": text, "tags": [text]}
        begun = client.post(
            "/upload/init", content=json.dumps(body).encode(), headers={"Content-Type": "application/json"}
        )
        assert begun.status_code == (422 if character == "\ud800" else 201), f"{character!r}: {begun.text}"
        if begun.status_code == 201:
            assert client.post(f"/upload/{begun.json()['session_id']}/complete").status_code < 300
        escaped = quote(text, errors="surrogatepass")
        for address in (
            f"/file/{escaped}",
            f"/folders/{escaped}",
            f"/folders/root?after={escaped}",
            f"/download/{version.file_id}?version_id={escaped}",
            f"/changes?since={escaped}",
        ):
            assert client.get(address).status_code < 500, address


def planted(real: Callable[..., Any]) -> Callable[..., Any]:
    """A fault that needs a file with content, and a page that begins in it."""

    def download(
        _: FileVersions, owner: str, file_id: str, *, version_id: str | None = None, after: int = 0
    ) -> Any:
        page = real(owner, file_id, version_id=version_id, after=after)
        assert not (page.version.blocks_total and after and version_id is None)
        return page

    return download


def test_a_fault_that_is_hard_to_reach_is_found(
    fuzz: Fuzz, service: FileService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(service.versions), "download", planted(service.versions.download))
    assert any("/download/" in fault for fault in fuzz.run(16))
