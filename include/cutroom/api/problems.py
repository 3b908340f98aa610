"""Answers to requests that can't be served: RFC 9457 problem details, in words a user can act on."""

import logging
from http import HTTPStatus
from typing import Any

from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

from cutroom.errors import (
    AccessRefused,
    AssetUnknown,
    BlocksMissing,
    ChangesLost,
    Conflict,
    FileUnknown,
    LimitPassed,
    LoginRequired,
    ObjectMissing,
    ReferenceUnknown,
    RequestInvalid,
    StoreUnavailable,
    TooManyRequests,
    TransientError,
    UploadNotAllowed,
    UsageError,
)

log = logging.getLogger(__name__)

PROBLEM_JSON = "application/problem+json"

_STATUS_OF_ERROR: tuple[tuple[type[Exception], HTTPStatus], ...] = (
    (AssetUnknown, HTTPStatus.NOT_FOUND),
    (FileUnknown, HTTPStatus.NOT_FOUND),
    (LoginRequired, HTTPStatus.UNAUTHORIZED),
    (UploadNotAllowed, HTTPStatus.FORBIDDEN),
    (Conflict, HTTPStatus.CONFLICT),
    (ChangesLost, HTTPStatus.GONE),
    (BlocksMissing, HTTPStatus.CONFLICT),
    (ReferenceUnknown, HTTPStatus.NOT_FOUND),
    (LimitPassed, HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
    (RequestInvalid, HTTPStatus.UNPROCESSABLE_ENTITY),
    (TooManyRequests, HTTPStatus.TOO_MANY_REQUESTS),
    (StoreUnavailable, HTTPStatus.SERVICE_UNAVAILABLE),
    (TransientError, HTTPStatus.SERVICE_UNAVAILABLE),
    (AccessRefused, HTTPStatus.BAD_GATEWAY),
    (ObjectMissing, HTTPStatus.BAD_GATEWAY),
    (UsageError, HTTPStatus.INTERNAL_SERVER_ERROR),
)
RETRY_AFTER_S = 1


def problem(status: HTTPStatus, detail: str, **more: Any) -> JSONResponse:
    """One problem; `detail` says what to do, and `more` are members that a program may want."""
    content = {
        "type": "about:blank",
        "title": status.phrase,
        "status": status.value,
        "detail": detail,
        **more,
    }
    answer = JSONResponse(content, status_code=status, media_type=PROBLEM_JSON)
    if status in {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}:
        answer.headers["Retry-After"] = str(RETRY_AFTER_S)
    if status == HTTPStatus.UNAUTHORIZED:
        answer.headers["WWW-Authenticate"] = "Bearer"
    return answer


def problem_of(error: Exception) -> JSONResponse:
    """The problem behind an exception. Cutroom's own messages are meant to be read; any other text stays in the log."""
    if isinstance(error, RequestValidationError):
        wrong = "; ".join(
            f"{'.'.join(map(str, each['loc'][1:])) or each['loc'][0]}: {each['msg']}"
            for each in error.errors()
        )
        return problem(HTTPStatus.UNPROCESSABLE_ENTITY, f"The request is not valid: {wrong[:2000]}.")
    more = {"missing": list(error.block_ids)} if isinstance(error, BlocksMissing) else {}
    for kind, status in _STATUS_OF_ERROR:
        if isinstance(error, kind):
            if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
                log.warning("A request failed: %s: %s", type(error).__name__, error)
            return problem(status, str(error), **more)
    log.error("A request failed", exc_info=error)
    detail = "Cutroom could not answer. The server's log says why."
    return problem(HTTPStatus.INTERNAL_SERVER_ERROR, detail)
