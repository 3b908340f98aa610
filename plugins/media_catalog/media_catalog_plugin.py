"""Puts the catalog into Airflow: the application under /cutroom and its entry in the navigation."""

from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

from airflow.configuration import conf
from airflow.plugins_manager import AirflowPlugin

URL_PREFIX = "/cutroom"


def _page_path() -> str:
    """Where a browser finds the page; Airflow itself may live below a path of its base URL."""
    root = urlsplit(conf.get("api", "base_url", fallback="")).path.rstrip("/")
    return f"{root}{URL_PREFIX}/"


class MediaCatalogPlugin(AirflowPlugin):
    """Registers only: the application is built when the API server asks for it, in no other component."""

    name = "cutroom_media_catalog"
    # Airflow 3.3 draws an external view without `url_route` as a button that leads nowhere, and one with it in a
    # frame whose sandbox lets no link to a run open. A component that only goes to the page works everywhere.
    react_apps = [  # noqa: RUF012 - Airflow's base class declares a plain list
        {
            "name": "Cutroom",
            "bundle_url": f"{_page_path()}static/open.js",
            "url_route": "cutroom",
            "icon": f"{_page_path()}static/cutroom.svg",
            "destination": "nav",
            "nav_top_level": True,
        }
    ]

    @cached_property
    def fastapi_apps(self) -> list[dict[str, Any]]:  # type: ignore[override] # a list that is made on first use
        """The application and where it is mounted."""
        from media_catalog.app import create_app  # noqa: PLC0415 - only the API server pays for it

        return [{"name": "Cutroom", "app": create_app(), "url_prefix": URL_PREFIX}]
