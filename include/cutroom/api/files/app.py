"""The File Service as a web application: for the Airflow API server, or alone with uvicorn."""

import threading
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from fastapi import Depends, FastAPI, Request
from fastapi.security import HTTPBearer
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from cutroom import __version__
from cutroom.api.edge import content_security_policy, protect
from cutroom.api.files.account_routes import account_routes
from cutroom.api.files.bodies import ProblemBody
from cutroom.api.files.login import SignIn, owner_of, tokens_only
from cutroom.api.files.tree_routes import change_routes, file_routes, folder_routes
from cutroom.api.files.upload_routes import upload_routes
from cutroom.api.problems import PROBLEM_JSON
from cutroom.errors import LimitPassed
from cutroom.settings import Settings, get_settings
from cutroom.stores.file_service import FileService, open_file_service

PREFIX = "/files"
"""Where the service is mounted."""

_BLOCK_JSON_BYTES = 128
_REST_OF_BODY_BYTES = 2**18


def create_app(
    opener: Callable[[Settings], FileService] = open_file_service,
    *,
    sign_in: SignIn = tokens_only,
    wants_page: Callable[[Request], bool] = lambda _: False,
) -> FastAPI:
    """Build the application; it reads no setting and opens no store before the first request.

    Every route asks who it is, before the request is judged; a device token is always good. Errors are problem
    details without a stack.

    Args:
        opener: Opens the service that the settings name.
        sign_in: Who a request without a device token is from.
        wants_page: Whether a request is a browser's for a page.
    """
    problems: dict[int | str, dict[str, Any]] = {
        int(status): {"model": ProblemBody, "content": {PROBLEM_JSON: {}}, "description": status.phrase}
        for status in (
            HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT,
            HTTPStatus.GONE, HTTPStatus.BAD_REQUEST,
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.UNPROCESSABLE_ENTITY, HTTPStatus.TOO_MANY_REQUESTS,
            HTTPStatus.SERVICE_UNAVAILABLE,
        )
    }  # fmt: skip
    app = FastAPI(
        title="Cutroom File Service",
        version=__version__,
        docs_url=None,
        redoc_url=None,
        dependencies=[Depends(HTTPBearer(auto_error=False, description="A device token."))],
        responses=problems,
    )
    service = _Opened(opener)
    for routes in (upload_routes, folder_routes, file_routes, change_routes, account_routes):
        app.include_router(routes(service))

    async def check(request: Request) -> None:
        request.state.owner = await owner_of(request, lambda: service().tokens, sign_in)
        per_s = get_settings().requests_per_s
        await run_in_threadpool(lambda: service().rates.take(request.state.owner, per_s=per_s))
        _check_length(request)

    def policy() -> str:
        # Pages send and fetch blocks where S3 is.
        return content_security_policy(get_settings().s3_origin, workers="'self'")

    protect(app, policy=policy, wants_page=wants_page, check=check)
    return app


class _Opened:
    """The service, opened by the first request that needs it: a server starts without its database."""

    def __init__(self, opener: Callable[[Settings], FileService]) -> None:
        self._opener = opener
        self._lock = threading.Lock()
        self._service: FileService | None = None

    def __call__(self) -> FileService:
        with self._lock:
            if self._service is None:
                self._service = self._opener(get_settings())
            return self._service


def _check_length(request: Request) -> None:
    """Refuse a body that no request needs, before it is read."""
    if "chunked" in request.headers.get("transfer-encoding", "").lower():
        raise HTTPException(HTTPStatus.LENGTH_REQUIRED)
    length = request.headers.get("content-length", "0")
    most = get_settings().file_max_blocks * _BLOCK_JSON_BYTES + _REST_OF_BODY_BYTES
    if length.isdecimal() and int(length) > most:
        raise LimitPassed(f"The request has {length} bytes; {most} are taken (CUTROOM_FILE_MAX_BLOCKS).")
