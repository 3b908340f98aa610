"""Routes of folders, files and their versions, and of what changed."""

import asyncio
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.concurrency import run_in_threadpool

from cutroom.api.files.bodies import (
    ChangeBody,
    ChangesBody,
    FileBody,
    FileChangeBody,
    FolderBody,
    FolderChangeBody,
    FolderContentBody,
    Id,
    Most,
    NewFolderBody,
    RunBody,
    VersionBody,
    VersionsBody,
    VersionStateBody,
)
from cutroom.api.files.login import Owner
from cutroom.api.files.upload_routes import IdempotencyKey
from cutroom.settings import get_settings
from cutroom.stores.file_service import FileService

LONGEST_POLL_S = 30
_POLL_S = 0.5

_MOST_AT_ONCE = 500


def folder_routes(service: Callable[[], FileService]) -> APIRouter:
    """The routes of folders, over a service that the first request opens."""
    router = APIRouter(tags=["folders"])

    @router.post("/folders", status_code=HTTPStatus.CREATED)
    def create_folder(
        owner: Owner, body: NewFolderBody, idempotency_key: IdempotencyKey = None
    ) -> FolderBody:
        """Make a folder."""
        made = service().tree.create_folder(
            owner, name=body.name, parent_id=body.parent_id, idempotency_key=idempotency_key
        )
        return FolderBody.of(made)

    @router.get("/folders/{folder_id}")
    def list_folder(
        owner: Owner, folder_id: Id,
        after: Annotated[str, Query(max_length=2000, pattern=r"^([df]:[^\x00-\x1f]+)?$")] = "",
        limit: Annotated[int, Query(ge=1, le=_MOST_AT_ONCE)] = 200,
    ) -> FolderContentBody:  # fmt: skip
        """A folder and what is in it; `root` is the top. `after` is `next_after` of the page before."""
        tree = service().tree
        folder = tree.folder(owner, folder_id)
        return FolderContentBody.of(folder, tree.content(owner, folder_id, after=after, limit=limit))

    @router.patch("/folders/{folder_id}")
    def change_folder(owner: Owner, folder_id: Id, body: FolderChangeBody) -> FolderBody:
        """Rename or move a folder."""
        return FolderBody.of(
            service().tree.change_folder(owner, folder_id, name=body.name, parent_id=body.parent_id)
        )

    @router.delete("/folders/{folder_id}", status_code=HTTPStatus.NO_CONTENT)
    def delete_folder(owner: Owner, folder_id: Id) -> None:
        """Remove an empty folder."""
        service().tree.delete_folder(owner, folder_id)

    return router


def file_routes(service: Callable[[], FileService]) -> APIRouter:
    """The routes of files and their versions, over a service that the first request opens."""
    router = APIRouter(tags=["files"])

    @router.get("/file/{file_id}")
    def file(owner: Owner, file_id: Id) -> FileBody:
        """One file."""
        return FileBody.of(service().tree.file(owner, file_id))

    @router.get("/file/{file_id}/versions")
    def versions(owner: Owner, file_id: Id) -> VersionsBody:
        """All versions of a file, the newest first."""
        found = service().versions.versions(owner, file_id)
        return VersionsBody(versions=[VersionBody.of(one) for one in found])

    @router.patch("/file/{file_id}")
    def change_file(owner: Owner, file_id: Id, body: FileChangeBody) -> FileBody:
        """Rename or move a file. Its asset stays the same."""
        return FileBody.of(
            service().tree.change_file(owner, file_id, name=body.name, folder_id=body.folder_id)
        )

    @router.delete("/file/{file_id}", status_code=HTTPStatus.NO_CONTENT)
    def delete_file(owner: Owner, file_id: Id) -> None:
        """Delete a file with its versions. What was published of it goes on playing."""
        service().delete_file(owner, file_id)

    @router.get("/versions/{version_id}")
    def version(owner: Owner, version_id: Id) -> VersionStateBody:
        """A version, and what became of it."""
        versions = service().versions
        state = versions.run_state(owner, version_id)
        return VersionStateBody(
            version=VersionBody.of(versions.version(owner, version_id)),
            run=RunBody.of(state, media_base_url=get_settings().media_base_url),
        )

    return router


def change_routes(service: Callable[[], FileService]) -> APIRouter:
    """The feed of changes, over a service that the first request opens."""
    router = APIRouter(tags=["changes"])

    @router.get("/changes")
    async def changes(
        owner: Owner,
        since: Annotated[int, Query(ge=0, le=Most)] = 0,
        wait_s: Annotated[float, Query(ge=0, le=LONGEST_POLL_S)] = 0,
        limit: Annotated[int, Query(ge=1, le=_MOST_AT_ONCE)] = _MOST_AT_ONCE,
    ) -> ChangesBody:
        """What changed after `since`; with `wait_s`, answers as soon as there is something."""
        # A coroutine: waiting takes no thread, only each look does.
        until = time.monotonic() + wait_s
        while True:
            found = await run_in_threadpool(lambda: service().tree.changes(owner, since=since, limit=limit))
            if found or time.monotonic() >= until:
                return ChangesBody(
                    changes=[ChangeBody.of(one) for one in found],
                    next_since=found[-1].sequence if found else since,
                )
            await asyncio.sleep(min(_POLL_S, max(0, until - time.monotonic())))

    return router
