"""The contract of the document store, on the embedded server and on a MongoDB where one is named.

Set CUTROOM_TEST_MONGODB_URL to hold a real MongoDB to it: the database in that address is emptied.
"""

import os
import threading
from collections.abc import Iterator
from typing import Any

import pymongo
import pytest

from cutroom.errors import PermanentError, StoreUnavailable, UsageError
from cutroom.stores.documents import AssetDocument, Documents

pytestmark = pytest.mark.stack

MONGODB = os.environ.get("CUTROOM_TEST_MONGODB_URL")


@pytest.fixture(params=["embedded", *(["mongodb"] if MONGODB else [])])
def url(request: pytest.FixtureRequest, documents_url: str) -> str:
    return str(MONGODB) if request.param == "mongodb" else documents_url


@pytest.fixture
def documents(url: str) -> Iterator[Documents]:
    with pymongo.MongoClient[dict[str, Any]](url) as client:
        client.get_default_database()["assets"].drop()
    documents = Documents(url)
    documents.ensure_indexes()
    yield documents
    documents.close()


def document(asset_id: str = "as_1", revision: int = 1, **changes: Any) -> AssetDocument:
    values: dict[str, Any] = {
        "asset_id": asset_id, "revision": revision, "title": "Über den Wolken", "owner": "eva", "tags": ["sky"],
        "search": "Über den Wolken sky wolken.mp4", "status": "published", "reason": "",
        "uploaded_at": "2026-11-22T10:00:00.000Z", "created_at": "2026-11-22T10:00:00.000Z",
        "updated_at": "2026-11-22T10:00:00.000Z", "source": {}, "chapters": [], "profile": "web",
        "version_id": None, "duration_s": None, "playback": None, "renditions": [], "report": None, "history": [],
        "runs": [],
    }  # fmt: skip
    return AssetDocument(**{**values, **changes})


def ids(found: list[AssetDocument]) -> set[str]:
    return {each.asset_id for each in found}


def test_a_document_comes_back_as_it_was_put(documents: Documents) -> None:
    odd = {
        "com.apple.quicktime.make": "a", "$set": {"$inc": 1}, "": "empty", "n": None, "f": 0.1, "whole": 2.0,
        "big": 2**63 - 1, "small": -(2**63), "deep": [[{"a": []}]], "text": "🎬 \ufffd \" ' \\", "yes": True,
    }  # fmt: skip
    put = document(source=odd)
    assert documents.put(put) is True
    got = documents.get("as_1")
    assert got == put
    assert got is not None
    assert [type(got.source[name]) for name in ("f", "whole", "yes")] == [float, float, bool]


def test_putting_twice_leaves_one(documents: Documents) -> None:
    for _ in range(2):
        assert documents.put(document()) is True
    assert list(documents.asset_ids()) == ["as_1"]


def test_an_older_revision_never_replaces_a_newer(documents: Documents) -> None:
    documents.put(document(revision=3, title="new"))
    assert documents.put(document(revision=2, title="old")) is False
    found = documents.get("as_1")
    assert found is not None
    assert found.title == "new"


def test_the_same_revision_is_written_again(documents: Documents) -> None:
    documents.put(document(title="damaged"))
    documents.put(document(title="whole"))
    found = documents.get("as_1")
    assert found is not None
    assert found.title == "whole"


def test_fields_that_are_gone_are_not_left_behind(documents: Documents) -> None:
    documents.put(document(revision=1, source={"a": 1, "b": 2}))
    documents.put(document(revision=2, source={"a": 1}))
    found = documents.get("as_1")
    assert found is not None
    assert found.source == {"a": 1}


def test_sixteen_writers_leave_the_newest(documents: Documents) -> None:
    def write(first: int) -> None:
        for revision in range(first, 161, 16):
            documents.put(document(revision=revision))

    threads = [threading.Thread(target=write, args=(first,)) for first in range(1, 17)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = documents.get("as_1")
    assert found is not None
    assert found.revision == 160


def test_tags_are_found_whole(documents: Documents) -> None:
    documents.put(document("as_1", tags=["sky", "a.b\"c' d"]))
    documents.put(document("as_2", tags=["skyline"]))
    documents.put(document("as_3", tags=[]))
    assert ids(documents.find(tag="sky")) == {"as_1"}
    assert ids(documents.find(tag="a.b\"c' d")) == {"as_1"}
    assert ids(documents.find(tag="none")) == set()
    assert ids(documents.find()) == {"as_1", "as_2", "as_3"}


def test_text_is_found_by_word_whatever_its_case(documents: Documents) -> None:
    documents.put(document("as_1", search="Über den Wolken flight"))
    documents.put(document("as_2", search="A train"))
    assert ids(documents.find(text="wolken")) == {"as_1"}
    assert ids(documents.find(text="TRAIN")) == {"as_2"}
    assert ids(documents.find(text="ship")) == set()


def test_text_is_found_in_what_the_document_says_now(documents: Documents) -> None:
    documents.put(document(revision=1, search="before"))
    documents.put(document(revision=2, search="after"))
    assert ids(documents.find(text="before")) == set()
    assert ids(documents.find(text="after")) == {"as_1"}


def test_text_and_tag_have_to_match_both(documents: Documents) -> None:
    documents.put(document("as_1", search="flight", tags=["a"]))
    documents.put(document("as_2", search="flight", tags=["b"]))
    assert ids(documents.find(text="flight", tag="b")) == {"as_2"}


@pytest.mark.parametrize(
    "text", ["", "*", "a\"b'c (", "NEAR(", "-", "\\", "AND OR NOT", "%", "$where", "a:b"]
)
def test_no_text_that_a_user_types_is_an_error(documents: Documents, text: str) -> None:
    documents.put(document())
    documents.find(text=text)


def test_the_latest_change_comes_first(documents: Documents) -> None:
    for minute in (2, 3, 1):
        documents.put(document(f"as_{minute}", updated_at=f"2026-11-22T10:0{minute}:00.000Z"))
    assert [each.asset_id for each in documents.find(limit=2)] == ["as_3", "as_2"]


def test_all_ids_are_listed_in_order_through_several_pages(documents: Documents) -> None:
    wanted = [f"as_{number:04}" for number in range(1100)]
    for asset_id in wanted:
        documents.put(document(asset_id))
    assert list(documents.asset_ids()) == wanted


def test_deleting_twice_is_harmless(documents: Documents) -> None:
    documents.put(document())
    documents.delete("as_1")
    documents.delete("as_1")
    assert documents.get("as_1") is None


def test_indexes_may_be_ensured_again(documents: Documents, url: str) -> None:
    documents.put(document("as_1"))
    for number in (2, 3):
        again = Documents(url)
        again.ensure_indexes()
        again.close()
        documents.put(document(f"as_{number}", search=f"number{number}"))
        assert ids(documents.find(text=f"number{number}")) == {f"as_{number}"}
    assert ids(documents.find(text="wolken", tag="sky")) == {"as_1"}
    documents.put(document("as_1", revision=2, search="changed"))
    assert ids(documents.find(text="wolken")) == set()


def test_indexes_may_be_made_after_documents(url: str) -> None:
    with pymongo.MongoClient[dict[str, Any]](url) as client:
        client.get_default_database()["assets"].drop()
    documents = Documents(url)
    for number in range(3):
        documents.put(document(f"as_{number}"))
    documents.ensure_indexes()
    assert len(documents.find(text="wolken", tag="sky")) == 3
    documents.close()


@pytest.mark.parametrize("change", [{"schema_version": 2}, {"extra": 1}, {"title": None}], ids=str)
def test_a_document_of_another_shape_asks_for_a_rebuild(
    documents: Documents, url: str, change: dict[str, Any]
) -> None:
    with pymongo.MongoClient[dict[str, Any]](url) as client:
        client.get_default_database()["assets"].insert_one({**document().to_stored(), **change})
    with pytest.raises(PermanentError, match="rebuild-documents"):
        documents.get("as_1")


def test_a_store_that_is_away_is_named_without_the_password() -> None:
    away = Documents("mongodb://me:secret@127.0.0.1:1/films?serverSelectionTimeoutMS=200")
    with pytest.raises(StoreUnavailable, match=r"127\.0\.0\.1:1/films.*cutroom up") as caught:
        away.put(document())
    assert "secret" not in str(caught.value)


def test_no_address_asks_for_the_stack() -> None:
    with pytest.raises(StoreUnavailable, match="cutroom up"):
        Documents("").get("as_1")


def test_another_kind_of_address_is_refused() -> None:
    with pytest.raises(UsageError, match="mongodb://"):
        Documents("http://host/name").get("as_1")


def test_what_the_store_can_not_hold_is_refused_for_good(documents: Documents) -> None:
    with pytest.raises(PermanentError):
        documents.put(document(source={"i": 2**70}))
