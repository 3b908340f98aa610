"""Answers to requests that can't be served: RFC 9457 problem details, in words a user can act on."""

import logging
from http import HTTPStatus

from fastapi.responses import JSONResponse

from cutroom.errors import AccessRefused, AssetUnknown, StoreUnavailable, TransientError, UsageError

log = logging.getLogger(__name__)

PROBLEM_JSON = "application/problem+json"

_STATUS_OF_ERROR: tuple[tuple[type[Exception], HTTPStatus], ...] = (
    (AssetUnknown, HTTPStatus.NOT_FOUND),
    (StoreUnavailable, HTTPStatus.SERVICE_UNAVAILABLE),
    (TransientError, HTTPStatus.SERVICE_UNAVAILABLE),
    (AccessRefused, HTTPStatus.BAD_GATEWAY),
    (UsageError, HTTPStatus.INTERNAL_SERVER_ERROR),
)


def problem(status: HTTPStatus, detail: str) -> JSONResponse:
    """One problem; `detail` says what to do."""
    content = {"type": "about:blank", "title": status.phrase, "status": status.value, "detail": detail}
    return JSONResponse(content, status_code=status, media_type=PROBLEM_JSON)


def problem_of(error: Exception) -> JSONResponse:
    """The problem behind an exception. Cutroom's own messages are meant to be read; any other text stays in the log."""
    for kind, status in _STATUS_OF_ERROR:
        if isinstance(error, kind):
            log.warning("catalog request failed: %s: %s", type(error).__name__, error)
            return problem(status, str(error))
    log.error("catalog request failed", exc_info=error)
    detail = "The catalog could not answer. The API server's log says why."
    return problem(HTTPStatus.INTERNAL_SERVER_ERROR, detail)
