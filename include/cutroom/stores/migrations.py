"""Forward migrations: the numbered files in `sql/`, applied once each and in order.

All missing files are applied in one transaction under an advisory lock, so any number of processes may
migrate at once and a failed migration leaves nothing. What a file held is recorded: an applied one must not
change.
"""

import hashlib
import logging
import re
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, text

from cutroom.errors import MigrationsDiffer
from cutroom.settings import PROJECT_ROOT

log = logging.getLogger(__name__)

FOLDER = PROJECT_ROOT / "sql"
_NAME = re.compile(r"\d{4}_[a-z0-9_]+\.sql")
# Any number that nothing else locks in this database: "cutroom" in ASCII.
_LOCK = int.from_bytes(b"cutroom")


@dataclass(frozen=True, slots=True, kw_only=True)
class Migration:
    """One file of SQL."""

    name: str
    sql: str

    @property
    def checksum(self) -> str:
        """SHA-256 of the text."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


def read_migrations(folder: Path = FOLDER) -> list[Migration]:
    """The migrations of a folder, in the order of their numbers.

    Raises:
        MigrationsDiffer: The folder has none, or two with the same number.
    """
    paths = sorted(path for path in folder.glob("*.sql") if _NAME.fullmatch(path.name))
    numbers = [path.name[:4] for path in paths]
    if not paths or len(set(numbers)) != len(numbers):
        raise MigrationsDiffer(
            "The migrations in sql/ need at least one file and no number twice: 0001_name.sql."
        )
    return [Migration(name=path.stem, sql=path.read_text(encoding="utf-8")) for path in paths]


def plan_migrations(migrations: list[Migration], applied: dict[str, str]) -> list[Migration]:
    """Those still to apply, given name → checksum of those that were.

    Raises:
        MigrationsDiffer: An applied one changed or is not known here.
    """
    known = {migration.name: migration for migration in migrations}
    if unknown := sorted(set(applied) - set(known)):
        raise MigrationsDiffer(
            f"The database has the migration {unknown[-1]}, which this Cutroom does not know: "
            "use the newer Cutroom."
        )
    if changed := [name for name, checksum in applied.items() if known[name].checksum != checksum]:
        raise MigrationsDiffer(
            f"sql/{min(changed)}.sql was changed after it was applied: "
            "restore it and put the change in a new file."
        )
    return [migration for migration in migrations if migration.name not in applied]


def apply_migrations(connection: Connection, migrations: list[Migration]) -> list[str]:
    """Apply what is missing within the caller's transaction; gives the names applied."""
    connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    connection.execute(
        text(
            "CREATE TABLE IF NOT EXISTS schema_migrations ("
            " name text CONSTRAINT pk_schema_migrations PRIMARY KEY,"
            " checksum text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())"
        )
    )
    applied = {row.name: row.checksum for row in connection.execute(text("SELECT * FROM schema_migrations"))}
    missing = plan_migrations(migrations, applied)
    for migration in missing:
        # Without parameters the driver takes the text as it is: percent signs, several statements.
        connection.exec_driver_sql(migration.sql, execution_options={"no_parameters": True})
        connection.execute(
            text("INSERT INTO schema_migrations (name, checksum) VALUES (:name, :checksum)"),
            {"name": migration.name, "checksum": migration.checksum},
        )
        log.info("Applied migration %s", migration.name)
    return [migration.name for migration in missing]
