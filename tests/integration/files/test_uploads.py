"""Uploads in blocks by the library: what is sent, when a version is there, and what a crash leaves."""

import json
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import text

from cutroom import ids
from cutroom.blocks.block import BLOCK_BYTES, Block, block_of
from cutroom.errors import (
    BlocksMissing,
    Conflict,
    FileUnknown,
    LimitPassed,
    RequestInvalid,
    TooManyRequests,
)
from cutroom.media import keys
from cutroom.settings import Settings
from cutroom.steps import collecting
from cutroom.stores import file_commits
from cutroom.stores.catalog import Catalog
from cutroom.stores.database import Database
from cutroom.stores.file_records import NewUpload, VersionRecord
from cutroom.stores.file_service import FileService, open_file_service
from cutroom.stores.file_versions import committed_upload
from cutroom.stores.s3 import S3Store, s3_client
from integration.files.conftest import Uploader, announcement, fresh, put, read_back

pytestmark = pytest.mark.stack


class Killed(BaseException):
    """The process ends here."""


def test_a_file_arrives_whole_and_its_manifest_tells_of_it(uploader: Uploader, stack: Settings) -> None:
    parts = fresh(3)
    version = uploader.upload(parts, "talk.mp4", title="A talk", tags=("talks",), content_type="video/mp4")
    assert read_back(stack, version) == b"".join(parts)
    assert len(uploader.sent) == 3
    key = keys.upload_manifest(ids.FileId(version.file_id), ids.FileVersionId(version.version_id))
    told = json.loads(S3Store(s3_client(stack), stack.uploads_bucket).get_bytes(key))
    assert told["asset_id"] == version.asset_id
    assert (told["name"], told["title"], told["tags"]) == ("talk.mp4", "A talk", ["talks"])
    with Database(stack.database_url).snapshot() as session:
        upload = committed_upload(session, version.version_id)
    assert upload is not None
    assert (upload.asset_id, upload.file_version_id) == (version.asset_id, version.version_id)
    assert (upload.name, upload.title, upload.kind) == ("talk.mp4", "A talk", "video")


def test_the_same_file_again_sends_nothing_and_is_the_same_version(uploader: Uploader) -> None:
    parts = fresh(3)
    first = uploader.upload(parts)
    uploader.sent.clear()
    assert uploader.upload(parts) == first
    assert uploader.sent == []


def test_the_same_content_with_another_title_is_a_version_that_says_so(
    uploader: Uploader, stack: Settings, service: FileService
) -> None:
    parts = fresh(2)
    first = uploader.upload(parts, title="A talk", tags=("talks",))
    uploader.sent.clear()
    second = uploader.upload(parts, title="The talk")
    assert uploader.sent == []
    assert (second.asset_id, second.content_digest) == (first.asset_id, first.content_digest)
    assert second.version_id != first.version_id
    assert (second.title, second.tags) == ("The talk", ("talks",))
    third = uploader.upload(parts, tags=("talks", "2026"))
    assert (third.title, third.tags) == ("The talk", ("talks", "2026"))
    # Who says nothing, or the same, gets what is there.
    assert uploader.upload(parts) == uploader.upload(parts, title="The talk", tags=third.tags) == third
    assert read_back(stack, third) == b"".join(parts)
    with Database(stack.database_url).snapshot() as session:
        told = committed_upload(session, third.version_id)
    assert told is not None
    assert (told.title, told.tags) == ("The talk", ("talks", "2026"))


def test_an_announcement_that_says_more_the_second_time_counts(uploader: Uploader) -> None:
    parts = fresh(1)
    first = uploader.begin(parts)
    again = uploader.begin(parts, title="A talk", tags=("talks",))
    assert again.session_id == first.session_id
    assert uploader.begin(parts).session_id == first.session_id
    uploader.send(first.session_id, parts)
    version = uploader.complete(first.session_id)
    assert (version.title, version.tags) == ("A talk", ("talks",))


def test_a_block_that_comes_twice_in_a_file_is_sent_once(uploader: Uploader, stack: Settings) -> None:
    one, two = fresh(2)
    version = uploader.upload([one, two, one, one])
    assert len(uploader.sent) == 2
    assert read_back(stack, version) == one + two + one + one


def test_other_content_under_a_name_is_a_new_version_of_the_same_asset(
    uploader: Uploader, service: FileService, stack: Settings
) -> None:
    parts = fresh(3)
    first = uploader.upload(parts)
    uploader.sent.clear()
    changed = [parts[0], *fresh(1), parts[2]]
    second = uploader.upload(changed, "FILM.mp4")
    assert (second.file_id, second.asset_id) == (first.file_id, first.asset_id)
    assert second.version_id != first.version_id
    assert len(uploader.sent) == 1
    again = uploader.upload(parts)
    assert again.version_id not in {first.version_id, second.version_id}
    listed = [one.version_id for one in service.versions.versions(uploader.owner, first.file_id)]
    assert listed == [again.version_id, second.version_id, first.version_id]
    for version, content in ((first, parts), (second, changed), (again, parts)):
        assert read_back(stack, version) == b"".join(content)


def test_content_whose_run_came_to_nothing_is_tried_anew(uploader: Uploader, stack: Settings) -> None:
    parts = fresh(1)
    first = uploader.upload(parts)
    catalog = Catalog(stack.database_url)
    with Database(stack.database_url).snapshot() as session:
        upload = committed_upload(session, first.version_id)
    assert upload is not None
    catalog.start_run(
        run_id=f"{first.version_id}--x",
        dag_id="process_video",
        upload=upload,
        profile="web",
        profile_digest="x",
    )
    assert uploader.upload(parts) == first
    catalog.end_run(run_id=f"{first.version_id}--x", status="failed", reason="The machine burned.")
    second = uploader.upload(parts)
    assert second.version_id != first.version_id
    assert second.asset_id == first.asset_id


def test_an_empty_file_is_a_version_without_blocks(uploader: Uploader, stack: Settings) -> None:
    version = uploader.upload([])
    assert (version.size_bytes, version.blocks_total) == (0, 0)
    assert read_back(stack, version) == b""


def test_who_comes_back_finds_the_session_and_sends_only_the_rest(
    uploader: Uploader, service: FileService
) -> None:
    parts = fresh(4)
    session = uploader.begin(parts)
    page = service.uploads.missing(uploader.owner, session.session_id)
    assert [one.position for one in page.missing] == [0, 1, 2, 3]
    for one in page.missing[:2]:
        assert put(one, parts[one.position]) == 200
    again = Uploader(service, uploader.owner)
    resumed = again.begin(parts)
    assert resumed.session_id == session.session_id
    again.send(resumed.session_id, parts)
    assert again.sent == [block_of(part).block_id for part in parts[2:]]
    again.complete(resumed.session_id)


def test_a_file_is_not_committed_without_all_of_its_blocks(uploader: Uploader, service: FileService) -> None:
    parts = fresh(3)
    session = uploader.begin(parts)
    page = service.uploads.missing(uploader.owner, session.session_id)
    put(page.missing[0], parts[0])
    with pytest.raises(BlocksMissing) as raised:
        service.uploads.complete(uploader.owner, session.session_id)
    assert raised.value.block_ids == tuple(block_of(part).block_id for part in parts[1:])
    assert service.tree.content(uploader.owner).files == ()
    uploader.send(session.session_id, parts)
    uploader.complete(session.session_id)


def test_what_was_known_and_is_lost_before_the_commit_is_sent_again(
    uploader: Uploader, service: FileService, stack: Settings
) -> None:
    """What was known when it was announced is not looked at again, and counts all the same only where it is stored."""
    parts = fresh(3)
    uploader.upload(parts)
    uploader.sent.clear()
    session = uploader.begin(parts, "again.mp4")
    assert service.uploads.missing(uploader.owner, session.session_id).missing == ()
    assert service.uploads.session(uploader.owner, session.session_id).checked == 3
    lost = block_of(parts[1]).block_id
    with Database(stack.database_url).transaction() as changing:
        changing.execute(text(f"UPDATE blocks SET lost_at = now() WHERE block_id = '\\x{lost}'"))
    with pytest.raises(BlocksMissing):
        uploader.complete(session.session_id)
    uploader.send(session.session_id, parts)
    assert uploader.sent == [lost]
    assert read_back(stack, uploader.complete(session.session_id)) == b"".join(parts)


def test_a_block_that_the_store_lost_is_healed_by_the_same_file(uploader: Uploader, stack: Settings) -> None:
    """The version is there and nothing new is said, so nothing is committed; the bytes have to count all the same."""
    parts = fresh(3)
    version = uploader.upload(parts)
    lost = block_of(parts[1]).block_id
    with Database(stack.database_url).transaction() as session:
        session.execute(
            text("UPDATE blocks SET lost_at = now() WHERE block_id = decode(:id, 'hex')"), {"id": lost}
        )
    uploader.sent.clear()
    assert uploader.upload(parts) == version
    assert uploader.sent == [lost]
    assert read_back(stack, version) == b"".join(parts)


def test_wrong_bytes_for_an_announced_block_never_become_a_version(
    uploader: Uploader, service: FileService, stack: Settings
) -> None:
    parts = fresh(1)
    session = uploader.begin(parts)
    [one] = service.uploads.missing(uploader.owner, session.session_id).missing
    put(one, b"x" * 1000)
    # A store that looks at no signature takes what has no checksum: the commit asks it for its own.
    s3 = s3_client(stack)
    path = one.upload.url.partition("?")[0].partition(f"/{stack.blocks_bucket}/")[2]
    s3.put_object(Bucket=stack.blocks_bucket, Key=path, Body=b"y" * 1000)
    with pytest.raises(BlocksMissing):
        service.uploads.complete(uploader.owner, session.session_id)
    uploader.send(session.session_id, parts)
    assert read_back(stack, uploader.complete(session.session_id)) == parts[0]


POINTS: dict[str, Callable[[pytest.MonkeyPatch, FileService], None]] = {
    "before the blocks are looked at": lambda patch, one: patch.setattr(
        one.uploads._blocks, "missing_blocks", _dies
    ),
    "before the references": lambda patch, one: patch.setattr(one.uploads._blocks, "add_references", _dies),
    "after the references": lambda patch, one: patch.setattr(one.uploads, "_commit", _dies),
    "within the commit": lambda patch, one: patch.setattr(file_commits.names, "note_change", _dies),
    "before the manifest": lambda patch, one: patch.setattr(file_commits, "announce", _dies),
    "after the manifest": lambda patch, one: patch.setattr(one.uploads._blocks, "release_lease", _dies),
}


def _dies(*_: object, **__: object) -> None:
    raise Killed


@pytest.mark.parametrize("point", POINTS)
def test_a_crash_of_the_commit_leaves_no_version_or_a_whole_one(
    point: str, uploader: Uploader, stack: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = fresh(2)
    session = uploader.begin(parts)
    uploader.send(session.session_id, parts)
    dying = open_file_service(stack)
    with monkeypatch.context() as patch:
        POINTS[point](patch, dying)
        with pytest.raises(Killed):
            dying.uploads.complete(uploader.owner, session.session_id)
    seen = uploader.service.tree.content(uploader.owner).files
    assert len(seen) == (1 if "manifest" in point else 0)
    for file in seen:
        assert read_back(stack, file.version) == b"".join(parts)
    version = uploader.complete(session.session_id)
    assert read_back(stack, version) == b"".join(parts)
    [file] = uploader.service.tree.content(uploader.owner).files
    assert file.version == version
    assert manifest_is_there(stack, version.file_id, version.version_id)


def test_a_version_whose_manifest_was_never_written_is_found_by_the_listing(
    uploader: Uploader, stack: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = fresh(1)
    session = uploader.begin(parts)
    uploader.send(session.session_id, parts)
    with monkeypatch.context() as patch:
        patch.setattr(file_commits, "announce", _dies)
        with pytest.raises(Killed):
            uploader.service.uploads.complete(uploader.owner, session.session_id)
    [file] = uploader.service.tree.content(uploader.owner).files
    assert not manifest_is_there(stack, file.file_id, file.version.version_id)
    _start_all_others(stack, file.version.version_id)
    database, objects = Database(stack.database_url), S3Store(s3_client(stack), stack.uploads_bucket)
    assert file_commits.unstarted(database, objects, bucket="another-bucket") == []
    found = file_commits.unstarted(database, objects, bucket=stack.uploads_bucket)
    assert [upload.file_version_id for upload in found] == [file.version.version_id]
    assert manifest_is_there(stack, file.file_id, file.version.version_id)


def _start_all_others(stack: Settings, version_id: str) -> None:
    """Give every other committed version of this shared database a run."""
    catalog = Catalog(stack.database_url)
    with Database(stack.database_url).snapshot() as session:
        others = session.scalars(
            text("SELECT file_version_id FROM file_commits WHERE file_version_id <> :mine"),
            {"mine": version_id},
        ).all()
        uploads = [committed_upload(session, one) for one in others]
    for upload in uploads:
        if upload is not None:
            catalog.start_run(
                run_id=f"{upload.file_version_id}--o", dag_id="process_video", upload=upload, profile="web",
                profile_digest="o",
            )  # fmt: skip


def manifest_is_there(stack: Settings, file_id: str, version_id: str) -> bool:
    key = keys.upload_manifest(ids.FileId(file_id), ids.FileVersionId(version_id))
    return S3Store(s3_client(stack), stack.uploads_bucket).head(key) is not None


def test_requests_that_come_twice_or_late_change_nothing(
    uploader: Uploader, service: FileService, stack: Settings
) -> None:
    parts = fresh(2)
    session = uploader.begin(parts)
    uploader.send(session.session_id, parts)
    version = uploader.complete(session.session_id)
    assert uploader.complete(session.session_id) == version
    assert service.uploads.missing(uploader.owner, session.session_id).missing == ()
    service.uploads.abort(uploader.owner, session.session_id)
    assert uploader.complete(session.session_id) == version
    assert read_back(stack, version) == b"".join(parts)


def test_fifty_clients_with_the_same_file_make_one_version_and_one_copy(
    uploader: Uploader, stack: Settings
) -> None:
    parts = fresh(2, 5000)
    start = threading.Barrier(50)

    def upload(number: int) -> tuple[str, int]:
        one = Uploader(uploader.service, uploader.owner)
        start.wait()
        version = one.upload(parts)
        return version.version_id, number

    with ThreadPoolExecutor(50) as pool:
        versions = {version for version, _ in pool.map(upload, range(50))}
    assert len(versions) == 1
    [file] = uploader.service.tree.content(uploader.owner).files
    assert read_back(stack, file.version) == b"".join(parts)
    assert copies(stack, parts) == 2


def test_a_crowd_with_other_files_of_one_name_makes_one_file_of_many_versions(
    uploader: Uploader, service: FileService, stack: Settings
) -> None:
    contents = [fresh(1) for _ in range(12)]
    start = threading.Barrier(12)

    def upload(parts: list[bytes]) -> VersionRecord:
        one = Uploader(uploader.service, uploader.owner)
        start.wait()
        return one.upload(parts)

    with ThreadPoolExecutor(12) as pool:
        versions = list(pool.map(upload, contents))
    [file] = uploader.service.tree.content(uploader.owner).files
    listed = service.versions.versions(uploader.owner, file.file_id)
    assert sorted(one.version_id for one in listed) == sorted(one.version_id for one in versions)
    assert len(listed) == 12
    for version, parts in zip(versions, contents, strict=True):
        assert read_back(stack, version) == parts[0]


def test_fifty_owners_with_the_same_file_have_a_version_each_and_one_copy(stack: Settings) -> None:
    parts = fresh(1, 5000)
    service = open_file_service(stack)
    start = threading.Barrier(50)

    def upload(number: int) -> bytes:
        one = Uploader(service, f"one-of-fifty-{number}-{block_of(parts[0]).block_id[:12]}")
        start.wait()
        return read_back(stack, one.upload(parts))

    with ThreadPoolExecutor(50) as pool:
        assert set(pool.map(upload, range(50))) == {parts[0]}
    assert copies(stack, parts) == 1


def copies(stack: Settings, parts: list[bytes]) -> int:
    """How many objects hold these blocks."""
    found = 0
    for part in parts:
        block_id = block_of(part).block_id
        listed = s3_client(stack).list_objects_v2(
            Bucket=stack.blocks_bucket, Prefix=f"blocks/{block_id[:2]}/{block_id}"
        )
        found += listed["KeyCount"]
    return found


def test_nobody_learns_what_somebody_else_has_or_touches_it(uploader: Uploader, service: FileService) -> None:
    parts = fresh(1)
    version = uploader.upload(parts)
    session = uploader.begin(fresh(1), "other.mp4")
    stranger = Uploader(service, uploader.owner + "-stranger")
    for refused in (
        lambda: service.uploads.session(stranger.owner, session.session_id),
        lambda: service.uploads.missing(stranger.owner, session.session_id),
        lambda: service.uploads.complete(stranger.owner, session.session_id),
        lambda: service.uploads.abort(stranger.owner, session.session_id),
        lambda: service.versions.version(stranger.owner, version.version_id),
        lambda: service.versions.versions(stranger.owner, version.file_id),
        lambda: service.versions.run_state(stranger.owner, version.version_id),
        lambda: service.versions.download(stranger.owner, version.file_id),
    ):
        with pytest.raises(FileUnknown):
            refused()
    stranger.upload(parts)
    assert len(stranger.sent) == 1, "a hash alone proves nothing"


def test_a_key_names_one_request(uploader: Uploader, service: FileService) -> None:
    new = announcement(fresh(1))
    first = service.uploads.begin(uploader.owner, new, idempotency_key="k")
    assert service.uploads.begin(uploader.owner, new, idempotency_key="k").session_id == first.session_id
    with pytest.raises(RequestInvalid, match="another request"):
        service.uploads.begin(uploader.owner, replace(new, title="Other"), idempotency_key="k")


def test_limits_are_named(stack: Settings, owner: str) -> None:
    limited = open_file_service(
        stack.model_copy(update={"source_max_bytes": 2000, "file_max_blocks": 3, "uploads_open_max": 1})
    )
    with pytest.raises(LimitPassed, match="CUTROOM_SOURCE_MAX_BYTES"):
        limited.uploads.begin(owner, announcement(fresh(3)))
    with pytest.raises(LimitPassed, match="CUTROOM_FILE_MAX_BLOCKS"):
        limited.uploads.begin(owner, announcement(fresh(4, 1)))
    limited.uploads.begin(owner, announcement(fresh(1)))
    with pytest.raises(TooManyRequests, match="CUTROOM_UPLOADS_OPEN_MAX"):
        limited.uploads.begin(owner, announcement(fresh(1)))


def test_a_folder_name_is_no_file_name(uploader: Uploader, service: FileService) -> None:
    folder = service.tree.create_folder(uploader.owner, name="Talks")
    with pytest.raises(Conflict):
        uploader.begin(fresh(1), "TALKS")
    version = uploader.upload(fresh(1), "one.mp4", folder_id=folder.folder_id)
    assert service.tree.file(uploader.owner, version.file_id).folder_id == folder.folder_id
    with pytest.raises(FileUnknown):
        uploader.begin(fresh(1), "two.mp4", folder_id="fo_nowhere")


def test_a_deleted_file_gives_its_blocks_back(
    uploader: Uploader, service: FileService, stack: Settings
) -> None:
    parts = fresh(1)
    version = uploader.upload(parts)
    service.delete_file(uploader.owner, version.file_id)
    with pytest.raises(FileUnknown):
        service.versions.download(uploader.owner, version.file_id)
    with pytest.raises(FileUnknown):
        service.delete_file(uploader.owner, version.file_id)
    with Database(stack.database_url).snapshot() as session:
        assert committed_upload(session, version.version_id) is None
        lists = "SELECT count(*) FROM block_lists WHERE reference_id = :version"
        assert session.scalar(text(lists), {"version": version.version_id}) == 0
    again = uploader.upload(parts)
    assert again.file_id != version.file_id


def test_what_lay_idle_is_swept_with_its_lease_and_references(
    uploader: Uploader, service: FileService, stack: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = fresh(1)
    session = uploader.begin(parts)
    uploader.send(session.session_id, parts)
    with monkeypatch.context() as patch:
        patch.setattr(service.uploads, "_commit", _dies)
        with pytest.raises(Killed):
            service.uploads.complete(uploader.owner, session.session_id)
    database = Database(stack.database_url)
    with database.transaction() as changing:
        changing.execute(
            text("UPDATE upload_sessions SET used_at = now() - interval '73 hours' WHERE session_id = :one"),
            {"one": session.session_id},
        )
    assert service.sweep() >= 1
    with pytest.raises(FileUnknown):
        uploader.complete(session.session_id)
    with database.snapshot() as reading:
        for table, column, value in (
            ("block_lists", "reference_id", ids.committed_version_id(session.session_id)),
            ("block_leases", "lease_id", session.session_id),
        ):
            alive = " AND expires_at > now()" if table == "block_leases" else ""
            count = text(f"SELECT count(*) FROM {table} WHERE {column} = :value{alive}")
            assert reading.scalar(count, {"value": value}) == 0


def test_what_was_committed_long_ago_is_forgotten_and_its_version_stays(
    uploader: Uploader, service: FileService, stack: Settings
) -> None:
    parts = fresh(1)
    session = service.uploads.begin(uploader.owner, announcement(parts), idempotency_key="k")
    uploader.send(session.session_id, parts)
    version = uploader.complete(session.session_id)
    kept = uploader.begin([], "kept.mp4")
    uploader.complete(kept.session_id)
    database = Database(stack.database_url)
    with database.transaction() as changing:
        for change in (
            "UPDATE upload_sessions SET used_at = now() - interval '8 days' WHERE session_id = :session",
            "UPDATE idempotency_keys SET created_at = now() - interval '8 days' WHERE owner = :owner",
        ):
            changing.execute(text(change), {"session": session.session_id, "owner": uploader.owner})
    # As the first task of `collect_garbage` does, and twice.
    assert collecting.end_uploads({"dry_run": True}) == 0
    assert service.uploads.session(uploader.owner, session.session_id).version_id == version.version_id
    for _ in range(2):
        collecting.end_uploads({"dry_run": False})
        with pytest.raises(FileUnknown):
            service.uploads.session(uploader.owner, session.session_id)
        assert service.uploads.session(uploader.owner, kept.session_id).version_id is not None
    assert read_back(stack, version) == b"".join(parts)
    with database.snapshot() as reading:
        count = text("SELECT count(*) FROM idempotency_keys WHERE owner = :owner")
        assert reading.scalar(count, {"owner": uploader.owner}) == 0


def until_it_waits(database: Database, doing: Future[Any]) -> None:
    """Return when something waits for a lock, or came to its end without."""
    while not doing.done():
        with database.snapshot() as session:
            if session.scalars(text("SELECT count(*) FROM pg_locks WHERE NOT granted")).one():
                return
        time.sleep(0.01)


def references(database: Database, version_id: str) -> int:
    with database.snapshot() as session:
        count = text("SELECT count(*) FROM block_lists WHERE reference_id = :version")
        return session.scalars(count, {"version": version_id}).one()


def test_an_upload_that_is_given_up_while_it_is_announced_again_begins_anew(
    uploader: Uploader, stack: Settings
) -> None:
    parts = fresh(1)
    first = uploader.begin(parts)
    database = Database(stack.database_url)
    with ThreadPoolExecutor(1) as pool:
        with database.transaction() as giving_up:
            gone = text("DELETE FROM upload_sessions WHERE session_id = :one")
            giving_up.execute(gone, {"one": first.session_id})
            second = pool.submit(uploader.begin, parts)
            until_it_waits(database, second)
        session = second.result()
    assert session.session_id != first.session_id
    uploader.send(session.session_id, parts)
    assert read_back(stack, uploader.complete(session.session_id)) == parts[0]


def test_an_upload_that_is_announced_again_is_not_idle(
    uploader: Uploader, service: FileService, stack: Settings
) -> None:
    parts = fresh(1)
    first = uploader.begin(parts)
    with Database(stack.database_url).transaction() as changing:
        before = "UPDATE upload_sessions SET used_at = now() - interval '73 hours' WHERE session_id = :one"
        changing.execute(text(before), {"one": first.session_id})
    assert uploader.begin(parts).session_id == first.session_id
    service.sweep()
    uploader.send(first.session_id, parts)
    uploader.complete(first.session_id)


def test_an_upload_that_is_given_up_while_it_is_committed_leaves_no_references(
    uploader: Uploader, stack: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = fresh(1)
    session = uploader.begin(parts)
    uploader.send(session.session_id, parts)
    database, other = Database(stack.database_url), open_file_service(stack)
    blocks = uploader.service.uploads._blocks
    add_references = blocks.add_references
    with ThreadPoolExecutor(1) as pool:
        given_up: list[Future[None]] = []

        def refer(*arguments: Any, **named: Any) -> None:
            given_up.append(pool.submit(other.uploads.abort, uploader.owner, session.session_id))
            until_it_waits(database, given_up[0])
            add_references(*arguments, **named)

        monkeypatch.setattr(blocks, "add_references", refer)
        with pytest.raises(FileUnknown):
            uploader.complete(session.session_id)
        given_up[0].result()
    assert uploader.service.tree.content(uploader.owner).files == ()
    assert references(database, ids.committed_version_id(session.session_id)) == 0


def test_what_ends_an_upload_is_begun_again_after_a_crash(
    uploader: Uploader, service: FileService, stack: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = fresh(1)
    session = uploader.begin(parts)
    uploader.send(session.session_id, parts)
    database, dying = Database(stack.database_url), open_file_service(stack)
    with monkeypatch.context() as patch:
        patch.setattr(dying.uploads, "_commit", _dies)
        with pytest.raises(Killed):
            dying.uploads.complete(uploader.owner, session.session_id)
        patch.setattr(dying.uploads._blocks, "release_blocks", _dies)
        with pytest.raises(Killed):
            dying.uploads.abort(uploader.owner, session.session_id)
    version_id = ids.committed_version_id(session.session_id)
    assert references(database, version_id) == 1
    service.uploads.abort(uploader.owner, session.session_id)
    assert references(database, version_id) == 0


def test_references_of_an_upload_that_became_another_version_go_with_its_session(
    uploader: Uploader, service: FileService, stack: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While it is committed a file of the same content gets its name; then the server dies before it lets go."""
    parts = fresh(1)
    there = uploader.upload(parts, "b.mp4")
    session = uploader.begin(parts, "a.mp4")
    uploader.send(session.session_id, parts)
    database, dying = Database(stack.database_url), open_file_service(stack)
    with monkeypatch.context() as patch:
        patch.setattr(dying.uploads, "_commit", _dies)
        with pytest.raises(Killed):
            dying.uploads.complete(uploader.owner, session.session_id)
    service.tree.change_file(uploader.owner, there.file_id, name="a.mp4")
    dying = open_file_service(stack)
    with monkeypatch.context() as patch:
        patch.setattr(dying.uploads._blocks, "release_blocks", _dies)
        with pytest.raises(Killed):
            dying.uploads.complete(uploader.owner, session.session_id)
    assert service.uploads.session(uploader.owner, session.session_id).version_id == there.version_id
    with database.transaction() as changing:
        before = "UPDATE upload_sessions SET used_at = now() - interval '8 days' WHERE session_id = :one"
        changing.execute(text(before), {"one": session.session_id})
    service.sweep()
    assert references(database, ids.committed_version_id(session.session_id)) == 0
    assert read_back(stack, there) == parts[0]


def test_the_longest_file_is_announced_committed_and_listed_to_its_end(
    uploader: Uploader, service: FileService
) -> None:
    """500 GiB that nobody has to have: every block is the same one."""
    data = bytes(BLOCK_BYTES)
    block = block_of(data)
    new = NewUpload(
        name="long.mp4", folder_id="root", size_bytes=128_000 * BLOCK_BYTES, blocks=(block,) * 128_000
    )
    session = service.uploads.begin(uploader.owner, new)
    page = service.uploads.missing(uploader.owner, session.session_id)
    assert ([one.block for one in page.missing], page.next_after) == ([block], 1000)
    put(page.missing[0], data)
    version = uploader.complete(session.session_id)
    assert (version.blocks_total, version.size_bytes) == (128_000, new.size_bytes)
    last = service.versions.download(uploader.owner, version.file_id, after=127_999)
    assert ([one.block for one in last.blocks], last.next_after) == ([block], None)
    first = service.versions.download(uploader.owner, version.file_id)
    assert (len(first.blocks), first.next_after) == (1000, 1000)


def test_a_file_of_many_blocks_comes_in_pages(uploader: Uploader, service: FileService) -> None:
    blocks = tuple(Block(block_id=ids.BlockId(f"{number:064x}"), size_bytes=1) for number in range(2500))
    new = NewUpload(name="long.mp4", folder_id="root", size_bytes=2500, blocks=blocks)
    session = service.uploads.begin(uploader.owner, new)
    seen = []
    after: int | None = 0
    while after is not None:
        page = service.uploads.missing(uploader.owner, session.session_id, after=after)
        assert len(page.missing) <= 1000
        seen += [one.position for one in page.missing]
        after = page.next_after
    assert seen == list(range(2500))
    service.uploads.abort(uploader.owner, session.session_id)
    with pytest.raises(FileUnknown):
        service.uploads.session(uploader.owner, session.session_id)
