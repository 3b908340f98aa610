"""The supervisor that keeps the services running: its configuration, its daemon, and talking to it."""

import contextlib
import hashlib
import http.client
import os
import shutil
import subprocess
import sys
import tempfile
import time
import xmlrpc.client
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]
from supervisor.xmlrpc import SupervisorTransport

from cutroom.errors import StoreUnavailable
from cutroom.private_file import write_private
from cutroom.settings import Settings
from cutroom.stack.history import Restarts, read_history
from cutroom.stack.service import Service

_LOG_BYTES = 10 * 2**20
_LOG_BACKUPS = 3
_RETRIES = 30
"""Starts that may fail in a row, each a second later than the one before, until a service is given up."""


def socket_path(home: Path) -> Path:
    """Where this home's supervisor listens: the path of a Unix socket may not be longer than about 100 bytes."""
    name = hashlib.sha256(str(home.resolve()).encode()).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"cutroom-{os.geteuid()}-{name}" / "supervisor"


def render_supervisor(settings: Settings, services: Iterable[Service]) -> str:
    """The supervisor's configuration file."""
    socket = socket_path(settings.home)
    logs = settings.logs
    lines = [
        "[unix_http_server]",
        f"file={socket}",
        "chmod=0700",
        "[supervisord]",
        f"logfile={_escaped(logs / 'supervisor.log')}",
        # Its log is the history that `status` reads; it starts anew with each start of the stack.
        "logfile_maxbytes=0",
        f"pidfile={_escaped(settings.home / 'supervisor.pid')}",
        f"directory={_escaped(settings.home)}",
        "identifier=cutroom",
        "nocleanup=true",
        "nodaemon=true",
        "silent=true",
        "[rpcinterface:supervisor]",
        "supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface",
        # Not to be called: it is how the daemon is given something to do besides.
        "[rpcinterface:left_workers]",
        "supervisor.rpcinterface_factory = cutroom.stack.left_workers:make_rpc_interface",
    ]
    if os.geteuid() == 0:
        lines.insert(lines.index("[rpcinterface:supervisor]"), "user=root")
    for service in services:
        lines += _render_program(settings, service)
    return "\n".join(lines) + "\n"


def _render_program(settings: Settings, service: Service) -> list[str]:
    environment = ",".join(
        f'{name}="{_escaped(value)}"' for name, value in sorted(service.environment.items())
    )
    lines = [
        f"[program:{service.name}]",
        f"command={' '.join(_quoted(argument) for argument in service.command)}",
        f"directory={_escaped(service.directory or '/')}",
        # Started in the order of the plan, by `cutroom up`.
        "autostart=false",
        "autorestart=true",
        "startsecs=1",
        f"startretries={_RETRIES}",
        f"stopsignal={service.stop_signal}",
        f"stopwaitsecs={service.stop_wait_s}",
        "killasgroup=true",
        "redirect_stderr=true",
        f"stdout_logfile={_escaped(log_path(settings, service.name))}",
        f"stdout_logfile_maxbytes={_LOG_BYTES}",
        f"stdout_logfile_backups={_LOG_BACKUPS}",
    ]
    if environment:
        lines.append(f"environment={environment}")
    if service.user:
        lines.append(f"user={service.user}")
    return lines


def log_path(settings: Settings, name: str) -> Path:
    """The log file of a service."""
    return settings.logs / f"{name}.log"


def _escaped(value: object) -> str:
    return str(value).replace("%", "%%")


def _quoted(argument: str) -> str:
    text = _escaped(argument)
    if text and not set(text) & set(" \t\"'\\;"):
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessState:
    """What the supervisor knows of a service's process."""

    name: str
    state: str
    """RUNNING, STARTING, BACKOFF, STOPPED, STOPPING, EXITED, FATAL or UNKNOWN, as the supervisor says it."""
    pid: int
    started_at: float
    """Seconds since 1970; 0 where it never was."""
    trouble: str
    """Why it could not be started; empty where it could."""

    @property
    def is_up(self) -> bool:
        """Whether there is a process, or about to be one."""
        return self.state in ("RUNNING", "STARTING", "BACKOFF")


class Supervisor:
    """The supervisor of one home folder."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._socket = socket_path(settings.home)
        self._configuration = settings.home / "supervisor.conf"

    def is_running(self) -> bool:
        """Whether the daemon answers."""
        try:
            self._call("getPID")
        except StoreUnavailable:
            return False
        return True

    def runs_with(self, configuration: str) -> bool:
        """Whether the daemon was started with this configuration."""
        return self._configuration.is_file() and self._configuration.read_text() == configuration

    def start(self, configuration: str, environment: Mapping[str, str]) -> None:
        """Start the daemon; it starts no service by itself.

        Raises:
            StoreUnavailable: It does not come up; the message says what it printed.
        """
        self._socket.parent.mkdir(mode=0o700, exist_ok=True)
        self._socket.parent.chmod(0o700)
        self._settings.logs.mkdir(parents=True, exist_ok=True)
        log = self._settings.logs / "supervisor.log"
        if log.is_file():
            log.replace(log.with_suffix(".log.1"))
        write_private(self._configuration, configuration)
        output = self._settings.logs / "supervisor.out"
        started = subprocess.run(
            [sys.executable, "-m", "cutroom.stack.daemon", str(output), "-c", str(self._configuration)],
            env=dict(environment),
            cwd=self._settings.home,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if started.returncode:
            raise StoreUnavailable(f"The supervisor does not start: {started.stderr.strip()[-600:]}")
        while psutil.pid_exists(int(started.stdout)):
            if self.is_running():
                return
            time.sleep(0.02)
        raise StoreUnavailable(
            f"The supervisor does not start: {output.read_text(errors='replace').strip()[-600:]}"
        )

    def start_service(self, name: str) -> None:
        """Start a service without waiting for it."""
        try:
            self._call("startProcess", name, False)
        except xmlrpc.client.Fault as fault:
            if "ALREADY_STARTED" not in fault.faultString:
                raise StoreUnavailable(f"{name} can't be started: {fault.faultString}") from fault

    def states(self) -> dict[str, ProcessState]:
        """The state of each service's process."""
        return {
            process["name"]: ProcessState(
                name=process["name"],
                state=process["statename"],
                pid=int(process["pid"]),
                started_at=float(process["start"]),
                trouble=process["spawnerr"],
            )
            for process in self._call("getAllProcessInfo")
        }

    def history(self) -> dict[str, Restarts]:
        """How often each service came back by itself since the daemon was started."""
        log = self._settings.logs / "supervisor.log"
        return read_history(log.read_text(errors="replace")) if log.is_file() else {}

    def shut_down(self, first: Container[str]) -> None:
        """Stop the services, then the daemon; returns when every process that they started is gone.

        Args:
            first: Names of those that go before the others, which they need until their end.
        """
        daemon = psutil.Process(int(self._call("getPID")))
        # Whatever outlives its parent becomes a child of the daemon, so this is all of them.
        family = daemon.children(recursive=True)
        names = self.states()
        self._stop([name for name in names if name in first])
        self._stop([name for name in names if name not in first])
        family = {*family, *daemon.children(recursive=True)}
        _end(family)
        self._call("shutdown")
        psutil.wait_procs([daemon], timeout=10)
        shutil.rmtree(self._socket.parent, ignore_errors=True)

    def _stop(self, names: Iterable[str]) -> None:
        stopping = set(names)
        for name in stopping:
            with contextlib.suppress(xmlrpc.client.Fault):  # it is not running
                self._call("stopProcess", name, False)
        while any(
            state.is_up or state.state == "STOPPING" for n, state in self.states().items() if n in stopping
        ):
            time.sleep(0.05)

    def _call(self, method: str, *arguments: object) -> Any:
        transport = SupervisorTransport(serverurl=f"unix://{self._socket}")
        proxy = xmlrpc.client.ServerProxy("http://127.0.0.1", transport=transport)
        try:
            return getattr(proxy.supervisor, method)(*arguments)
        except (OSError, http.client.HTTPException, xmlrpc.client.ProtocolError) as error:
            raise StoreUnavailable("The stack is not running; start it by: cutroom up") from error
        finally:
            transport.close()


def _end(processes: Iterable[psutil.Process]) -> None:
    """End what is left: by asking first, by force after a while."""
    _, alive = psutil.wait_procs(processes, timeout=0.5)
    for process in alive:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.terminate()
    _, alive = psutil.wait_procs(alive, timeout=5)
    for process in alive:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(alive, timeout=5)
