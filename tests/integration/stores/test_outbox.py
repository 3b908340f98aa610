"""What reaches the document store, whatever dies or is away meanwhile."""

import logging
import random
import threading
from typing import Any

import pymongo
import pytest

from catalog_servers import SHA, SOURCE, UPLOAD, DocumentServer, run_sql, start_of, version
from cutroom.errors import PermanentError, StoreUnavailable
from cutroom.stores import outbox
from cutroom.stores.catalog import Catalog
from cutroom.stores.documents import AssetDocument, Documents
from cutroom.stores.outbox import documents_differ, rebuild_documents, relay_outbox, waiting_rows

pytestmark = pytest.mark.stack

RUN = str(start_of(1)["run_id"])


def assets_made(catalog: Catalog, count: int) -> list[str]:
    """The ids of assets that were started, half of them published."""
    made = []
    for number in range(count):
        arguments = {**start_of(1, key=f"incoming/{number}.mp4"), "run_id": f"run {number}"}
        catalog.start_run(**arguments)
        if number % 2:
            catalog.publish(run_id=f"run {number}", version=version(number, of=arguments["upload"]))
        made.append(str(arguments["upload"].asset_id))
    return made


def tamper(url: str, asset_id: str, **values: Any) -> None:
    with pymongo.MongoClient[dict[str, Any]](url) as client:
        client.get_default_database()["assets"].update_one({"_id": asset_id}, {"$set": values})


def test_every_change_that_the_document_shows_reaches_it(catalog: Catalog, documents: Documents) -> None:
    steps = (
        lambda: catalog.start_run(**start_of(1)),
        lambda: catalog.record_source(run_id=RUN, sha256=SHA, source=SOURCE),
        lambda: catalog.end_run(run_id=RUN, status="failed", reason="The disk is full."),
        lambda: catalog.resume_run(run_id=RUN, attempt=2),
        lambda: catalog.publish(run_id=RUN, version=version()),
    )
    revisions = []
    for step in steps:
        step()
        revisions.append(catalog.asset(UPLOAD.asset_id).revision)
        assert relay_outbox(catalog, documents, limit=10) == 1
        assert documents_differ(catalog, documents) == []
    assert revisions == [1, 2, 3, 4, 5]
    found = documents.get(UPLOAD.asset_id)
    assert found is not None
    assert found.playback == {
        "hls": version().hls, "dash": version().dash, "poster": version().poster, "thumbnails": version().thumbnails,
        "downloads": {},
    }  # fmt: skip
    assert found.chapters == [{"title": "One"}]
    assert found.source["duration_s"] == "60"
    assert found.report == {"frames": 1800}


def test_a_crash_after_the_commit_is_made_good_by_the_next_delivery(
    catalog: Catalog, documents: Documents
) -> None:
    catalog.start_run(**start_of(1))
    catalog.publish(run_id=RUN, version=version())
    assert documents_differ(catalog, documents) == [f"{UPLOAD.asset_id}: has no document"]
    assert relay_outbox(catalog, documents, limit=10) == 2
    assert documents_differ(catalog, documents) == []
    assert waiting_rows(catalog) == 0


def test_a_crash_between_writing_the_document_and_removing_the_row_delivers_again(
    catalog: Catalog, documents: Documents
) -> None:
    catalog.start_run(**start_of(1))
    documents.put(AssetDocument.of(catalog.asset(UPLOAD.asset_id)))
    assert relay_outbox(catalog, documents, limit=10) == 1
    assert documents_differ(catalog, documents) == []


def test_a_store_that_was_killed_gets_everything_when_it_is_back(
    catalog: Catalog, document_server: DocumentServer
) -> None:
    documents = Documents(document_server.url)
    documents.ensure_indexes()
    catalog.start_run(**start_of(1))
    relay_outbox(catalog, documents, limit=10)
    document_server.kill()
    catalog.publish(run_id=RUN, version=version())
    with pytest.raises(StoreUnavailable, match="does not answer"):
        relay_outbox(catalog, documents, limit=10)
    assert waiting_rows(catalog) == 1
    assert catalog.asset(UPLOAD.asset_id).status == "published"
    document_server.start()
    assert relay_outbox(catalog, documents, limit=10) == 1
    assert documents_differ(catalog, documents) == []
    documents.close()


def test_rows_are_delivered_up_to_the_limit(catalog: Catalog, documents: Documents) -> None:
    assets_made(catalog, 4)
    assert [relay_outbox(catalog, documents, limit=4) for _ in range(3)] == [4, 2, 0]


def test_an_asset_that_is_gone_takes_its_document_along(
    catalog: Catalog, documents: Documents, empty_database: str
) -> None:
    catalog.start_run(**start_of(1))
    relay_outbox(catalog, documents, limit=10)
    run_sql(empty_database, "DELETE FROM runs; DELETE FROM assets")
    run_sql(empty_database, f"INSERT INTO outbox (asset_id, revision) VALUES ('{UPLOAD.asset_id}', 9)")
    assert relay_outbox(catalog, documents, limit=10) == 1
    assert documents.get(UPLOAD.asset_id) is None


def test_a_document_that_is_refused_does_not_hold_up_the_others(
    catalog: Catalog, documents: Documents, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    refused, *others = assets_made(catalog, 5)
    put = documents.put

    def refusing(document: AssetDocument) -> bool:
        if document.asset_id == refused:
            raise PermanentError("It is too large.")
        return put(document)

    monkeypatch.setattr(documents, "put", refusing)
    with caplog.at_level(logging.ERROR):
        delivered = [relay_outbox(catalog, documents, limit=2) for _ in range(5)]
    assert sum(delivered) == 6
    assert set(documents.asset_ids()) == set(others)
    assert refused in caplog.text
    assert waiting_rows(catalog) == 1
    monkeypatch.undo()
    assert relay_outbox(catalog, documents, limit=2) == 1
    assert documents_differ(catalog, documents) == []


def test_relays_and_changes_at_the_same_time_end_equal(catalog: Catalog, documents: Documents) -> None:
    chance = random.Random(7)
    catalog.start_run(**start_of(1))
    over = threading.Event()
    failures: list[BaseException] = []

    def relay() -> None:
        try:
            while not over.is_set() or waiting_rows(catalog):
                relay_outbox(catalog, documents, limit=chance.randint(1, 5))
        except BaseException as error:
            failures.append(error)
            raise

    relays = [threading.Thread(target=relay) for _ in range(3)]
    for thread in relays:
        thread.start()
    for number in range(2, 12):
        arguments = start_of(number)
        catalog.start_run(**arguments)
        catalog.publish(run_id=arguments["run_id"], version=version(number))
    over.set()
    for thread in relays:
        thread.join()
    assert failures == []
    assert waiting_rows(catalog) == 0
    assert documents_differ(catalog, documents) == []


def test_rebuilding_makes_good_whatever_happened_to_the_documents(
    catalog: Catalog, documents: Documents, documents_url: str
) -> None:
    made = assets_made(catalog, 7)
    while relay_outbox(catalog, documents, limit=100):
        pass
    url = documents_url
    documents.delete(made[0])
    tamper(url, made[1], title="somebody else's")
    tamper(url, made[2], revision=10_000, title="from the future")
    tamper(url, made[3], revision="not a number")
    tamper(url, made[4], schema_version=99)
    tamper(url, made[5], unknown=1)
    documents.put(AssetDocument.of(catalog.asset(made[6])).model_copy(update={"asset_id": "as_stranger"}))
    differences = documents_differ(catalog, documents)
    assert [each.partition(":")[0] for each in differences] == [*sorted(made[:6]), "as_stranger"]
    assert rebuild_documents(catalog, documents) == 7
    assert documents_differ(catalog, documents) == []


def test_a_lost_document_store_is_rebuilt_from_nothing(catalog: Catalog, documents_url: str) -> None:
    documents = Documents(documents_url)
    made = assets_made(catalog, 3)
    assert rebuild_documents(catalog, documents) == 3
    assert set(documents.asset_ids()) == set(made)
    assert {each.asset_id for each in documents.find(tag="sky", text="1")} == {made[1]}
    documents.close()


def test_a_rebuild_that_overtakes_the_outbox_is_not_undone_by_it(
    catalog: Catalog, documents: Documents
) -> None:
    assets_made(catalog, 3)
    rebuild_documents(catalog, documents)
    while relay_outbox(catalog, documents, limit=1):
        assert documents_differ(catalog, documents) == []


def test_differences_name_the_asset_and_the_fields(
    catalog: Catalog, documents: Documents, documents_url: str
) -> None:
    asset_id, *_ = assets_made(catalog, 1)
    relay_outbox(catalog, documents, limit=10)
    tamper(documents_url, asset_id, title="x", owner="y")
    assert documents_differ(catalog, documents) == [f"{asset_id}: differs in owner, title"]


def test_more_assets_than_a_page_holds_are_compared_and_rebuilt(
    catalog: Catalog, documents: Documents, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "_PAGE", 4)
    made = assets_made(catalog, 9)
    assert len(documents_differ(catalog, documents)) == 9
    assert rebuild_documents(catalog, documents) == 9
    assert documents_differ(catalog, documents) == []
    assert list(documents.asset_ids()) == sorted(made)
