"""Starting and stopping the stack."""

import fcntl
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cutroom.errors import StoreUnavailable, UsageError
from cutroom.settings import Settings, get_settings
from cutroom.stack.airflow import ensure_pools, migrate_airflow, write_airflow_files
from cutroom.stack.credentials import Secrets, load_secrets
from cutroom.stack.environment import (
    Embedded,
    database_url,
    plan_embedded,
    plan_environment,
    read_stack_env,
    service_environment,
    withdraw_stack_env,
    write_stack_env,
)
from cutroom.stack.history import Restarts
from cutroom.stack.plan import LOCALSTACK_PYTHON, POSTGRES, plan_services
from cutroom.stack.ports import check_ports
from cutroom.stack.postgres import ensure_databases, plan_user, prepare_postgres
from cutroom.stack.probes import wait_until_ready
from cutroom.stack.service import Service
from cutroom.stack.supervisor import Supervisor, log_path, render_supervisor
from cutroom.stores.catalog import Catalog
from cutroom.stores.provision import provision

_READY_TIMEOUT_S = 300
"""Long, as a busy machine may need minutes; a service that keeps ending is noticed much sooner."""
_MAX_FAILED_STARTS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """Everything that was decided about a stack before anything of it runs."""

    settings: Settings
    secrets: Secrets
    embedded: Embedded
    services: tuple[Service, ...]
    environment: dict[str, str]
    with_airflow: bool

    @property
    def airflow_database_url(self) -> str:
        """SQLAlchemy URL of Airflow's own database."""
        if self.embedded.airflow_database:
            return database_url(self.settings, self.secrets, "airflow")
        return os.environ["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"]


def plan_stack(settings: Settings, *, with_airflow: bool = True) -> Stack:
    """Decide what to run and where; makes the secrets at the first time, starts nothing."""
    embedded = plan_embedded(settings, os.environ, read_stack_env(settings), with_airflow=with_airflow)
    secrets = load_secrets(settings.home)
    return Stack(
        settings=settings,
        secrets=secrets,
        embedded=embedded,
        services=plan_services(
            settings, secrets, embedded, with_airflow=with_airflow, postgres_user=plan_user()
        ),
        environment=plan_environment(settings, secrets, embedded),
        with_airflow=with_airflow,
    )


def start_stack(
    settings: Settings, *, with_airflow: bool = True, told: Callable[[str], None] = lambda _: None
) -> Settings:
    """Bring everything up and wait until it works; what runs already is left alone.

    Args:
        settings: Ports, host and home.
        with_airflow: False leaves Airflow out.
        told: Called with a line for each thing that is done.

    Returns:
        The settings with the addresses of what runs.

    Raises:
        UsageError: A port is taken, or the running stack has other settings; the message names the way out.
        StoreUnavailable: A service does not become ready.
    """
    with _alone(settings.home, told):
        return _start_stack(plan_stack(settings, with_airflow=with_airflow), told)


@contextmanager
def _alone(home: Path, told: Callable[[str], None]) -> Iterator[None]:
    """Let one process at a time start a stack: the first start makes secrets, databases and their users."""
    home.mkdir(parents=True, exist_ok=True)
    with (home / "start.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            told("The stack is being started by another process: waiting for it.")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _start_stack(stack: Stack, told: Callable[[str], None]) -> Settings:
    settings = stack.settings
    supervisor = Supervisor(settings)
    configuration = render_supervisor(settings, stack.services)
    running = supervisor.is_running()
    if running and not supervisor.runs_with(configuration):
        raise UsageError("The stack runs with other settings; stop it first by: cutroom down")
    if not running:
        _prepare(stack)
        supervisor.start(configuration, service_environment(stack.environment))
    write_stack_env(settings, stack.environment)
    ready = _adopt(stack)
    _start_stores(stack, supervisor, ready, told)
    if stack.with_airflow:
        _start(stack, supervisor, [s for s in stack.services if s.name.startswith("airflow")], told)
        ensure_pools(settings)
    return ready


def stop_stack(settings: Settings) -> bool:
    """Stop this home's services and wait until they are gone; tells whether there was something to stop."""
    supervisor = Supervisor(settings)
    if not supervisor.is_running():
        withdraw_stack_env(settings)
        return False
    supervisor.shut_down(first={name for name in supervisor.states() if name.startswith("airflow")})
    withdraw_stack_env(settings)
    return True


def _prepare(stack: Stack) -> None:
    settings = stack.settings
    check_ports(stack.services)
    if stack.embedded.objects and not LOCALSTACK_PYTHON.exists():
        raise UsageError("LocalStack is not installed; install it by: make setup")
    for folder in (
        settings.logs,
        settings.home / "documents",
        settings.home / "objects",
        settings.home / "airflow",
    ):
        folder.mkdir(parents=True, exist_ok=True)
    if stack.embedded.postgres:
        prepare_postgres(settings, stack.secrets)
    if stack.with_airflow:
        write_airflow_files(settings, stack.secrets, stack.airflow_database_url)


def _adopt(stack: Stack) -> Settings:
    """Make this process part of the stack as every other."""
    os.environ.update(stack.environment)
    get_settings.cache_clear()
    return stack.settings.model_copy(
        update={
            "database_url": stack.environment["CUTROOM_DATABASE_URL"],
            "documents_url": stack.environment["CUTROOM_DOCUMENTS_URL"],
            "airflow_url": stack.environment["CUTROOM_AIRFLOW_URL"],
            "s3_endpoint_url": stack.environment.get("AWS_ENDPOINT_URL", ""),
        }
    )


def _start_stores(stack: Stack, supervisor: Supervisor, ready: Settings, told: Callable[[str], None]) -> None:
    stores = [service for service in stack.services if not service.name.startswith("airflow")]
    for service in stores:
        supervisor.start_service(service.name)

    def databases() -> None:
        _start(stack, supervisor, [s for s in stores if s.name == POSTGRES], told)
        if stack.embedded.postgres:
            ensure_databases(stack.settings, stack.secrets)
        if stack.with_airflow:
            migrate_airflow(stack.airflow_database_url, service_environment(stack.environment))
        Catalog(ready.database_url).migrate()

    def others() -> None:
        _start(stack, supervisor, [s for s in stores if s.name != POSTGRES], told)
        provision(ready)

    with ThreadPoolExecutor() as pool:
        for done in [pool.submit(databases), pool.submit(others)]:
            done.result()


def _start(
    stack: Stack, supervisor: Supervisor, services: Iterable[Service], told: Callable[[str], None]
) -> None:
    chosen = list(services)
    for service in chosen:
        supervisor.start_service(service.name)

    before = {name: history.exits for name, history in supervisor.history().items()}

    def started_at(name: str) -> float:
        failed_starts = supervisor.history().get(name, Restarts()).exits - before.get(name, 0)
        state = supervisor.states()[name]
        if state.state == "FATAL" or failed_starts >= _MAX_FAILED_STARTS:
            raise StoreUnavailable(f"{name} does not start; {log_path(stack.settings, name)} says why.")
        return state.started_at

    wait_until_ready(
        chosen, started_at, timeout_s=_READY_TIMEOUT_S, told=lambda label: told(f"{label} is ready")
    )
