"""The catalog's application: a page, its assets as JSON, and its static files."""

import re
from collections.abc import Awaitable, Callable, Sequence
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any, Literal, Protocol
from urllib.parse import urlencode, urlsplit

from fastapi import APIRouter, Depends, FastAPI, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse, RedirectResponse
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

from cutroom.errors import UsageError
from cutroom.settings import get_settings
from media_catalog.access import NotAllowed, require_viewer
from media_catalog.problems import problem, problem_of

HERE = Path(__file__).parent
PAGE = HERE / "templates" / "index.html"
REFUSED_PAGE = HERE / "templates" / "refused.html"
STATIC = HERE / "static"
PLAYER_STYLE = STATIC / "vendor" / "controls.css"
MOST_ASSETS = 200

Status = Literal["processing", "published", "failed", "rejected"]


class Record(Protocol):
    """One asset as the catalog keeps it."""

    def to_json(self, *, media_base_url: str) -> dict[str, Any]:
        """Everything a client may know, with addresses below `media_base_url`."""


class Assets(Protocol):
    """What the page needs of the catalog."""

    def assets(self, *, status: str | None, limit: int, offset: int) -> Sequence[Record]:
        """Assets, the newest first."""

    def asset(self, asset_id: str) -> Record:
        """One asset; raises `AssetUnknown` if there is none."""


def open_catalog() -> Assets:
    """The catalog in PostgreSQL that the settings name."""
    from cutroom.stack.objects import PlayableAssets  # noqa: PLC0415 - its driver is loaded on the first request

    return PlayableAssets(get_settings())


class _Opened:
    """The catalog, opened by the first request that needs it: an API server starts without its database."""

    def __init__(self, opener: Callable[[], Assets]) -> None:
        self._opener = opener
        self._assets: Assets | None = None

    def __call__(self) -> Assets:
        if self._assets is None:
            self._assets = self._opener()
        return self._assets


def create_app(opener: Callable[[], Assets] = open_catalog) -> FastAPI:
    """Build the application; it reads no setting and opens no store before the first request.

    Everything but the static files asks `require_viewer`. A browser without a login is sent to Airflow's, an API
    client gets 401. Errors are problem details without a stack.
    """
    # Airflow's own documents of its API are public; ours would be a route without a login.
    app = FastAPI(title="Cutroom catalog", docs_url=None, redoc_url=None, openapi_url=None)
    app.include_router(_routes(_Opened(opener)), dependencies=[Depends(require_viewer)])
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    app.middleware("http")(_guard)
    app.add_exception_handler(HTTPException, _not_served)
    app.add_exception_handler(NotAllowed, _not_allowed)
    app.add_exception_handler(RequestValidationError, _not_valid)
    return app


def _routes(catalog: Callable[[], Assets]) -> APIRouter:
    router = APIRouter()

    @router.get("/")
    def page() -> FileResponse:
        return FileResponse(PAGE, media_type="text/html; charset=utf-8")

    @router.get("/player.css")
    def player_css() -> Response:
        return Response(player_style(), media_type="text/css; charset=utf-8")

    # Plain functions: they wait for the database, so they run in FastAPI's threads and not in its event loop.
    @router.get("/api/assets")
    def assets(
        status: Status | None = None,
        limit: Annotated[int, Query(ge=1, le=MOST_ASSETS)] = 100,
        offset: Annotated[int, Query(ge=0)] = 0,
    ) -> JSONResponse:
        # One more than asked for tells whether there is another page, without counting.
        found = catalog().assets(status=status, limit=limit + 1, offset=offset)
        base = get_settings().media_base_url
        return JSONResponse(
            {
                "assets": [record.to_json(media_base_url=base) for record in found[:limit]],
                "next_offset": offset + limit if len(found) > limit else None,
            }
        )

    @router.get("/api/assets/{asset_id}")
    def asset(asset_id: str) -> JSONResponse:
        record = catalog().asset(asset_id)
        return JSONResponse(record.to_json(media_base_url=get_settings().media_base_url))

    return router


@cache
def player_style() -> str:
    """The player library's style sheet without its font, which would be fetched from a host of its vendor.

    Raises:
        UsageError: The library was not installed.
    """
    if not PLAYER_STYLE.is_file():
        raise UsageError("The player library is missing on the server: run `make setup` there.")
    return re.sub(r"@font-face\s*{[^}]*}", "", PLAYER_STYLE.read_text())


async def _guard(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    """Add the headers that hold for every answer, and let no exception out."""
    policy = "default-src 'none'"
    try:
        policy = content_security_policy(get_settings().media_base_url)
        response = await call_next(request)
    except Exception as error:  # noqa: BLE001 - the edge of the API: what no handler knew becomes a plain 500
        response = problem_of(error)
    # Found again at each visit, so that an update of Cutroom shows at once; what is private is not kept at all.
    is_static = _path_below_mount(request).startswith("/static/")
    response.headers["Cache-Control"] = "no-cache" if is_static else "no-store"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "same-origin"
    response.headers["Content-Security-Policy"] = policy
    return response


def content_security_policy(media_base_url: str) -> str:
    """Our own scripts and styles, media from where the media bucket is, nothing else and nothing inline."""
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
            "worker-src blob:",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'self'",
        )
    )


def _path_below_mount(request: Request) -> str:
    path: str = request.scope["path"]
    return path.removeprefix(request.scope.get("root_path", ""))


def _wants_page(request: Request) -> bool:
    return not _path_below_mount(request).startswith("/api/")


def _not_served(request: Request, error: Exception) -> Response:
    """Answer an HTTPException: of the router, or of `GetUserDep`, which refuses by 401 and 403."""
    if not isinstance(error, HTTPException):
        return problem_of(error)
    if error.status_code not in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return problem(
            HTTPStatus(error.status_code), f"{request.method} {request.url.path} is not served here."
        )
    # No token, an expired one (401), or one that is not Airflow's (403): a login helps in each case.
    if not _wants_page(request):
        answer = problem(HTTPStatus.UNAUTHORIZED, "Log in to Airflow, or send a bearer token of its API.")
        answer.headers["WWW-Authenticate"] = "Bearer"
        return answer
    # Below a mount, Starlette keeps the path of the application that mounts: where Airflow itself lives.
    airflow_root = request.scope.get("app_root_path", "")
    query = urlencode({"next": f"{request.scope.get('root_path', '')}/"})
    return RedirectResponse(f"{airflow_root}/api/v2/auth/login?{query}", status_code=307)


def _not_allowed(request: Request, _: Exception) -> Response:
    if _wants_page(request):
        return FileResponse(REFUSED_PAGE, status_code=403, media_type="text/html; charset=utf-8")
    return problem(
        HTTPStatus.FORBIDDEN,
        "Ask for permission to read the DAGs process_video and process_audio in Airflow.",
    )


def _not_valid(_: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):
        return problem_of(error)
    wrong = "; ".join(f"{'.'.join(map(str, each['loc'][1:]))}: {each['msg']}" for each in error.errors())
    return problem(HTTPStatus.UNPROCESSABLE_ENTITY, f"The request is not valid: {wrong}.")
