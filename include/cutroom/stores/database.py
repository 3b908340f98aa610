"""PostgreSQL as the catalog uses it: one lazy engine, transactions, and what its errors mean."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import URL, Engine, create_engine, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session

from cutroom.errors import AccessRefused, Conflict, CutroomError, PermanentError, StoreUnavailable, UsageError

# SQLSTATE, longest prefix first in effect, to what it means: the classes of PostgreSQL's appendix A.
ERRORS: dict[str, tuple[type[CutroomError], str]] = {
    "08": (StoreUnavailable, "can't be reached"),
    "25": (StoreUnavailable, "ended the transaction"),
    "28": (AccessRefused, "refused the user or password; correct CUTROOM_DATABASE_URL"),
    "40": (StoreUnavailable, "undid the transaction in favour of another one"),
    "53": (StoreUnavailable, "is out of connections, memory or disk"),
    "55": (StoreUnavailable, "has the rows locked by somebody else"),
    "57": (StoreUnavailable, "is shutting down or ended the statement"),
    "58": (StoreUnavailable, "reports a fault of its system"),
    "XX": (StoreUnavailable, "reports an internal fault"),
    "22": (PermanentError, "can't store such a value"),
    "23": (Conflict, "holds facts that contradict this change"),
    "3D": (PermanentError, "has no such database; correct CUTROOM_DATABASE_URL or create it"),
    "42501": (AccessRefused, "gives this user no right to do that"),
    "42P01": (StoreUnavailable, "has no catalog tables yet; run `cutroom up`"),
    "42": (PermanentError, "does not have the tables of this Cutroom; run `cutroom up` to migrate it"),
}

_LIMITED = "SELECT set_config('statement_timeout', %s, true), set_config('lock_timeout', %s, true)"
_FORGETTABLE = f"{_LIMITED}, set_config('synchronous_commit', 'off', true)"

STATEMENT_TIMEOUT = "60s"
LOCK_TIMEOUT = "20s"


class Database:
    """Transactions on one PostgreSQL database. Safe to use from many threads and after a fork."""

    def __init__(self, database_url: str) -> None:
        self._given = database_url
        self._lock = threading.Lock()
        self._engine: Engine | None = None
        self._process = 0

    @property
    def address(self) -> str:
        """Host, port and database, without the user and the password."""
        url = self._url()
        host = url.host or str(url.query.get("host", "the local socket"))
        return f"{host}{f':{url.port}' if url.port else ''}/{url.database or ''}"

    def _url(self) -> URL:
        if not self._given:
            raise StoreUnavailable(
                "No catalog database is set and the stack is not running; run `cutroom up`."
            )
        try:
            url = make_url(self._given)
        except ArgumentError as error:
            raise UsageError(
                "CUTROOM_DATABASE_URL is not a database address: postgresql://user@host/name"
            ) from error
        if url.drivername in {"postgres", "postgresql"}:
            url = url.set(drivername="postgresql+psycopg2")
        if url.get_backend_name() != "postgresql":
            raise UsageError("CUTROOM_DATABASE_URL has to name a PostgreSQL: postgresql://user@host/name")
        return url

    def _connected(self) -> Engine:
        with self._lock:
            if self._engine is not None and self._process != os.getpid():
                # A forked process must not speak on its parent's sockets, nor close them.
                self._engine.dispose(close=False)
                self._engine = None
            if self._engine is None:
                self._process = os.getpid()
                self._engine = create_engine(
                    self._url(),
                    pool_size=2,
                    max_overflow=6,
                    pool_pre_ping=True,
                    pool_recycle=1800,
                    connect_args={"connect_timeout": 10, "application_name": "cutroom"},
                )
            return self._engine

    @contextmanager
    def transaction(
        self,
        *,
        statement_timeout: str = STATEMENT_TIMEOUT,
        lock_timeout: str = LOCK_TIMEOUT,
        durable: bool = True,
    ) -> Iterator[Session]:
        """One read-committed transaction: committed at the end, undone by any exception.

        Args:
            statement_timeout: How long one statement may take.
            lock_timeout: How long it may wait for a lock.
            durable: Whether the commit is on disk before this returns. Without, a database that dies in the next
                moment may forget it: for what is as good when it is forgotten.

        Raises:
            StoreUnavailable: The database is away or can't now.
            AccessRefused: It refuses the credentials or the rights.
            Conflict: A constraint does not allow the change.
        """
        with (
            self._translated(),
            Session(self._connected(), expire_on_commit=False) as session,
            session.begin(),
        ):
            # By the driver: every transaction begins with it, and an ORM has nothing to add.
            session.connection().exec_driver_sql(
                _LIMITED if durable else _FORGETTABLE, (statement_timeout, lock_timeout)
            )
            yield session

    @contextmanager
    def snapshot(self) -> Iterator[Session]:
        """Reading only, with every statement seeing the same moment; raises as `transaction` does."""
        with self._translated():
            engine = self._connected().execution_options(
                isolation_level="REPEATABLE READ", postgresql_readonly=True
            )
            with Session(engine) as session:
                yield session

    def close(self) -> None:
        """Give the connections back; the next use opens new ones."""
        with self._lock:
            if self._engine is not None and self._process == os.getpid():
                self._engine.dispose()
            self._engine = None

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except PoolTimeout as error:
            raise StoreUnavailable(
                f"PostgreSQL at {self.address}: every connection is busy; try again."
            ) from error
        except DBAPIError as error:
            raise self._meaning(error) from error
        except SQLAlchemyError as error:
            raise PermanentError(f"PostgreSQL at {self.address}: {type(error).__name__}.") from error

    def _meaning(self, error: DBAPIError) -> CutroomError:
        state = str(getattr(error.orig, "pgcode", None) or getattr(error.orig, "sqlstate", None) or "")
        kind, meaning = ERRORS.get(state) or ERRORS.get(state[:2]) or (StoreUnavailable, "")
        if not state:
            return self._unreachable(str(error.orig))
        detail = ""
        if kind is not StoreUnavailable and state[:2] in {"22", "23", "42"}:
            detail = f" ({str(error.orig).splitlines()[0]})" if str(error.orig) else ""
        return kind(f"PostgreSQL at {self.address} {meaning}{detail}.")

    def _unreachable(self, said: str) -> CutroomError:
        # The driver gives no SQLSTATE for a connection that was never made, only libpq's text.
        for kind, phrases, meaning in (
            (AccessRefused, ("password authentication failed", "no pg_hba.conf entry"), ERRORS["28"][1]),
            (
                PermanentError,
                ('" does not exist',),
                "has no such database or user; correct CUTROOM_DATABASE_URL",
            ),
        ):
            if any(phrase in said for phrase in phrases):
                return kind(f"PostgreSQL at {self.address} {meaning}.")
        return StoreUnavailable(
            f"PostgreSQL at {self.address} does not answer; "
            "run `cutroom up`, or correct CUTROOM_DATABASE_URL."
        )
