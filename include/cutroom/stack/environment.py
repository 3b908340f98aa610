"""Which stores are embedded, and the addresses that every process and shell of the stack is told."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cutroom.errors import UsageError
from cutroom.private_file import write_private
from cutroom.settings import PROJECT_ROOT, Settings
from cutroom.stack.credentials import Secrets

DATABASE_USER = "cutroom"
DATABASES = ("cutroom", "airflow")


@dataclass(frozen=True, slots=True, kw_only=True)
class Embedded:
    """Which stores are ours to run; the others are somebody's real service."""

    database: bool
    documents: bool
    objects: bool
    airflow_database: bool

    @property
    def postgres(self) -> bool:
        """Whether the embedded PostgreSQL is needed at all."""
        return self.database or self.airflow_database


def stack_env_path(settings: Settings) -> Path:
    """The file that tells shells where the running stack is."""
    return settings.home / "stack.env"


def read_stack_env(settings: Settings) -> dict[str, str]:
    """What the running stack told, or the last one that ran: a shell may still say it."""
    for path in (stack_env_path(settings), _stopped_path(settings)):
        if path.is_file():
            pairs = (line.partition("=") for line in path.read_text().splitlines())
            return {name: value for name, separator, value in pairs if separator}
    return {}


def withdraw_stack_env(settings: Settings) -> None:
    """Tell the shells that nothing runs any more."""
    if stack_env_path(settings).is_file():
        stack_env_path(settings).replace(_stopped_path(settings))


def _stopped_path(settings: Settings) -> Path:
    return settings.home / "stack.env.stopped"


def plan_embedded(
    settings: Settings, environ: Mapping[str, str], told: Mapping[str, str], *, with_airflow: bool = True
) -> Embedded:
    """Decide which stores to run: those whose address nobody gave.

    An address that equals what the stack itself told the shell (`told`) counts as not given.

    Raises:
        UsageError: An S3 endpoint is given without saying that it is to be used.
    """

    def given(name: str, value: str) -> bool:
        return bool(value) and value != told.get(name)

    endpoint = settings.s3_endpoint_url
    if settings.s3 == "embedded" and given("AWS_ENDPOINT_URL", endpoint):
        raise UsageError(
            f"AWS_ENDPOINT_URL names {endpoint}, but CUTROOM_S3 says embedded: "
            "set CUTROOM_S3=external to use that endpoint, or unset AWS_ENDPOINT_URL."
        )
    if settings.s3 == "external" and not endpoint:
        raise UsageError("CUTROOM_S3 says external: set AWS_ENDPOINT_URL to the endpoint.")
    airflow_database = environ.get("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", "")
    return Embedded(
        database=not given("CUTROOM_DATABASE_URL", settings.database_url),
        documents=not given("CUTROOM_DOCUMENTS_URL", settings.documents_url),
        objects=settings.s3 == "embedded",
        airflow_database=with_airflow and not airflow_database,
    )


def database_url(settings: Settings, secrets: Secrets, name: str) -> str:
    """SQLAlchemy URL of a database of the embedded PostgreSQL."""
    return (
        f"postgresql+psycopg2://{DATABASE_USER}:{secrets.database_password}"
        f"@{settings.host}:{settings.postgres_port}/{name}"
    )


def plan_environment(settings: Settings, secrets: Secrets, embedded: Embedded) -> dict[str, str]:
    """The variables that make a process part of this stack."""
    values = {
        "CUTROOM_HOME": str(settings.home),
        "CUTROOM_DATABASE_URL": (
            database_url(settings, secrets, "cutroom") if embedded.database else settings.database_url
        ),
        "CUTROOM_DOCUMENTS_URL": (
            f"mongodb://{settings.host}:{settings.documents_port}/cutroom"
            if embedded.documents
            else settings.documents_url
        ),
        "CUTROOM_AIRFLOW_URL": f"http://{settings.host}:{settings.airflow_port}",
        "AIRFLOW_HOME": str(settings.home / "airflow"),
    }
    return values | _object_store_environment(settings)


def _object_store_environment(settings: Settings) -> dict[str, str]:
    if settings.s3 == "aws":
        return {}
    endpoint = settings.s3_endpoint_url
    connection: dict[str, object] = {"conn_type": "aws"}
    values: dict[str, str] = {}
    if settings.s3 == "embedded":
        endpoint = f"http://{settings.host}:{settings.localstack_port}"
        # LocalStack takes any credentials; clients refuse to go without.
        values |= {
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
        }
        connection |= {"login": "test", "password": "test"}
    connection["extra"] = {
        "endpoint_url": endpoint,
        "config_kwargs": {"s3": {"addressing_style": "path"}},
    } | ({"region_name": "us-east-1"} if settings.s3 == "embedded" else {})
    return values | {"AWS_ENDPOINT_URL": endpoint, "AIRFLOW_CONN_AWS_DEFAULT": json.dumps(connection)}


def write_stack_env(settings: Settings, environment: Mapping[str, str]) -> None:
    """Tell the shells of this machine; the file holds passwords, so only its owner may read it."""
    lines = (f"{name}={value}" for name, value in environment.items())
    write_private(stack_env_path(settings), "\n".join(lines) + "\n")


def service_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment of the services: this process's own, with the stack's addresses in place."""
    search = [str(PROJECT_ROOT / "include"), str(PROJECT_ROOT / "plugins")]
    if inherited := os.environ.get("PYTHONPATH"):
        search.append(inherited)
    own = {
        "PYTHONPATH": os.pathsep.join(search),
        "PYTHONUNBUFFERED": "1",
        # numpy would start threads of its own when it is imported, in processes that fork afterwards.
        "OPENBLAS_NUM_THREADS": "1",
    }
    return {**os.environ, **environment, **own}
