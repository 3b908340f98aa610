"""The File Service as a client sees it: its REST interface as methods, and its problems as our errors."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import httpx

from cutroom.blocks.block import Block
from cutroom.client.backoff import patiently
from cutroom.errors import (
    AccessRefused,
    BlocksMissing,
    Conflict,
    CutroomError,
    FileUnknown,
    LimitPassed,
    LoginRequired,
    PermanentError,
    RequestInvalid,
    StoreUnavailable,
)

Json = dict[str, Any]

_ERROR_OF_STATUS: dict[int, type[CutroomError]] = {
    HTTPStatus.UNAUTHORIZED: LoginRequired,
    HTTPStatus.FORBIDDEN: AccessRefused,
    HTTPStatus.NOT_FOUND: FileUnknown,
    HTTPStatus.CONFLICT: Conflict,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: LimitPassed,
    HTTPStatus.UNPROCESSABLE_ENTITY: RequestInvalid,
    HTTPStatus.REQUEST_TIMEOUT: StoreUnavailable,
    HTTPStatus.TOO_MANY_REQUESTS: StoreUnavailable,
}
"""Statuses and our errors; others from 500 on are `StoreUnavailable`, what is left is `PermanentError`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewFile:
    """What is said of a file when its upload begins."""

    name: str
    folder_id: str
    size_bytes: int
    content_type: str
    title: str = ""
    tags: tuple[str, ...] = ()


class FileServiceClient:
    """One File Service and one login; may be used from several threads.

    Every method asks patiently: what did not answer is asked again. Each raises the error behind the problem that
    the service tells.
    """

    def __init__(self, base_url: str, token: str, *, transport: httpx.BaseTransport | None = None) -> None:
        self._base_url = base_url.rstrip("/")
        self._client = httpx.Client(
            headers={"Authorization": f"Bearer {token}", "User-Agent": "cutroom"},
            timeout=httpx.Timeout(60, connect=10),
            transport=transport,
        )

    def close(self) -> None:
        """Give the connections back."""
        self._client.close()

    def me(self) -> Json:
        """Who the login is."""
        return self._ask("GET", "/me")

    def begin(self, new: NewFile, blocks: Sequence[Block]) -> Json:
        """The upload session of a file, with what is missing among its first blocks."""
        body = {
            "name": new.name,
            "folder_id": new.folder_id,
            "size_bytes": new.size_bytes,
            "content_type": new.content_type,
            "title": new.title,
            "tags": list(new.tags),
            "blocks": [{"block_id": one.block_id, "size_bytes": one.size_bytes} for one in blocks],
        }
        return self._ask("POST", "/upload/init", body, once=True)

    def missing(self, session_id: str, *, after: int) -> Json:
        """What is missing from position `after` on, with fresh addresses."""
        return self._ask("GET", f"/upload/{session_id}?after={after}")

    def complete(self, session_id: str) -> Json:
        """Commit an upload, however long its blocks have to be checked."""
        while True:
            told = self._ask("POST", f"/upload/{session_id}/complete")
            if told["status"] == "committed":
                return told

    def abort(self, session_id: str) -> None:
        """Give an upload up."""
        self._ask("DELETE", f"/upload/{session_id}")

    def version(self, version_id: str) -> Json:
        """A version, and what became of it."""
        return self._ask("GET", f"/versions/{_part(version_id)}")

    def download(self, file_id: str, *, version_id: str | None, after: int) -> Json:
        """Addresses of blocks of a version from position `after` on."""
        version = f"&version={_part(version_id)}" if version_id else ""
        return self._ask("GET", f"/download/{_part(file_id)}?after={after}{version}")

    def folder(self, folder_id: str, *, after: str = "") -> Json:
        """A page of what is in a folder."""
        query = httpx.QueryParams({"after": after, "limit": 500})
        return self._ask("GET", f"/folders/{folder_id}?{query}")

    def create_folder(self, name: str, parent_id: str) -> Json:
        """A new folder."""
        return self._ask("POST", "/folders", {"name": name, "parent_id": parent_id}, once=True)

    def create_token(self, name: str, *, days: int | None = None) -> Json:
        """A new device token, with its secret; it ends after so many days, or never."""
        return self._ask("POST", "/tokens", {"name": name, "days": days})

    def tokens(self) -> list[Json]:
        """The device tokens of this login."""
        found: list[Json] = self._ask("GET", "/tokens")["tokens"]
        return found

    def revoke_token(self, token_id: str) -> None:
        """End a device token."""
        self._ask("DELETE", f"/tokens/{_part(token_id)}")

    def _ask(self, method: str, path: str, body: Json | None = None, *, once: bool = False) -> Json:
        headers = {"Idempotency-Key": uuid.uuid4().hex} if once else {}

        def ask() -> Json:
            try:
                answer = self._client.request(method, self._base_url + path, json=body, headers=headers)
            except httpx.InvalidURL as error:
                raise PermanentError(f"{self._base_url} is not an address of a File Service.") from error
            except httpx.HTTPError as error:
                raise StoreUnavailable(
                    f"The File Service at {self._base_url} does not answer ({type(error).__name__}): "
                    "does `cutroom status` show Airflow running?"
                ) from error
            return _told(answer, self._base_url)

        return patiently(ask)


def _part(given: str) -> str:
    """What somebody gave as an id, as one part of an address."""
    return quote(given, safe="")


def _told(answer: httpx.Response, base_url: str) -> Json:
    try:
        said: Json = answer.json() if answer.content else {}
    except ValueError:
        said = {}
    if answer.is_success and isinstance(said, dict):
        return said
    detail = str(said.get("detail", "")) if isinstance(said, dict) else ""
    detail = detail or f"{base_url} answers {answer.status_code}: is that a File Service?"
    if answer.status_code == HTTPStatus.CONFLICT and "missing" in said:
        raise BlocksMissing(detail, said["missing"])
    kind = _ERROR_OF_STATUS.get(answer.status_code)
    if kind is None:
        kind = StoreUnavailable if answer.is_server_error else PermanentError
    raise kind(detail)
