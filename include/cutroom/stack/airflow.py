"""The embedded Airflow: its files, its tables, its pools."""

import json
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from importlib.metadata import version

import sqlalchemy

from cutroom.errors import StoreUnavailable
from cutroom.private_file import write_private
from cutroom.settings import Settings
from cutroom.stack.airflow_config import (
    ADMIN,
    IO_SLOTS,
    encode_slots,
    plan_configuration,
    render_configuration,
)
from cutroom.stack.credentials import Secrets

_NOTE = "select shobj_description(oid, 'pg_database') from pg_database where datname = current_database()"


def write_airflow_files(settings: Settings, secrets: Secrets, database_url: str) -> None:
    """Write Airflow's configuration and the password of its user; both are for their owner only."""
    home = settings.home / "airflow"
    configuration = render_configuration(plan_configuration(settings, secrets, database_url))
    write_private(home / "airflow.cfg", configuration)
    passwords = home / "passwords.json"
    if not passwords.is_file():
        write_private(passwords, json.dumps({ADMIN: secrets.airflow_password}))


def airflow_password(settings: Settings) -> str:
    """The password of Airflow's user `admin`; empty before the first start."""
    passwords = settings.home / "airflow" / "passwords.json"
    if not passwords.is_file():
        return ""
    return str(json.loads(passwords.read_text()).get(ADMIN, ""))


def migrate_airflow(url: str, environment: Mapping[str, str]) -> None:
    """Bring Airflow's tables to this version; a note on its database makes the second time fast.

    Raises:
        StoreUnavailable: The migration failed; the message ends with what it printed.
    """
    wanted = f"Airflow {version('apache-airflow')}, providers {version('apache-airflow-providers-amazon')}"
    engine = sqlalchemy.create_engine(url, poolclass=sqlalchemy.NullPool)
    with engine.connect() as connection:
        if connection.scalar(sqlalchemy.text(_NOTE)) == wanted:
            return
    _run_migration(environment)
    with engine.begin() as connection:
        name = connection.dialect.identifier_preparer.quote(str(engine.url.database))
        connection.execute(sqlalchemy.text(f"comment on database {name} is '{wanted}'"))


def _run_migration(environment: Mapping[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "airflow", "db", "migrate"],
        env=dict(environment),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise StoreUnavailable(f"Airflow's tables can't be brought up to date: {done.stderr.strip()[-1500:]}")


def ensure_pools(settings: Settings) -> None:
    """Make the pools that the DAGs name.

    What an operator changed in the UI stays, unless CUTROOM_ENCODE_SLOTS says how many encodes to run.

    Raises:
        StoreUnavailable: Airflow refused.
    """
    token = _request(
        settings, "POST", "/auth/token", {"username": ADMIN, "password": airflow_password(settings)}, token=""
    )["access_token"]
    pools = {
        "encode": (encode_slots(settings), "Tasks that keep a core busy"),
        "io": (IO_SLOTS, "Tasks that wait for S3 or a database"),
    }
    for name, (slots, description) in pools.items():
        pool: dict[str, object] = {
            "name": name,
            "slots": slots,
            "description": description,
            "include_deferred": False,
        }
        try:
            _request(settings, "POST", "/api/v2/pools", pool, token=token)
        except FileExistsError:
            if name == "encode" and settings.encode_slots:
                _request(settings, "PATCH", f"/api/v2/pools/{name}?update_mask=slots", pool, token=token)


def _request(settings: Settings, method: str, path: str, body: object, *, token: str) -> dict[str, str]:
    address = f"http://{settings.host}:{settings.airflow_port}{path}"
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    request = urllib.request.Request(address, json.dumps(body).encode(), headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=20) as response:  # noqa: S310 - our own address
            answer: dict[str, str] = json.load(response)
            return answer
    except urllib.error.HTTPError as error:
        if error.code == 409:
            raise FileExistsError(path) from error
        raise StoreUnavailable(f"Airflow answers {error.code} to {method} {path}.") from error
    except OSError as error:
        raise StoreUnavailable(f"Airflow does not answer at {address}: {error}") from error
