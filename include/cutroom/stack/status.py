"""What runs, since when, how often it came back, and where its log is."""

import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass

from cutroom.errors import StoreUnavailable
from cutroom.settings import Settings
from cutroom.stack.history import Restarts
from cutroom.stack.lifecycle import plan_stack
from cutroom.stack.objects import lost_content
from cutroom.stack.probes import ask
from cutroom.stack.service import Service
from cutroom.stack.supervisor import ProcessState, Supervisor, log_path


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceStatus:
    """One service as it is now."""

    name: str
    label: str
    state: str
    """`healthy`, `starting`, `stopped`, `failed`, or `unhealthy`."""
    detail: str
    """What is wrong, or what happened to it; empty when there is nothing to say."""
    pid: int
    uptime_s: int
    restarts: int
    last_exit: str
    address: str
    log: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StackStatus:
    """The whole stack as it is now."""

    services: tuple[ServiceStatus, ...]
    warnings: tuple[str, ...]
    """What a user should know beyond the services, each with what to do."""

    @property
    def healthy(self) -> bool:
        """Whether everything works and nothing was lost."""
        return not self.warnings and all(service.state == "healthy" for service in self.services)

    def to_json(self) -> dict[str, object]:
        """A plain value for `--json`."""
        return {
            "healthy": self.healthy,
            "services": [asdict(service) for service in self.services],
            "warnings": list(self.warnings),
        }


def read_status(settings: Settings) -> StackStatus:
    """Ask the supervisor and every service."""
    supervisor = Supervisor(settings)
    try:
        states = supervisor.states()
    except StoreUnavailable:
        states = {}
    # The services are those that were started, were they all or fewer.
    with_airflow = not states or any(name.startswith("airflow") for name in states)
    services = plan_stack(settings, with_airflow=with_airflow).services
    history = supervisor.history() if states else {}
    with ThreadPoolExecutor(max_workers=len(services) or 1) as pool:
        described = pool.map(lambda service: _describe(settings, service, states, history), services)
        return StackStatus(services=tuple(described), warnings=_warnings(settings, running=bool(states)))


def _describe(
    settings: Settings, service: Service, states: Mapping[str, ProcessState], history: Mapping[str, Restarts]
) -> ServiceStatus:
    process = states.get(service.name)
    past = history.get(service.name, Restarts())
    state, detail = _judge(service, process)
    if past.count:
        happened = f"restarted {past.count}×, last exit: {past.last_exit} at {past.last_exit_at}"
        detail = f"{detail}; {happened}" if detail else happened
    running = process is not None and process.state == "RUNNING"
    return ServiceStatus(
        name=service.name,
        label=service.label,
        state=state,
        detail=detail,
        pid=process.pid if process else 0,
        uptime_s=int(time.time() - process.started_at) if process and running else 0,
        restarts=past.count,
        last_exit=past.last_exit,
        address=service.address,
        log=str(log_path(settings, service.name)),
    )


def _judge(service: Service, process: ProcessState | None) -> tuple[str, str]:
    if process is None or process.state in ("STOPPED", "STOPPING"):
        return "stopped", ""
    if process.state in ("FATAL", "EXITED", "UNKNOWN"):
        return "failed", process.trouble or "given up; its log says why"
    trouble = ask(service.probe, since=process.started_at)
    if not trouble:
        return "healthy", ""
    return ("starting" if time.time() - process.started_at < 30 else "unhealthy"), trouble


def _warnings(settings: Settings, *, running: bool) -> tuple[str, ...]:
    if not running or settings.s3 != "embedded":
        return ()
    try:
        lost = lost_content(settings)
    except StoreUnavailable:
        return ()  # the line of PostgreSQL says so
    return (lost.message,) if lost else ()
