"""From the catalog to the documents: delivery, rebuilding, and the proof that they are equal.

PostgreSQL commits first. A crash, or a document store that is away, leaves outbox rows that the next delivery
takes. A row names an asset, not a content: what is delivered is the asset as it is at that time, under its
revision, so rows may be delivered twice, together or out of order.
"""

import logging
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from sqlalchemy import delete, func, select, update

from cutroom.errors import PermanentError
from cutroom.stores import catalog_reading
from cutroom.stores.catalog import Catalog
from cutroom.stores.documents import AssetDocument, Documents
from cutroom.stores.records import AssetRecord
from cutroom.stores.tables import OutboxRow

log = logging.getLogger(__name__)

_PAGE = 100


def relay_outbox(catalog: Catalog, documents: Documents, *, limit: int = 100) -> int:
    """Deliver up to `limit` rows, oldest first; several may deliver at the same time.

    A document that is refused for good is logged, and its rows stay behind the others.

    Returns:
        How many rows were delivered; 0 when none was waiting.

    Raises:
        StoreUnavailable: PostgreSQL or the document store is away; every row stays.
    """
    with catalog.database.transaction() as session:
        waiting = session.execute(
            select(OutboxRow.outbox_id, OutboxRow.asset_id)
            .order_by(OutboxRow.attempts, OutboxRow.outbox_id)
            .limit(limit)
            .with_for_update(skip_locked=True)
        ).all()
        if waiting:
            documents.ensure_indexes()
        refused = _deliver(catalog, documents, sorted({row.asset_id for row in waiting}))
        delivered = [row.outbox_id for row in waiting if row.asset_id not in refused]
        left = [row.outbox_id for row in waiting if row.asset_id in refused]
        session.execute(delete(OutboxRow).where(OutboxRow.outbox_id.in_(delivered)))
        again = update(OutboxRow).where(OutboxRow.outbox_id.in_(left)).values(attempts=OutboxRow.attempts + 1)
        session.execute(again)
    return len(delivered)


def waiting_rows(catalog: Catalog) -> int:
    """How many outbox rows are not delivered."""
    with catalog.database.snapshot() as session:
        return session.scalars(select(func.count()).select_from(OutboxRow)).one()


def rebuild_documents(catalog: Catalog, documents: Documents) -> int:
    """Write every document anew and remove those of assets that the catalog does not have.

    Deliveries may go on meanwhile.

    Returns:
        How many documents there are now.
    """
    documents.ensure_indexes()
    count = 0
    for record in _all_records(catalog):
        _restore(catalog, documents, record)
        count += 1
    for asset_id in _strangers(catalog, documents):
        documents.delete(asset_id)
        log.info("%s: removed its document, as the catalog has no such asset", asset_id)
    return count


def documents_differ(catalog: Catalog, documents: Documents) -> list[str]:
    """How the documents differ from the catalog: a sentence each, the asset's id first.

    Rows that wait in the outbox show as differences, as they are.
    """
    found = []
    for record in _all_records(catalog):
        fields = _differing_fields(record, documents.stored(record.asset_id))
        if fields:
            # It may have changed between the two readings: look once more before saying so.
            again = catalog.asset(record.asset_id)
            fields = _differing_fields(again, documents.stored(record.asset_id))
        if fields:
            found.append(f"{record.asset_id}: {fields}")
    strangers = _strangers(catalog, documents)
    return found + [
        f"{asset_id}: has a document, but the catalog has no such asset" for asset_id in strangers
    ]


def _deliver(catalog: Catalog, documents: Documents, asset_ids: Sequence[str]) -> set[str]:
    """Those whose documents the store refuses for good."""
    refused = set()
    records = {record.asset_id: record for record in _records(catalog, asset_ids)}
    for asset_id in asset_ids:
        try:
            if asset_id in records:
                documents.put(AssetDocument.of(records[asset_id]))
            else:
                documents.delete(asset_id)
        except PermanentError as error:
            log.error("%s: its document was refused: %s", asset_id, error)  # noqa: TRY400  the message says it all
            refused.add(asset_id)
    return refused


def _restore(catalog: Catalog, documents: Documents, record: AssetRecord) -> None:
    document = AssetDocument.of(record)
    there = documents.stored(record.asset_id)
    revision = None if there is None else there.get("revision")
    if there is not None and (type(revision) is not int or revision > record.revision):
        # Only the catalog makes revisions: one that it has not reached yet was written by somebody else.
        document = AssetDocument.of(catalog.asset(record.asset_id))
        if type(revision) is not int or revision > document.revision:
            documents.delete(record.asset_id)
    documents.put(document)


def _differing_fields(record: AssetRecord, stored: dict[str, Any] | None) -> str:
    if stored is None:
        return "has no document"
    wanted = AssetDocument.of(record).to_stored()
    names = sorted(
        name for name in wanted.keys() | stored.keys() if wanted.get(name, ...) != stored.get(name, ...)
    )
    return f"differs in {', '.join(names)}" if names else ""


def _strangers(catalog: Catalog, documents: Documents) -> list[str]:
    # The documents are read first: an asset that appears meanwhile is known by the time it is looked up.
    found = []
    documented = documents.asset_ids()
    while page := list(islice(documented, _PAGE)):
        known = {record.asset_id for record in _records(catalog, page)}
        found += [asset_id for asset_id in page if asset_id not in known]
    return found


def _records(catalog: Catalog, asset_ids: Sequence[str]) -> list[AssetRecord]:
    with catalog.database.snapshot() as session:
        return catalog_reading.asset_records(session=session, asset_ids=asset_ids)


def _all_records(catalog: Catalog) -> Iterator[AssetRecord]:
    after = ""
    while True:
        with catalog.database.snapshot() as session:
            asset_ids = catalog_reading.asset_ids_after(session=session, after=after, limit=_PAGE)
            records = catalog_reading.asset_records(session=session, asset_ids=asset_ids)
        if not asset_ids:
            return
        yield from records
        after = asset_ids[-1]
