"""The edge of our web applications: headers that hold for every answer, and no exception that gets out."""

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from urllib.parse import urlencode, urlsplit

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse
from starlette.exceptions import HTTPException

from cutroom.api.problems import problem, problem_of
from cutroom.errors import CutroomError, LoginRequired

LOGIN_WORDS = "Log in to Airflow, or send a bearer token of its API."

_UNREADABLE = {
    HTTPStatus.BAD_REQUEST: "The request can't be read: its body has to be JSON in UTF-8.",
    HTTPStatus.LENGTH_REQUIRED: "Send the length of the body: Content-Length.",
}
"""What is said of requests that no route was asked about; of others, that nothing is there."""

Check = Callable[[Request], Awaitable[None]]


def protect(
    app: FastAPI,
    *,
    policy: Callable[[], str],
    wants_page: Callable[[Request], bool],
    check: Check | None = None,
) -> None:
    """Give an application its edge.

    Args:
        app: The application, whose static files are below `/static`.
        policy: The Content-Security-Policy of its pages.
        wants_page: Whether a request is a browser's for a page: without a login it is sent to Airflow's.
        check: Lets a request pass, or raises; static files are not asked about.
    """

    async def guard(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        is_static = path_below_mount(request).startswith("/static/")
        rules = "default-src 'none'"
        try:
            rules = policy()
            if check is not None and not is_static:
                await check(request)
            response = await call_next(request)
        except LoginRequired as error:
            response = _login_answer(request, str(error), wants_page)
        except HTTPException as error:
            response = _not_served(request, error, wants_page)
        except Exception as error:  # noqa: BLE001 - the edge of the API: what no handler knew becomes a plain 500
            response = problem_of(error)
        # Found again at each visit, so that an update of Cutroom shows at once; what is private is not kept at all.
        response.headers["Cache-Control"] = "no-cache" if is_static else "no-store"
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "same-origin"
        response.headers["Content-Security-Policy"] = rules
        return response

    def not_served(request: Request, error: Exception) -> Response:
        return _not_served(request, error, wants_page)

    app.middleware("http")(guard)
    app.add_exception_handler(HTTPException, not_served)
    app.add_exception_handler(RequestValidationError, _problem)
    app.add_exception_handler(CutroomError, _problem)


def content_security_policy(media_base_url: str, *, workers: str = "blob:") -> str:
    """Our own scripts and styles, bytes from where the buckets are, nothing else and nothing inline."""
    media = urlsplit(media_base_url)
    origin = f"{media.scheme}://{media.netloc}"
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            f"img-src 'self' data: blob: {origin}",
            f"connect-src 'self' {origin}",
            f"media-src blob: {origin}",
            "font-src 'self'",
            f"worker-src {workers}",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'self'",
        )
    )


def path_below_mount(request: Request) -> str:
    """The path as the application itself names it."""
    path: str = request.scope["path"]
    return path.removeprefix(request.scope.get("root_path", ""))


def _problem(_: Request, error: Exception) -> Response:
    return problem_of(error)


def _not_served(request: Request, error: Exception, wants_page: Callable[[Request], bool]) -> Response:
    """Answer an HTTPException: of the router, or of Airflow's login, which refuses by 401 and 403."""
    if not isinstance(error, HTTPException):
        return problem_of(error)
    if error.status_code not in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        status = HTTPStatus(error.status_code)
        nothing = f"{request.method} {request.url.path} is not served here."
        answer = problem(status, _UNREADABLE.get(status, nothing))
        answer.headers.update(error.headers or {})
        return answer
    # No token, an expired one (401), or one that is not Airflow's (403): a login helps in each case.
    return _login_answer(request, LOGIN_WORDS, wants_page)


def _login_answer(request: Request, words: str, wants_page: Callable[[Request], bool]) -> Response:
    if not wants_page(request):
        return problem(HTTPStatus.UNAUTHORIZED, words)
    # Below a mount, Starlette keeps the path of the application that mounts: where Airflow itself lives.
    airflow_root = request.scope.get("app_root_path", "")
    query = urlencode({"next": f"{request.scope.get('root_path', '')}/"})
    return RedirectResponse(f"{airflow_root}/api/v2/auth/login?{query}", status_code=307)
