"""What the end-to-end tests share: a run that is followed through Airflow to its end."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import boto3
import httpx
import pytest

from cutroom import ids
from cutroom.errors import StoreUnavailable
from cutroom.settings import Settings
from cutroom.stores.catalog import Catalog
from cutroom.stores.records import AssetRecord

PATIENCE_S = 900


@pytest.fixture
def catalog(airflow_stack: Settings) -> Catalog:
    return Catalog(airflow_stack.database_url)


@pytest.fixture
def put(airflow_stack: Settings) -> Callable[[Path, str], str]:
    """Puts a file in the uploads bucket as any S3 tool would; gives the asset's id."""

    def put(path: Path, key: str) -> str:
        boto3.client("s3").upload_file(str(path), airflow_stack.uploads_bucket, key)
        return ids.asset_id(airflow_stack.uploads_bucket, key)

    return put


@pytest.fixture
def airflow_api(airflow_stack: Settings) -> Iterator[httpx.Client]:
    """Airflow's own API, as its administrator."""
    with httpx.Client(base_url=airflow_stack.airflow_url, timeout=300) as client:
        password = json.loads((airflow_stack.home / "airflow" / "passwords.json").read_text())["admin"]
        login = client.post("/auth/token", json={"username": "admin", "password": password})
        client.headers["Authorization"] = f"Bearer {login.json()['access_token']}"
        yield client


def wait_until(holds: Callable[[], object], what: str, patience_s: float = PATIENCE_S) -> None:
    """Ask until it holds; a store that is away, as after it was killed, is asked again."""

    def said() -> object:
        with suppress(StoreUnavailable):
            return holds()
        return None

    end = time.monotonic() + patience_s
    while not said():
        if time.monotonic() > end:
            pytest.fail(f"Waited {patience_s:.0f} s in vain for: {what}.")
        time.sleep(0.5)


def wait_for_end(catalog: Catalog, asset_id: str) -> AssetRecord:
    """The record of an asset whose run is over."""
    wait_until(
        lambda: status_of(catalog, asset_id) not in {None, "processing"}, f"the end of the run of {asset_id}"
    )
    return catalog.asset(asset_id)


def status_of(catalog: Catalog, asset_id: str) -> str | None:
    """The status of an asset; None before anything is known of it."""
    return next((one.status for one in catalog.assets(limit=500) if one.asset_id == asset_id), None)
