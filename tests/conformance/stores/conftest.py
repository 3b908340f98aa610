from catalog_fixtures import (
    catalog,
    document_server,
    documents,
    documents_url,
    empty_database,
    postgres_address,
    shared_document_server,
)

__all__ = [
    "catalog",
    "document_server",
    "documents",
    "documents_url",
    "empty_database",
    "postgres_address",
    "shared_document_server",
]
