"""The document store: one document per asset, a view of the catalog that can be rebuilt at any time.

The contract, held by one suite for the embedded server and for MongoDB:

- A document carries its asset's `revision`. Writing is idempotent; an older revision never replaces a newer.
- A document carries `schema_version`; one of another version or shape is refused at reading, not guessed at.
- A store that is away raises `StoreUnavailable`; one that refuses credentials, `AccessRefused`.
"""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal, Self

from bson.errors import BSONError
from pydantic import BaseModel, ConfigDict, ValidationError
from pymongo import MongoClient, errors
from pymongo.collection import Collection

from cutroom.errors import AccessRefused, Conflict, CutroomError, PermanentError, StoreUnavailable, UsageError
from cutroom.stores.json_values import storable
from cutroom.stores.records import AssetRecord

SCHEMA_VERSION: Literal[1] = 1

# MongoDB's error codes: authentication and rights; time limits, shutdown, no primary, too old a snapshot.
_REFUSED_CODES = frozenset({13, 18, 8000})
_AWAY_CODES = frozenset({6, 7, 50, 89, 91, 189, 262, 9001, 10107, 11600, 11602, 13435, 13436})
# Most specific first.
ERRORS: tuple[tuple[type[Exception], type[CutroomError], str], ...] = (
    (errors.ConfigurationError, UsageError, "is not a MongoDB address: mongodb://host:port/database"),
    (errors.ConnectionFailure, StoreUnavailable,
     "does not answer; run `cutroom up`, or correct CUTROOM_DOCUMENTS_URL"),
    (errors.ExecutionTimeout, StoreUnavailable, "took too long; try again"),
    (errors.WTimeoutError, StoreUnavailable, "took too long; try again"),
    (errors.DocumentTooLarge, PermanentError, "takes no document of more than 16 MiB"),
    (errors.DuplicateKeyError, Conflict, "has another document in the place of this one"),
    (BSONError, PermanentError, "can't hold such a value"),
    (OverflowError, PermanentError, "can't hold an integer beyond 64 bits"),
    (errors.PyMongoError, PermanentError, "refused"),
)  # fmt: skip


class AssetDocument(BaseModel):
    """What the document store keeps of one asset."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_version: Literal[1] = SCHEMA_VERSION
    revision: int
    asset_id: str
    title: str
    owner: str
    tags: list[str]
    search: str
    """Title, tags and file name: what text search looks through."""
    status: str
    reason: str
    uploaded_at: str
    created_at: str
    updated_at: str
    source: dict[str, Any]
    """The whole probe of the newest upload."""
    chapters: list[Any]
    profile: str
    version_id: str | None
    duration_s: str | None
    playback: dict[str, Any] | None
    """Keys in the media bucket; addresses depend on who asks."""
    renditions: list[dict[str, Any]]
    report: dict[str, Any] | None
    history: list[dict[str, Any]]
    runs: list[dict[str, Any]]

    @classmethod
    def of(cls, record: AssetRecord) -> Self:
        """The document of an asset."""
        name = record.source.key.rpartition("/")[2]
        search = " ".join([record.title, *record.tags, name])
        return cls.model_validate(storable({**record.to_document(), "search": search}))

    def to_stored(self) -> dict[str, Any]:
        """As the store holds it."""
        return {"_id": self.asset_id, **self.model_dump()}

    @classmethod
    def from_stored(cls, stored: dict[str, Any]) -> Self:
        """The reverse of `to_stored`.

        Raises:
            PermanentError: It is of another schema version or shape.
        """
        try:
            return cls.model_validate({name: value for name, value in stored.items() if name != "_id"})
        except ValidationError as error:
            raise PermanentError(
                f"The document of {stored.get('_id')} is not one of this Cutroom; "
                "run `cutroom rebuild-documents` to write it again."
            ) from error


class Documents:
    """The documents of one MongoDB database. Connects when first used; safe to share, also across forks."""

    def __init__(self, documents_url: str) -> None:
        self._url = documents_url
        self._lock = threading.Lock()
        self._client: MongoClient[dict[str, Any]] | None = None
        self._indexed: MongoClient[dict[str, Any]] | None = None
        self._process = 0

    @property
    def address(self) -> str:
        """Host, port and database, without the user and the password."""
        return self._url.partition("://")[2].partition("?")[0].rpartition("@")[2] or "no address"

    def _collection(self) -> Collection[dict[str, Any]]:
        if not self._url:
            raise StoreUnavailable("No document store is set and the stack is not running; run `cutroom up`.")
        with self._lock:
            if self._client is None or self._process != os.getpid():
                self._client = MongoClient(
                    self._url,
                    appname="cutroom",
                    serverSelectionTimeoutMS=5_000,
                    connectTimeoutMS=5_000,
                    socketTimeoutMS=30_000,
                    maxPoolSize=8,
                )
                self._process = os.getpid()
            return self._client.get_default_database(default="cutroom")["assets"]

    @contextmanager
    def _assets(self) -> Iterator[Collection[dict[str, Any]]]:
        try:
            yield self._collection()
        except (errors.PyMongoError, BSONError, OverflowError) as error:
            raise self._meaning(error) from error

    def _meaning(self, error: Exception) -> CutroomError:
        kind, meaning = next((ours, said) for theirs, ours, said in ERRORS if isinstance(error, theirs))
        if isinstance(error, errors.OperationFailure) and not isinstance(error, errors.DuplicateKeyError):
            if error.code in _REFUSED_CODES:
                kind, meaning = AccessRefused, "refuses the user or the right; correct CUTROOM_DOCUMENTS_URL"
            elif error.code is None or error.code in _AWAY_CODES:
                # The embedded server reports a busy database without a code.
                kind, meaning = StoreUnavailable, f"can't now ({error.details or error})"
            else:
                meaning = f"refused: {error}"
        return kind(f"The document store at {self.address} {meaning}.")

    def close(self) -> None:
        """Give the connections back; the next use opens new ones."""
        with self._lock:
            if self._client is not None and self._process == os.getpid():
                self._client.close()
            self._client = None

    def ensure_indexes(self) -> None:
        """Make the indexes that `find` uses, where they are missing; looks once for each connection."""
        with self._assets() as assets:
            if self._indexed is assets.database.client:
                return
            assets.create_index("tags", name="ix_tags")
            assets.create_index([("updated_at", -1)], name="ix_updated_at")
            try:
                # One field of text: the embedded server can't index the text of lists.
                assets.create_index([("search", "text")], name="ix_search")
            except errors.OperationFailure as error:
                # Once there are documents, the embedded server refuses an index of text that it has, without
                # a code. That it has it is then shown by using it.
                if error.code is not None:
                    raise
                assets.find_one({"$text": {"$search": "a"}}, {"_id": 1})
            self._indexed = assets.database.client

    def put(self, document: AssetDocument) -> bool:
        """Write a document, unless a newer revision is there.

        Returns:
            False when a newer one is.
        """
        not_newer = {"_id": document.asset_id, "revision": {"$lte": document.revision}}
        with self._assets() as assets:
            try:
                assets.replace_one(not_newer, document.to_stored(), upsert=True)
            except errors.DuplicateKeyError:
                # Either a newer one is there, or another writer was first with a first one.
                try:
                    return assets.replace_one(not_newer, document.to_stored(), upsert=True) is not None
                except errors.DuplicateKeyError:
                    return False
        return True

    def get(self, asset_id: str) -> AssetDocument | None:
        """The document of an asset; None where there is none."""
        stored = self.stored(asset_id)
        return None if stored is None else AssetDocument.from_stored(stored)

    def stored(self, asset_id: str) -> dict[str, Any] | None:
        """What lies in an asset's place, whatever its shape: for comparing and repairing."""
        with self._assets() as assets:
            return assets.find_one({"_id": asset_id})

    def find(
        self, *, tag: str | None = None, text: str | None = None, limit: int = 100
    ) -> list[AssetDocument]:
        """Documents with a tag, with any word of a text, or with both; the latest change first."""
        wanted: dict[str, Any] = {}
        if tag is not None:
            # Not plain equality: the embedded server's index does not look into lists for that.
            wanted["tags"] = {"$all": [tag]}
        if text is not None:
            wanted["$text"] = {"$search": text}
        with self._assets() as assets:
            found = list(assets.find(wanted).sort([("updated_at", -1), ("_id", 1)]).limit(limit))
        return [AssetDocument.from_stored(stored) for stored in found]

    def asset_ids(self) -> Iterator[str]:
        """The ids of all documents, in their order, read in pages."""
        after = ""
        while True:
            with self._assets() as assets:
                found = assets.find({"_id": {"$gt": after}}, {"_id": 1}).sort("_id", 1).limit(500)
                page = [str(each["_id"]) for each in found]
            if not page:
                return
            yield from page
            after = page[-1]

    def delete(self, asset_id: str) -> None:
        """Remove a document; nothing happens where there is none."""
        with self._assets() as assets:
            assets.delete_one({"_id": asset_id})
