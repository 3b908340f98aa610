from catalog_fixtures import (
    catalog,
    documents,
    documents_url,
    empty_database,
    postgres_address,
    shared_document_server,
)

__all__ = [
    "catalog",
    "documents",
    "documents_url",
    "empty_database",
    "postgres_address",
    "shared_document_server",
]
