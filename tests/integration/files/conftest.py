"""The File Service on real servers: as a library, in process behind its routes, and as a process of its own."""

import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from cutroom.api.files.app import PREFIX, create_app
from cutroom.blocks.block import Block, block_of
from cutroom.client.service import FileServiceClient
from cutroom.settings import Settings
from cutroom.stores.blocks import open_block_service
from cutroom.stores.file_records import MissingBlock, NewUpload, UploadRecord, VersionRecord
from cutroom.stores.file_service import FileService, open_file_service
from own_port import own_port

CUTROOM = Path(sys.executable).with_name("cutroom")

STORE = httpx.Client(timeout=300)
"""Fifty clients at once wait longer for an answer than the five seconds that are usual."""


@pytest.fixture
def owner() -> str:
    """Somebody whom no other test knows."""
    return f"owner-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def service(stack: Settings) -> FileService:
    return open_file_service(stack)


@dataclass
class Uploader:
    """Sends files as a client does, by the library alone."""

    service: FileService
    owner: str
    sent: list[str] = field(default_factory=list)
    """Ids of the blocks that were sent, in order."""

    def begin(self, parts: Sequence[bytes], name: str = "film.mp4", **said: object) -> UploadRecord:
        return self.service.uploads.begin(self.owner, announcement(parts, name, **said))

    def send(self, session_id: str, parts: Sequence[bytes]) -> None:
        bytes_of = {block_of(part).block_id: part for part in parts}
        after: int | None = 0
        while after is not None:
            page = self.service.uploads.missing(self.owner, session_id, after=after)
            for one in page.missing:
                put(one, bytes_of[one.block.block_id])
                self.sent.append(one.block.block_id)
            after = page.next_after

    def complete(self, session_id: str) -> VersionRecord:
        while True:
            record = self.service.uploads.complete(self.owner, session_id)
            if record.version_id:
                return self.service.versions.version(self.owner, record.version_id)

    def upload(self, parts: Sequence[bytes], name: str = "film.mp4", **said: object) -> VersionRecord:
        session = self.begin(parts, name, **said)
        self.send(session.session_id, parts)
        return self.complete(session.session_id)


@pytest.fixture
def uploader(service: FileService, owner: str) -> Uploader:
    return Uploader(service, owner)


def announcement(parts: Sequence[bytes], name: str = "film.mp4", **said: object) -> NewUpload:
    """What is said of a file that consists of these bytes."""
    values: dict[str, object] = {"folder_id": "root", **said}
    return NewUpload(
        name=name,
        size_bytes=sum(map(len, parts)),
        blocks=tuple(map(block_of, parts)),
        **values,  # type: ignore[arg-type]
    )


def put(one: MissingBlock, data: bytes) -> int:
    """Send bytes to where a block is to go; gives the status of the answer."""
    return STORE.put(one.upload.url, content=data, headers=dict(one.upload.headers)).status_code


def read_back(settings: Settings, version: VersionRecord) -> bytes:
    """The bytes of a version, as a run would read them."""
    blocks = open_block_service(settings)
    listed: list[Block] = blocks.references(version.version_id)
    urls = blocks.get_block_download_urls(
        [block.block_id for block in listed], reference_id=version.version_id
    )
    return b"".join(STORE.get(url).content for url in urls)


def fresh(count: int, size: int = 1000) -> list[bytes]:
    """Blocks that nobody has ever seen."""
    return [os.urandom(size) for _ in range(count)]


def app_of(service: FileService) -> FastAPI:
    """The application at its place, over a service."""
    outer = FastAPI()
    outer.mount(PREFIX, create_app(lambda _: service))
    return outer


@pytest.fixture
def client_of(service: FileService) -> Callable[[str], TestClient]:
    """Makes HTTP clients of an owner, with a device token."""
    app = app_of(service)

    def make(owner: str) -> TestClient:
        _, token = service.tokens.create(owner, name="test")
        return TestClient(
            app, base_url=f"http://testserver{PREFIX}", headers={"Authorization": f"Bearer {token}"}
        )

    return make


class ServerProcess:
    """`cutroom file-service` in a process of its own, to be killed and started again."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.port = own_port()
        self.url = f"http://127.0.0.1:{self.port}{PREFIX}"
        self._environment = environment
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [str(CUTROOM), "file-service"]
        self._process = subprocess.Popen(
            [*command, "--port", str(self.port)], env=self._environment, stdout=subprocess.DEVNULL
        )
        deadline = time.monotonic() + 180
        while True:
            try:
                httpx.get(f"{self.url}/me")
            except httpx.TransportError:
                if time.monotonic() > deadline or self._process.poll() is not None:
                    raise
                time.sleep(0.05)
            else:
                return

    def kill(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
            self._process = None


@pytest.fixture(scope="module")
def server(stack: Settings) -> Iterator[ServerProcess]:
    process = ServerProcess({**os.environ, **environment_of(stack)})
    process.start()
    yield process
    process.kill()


def environment_of(settings: Settings) -> dict[str, str]:
    """The variables by which another process finds the same servers."""
    return {
        "CUTROOM_HOME": str(settings.home),
        "CUTROOM_DATABASE_URL": settings.database_url,
        "AWS_ENDPOINT_URL": settings.s3_endpoint_url,
        "CUTROOM_REQUESTS_PER_S": "10000",
    }


@pytest.fixture
def token(service: FileService, owner: str) -> str:
    return service.tokens.create(owner, name="test")[1]


@pytest.fixture
def remote(server: ServerProcess, token: str) -> Iterator[FileServiceClient]:
    """The client of the server process."""
    client = FileServiceClient(server.url, token)
    yield client
    client.close()


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A file of a few blocks that nobody has ever seen."""
    path = tmp_path / "film.mp4"
    path.write_bytes(os.urandom(3 * 2**22 + 12345))
    return path
