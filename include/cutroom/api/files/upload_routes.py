"""Routes of uploads and downloads."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Header, Path, Query, Response

from cutroom.api.files.bodies import CommitBody, DownloadBody, Id, NewUploadBody, UploadBody, VersionBody
from cutroom.api.files.login import Owner
from cutroom.stores.file_records import MissingPage
from cutroom.stores.file_service import FileService
from cutroom.stores.file_uploads import PAGE

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        pattern=r"^[!-~]{1,100}$",
        description="Any text of your own: the same request with the same key makes one thing, however often sent.",
    ),
]
Position = Annotated[int, Query(ge=0, le=2**31 - 1)]
SessionId = Annotated[Id, Path(description="`session_id` of the upload.")]


def upload_routes(service: Callable[[], FileService]) -> APIRouter:
    """The routes over a service that the first request opens. They wait for stores, so none is a coroutine."""
    router = APIRouter(tags=["uploads"])

    @router.post("/upload/init", status_code=HTTPStatus.CREATED)
    def init(owner: Owner, body: NewUploadBody, idempotency_key: IdempotencyKey = None) -> UploadBody:
        """Announce a file: answers what has to be sent and where to, for the first blocks.

        The same file announced again has the same session, so a client that lost its memory just announces again.
        """
        uploads = service().uploads
        record = uploads.begin(owner, body.to_record(), idempotency_key=idempotency_key)
        return UploadBody.of(record, uploads.missing(owner, record.session_id))

    @router.get("/upload/{session_id}")
    def missing(
        owner: Owner, session_id: SessionId, after: Position = 0,
        limit: Annotated[int, Query(ge=0, le=PAGE)] = PAGE,
    ) -> UploadBody:  # fmt: skip
        """What is still missing from position `after` on, with fresh addresses."""
        uploads = service().uploads
        page = MissingPage(missing=(), next_after=after)
        if limit:
            page = uploads.missing(owner, session_id, after=after, limit=limit)
        return UploadBody.of(uploads.session(owner, session_id), page)

    @router.post("/upload/{session_id}/complete", responses={202: {"model": CommitBody}})
    def complete(owner: Owner, session_id: SessionId, response: Response) -> CommitBody:
        """Commit: checks every block in the store, then makes the file version in one moment.

        202 means that there is more to check: send the same request again. 409 names blocks that are missing.
        """
        record = service().uploads.complete(owner, session_id)
        version = None
        if record.version_id is None:
            response.status_code = HTTPStatus.ACCEPTED
        else:
            version = VersionBody.of(service().versions.version(owner, record.version_id))
        return CommitBody(
            status="committed" if version else "checking",
            session_id=session_id,
            checked=record.checked,
            blocks_total=record.blocks_total,
            version=version,
        )

    @router.delete("/upload/{session_id}", status_code=HTTPStatus.NO_CONTENT)
    def abort(owner: Owner, session_id: SessionId) -> None:
        """Give an upload up; one that is committed stays."""
        service().uploads.abort(owner, session_id)

    @router.get("/download/{file_id}")
    def download(
        owner: Owner, file_id: Id, version: Annotated[Id | None, Query()] = None, after: Position = 0
    ) -> DownloadBody:
        """Addresses of the blocks of a version, in order; of the newest where none is named."""
        return DownloadBody.of(service().versions.download(owner, file_id, version_id=version, after=after))

    return router
