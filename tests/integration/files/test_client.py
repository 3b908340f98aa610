"""The client against a File Service in a process of its own: what it sends, and what it survives."""

import enum
import fcntl
import json
import os
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from cutroom.api.files.app import PREFIX
from cutroom.blocks.block import BLOCK_BYTES
from cutroom.cli.account import open_service
from cutroom.client import backoff, block_transfer
from cutroom.client import download as downloading
from cutroom.client import upload as uploading
from cutroom.client.credentials import keep_token
from cutroom.client.download import download_file
from cutroom.client.folders import Folders
from cutroom.client.hashing import LocalFile
from cutroom.client.service import FileServiceClient, NewFile
from cutroom.client.upload import Uploaded, upload_file
from cutroom.errors import (
    Conflict,
    FileUnknown,
    LoginRequired,
    ObjectCorrupt,
    RequestInvalid,
    StoreUnavailable,
    UsageError,
)
from cutroom.settings import Settings
from cutroom.stores.file_service import FileService
from cutroom.stores.s3 import s3_client
from integration.files.conftest import CUTROOM, ServerProcess, environment_of
from killing import PYTHONPATH, small_blocks

pytestmark = pytest.mark.stack


class Silent:
    """Counts what an upload tells."""

    def __init__(self) -> None:
        self.bytes = {"hashed": 0, "skipped": 0, "sent": 0}
        self._lock = threading.Lock()

    def _count(self, name: str, size_bytes: int) -> None:
        with self._lock:
            self.bytes[name] += size_bytes

    def hashed(self, size_bytes: int) -> None:
        self._count("hashed", size_bytes)

    def skipped(self, size_bytes: int) -> None:
        self._count("skipped", size_bytes)

    def sent(self, size_bytes: int) -> None:
        self._count("sent", size_bytes)


def upload(
    service: FileServiceClient, path: Path, told: Silent | None = None, folder_id: str = "root"
) -> Uploaded:
    with LocalFile(path) as file:
        new = NewFile(
            name=path.name, folder_id=folder_id, size_bytes=file.size_bytes, content_type="video/mp4"
        )
        return upload_file(service, file, new, threads=2, told=told or Silent())


@pytest.mark.parametrize("size", [0, 1, BLOCK_BYTES, 3 * BLOCK_BYTES + 12345])
def test_what_goes_up_comes_down(remote: FileServiceClient, tmp_path: Path, size: int) -> None:
    path = tmp_path / "film.mp4"
    path.write_bytes(os.urandom(size))
    told = Silent()
    first = upload(remote, path, told)
    assert (first.bytes_total, first.bytes_sent) == (size, size)
    assert first.blocks_sent == first.blocks_total == -(-size // BLOCK_BYTES)
    assert told.bytes == {"hashed": size, "sent": size, "skipped": 0}
    got = download_file(remote, first.file_id, tmp_path / "back.mp4")
    assert (tmp_path / "back.mp4").read_bytes() == path.read_bytes()
    assert got.bytes_received == size


def test_the_same_file_again_sends_no_byte(remote: FileServiceClient, source: Path) -> None:
    first = upload(remote, source)
    told = Silent()
    second = upload(remote, source, told)
    assert (second.bytes_sent, second.blocks_sent) == (0, 0)
    assert second.version_id == first.version_id
    assert told.bytes == {"hashed": second.bytes_total, "sent": 0, "skipped": second.bytes_total}


def test_only_changed_blocks_are_sent(remote: FileServiceClient, source: Path) -> None:
    first = upload(remote, source)
    with source.open("r+b") as file:
        file.seek(BLOCK_BYTES + 17)
        file.write(os.urandom(1000))
        file.seek(0, os.SEEK_END)
        file.write(b"more")
    second = upload(remote, source)
    assert second.asset_id == first.asset_id
    assert second.version_id != first.version_id
    assert second.blocks_sent == 2


def test_equal_blocks_of_a_file_are_sent_once_and_counted(remote: FileServiceClient, tmp_path: Path) -> None:
    part = os.urandom(BLOCK_BYTES)
    path = tmp_path / "film.mp4"
    path.write_bytes(part * 3)
    told = Silent()
    sent = upload(remote, path, told)
    assert (sent.blocks_total, sent.blocks_sent) == (3, 1)
    assert told.bytes == {"hashed": 3 * BLOCK_BYTES, "sent": BLOCK_BYTES, "skipped": 2 * BLOCK_BYTES}


class Fault(enum.Enum):
    RESET = "the connection breaks before the request"
    LOST = "the answer is lost"
    ERROR_500 = "500"
    ERROR_503 = "503"
    SLOW = "slow"
    DAMAGED = "the body is damaged on its way"


class Faulty(httpx.BaseTransport):
    """Real requests, of which every third goes wrong."""

    def __init__(self, fault: Fault) -> None:
        self._fault = fault
        self._real = httpx.HTTPTransport()
        self._turn = 0
        self.faults = 0

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self._turn += 1
        if self._turn % 3 != 1:
            return self._real.handle_request(request)
        self.faults += 1
        return self._go_wrong(request)

    def close(self) -> None:
        self._real.close()

    def _go_wrong(self, request: httpx.Request) -> httpx.Response:
        if self._fault is Fault.RESET:
            raise httpx.ReadError("reset")
        if self._fault in {Fault.ERROR_500, Fault.ERROR_503}:
            return httpx.Response(int(self._fault.value), text="<Error/>")
        if self._fault is Fault.SLOW:
            time.sleep(0.3)
        if self._fault is Fault.DAMAGED and request.method == "PUT":
            request = httpx.Request(
                "PUT", request.url, headers=request.headers, content=bytes(len(request.read()))
            )
        answer = self._real.handle_request(request)
        if self._fault is Fault.LOST:
            answer.read()
            raise httpx.ReadError("lost")
        return answer


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses that a test can wait for."""
    monkeypatch.setattr(backoff, "FIRST_S", 0.01)


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("fault", Fault)
def test_an_s3_that_fails_now_and_then_costs_time_only(
    fault: Fault, remote: FileServiceClient, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    faulty = Faulty(fault)
    for module in (uploading, downloading):
        monkeypatch.setattr(module, "transfer_client", lambda: httpx.Client(transport=faulty))
    sent = upload(remote, source)
    download_file(remote, sent.file_id, tmp_path / "back.mp4")
    assert (tmp_path / "back.mp4").read_bytes() == source.read_bytes()
    assert faulty.faults >= 2


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("fault", [Fault.RESET, Fault.LOST, Fault.ERROR_503])
def test_a_service_that_fails_now_and_then_costs_time_only(
    fault: Fault, server: ServerProcess, token: str, source: Path, owner: str, service: FileService
) -> None:
    faulty = Faulty(fault)
    with closing(FileServiceClient(server.url, token, transport=faulty)) as client:
        folder_id = Folders(client).ensure(("Talks", "2026"))
        sent = upload(client, source, folder_id=folder_id)
    [version] = service.versions.versions(owner, sent.file_id)
    assert version.version_id == sent.version_id
    assert len(service.tree.content(owner).folders) == 1
    assert faulty.faults >= 2


@pytest.mark.usefixtures("hasty")
def test_a_service_that_stays_away_is_named(token: str, source: Path) -> None:
    client = FileServiceClient("http://127.0.0.1:9/files", token)
    with pytest.raises(StoreUnavailable, match=r"127\.0\.0\.1:9"):
        upload(client, source)


def test_a_wrong_token_and_an_unknown_file_are_told_apart(
    server: ServerProcess, remote: FileServiceClient, tmp_path: Path
) -> None:
    with pytest.raises(LoginRequired):
        FileServiceClient(server.url, "cutroom_wrong").me()
    with pytest.raises(FileUnknown):
        download_file(remote, "fl_nowhere", tmp_path / "x")
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_changes_between_hashing_and_sending_is_noticed(
    remote: FileServiceClient, source: Path
) -> None:
    class Changing(Silent):
        def hashed(self, size_bytes: int) -> None:
            super().hashed(size_bytes)
            if self.bytes["hashed"] == before.st_size:
                # As a tool that keeps the times of what it writes.
                with source.open("r+b") as file:
                    file.write(b"other")
                os.utime(source, ns=(before.st_atime_ns, before.st_mtime_ns))

    before = source.stat()
    with pytest.raises(Conflict, match="changed while it was read"):
        upload(remote, source, Changing())


def test_expired_addresses_are_asked_for_again(
    remote: FileServiceClient, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = block_transfer.put_block
    refused: list[str] = []

    def put(client: httpx.Client, url: str, headers: dict[str, str], data: bytes, **named: Any) -> None:
        if len(refused) < 2:
            refused.append(url)
            raise block_transfer.AddressExpired("expired")
        real(client, url, headers, data, **named)

    monkeypatch.setattr(uploading, "put_block", put)
    assert upload(remote, source).blocks_sent == 4


def test_addresses_that_expire_during_a_download_are_asked_for_again(
    remote: FileServiceClient, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = upload(remote, source)
    real = FileServiceClient.download
    asked: list[int] = []

    def download(
        self: FileServiceClient, file_id: str, *, version_id: str | None, after: int
    ) -> dict[str, Any]:
        page = real(self, file_id, version_id=version_id, after=after)
        if not asked:
            for one in page["blocks"]:
                one["url"] = one["url"].replace("X-Amz-Signature=", "X-Amz-Signature=0")
        asked.append(after)
        return page

    monkeypatch.setattr(FileServiceClient, "download", download)
    download_file(remote, sent.file_id, tmp_path / "back.mp4")
    assert (tmp_path / "back.mp4").read_bytes() == source.read_bytes()
    assert sorted(asked) == [0, 0, 1, 2, 3]


def test_a_download_goes_on_where_it_was_and_trusts_nothing(
    remote: FileServiceClient, source: Path, tmp_path: Path
) -> None:
    sent = upload(remote, source)
    out = tmp_path / "back.mp4"
    partial = tmp_path / ".back.mp4.cutroom-partial"
    data = bytearray(source.read_bytes())
    data[BLOCK_BYTES + 5] ^= 1
    partial.write_bytes(bytes(data) + b"rest of something longer")
    got = download_file(remote, sent.file_id, out)
    assert out.read_bytes() == source.read_bytes()
    assert got.bytes_received == BLOCK_BYTES
    assert not partial.exists()


def test_a_name_of_any_length_comes_down(remote: FileServiceClient, tmp_path: Path) -> None:
    """The file that is not whole yet needs a name, too."""
    path = tmp_path / f"{'n' * 251}.mp4"
    path.write_bytes(b"x")
    (tmp_path / "down").mkdir()
    got = download_file(remote, upload(remote, path).file_id, tmp_path / "down")
    assert (got.path.name, got.path.read_bytes()) == (path.name, b"x")
    assert list((tmp_path / "down").iterdir()) == [got.path]


def test_a_full_disk_is_told_and_the_download_goes_on_from_there(
    remote: FileServiceClient, source: Path, tmp_path: Path
) -> None:
    file_id = upload(remote, source).file_id
    # As a disk that is nearly full does, the limit lets a part of a write through.
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2 * BLOCK_BYTES + 17, before[1]))
    try:
        with pytest.raises(StoreUnavailable, match="make room"):
            download_file(remote, file_id, tmp_path / "back.mp4")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert not (tmp_path / "back.mp4").exists()
    got = download_file(remote, file_id, tmp_path / "back.mp4")
    assert got.path.read_bytes() == source.read_bytes()
    assert got.bytes_received <= got.bytes_total - BLOCK_BYTES


def test_a_block_is_written_whole_where_the_disk_takes_a_part(
    remote: FileServiceClient, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever makes room meanwhile must not get a file with a hole."""
    file_id = upload(remote, source).file_id
    pwrite = os.pwrite
    monkeypatch.setattr(os, "pwrite", lambda fd, data, offset: pwrite(fd, data[: 2**20 + 1], offset))
    assert download_file(remote, file_id, tmp_path / "back.mp4").path.read_bytes() == source.read_bytes()


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo])
def test_what_is_no_file_is_not_replaced_by_a_download(
    remote: FileServiceClient, tmp_path: Path, make: Callable[[Path], None]
) -> None:
    path = tmp_path / "film.mp4"
    path.write_bytes(b"x")
    file_id = upload(remote, path).file_id
    (tmp_path / "down").mkdir()
    make(tmp_path / "down" / "film.mp4")
    with pytest.raises(UsageError, match="no file"):
        download_file(remote, file_id, tmp_path / "down")
    assert [one.name for one in (tmp_path / "down").iterdir()] == ["film.mp4"]


def test_a_service_has_no_say_in_where_a_file_is_written(
    remote: FileServiceClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "film.mp4"
    path.write_bytes(b"x")
    file_id = upload(remote, path).file_id
    (tmp_path / "down").mkdir()
    page = {**remote.download(file_id, version_id=None, after=0), "name": "../evil"}
    monkeypatch.setattr(remote, "download", lambda *_, **__: page)
    with pytest.raises(RequestInvalid):
        download_file(remote, file_id, tmp_path / "down")
    assert not (tmp_path / "evil").exists()


def test_two_downloads_to_one_place_are_not_mixed(remote: FileServiceClient, tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    path.write_bytes(b"x")
    file_id = upload(remote, path).file_id
    with (tmp_path / ".back.mp4.cutroom-partial").open("wb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(Conflict, match="Another download"):
            download_file(remote, file_id, tmp_path / "back.mp4")
    assert download_file(remote, file_id, tmp_path / "back.mp4").path.read_bytes() == b"x"


def test_a_download_that_came_too_late_leaves_the_finished_file_alone(tmp_path: Path) -> None:
    partial = tmp_path / ".back.mp4.cutroom-partial"
    with partial.open("wb") as late:
        partial.replace(tmp_path / "back.mp4")
        with pytest.raises(Conflict, match="Another download"):
            downloading._hold_alone(partial, late.fileno())


def test_a_block_with_other_bytes_is_refused_by_the_download(
    remote: FileServiceClient, source: Path, tmp_path: Path, stack: Settings
) -> None:
    sent = upload(remote, source)
    page = remote.download(sent.file_id, version_id=None, after=0)
    key = httpx.URL(page["blocks"][1]["url"]).path.removeprefix(f"/{stack.blocks_bucket}/")
    s3_client(stack).put_object(Bucket=stack.blocks_bucket, Key=key, Body=b"x" * BLOCK_BYTES)
    with pytest.raises(ObjectCorrupt, match=page["blocks"][1]["block_id"]):
        download_file(remote, sent.file_id, tmp_path / "back.mp4")
    assert not (tmp_path / "back.mp4").exists()


@pytest.fixture
def cutroom(server: ServerProcess, stack: Settings, token: str) -> Callable[..., subprocess.Popen[str]]:
    """Starts the command line as a device that has a token."""
    environment = {
        **os.environ, **environment_of(stack), "CUTROOM_FILE_SERVICE_URL": server.url, "CUTROOM_TOKEN": token,
    }  # fmt: skip

    def start(*arguments: str | Path) -> subprocess.Popen[str]:
        command = [str(CUTROOM), *map(str, arguments)]
        return subprocess.Popen(
            command, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )

    return start


def reports(process: subprocess.Popen[str]) -> list[dict[str, object]]:
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    return [json.loads(line) for line in out.splitlines()]


KILLED_CLIENT = """
import sys
from pathlib import Path
from cutroom.cli import account, transfer_bars
from cutroom.cli.main import app
from cutroom.client import folders, upload
from killing import kill_often, small_blocks

def work(number):
    path = Path(sys.argv[1], f"film {number}.mp4")
    path.write_bytes(small_blocks(number))
    app(["upload", str(path), "--json"], standalone_mode=False)

print(kill_often(work, kills=20, seed=4))
"""


def test_a_client_that_is_killed_at_any_point_goes_on_where_it_was(
    server: ServerProcess,
    token: str,
    tmp_path: Path,
    remote: FileServiceClient,
    service: FileService,
    owner: str,
) -> None:
    environment = {
        **os.environ, "PYTHONPATH": PYTHONPATH, "CUTROOM_FILE_SERVICE_URL": server.url, "CUTROOM_TOKEN": token,
    }  # fmt: skip
    argv = [sys.executable, "-c", KILLED_CLIENT, tmp_path]
    said = subprocess.run(argv, env=environment, stdout=subprocess.PIPE, check=True).stdout.splitlines()
    check_all(remote, service, owner, tmp_path, int(said[-1]))


def check_all(client: FileServiceClient, service: FileService, owner: str, folder: Path, count: int) -> None:
    """Every film of small blocks is there, once and exactly."""
    files = service.tree.content(owner).files
    assert sorted(one.name for one in files) == sorted(f"film {number}.mp4" for number in range(count))
    for number in range(count):
        [file] = [one for one in files if one.name == f"film {number}.mp4"]
        assert len(service.versions.versions(owner, file.file_id)) == 1
        download_file(client, file.file_id, folder / "back.mp4")
        assert (folder / "back.mp4").read_bytes() == small_blocks(number)


KILLED_SERVICE = """
import random, socket, sys
from pathlib import Path
import uvicorn
from fastapi import FastAPI
from cutroom.api.files.app import PREFIX, create_app
from cutroom.settings import get_settings
from cutroom.stores.file_service import open_file_service
from killing import forked

listener = socket.create_server(("127.0.0.1", 0))
app = FastAPI()
service = open_file_service(get_settings())
app.mount(PREFIX, create_app(lambda _: service))

def serve(_):
    uvicorn.Server(uvicorn.Config(app, log_level="critical")).run(sockets=[listener])

# What is loaded and compiled at first takes longer than a life of it.
service.tree.content("nobody")
print(listener.getsockname()[1], flush=True)
chance = random.Random(5)
for kill in range(20):
    assert forked(serve, kill, die_at=chance.randint(1, 150)) is None
Path(sys.argv[1]).touch()
serve(0)
"""


@pytest.fixture
def dying_server(stack: Settings, tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """The address of a File Service that is killed twenty times, and a file that is there afterwards."""
    ended = tmp_path / "killed often enough"
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED_SERVICE, ended],
        env={**os.environ, **environment_of(stack), "PYTHONPATH": PYTHONPATH},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    with process.stdout:
        yield f"http://127.0.0.1:{int(process.stdout.readline())}{PREFIX}", ended
        process.kill()
        process.wait()


def test_a_service_that_is_killed_at_any_point_loses_nothing(
    dying_server: tuple[str, Path],
    token: str,
    tmp_path: Path,
    service: FileService,
    owner: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # It is away most of the time here, so whoever waits for long between two tries never meets it.
    monkeypatch.setattr(backoff, "TRIES", 1000)
    monkeypatch.setattr(backoff, "LONGEST_S", 0.2)
    url, ended = dying_server
    client = FileServiceClient(url, token)
    number = 0
    while not ended.exists():
        path = tmp_path / f"film {number}.mp4"
        path.write_bytes(small_blocks(number))
        upload(client, path)
        number += 1
    check_all(client, service, owner, tmp_path, number)
    client.close()


def test_a_folder_goes_up_with_all_that_is_in_it(
    cutroom: Callable[..., subprocess.Popen[str]], tmp_path: Path, service: FileService, owner: str
) -> None:
    root = tmp_path / "Talks"
    (root / "2026" / "März").mkdir(parents=True)
    (root / "2026" / "März" / "a.mp4").write_bytes(b"a")
    (root / "b.mp4").write_bytes(b"b")
    (root / "link.mp4").symlink_to(root / "b.mp4")
    told = reports(cutroom("upload", root, "--folder", "Archive", "--json"))
    assert [one["file"] for one in told] == ["a.mp4", "b.mp4"]
    [archive] = service.tree.content(owner).folders
    [talks] = service.tree.content(owner, archive.folder_id).folders
    inside = service.tree.content(owner, talks.folder_id)
    assert (archive.name, talks.name, inside.files[0].name) == ("Archive", "Talks", "b.mp4")
    [year] = inside.folders
    [month] = service.tree.content(owner, year.folder_id).folders
    assert (year.name, month.name) == ("2026", "März")


def test_one_file_that_can_not_be_taken_does_not_stop_the_others(
    cutroom: Callable[..., subprocess.Popen[str]], tmp_path: Path
) -> None:
    (tmp_path / "bad\nname.mp4").write_bytes(b"x")
    (tmp_path / "good.mp4").write_bytes(b"y")
    process = cutroom("upload", tmp_path, "--json")
    out, _ = process.communicate(timeout=300)
    told = {one["file"]: one for one in map(json.loads, out.splitlines())}
    assert process.returncode == 1
    assert told["good.mp4"]["status"] == "uploaded"
    assert told["bad\nname.mp4"]["status"] == "failed"
    assert "U+000A" in told["bad\nname.mp4"]["reason"]


def test_a_token_that_is_given_stands_for_its_owner_or_nobody(
    server: ServerProcess, stack: Settings, token: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """No other login of this machine takes its place."""
    here = stack.model_copy(update={"file_service_url": server.url, "home": tmp_path})
    keep_token(tmp_path, server.url, token)
    open_service(here).close()
    monkeypatch.setenv("CUTROOM_TOKEN", f"{token}\n")
    open_service(here).close()
    monkeypatch.setenv("CUTROOM_TOKEN", f"{token}x")
    with pytest.raises(LoginRequired, match="CUTROOM_TOKEN"):
        open_service(here)


def test_the_password_of_this_machine_is_told_to_no_other(
    server: ServerProcess, stack: Settings, tmp_path: Path
) -> None:
    (tmp_path / "airflow").mkdir()
    (tmp_path / "airflow" / "passwords.json").write_text('{"admin": "secret"}')
    (tmp_path / "stack.env").write_text("CUTROOM_AIRFLOW_URL=http://127.0.0.1:9\n")
    elsewhere = server.url.removesuffix(PREFIX)
    here = stack.model_copy(update={"airflow_url": elsewhere, "file_service_url": "", "home": tmp_path})
    with pytest.raises(LoginRequired, match="Nobody is logged in"):
        open_service(here)


def test_a_token_ends_after_the_days_that_were_said(
    cutroom: Callable[..., subprocess.Popen[str]], service: FileService, owner: str
) -> None:
    _, err = cutroom("token", "create", "laptop", "--days", "7").communicate(timeout=300)
    assert err == ""
    [made] = [one for one in service.tokens.list(owner) if one.name == "laptop"]
    assert made.expires_at is not None
    assert (made.expires_at - made.created_at).days == 7


def test_wrong_use_has_its_exit_code(cutroom: Callable[..., subprocess.Popen[str]], tmp_path: Path) -> None:
    process = cutroom("upload", tmp_path / "nowhere.mp4")
    _, err = process.communicate(timeout=300)
    assert process.returncode == 2
    assert "nowhere.mp4" in err


def test_a_large_file_takes_little_memory(server: ServerProcess, token: str, tmp_path: Path) -> None:
    """A sparse file: its blocks are one, and all of them are read. The benchmark takes 10 GiB."""
    path = tmp_path / "sparse.mp4"
    with path.open("wb") as file:
        file.write(os.urandom(BLOCK_BYTES))
        file.truncate(2**30)
    # A process begins with the peak of the one that starts it: a small one has to do that.
    starter = (
        "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True);"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    environment = {**os.environ, "CUTROOM_FILE_SERVICE_URL": server.url, "CUTROOM_TOKEN": token}
    command = [sys.executable, "-c", starter, CUTROOM, "upload", path, "--json"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert int(done.stdout.splitlines()[-1]) < 200 * 1024
