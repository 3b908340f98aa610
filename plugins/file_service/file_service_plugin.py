"""Puts the File Service into Airflow's API server, under /files."""

from functools import cached_property
from typing import Any

from airflow.plugins_manager import AirflowPlugin


class FileServicePlugin(AirflowPlugin):
    """Registers only: the application is built when the API server asks for it, in no other component."""

    name = "cutroom_file_service"

    @cached_property
    def fastapi_apps(self) -> list[dict[str, Any]]:  # type: ignore[override] # a list that is made on first use
        """The application and where it is mounted."""
        from cutroom.api.files.app import PREFIX  # noqa: PLC0415 - only the API server pays for it
        from file_service.app import create_app  # noqa: PLC0415

        return [{"name": "Cutroom File Service", "app": create_app(), "url_prefix": PREFIX}]
