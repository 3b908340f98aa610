"""The Block Service as docker-compose.yaml runs it: its command, certificate and health, without a container."""

import os
import runpy
import secrets
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import yaml

from block_rigs import contents, real_rig
from cutroom.errors import AccessRefused, StoreUnavailable
from cutroom.settings import PROJECT_ROOT, Settings
from cutroom.stores.block_rpc.client import RemoteBlocks
from cutroom.stores.database import Database
from own_port import own_port

pytestmark = pytest.mark.stack

IN_CONTAINER = "/var/lib/cutroom/"
CUTROOM = Path(sys.executable).with_name("cutroom")
HEALTHY = runpy.run_path(str(PROJECT_ROOT / "docker" / "healthy.py"))
INIT = runpy.run_path(str(PROJECT_ROOT / "docker" / "init.py"))
TOKEN = secrets.token_hex(32)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """What is /var/lib/cutroom in a container, after `init` ran there."""
    INIT["ensure_certificate"](tmp_path / "tls")
    return tmp_path


@pytest.fixture
def environment(home: Path) -> dict[str, str]:
    """What the compose file gives the service, with the addresses of this machine."""
    service = yaml.safe_load((PROJECT_ROOT / "docker-compose.yaml").read_text())["services"]["block-service"]
    paths = {
        name: value.replace(IN_CONTAINER, f"{home}/")
        for name, value in service["environment"].items()
        if name in {"CUTROOM_BLOCK_SERVICE_CERTIFICATE", "CUTROOM_BLOCK_SERVICE_KEY"}
    }
    assert len(paths) == 2
    return {**os.environ, **paths, "CUTROOM_BLOCK_SERVICE_TOKEN": TOKEN}


@pytest.fixture
def port(environment: dict[str, str]) -> Iterator[int]:
    """Where the service listens: not on this machine only, as in its container."""
    service = yaml.safe_load((PROJECT_ROOT / "docker-compose.yaml").read_text())["services"]["block-service"]
    program, *arguments, listen = service["command"]
    assert (program, listen) == ("cutroom", "0.0.0.0:50061")
    port = own_port()
    command = [CUTROOM, *arguments, listen.replace("50061", str(port))]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == f"The Block Service listens on https://0.0.0.0:{port}\n"
        yield port
        process.terminate()
        assert process.wait(60) == 0


def ask_health(environment: dict[str, str], port: int, monkeypatch: pytest.MonkeyPatch) -> str:
    """What the container's health check says."""
    asking = HEALTHY["ask_block_service"]
    monkeypatch.setitem(asking.__globals__, "BLOCK_SERVICE", f"https://localhost:{port}")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    from cutroom.settings import get_settings

    get_settings.cache_clear()
    return str(asking())


def test_blocks_go_through_it_by_its_certificate_and_token_only(
    port: int, home: Path, environment: dict[str, str], stack: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, authority = f"https://localhost:{port}", home / "tls" / "block-service.pem"
    client, parts = RemoteBlocks(url, token=TOKEN, authority=authority), contents(2)
    name = secrets.token_hex(6)
    with httpx.Client(timeout=300) as http:
        rig = real_rig(client, Database(stack.database_url), http)
        assert rig.upload(parts, owner=name, lease_id=name, reference_id=f"fv_{name}") == 2
        assert rig.read(f"fv_{name}", owner=name) == b"".join(parts)
    with pytest.raises(AccessRefused):
        RemoteBlocks(url, token="guessed", authority=authority).references(f"fv_{name}")
    with pytest.raises(StoreUnavailable):
        RemoteBlocks(url, token=TOKEN).health()
    assert ask_health(environment, port, monkeypatch) == ""
    assert "can't answer" in ask_health(environment, own_port(), monkeypatch)


def test_the_certificate_is_made_once_and_its_key_is_nobody_elses(home: Path) -> None:
    certificate, key = home / "tls" / "block-service.pem", home / "tls" / "block-service.key"
    before = certificate.read_text(), key.read_text()
    INIT["ensure_certificate"](home / "tls")
    assert (certificate.read_text(), key.read_text()) == before
    assert key.stat().st_mode & 0o077 == 0


def test_the_lines_of_the_env_file_lead_to_it(home: Path, tmp_path: Path) -> None:
    subprocess.run(["sh", PROJECT_ROOT / "docker" / "write-env.sh", tmp_path / ".env"], check=True)
    lines = (tmp_path / ".env").read_text().splitlines()
    said = dict(line.removeprefix("#").split("=") for line in lines if "CUTROOM_BLOCK_SERVICE_" in line)
    assert said["CUTROOM_BLOCK_SERVICE_URL"] == "https://block-service:50061"
    assert Path(said["CUTROOM_BLOCK_SERVICE_AUTHORITY"].replace(IN_CONTAINER, f"{home}/")).is_file()
    assert len(said["CUTROOM_BLOCK_SERVICE_TOKEN"]) == 64
