"""Fixtures of the catalog's tests: a fresh database and an empty document store for every test."""

import shutil
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

import catalog_servers
from cutroom.stores.catalog import Catalog
from cutroom.stores.documents import Documents


@pytest.fixture(scope="session")
def postgres_address() -> Iterator[str]:
    # Not in pytest's folder: run by root, PostgreSQL works as another user, and each session of pytest
    # closes that folder to everybody else.
    folder = Path(tempfile.mkdtemp(prefix="cutroom-postgres-"))
    try:
        with catalog_servers.postgres(folder / "data") as address:
            yield address
    finally:
        shutil.rmtree(folder)


@pytest.fixture
def empty_database(postgres_address: str) -> Iterator[str]:
    name = f"test_{uuid.uuid4().hex}"
    catalog_servers.run_sql(postgres_address, f"CREATE DATABASE {name}")
    yield postgres_address.replace("/postgres?", f"/{name}?")
    catalog_servers.run_sql(postgres_address, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def catalog(empty_database: str) -> Iterator[Catalog]:
    catalog = Catalog(empty_database)
    catalog.migrate()
    yield catalog
    catalog.close()


@pytest.fixture(scope="session")
def shared_document_server(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[catalog_servers.DocumentServer]:
    server = catalog_servers.DocumentServer(tmp_path_factory.mktemp("documents"))
    server.start()
    yield server
    server.kill()


@pytest.fixture
def documents_url(shared_document_server: catalog_servers.DocumentServer) -> str:
    """A database without documents."""
    return shared_document_server.url.replace("/cutroom", f"/test_{uuid.uuid4().hex}")


@pytest.fixture
def documents(documents_url: str) -> Iterator[Documents]:
    documents = Documents(documents_url)
    documents.ensure_indexes()
    yield documents
    documents.close()


@pytest.fixture
def document_server(tmp_path: Path) -> Iterator[catalog_servers.DocumentServer]:
    """One of the test's own, to be killed."""
    server = catalog_servers.DocumentServer(tmp_path / "documents")
    server.start()
    yield server
    server.kill()
