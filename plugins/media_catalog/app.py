"""The catalog's application: a page, its assets as JSON, and its static files."""

import re
from collections.abc import Callable, Sequence
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any, Literal, Protocol

from fastapi import APIRouter, Depends, FastAPI, Query, Request, Response
from fastapi.responses import FileResponse, JSONResponse
from fastapi.staticfiles import StaticFiles

from cutroom.api.edge import content_security_policy, path_below_mount, protect
from cutroom.api.problems import problem
from cutroom.errors import UsageError
from cutroom.settings import get_settings
from media_catalog.access import NotAllowed, require_viewer

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
    protect(
        app,
        policy=lambda: content_security_policy(get_settings().media_base_url),
        wants_page=_wants_page,
    )
    app.add_exception_handler(NotAllowed, _not_allowed)
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


def _wants_page(request: Request) -> bool:
    return not path_below_mount(request).startswith("/api/")


def _not_allowed(request: Request, _: Exception) -> Response:
    if _wants_page(request):
        return FileResponse(REFUSED_PAGE, status_code=403, media_type="text/html; charset=utf-8")
    return problem(
        HTTPStatus.FORBIDDEN,
        "Ask for permission to read the DAGs process_video and process_audio in Airflow.",
    )
