"""The File Service as Airflow shows it: its REST routes, and the page that uploads by them."""

from pathlib import Path

from fastapi import FastAPI
from fastapi.responses import FileResponse
from fastapi.staticfiles import StaticFiles

from cutroom.api.edge import path_below_mount
from cutroom.api.files.app import create_app as create_service
from file_service.access import airflow_user

HERE = Path(__file__).parent
PAGE = HERE / "templates" / "upload.html"
STATIC = HERE / "static"


def create_app() -> FastAPI:
    """Build the application: the File Service with Airflow's login, its page at `/`, and static files."""
    app = create_service(sign_in=airflow_user, wants_page=lambda request: path_below_mount(request) == "/")
    app.mount("/static", StaticFiles(directory=STATIC), name="static")

    @app.get("/", include_in_schema=False)
    def page() -> FileResponse:
        return FileResponse(PAGE, media_type="text/html; charset=utf-8")

    return app
