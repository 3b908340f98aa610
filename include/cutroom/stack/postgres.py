"""The embedded PostgreSQL's data folder: made once, owned by a user that PostgreSQL agrees to run as."""

import os
import pwd
import stat
import subprocess
import tempfile
from pathlib import Path

import sqlalchemy
import sqlalchemy.exc

from cutroom.errors import StoreUnavailable, UsageError
from cutroom.settings import Settings
from cutroom.stack.credentials import Secrets
from cutroom.stack.environment import DATABASE_USER, DATABASES, database_url
from cutroom.stack.plan import postgres_programs

SYSTEM_USER = "cutroom-postgres"


def plan_user() -> str:
    """The system user that PostgreSQL has to run as: root may not run it, anybody else may."""
    return SYSTEM_USER if os.geteuid() == 0 else ""


def prepare_postgres(settings: Settings, secrets: Secrets) -> None:
    """Make the data folder at the first start; nothing happens where it is there.

    Raises:
        UsageError: The user for PostgreSQL can't be made, or may not reach the folder.
    """
    data = settings.home / "postgres"
    user = plan_user()
    if user:
        _ensure_user(user)
        for needed in (settings.home, postgres_programs()):
            _ensure_reachable(needed)
    if (data / "PG_VERSION").is_file():
        return
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    if user:
        entry = pwd.getpwnam(user)
        os.chown(data, entry.pw_uid, entry.pw_gid)
    _initdb(data, user, secrets)


def _initdb(data: Path, user: str, secrets: Secrets) -> None:
    with tempfile.NamedTemporaryFile("w", prefix="cutroom-", suffix=".password") as password:
        password.write(secrets.database_password)
        password.flush()
        if user:
            os.chown(password.name, pwd.getpwnam(user).pw_uid, -1)
        command = [
            str(postgres_programs() / "initdb"),
            *("-D", str(data), "-U", DATABASE_USER, "--auth=scram-sha-256", f"--pwfile={password.name}"),
            *("--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"),
            "--no-sync",
        ]
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=False,
            user=user or None,
            group=pwd.getpwnam(user).pw_gid if user else None,
            extra_groups=[] if user else None,
            cwd="/",
        )
    if done.returncode:
        # A half-made folder would be taken for a made one at the next start.
        subprocess.run(["rm", "-rf", str(data)], check=True)
        raise UsageError(f"PostgreSQL's data folder {data} can't be made: {done.stderr.strip()[-600:]}")


def ensure_databases(settings: Settings, secrets: Secrets) -> None:
    """Create the databases that are not there yet.

    Raises:
        StoreUnavailable: PostgreSQL does not answer.
    """
    engine = sqlalchemy.create_engine(
        database_url(settings, secrets, "postgres"),
        poolclass=sqlalchemy.NullPool,
        isolation_level="AUTOCOMMIT",
    )
    try:
        with engine.connect() as connection:
            found = set(connection.scalars(sqlalchemy.text("select datname from pg_database")))
            for name in DATABASES:
                if name not in found:
                    connection.execute(sqlalchemy.text(f"create database {name}"))
    except sqlalchemy.exc.OperationalError as error:
        raise StoreUnavailable(f"PostgreSQL does not let us in: {error.orig}") from error


def _ensure_user(name: str) -> None:
    try:
        pwd.getpwnam(name)
    except KeyError:
        command = ["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", name]
    else:
        return
    try:
        subprocess.run(command, check=True, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise UsageError(
            f"PostgreSQL does not run as root, and the system user {name} for it can't be made: "
            "run Cutroom as an ordinary user, or set CUTROOM_DATABASE_URL to a PostgreSQL of your own."
        ) from error


def _ensure_reachable(path: Path) -> None:
    """Let others pass through (not list) the folders above, as PostgreSQL's user has to reach its own."""
    for folder in (path, *path.parents):
        mode = stat.S_IMODE(folder.stat().st_mode)
        if not mode & stat.S_IXOTH:
            folder.chmod(mode | stat.S_IXOTH)
