"""docker-compose.yaml: valid by the Compose Specification, and the same system as the one of `cutroom up`.

No container engine runs here. The schema decides what Compose would take; the comparison decides what runs.
"""

import json
import os
import re
import runpy
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from cutroom.settings import PROJECT_ROOT, Settings
from cutroom.stack.airflow_config import IO_SLOTS, plan_configuration
from cutroom.stack.credentials import Secrets
from cutroom.stack.environment import Embedded, plan_environment
from cutroom.stack.plan import plan_services

COMPOSE = PROJECT_ROOT / "docker-compose.yaml"
SCHEMA = PROJECT_ROOT / "tests" / "data" / "compose-spec.json"
WRITE_ENV = PROJECT_ROOT / "docker" / "write-env.sh"
IN_CONTAINER = "/opt/cutroom"
ONE_SHOT = {"init"}

AIRFLOW_PARTS = {
    "api-server": "airflow-api",
    "scheduler": "airflow-scheduler",
    "dag-processor": "airflow-dag-processor",
    "triggerer": "airflow-triggerer",
}
"""Service of the compose file to service of the native stack."""

DIFFERENT_AIRFLOW = {
    "core.executor": "tasks run on Celery workers",
    "core.parallelism": "bounds all workers together, not the cores of one machine",
    "core.max_active_tasks_per_dag": "bounds all workers together, not the cores of one machine",
    "core.fernet_key": "a secret",
    "core.execution_api_server_url": "the API server has a name in the network of the containers",
    "database.sql_alchemy_conn": "an address and a secret",
    "api.host": "a container listens for the others; the machine's port is bound to 127.0.0.1",
    "api.secret_key": "a secret",
    "api_auth.jwt_secret": "a secret",
    "scheduler.task_queued_timeout": "tasks may wait in Redis for a worker",
    "scheduler.orphaned_tasks_check_interval": "Celery knows which tasks go on without their scheduler",
}
ONLY_IN_COMPOSE = {
    "celery.broker_url": "Celery",
    "celery.result_backend": "Celery",
    "celery.worker_prefetch_multiplier": "Celery",
    "celery_broker_transport_options.visibility_timeout": "Celery",
}
DIFFERENT_LOCALSTACK = {
    "GATEWAY_LISTEN": "a container listens for the others",
    "LOCALSTACK_HOST": "its name in the network of the containers",
    "XDG_CACHE_HOME": "its environment belongs to root",
    "OVERRIDE_IN_DOCKER": "it would expect the folders of its own image",
    "FILESYSTEM_ROOT": "its environment belongs to root",
}
TELLS_SHELLS = {
    "CUTROOM_MEDIA_URL": "players are outside of the containers' network",
    "CUTROOM_S3": "LocalStack is a service beside us, not one of ours",
    "CUTROOM_ENCODE_SLOTS": "no process can count the cores of all workers",
    "CUTROOM_BLOCK_SERVICE_TOKEN": "the Block Service may be a service beside us",
}


def test_the_schema_of_the_compose_specification_accepts_the_file() -> None:
    schema = json.loads(SCHEMA.read_text())
    problems = [
        f"{'.'.join(map(str, error.absolute_path))}: {error.message}"
        for error in jsonschema.Draft7Validator(schema).iter_errors(yaml.safe_load(COMPOSE.read_text()))
    ]
    assert problems == []


@pytest.mark.skipif(
    shutil.which("docker") is None, reason="docker is not installed; the schema decides alone"
)
def test_compose_itself_accepts_the_file(env_file: Path) -> None:
    if subprocess.run(["docker", "compose", "version"], capture_output=True, check=False).returncode:
        pytest.skip("docker has no compose plugin here; the schema decides alone")
    command = ["docker", "compose", "--env-file", str(env_file), "-f", str(COMPOSE), "config", "--quiet"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_every_service_is_checked_confined_and_restarted() -> None:
    for name, service in services().items():
        assert service["user"] not in {"root", "0", 0}, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["init"] is True, name
        assert "privileged" not in service, name
        if name in ONE_SHOT:
            assert service["restart"] == "no", name
            assert service["healthcheck"] == {"disable": True}, name
        else:
            assert service["restart"] == "unless-stopped", name
            assert service["healthcheck"]["test"][0] in {"CMD", "CMD-SHELL"}, name
            assert service["deploy"]["resources"]["limits"]["memory"], name


def test_the_machine_listens_on_loopback_only() -> None:
    published = {name: service["ports"] for name, service in services().items() if "ports" in service}
    assert sorted(published) == ["api-server", "localstack"]
    assert all(port.startswith("127.0.0.1:") for ports in published.values() for port in ports)


def test_images_are_pinned_to_a_full_version() -> None:
    dockerfile = (PROJECT_ROOT / "Dockerfile").read_text()
    images = {service["image"] for service in services().values()}
    images |= set(re.findall(r"^ARG \w+_IMAGE=(\S+)", dockerfile, re.M))
    assert len(images) == 6
    for image in images:
        assert re.fullmatch(r"[a-z-]+:\d+\.\d+(\.\d+)?(-[a-z0-9.-]+)?", image), image
    assert not re.search(r"^FROM (?!\$\{PYTHON_IMAGE\}|base)", dockerfile, re.M)


def test_services_wait_for_what_they_need() -> None:
    for name, service in services().items():
        for needed, how in service.get("depends_on", {}).items():
            one_shot = needed in ONE_SHOT
            assert how["condition"] == ("service_completed_successfully" if one_shot else "service_healthy")
            # A store that is kept elsewhere has no service here.
            assert how.get("required", True) == ("profiles" not in services()[needed]), (name, needed)
    parts = {*AIRFLOW_PARTS, "io-worker", "encode-worker"}
    assert all({"init", "redis"} <= set(services()[name]["depends_on"]) for name in parts)
    assert set(services()["init"]["depends_on"]) == {"postgres", "mongodb", "localstack"}


def test_parts_of_airflow_run_the_commands_of_the_native_stack() -> None:
    native = {service.name: service.command for service in native_services()}
    assert {name for name in native if name.startswith("airflow")} == set(AIRFLOW_PARTS.values())
    for name, native_name in AIRFLOW_PARTS.items():
        after_airflow = native[native_name][native[native_name].index("airflow") + 1 :]
        assert tuple(services()[name]["command"]) == ("airflow", *after_airflow)


def test_airflow_has_the_settings_of_the_native_stack() -> None:
    secrets = Secrets.generate()
    planned = plan_configuration(in_container(), secrets, "postgresql://")
    native = {f"{section}.{key}": value for section, keys in planned.items() for key, value in keys.items()}
    for name in ("core.dags_folder", "core.plugins_folder"):
        native[name] = native[name].replace(str(PROJECT_ROOT), IN_CONTAINER)
    for part in (*AIRFLOW_PARTS, "init", "io-worker", "encode-worker", "block-service"):
        here = {
            ".".join(name.removeprefix("AIRFLOW__").lower().split("__")): value
            for name, value in environment(part).items()
            if name.startswith("AIRFLOW__")
        }
        assert set(here) == set(native) | set(ONLY_IN_COMPOSE), part
        different = {name for name in native if native[name] != here[name]}
        assert different == set(DIFFERENT_AIRFLOW), part


def test_the_executor_of_the_containers_can_be_loaded() -> None:
    """Nothing else here imports Celery, and not every version of it has what Airflow's executor needs."""
    module = "airflow.providers.celery.executors.celery_executor"
    command = [sys.executable, "-W", "ignore", "-c", f"from {module} import CeleryExecutor"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]


def test_localstack_has_the_settings_of_the_native_stack() -> None:
    native = next(service for service in native_services() if service.name == "localstack")
    wanted = {
        name: value.replace(str(PROJECT_ROOT), IN_CONTAINER) for name, value in native.environment.items()
    }
    here = environment("localstack")
    assert {name for name in here | wanted if here.get(name) != wanted.get(name)} == set(DIFFERENT_LOCALSTACK)
    command = [part.replace(str(PROJECT_ROOT), IN_CONTAINER) for part in native.command]
    assert services()["localstack"]["command"] == command


def test_every_cutroom_variable_is_a_setting() -> None:
    ours = {f"CUTROOM_{field.upper()}" for field in Settings.model_fields}
    named = set(re.findall(r"CUTROOM_[A-Z0-9_]+", COMPOSE.read_text() + WRITE_ENV.read_text()))
    # The memory of LocalStack has a folder, told by a variable of its own.
    assert named - ours <= {"CUTROOM_OBJECTS"}


def test_processes_are_told_what_the_native_stack_tells_them(dot_env: dict[str, str]) -> None:
    secrets = Secrets.generate()
    embedded = Embedded(database=True, documents=True, objects=True, airflow_database=True)
    native = plan_environment(in_container(), secrets, embedded)
    here = dot_env | environment("encode-worker")
    assert set(native) <= set(here)
    for name in (
        "CUTROOM_HOME",
        "AIRFLOW_HOME",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_DEFAULT_REGION",
    ):
        assert here[name] == native[name], name
    connection = json.loads(native["AIRFLOW_CONN_AWS_DEFAULT"])
    connection["extra"]["endpoint_url"] = here["AWS_ENDPOINT_URL"]
    assert json.loads(here["AIRFLOW_CONN_AWS_DEFAULT"]) == connection
    told = {name for name in here if name.startswith("CUTROOM_") and not name.endswith("_PORT")}
    assert told == {name for name in native if name.startswith("CUTROOM_")} | set(TELLS_SHELLS)


def test_settings_of_the_containers_are_valid(
    dot_env: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (dot_env | environment("encode-worker")).items():
        monkeypatch.setenv(name, value)
    settings = Settings()
    assert settings.s3 == "external"
    assert settings.s3_endpoint_url == "http://localstack:4566"
    assert settings.media_base_url == "http://127.0.0.1:4566/cutroom-media"


def test_what_compose_asks_for_is_in_the_env_file(dot_env: dict[str, str]) -> None:
    asked = set(re.findall(r"\$\{(\w+)", COMPOSE.read_text()))
    assert asked <= set(dot_env)
    # A variable that is asked for but has no value stops Compose, unless a default is meant.
    with pytest.raises(LookupError):
        interpolated("${REDIS_PASSWORD:?missing in .env}", {})


def test_secrets_are_in_no_file_and_never_the_same_twice(tmp_path: Path) -> None:
    one, other = (write_env(tmp_path / name) for name in ("one", "other"))
    read = read_env(one), read_env(other)
    secret = {name for name in read[0] if name.endswith(("_PASSWORD", "_SECRET", "_KEY", "_TOKEN"))}
    secret -= {"AWS_SECRET_ACCESS_KEY"}  # LocalStack's, who takes any
    assert len(secret) == 9
    for name in secret:
        assert read[0][name] != read[1][name], name
        assert len(read[0][name]) >= 24, name
    assert one.stat().st_mode & 0o077 == 0
    text = COMPOSE.read_text() + (PROJECT_ROOT / "Dockerfile").read_text()
    assert not [name for name in secret if re.search(rf"{name}:-", text)]


def test_an_env_file_that_is_there_stays_as_it_is(tmp_path: Path) -> None:
    kept = tmp_path / ".env"
    kept.write_text("POSTGRES_PASSWORD=the-databases-know-it\n")
    done = subprocess.run(["sh", str(WRITE_ENV), str(kept)], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert kept.read_text() == "POSTGRES_PASSWORD=the-databases-know-it\n"


def test_workers_listen_to_every_queue_and_have_room_for_the_pools() -> None:
    def option(service: str, name: str) -> str:
        command = services()[service]["command"]
        return str(command[command.index(name) + 1])

    assert option("io-worker", "--queues") == "default"
    assert option("encode-worker", "--queues") == "encode"
    assert int(option("io-worker", "--concurrency")) >= IO_SLOTS
    assert option("encode-worker", "--concurrency") == read_env(env_of_the_tests())["ENCODE_CONCURRENCY"]


def test_the_init_service_makes_the_pools_that_are_missing_and_resizes_the_encode_pool() -> None:
    init = runpy.run_path(str(PROJECT_ROOT / "docker" / "init.py"))
    plan_pools = init["plan_pools"]
    four = Settings(encode_slots=4)
    sizes = {name: pool["slots"] for name, pool in plan_pools(four, set()).items()}
    assert sizes == {"encode": 4, "io": IO_SLOTS}
    assert set(plan_pools(four, {"encode", "io"})) == {"encode"}
    assert plan_pools(Settings(encode_slots=0), {"encode", "io"}) == {}


def test_the_image_holds_what_the_services_name() -> None:
    ignored = (PROJECT_ROOT / ".dockerignore").read_text().splitlines()
    taken = {line.removeprefix("!") for line in ignored if line.startswith("!")}
    assert ignored[1] == "*"
    used = re.findall(r"docker/\w+\.py", COMPOSE.read_text())
    assert used
    assert all((PROJECT_ROOT / name).is_file() for name in used)
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", (PROJECT_ROOT / "Dockerfile").read_text(), re.M)
    for path in " ".join(copied).split():
        assert path == "." or any(path == name or path.startswith(f"{name}/") for name in taken), path


def in_container() -> Settings:
    """The native settings of a machine whose folders are those of the containers."""
    for name in [name for name in os.environ if name.startswith(("CUTROOM_", "AWS_"))]:
        del os.environ[name]
    return Settings(home=Path("/var/lib/cutroom"))


def native_services() -> tuple[Any, ...]:
    """What `cutroom up` would run with the folders of the containers."""
    embedded = Embedded(database=True, documents=True, objects=True, airflow_database=True)
    return plan_services(in_container(), Secrets.generate(), embedded)


@pytest.fixture
def env_file(tmp_path: Path) -> Path:
    """A new .env."""
    return write_env(tmp_path / ".env")


@pytest.fixture
def dot_env(env_file: Path) -> dict[str, str]:
    """The variables of a new .env."""
    return read_env(env_file)


def write_env(path: Path) -> Path:
    """Let the script write its file."""
    subprocess.run(["sh", str(WRITE_ENV), str(path)], capture_output=True, text=True, check=True)
    return path


def read_env(path: Path) -> dict[str, str]:
    """The variables of an .env file, of which we use plain and single-quoted values."""
    lines = [line for line in path.read_text().splitlines() if line and not line.startswith("#")]
    pairs = (line.partition("=") for line in lines)
    return {name: value.removeprefix("'").removesuffix("'") for name, _, value in pairs}


def interpolated(text: str, variables: dict[str, str]) -> str:
    """What Compose makes of `${NAME}`, `${NAME:-default}`, `${NAME:?message}` and `$$`."""

    def value(match: re.Match[str]) -> str:
        name, operator, other = match["name"], match["operator"], match["other"]
        if match[0] == "$$":
            return "$"
        if found := variables.get(name):
            return found
        if operator != ":-":
            raise LookupError(f"{name}: {other}")
        return str(other)

    return re.sub(r"\$\$|\$\{(?P<name>\w+)(?:(?P<operator>:[-?])(?P<other>[^}]*))?\}", value, text)


@cache
def env_of_the_tests() -> Path:
    """An .env that every test of this module may read."""
    import tempfile

    return write_env(Path(tempfile.mkdtemp(prefix="cutroom-env-")) / ".env")


@cache
def services() -> dict[str, dict[str, Any]]:
    """The services as Compose would see them: anchors merged, variables in place."""
    variables = read_env(env_of_the_tests())

    def resolved(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: resolved(each) for key, each in value.items()}
        if isinstance(value, list):
            return [resolved(each) for each in value]
        return interpolated(value, variables) if isinstance(value, str) else value

    document: dict[str, dict[str, Any]] = resolved(yaml.safe_load(COMPOSE.read_text())["services"])
    return document


def environment(service: str) -> dict[str, str]:
    """The variables that the compose file itself gives a service."""
    found: dict[str, str] = services()[service]["environment"]
    return found
