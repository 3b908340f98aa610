"""The index of what the embedded S3 and SQS keep on disk: buckets, objects, queues and messages in one SQLite file.

The server writes it before it answers a request, so what a client was told is done is still there after a crash.
Only the standard library is imported here: the server has an environment of its own.
"""

import json
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_SCHEMA = """
create table if not exists bucket (name text primary key, state blob not null);
create table if not exists object (
    bucket text not null, key text not null, version text not null, position integer not null,
    file text, size_bytes integer not null, state blob not null,
    primary key (bucket, key, version)
);
create table if not exists lost (bucket text not null, key text not null, version text not null);
create table if not exists queue (name text primary key, attributes text not null);
create table if not exists message (id text primary key, queue text not null, body text not null);
create index if not exists message_queue on message (queue);
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptVersion:
    """One version of one object."""

    version: str
    file: str | None
    """Name of the file with its bytes; None for a delete marker."""
    size_bytes: int
    state: bytes
    """What the server knows of it, as the server wrote it."""


class KeptIndex:
    """The index in one folder; methods may be called from any thread."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._connection = sqlite3.connect(index_path(folder), check_same_thread=False, isolation_level=None)
        self._lock = threading.Lock()
        # A write-ahead log without waiting for the disk: a killed process loses nothing, a power cut may.
        self._connection.execute("pragma journal_mode = wal")
        self._connection.execute("pragma synchronous = off")
        self._connection.executescript(_SCHEMA)

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            self._connection.execute("begin immediate")
            try:
                yield self._connection
            except BaseException:
                self._connection.execute("rollback")
                raise
            self._connection.execute("commit")

    def keep_bucket(self, name: str, state: bytes) -> None:
        """Write a bucket's own state."""
        with self._transaction() as connection:
            connection.execute("insert or replace into bucket values (?, ?)", (name, state))

    def forget_bucket(self, name: str) -> None:
        """Remove a bucket and what it holds."""
        with self._transaction() as connection:
            connection.execute("delete from bucket where name = ?", (name,))
            connection.execute("delete from object where bucket = ?", (name,))

    def keep_object(self, bucket: str, key: str, versions: Sequence[KeptVersion]) -> list[str]:
        """Replace what is kept of an object by these versions, oldest first; tells the files no longer needed."""
        with self._transaction() as connection:
            where = (bucket, key)
            before = connection.execute(
                "select file from object where bucket = ? and key = ?", where
            ).fetchall()
            connection.execute("delete from object where bucket = ? and key = ?", where)
            connection.execute("delete from lost where bucket = ? and key = ?", where)
            connection.executemany(
                "insert into object values (?, ?, ?, ?, ?, ?, ?)",
                [
                    (bucket, key, version.version, position, version.file, version.size_bytes, version.state)
                    for position, version in enumerate(versions)
                ],
            )
        kept = {version.file for version in versions}
        return [file for (file,) in before if file and file not in kept]

    def buckets(self) -> list[tuple[str, bytes]]:
        """Name and state of each bucket."""
        with self._lock:
            return list(self._connection.execute("select name, state from bucket"))

    def objects(self) -> list[tuple[str, str, KeptVersion]]:
        """Bucket, key and version of everything kept, oldest version of a key first."""
        query = (
            "select bucket, key, version, file, size_bytes, state from object order by bucket, key, position"
        )
        with self._lock:
            rows = self._connection.execute(query).fetchall()
        return [
            (bucket, key, KeptVersion(version=version, file=file, size_bytes=size, state=state))
            for bucket, key, version, file, size, state in rows
        ]

    def mark_lost(self, lost: Iterable[tuple[str, str, str]]) -> None:
        """Move versions whose bytes are gone (bucket, key, version) to the list of what was lost."""
        with self._transaction() as connection:
            for row in lost:
                connection.execute("delete from object where bucket = ? and key = ? and version = ?", row)
                connection.execute("insert into lost values (?, ?, ?)", row)

    def keep_queue(self, name: str, attributes: Mapping[str, str]) -> None:
        """Write a queue's attributes over those that are kept."""
        with self._transaction() as connection:
            found = connection.execute("select attributes from queue where name = ?", (name,)).fetchone()
            merged = {**(json.loads(found[0]) if found else {}), **attributes}
            connection.execute("insert or replace into queue values (?, ?)", (name, json.dumps(merged)))

    def forget_queue(self, name: str) -> None:
        """Remove a queue and its messages."""
        with self._transaction() as connection:
            connection.execute("delete from queue where name = ?", (name,))
            connection.execute("delete from message where queue = ?", (name,))

    def queues(self) -> dict[str, dict[str, str]]:
        """The attributes of each queue by its name."""
        with self._lock:
            return {name: json.loads(text) for name, text in self._connection.execute("select * from queue")}

    def keep_message(self, message_id: str, queue: str, body: str) -> None:
        """Write a message that was sent."""
        with self._transaction() as connection:
            connection.execute("insert or replace into message values (?, ?, ?)", (message_id, queue, body))

    def forget_messages(self, message_ids: Iterable[str]) -> None:
        """Remove messages that were taken off."""
        with self._transaction() as connection:
            connection.executemany("delete from message where id = ?", [(each,) for each in message_ids])

    def forget_messages_of(self, queue: str) -> None:
        """Remove all messages of a queue."""
        with self._transaction() as connection:
            connection.execute("delete from message where queue = ?", (queue,))

    def messages(self) -> list[tuple[str, str, str]]:
        """Id, queue and body of the messages nobody took off, oldest first."""
        with self._lock:
            return list(self._connection.execute("select id, queue, body from message order by rowid"))


def index_path(folder: Path) -> Path:
    """The index file of a folder of kept objects."""
    return folder / "index.sqlite"
