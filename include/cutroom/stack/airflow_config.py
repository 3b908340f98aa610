"""Airflow's configuration for one machine, tuned so that little time passes between tasks.

It becomes `airflow.cfg`; a variable `AIRFLOW__SECTION__KEY` in the environment still wins.
"""

import configparser
import io
import os

from cutroom.settings import PROJECT_ROOT, Settings
from cutroom.stack.credentials import Secrets

ADMIN = "admin"
IO_SLOTS = 8
"""Tasks at a time that mostly wait for S3 or a database."""
_OTHER_SLOTS = 4
"""Tasks outside our pools, such as the sensor and the triggers of runs."""


def encode_slots(settings: Settings) -> int:
    """Encode tasks at a time on this machine."""
    return settings.encode_slots or os.cpu_count() or 1


def plan_configuration(settings: Settings, secrets: Secrets, database_url: str) -> dict[str, dict[str, str]]:
    """Sections, keys and values that differ from Airflow's defaults."""
    home = settings.home / "airflow"
    address = f"http://{settings.host}:{settings.airflow_port}"
    # A worker is busy for a moment after its task is done, so there are more of them than pool slots.
    parallelism = 2 * encode_slots(settings) + IO_SLOTS + _OTHER_SLOTS
    return {
        "core": {
            "executor": "LocalExecutor",
            "dags_folder": str(PROJECT_ROOT / "dags"),
            "plugins_folder": str(PROJECT_ROOT / "plugins"),
            "load_examples": "False",
            "dags_are_paused_at_creation": "False",
            "parallelism": str(parallelism),
            "max_active_tasks_per_dag": str(parallelism),
            "max_active_runs_per_dag": "64",
            "fernet_key": secrets.fernet_key,
            "simple_auth_manager_users": f"{ADMIN}:admin",
            "simple_auth_manager_passwords_file": str(home / "passwords.json"),
            "execution_api_server_url": f"{address}/execution/",
            "test_connection": "Disabled",
            # The longest retry delay of a task without its own.
            "default_task_retry_delay": "10",
        },
        "database": {
            "sql_alchemy_conn": database_url,
            "load_default_connections": "False",
        },
        "api": {
            "host": settings.host,
            "port": str(settings.airflow_port),
            "base_url": address,
            "workers": "1",
            "secret_key": secrets.api_secret_key,
            "expose_config": "False",
        },
        "api_auth": {"jwt_secret": secrets.jwt_secret},
        "logging": {
            "base_log_folder": str(home / "logs"),
            "dag_processor_child_process_log_directory": str(home / "logs" / "dag_processor"),
        },
        "scheduler": {
            # How long the scheduler sleeps when it found nothing to do: half of it is lost between two tasks on
            # average, about 11 times a run. Each look takes 0.03 s of CPU, from the encoders: sleeping half as long
            # gave a run less than it took.
            "scheduler_idle_sleep_time": "0.5",
            "job_heartbeat_sec": "5",
            "scheduler_heartbeat_sec": "5",
            "max_tis_per_query": "64",
            # A task whose supervisor was killed with it is noticed by its silence.
            "task_instance_heartbeat_timeout": "30",
            "task_instance_heartbeat_timeout_detection_interval": "5",
            # The tasks of a killed scheduler go on and end as if nothing was; taking them for lost would
            # encode again. Those that did go with it are noticed by their silence.
            "orphaned_tasks_check_interval": "300",
            "task_queued_timeout": "60",
            "task_queued_timeout_check_interval": "15",
        },
        "workers": {
            # A task's supervisor may miss its end and then sleeps this long with the worker held.
            "min_heartbeat_interval": "1",
            # At one a second: an API server that restarts must not cost the tasks that run.
            "max_failed_heartbeats": "60",
            "execution_api_retries": "12",
            "execution_api_retry_wait_max": "5",
        },
        "triggerer": {"job_heartbeat_sec": "2"},
        "dag_processor": {
            # A file that was changed is read at once; the others need no second look until the next start.
            "refresh_interval": "60",
            "min_file_process_interval": "3600",
            "parsing_processes": "1",
        },
        "usage_data_collection": {"enabled": "False"},
    }


def render_configuration(configuration: dict[str, dict[str, str]]) -> str:
    """The text of `airflow.cfg`."""
    parser = configparser.RawConfigParser()
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    for section, values in configuration.items():
        # Airflow interpolates: a percent sign of ours is meant as it stands.
        parser[section] = {key: value.replace("%", "%%") for key, value in values.items()}
    text = io.StringIO()
    text.write(
        "# Written by `cutroom up` at each start: set AIRFLOW__SECTION__KEY in the environment instead.\n"
    )
    parser.write(text)
    return text.getvalue()
