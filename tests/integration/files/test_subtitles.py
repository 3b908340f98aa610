"""Subtitles that come through the File Service: read with the film in their folder, and no uploads of their own."""

import uuid

import pytest

from cutroom.files.names import ROOT
from cutroom.media.upload import UploadedObject
from cutroom.settings import Settings
from cutroom.steps.sources import open_sources
from cutroom.steps.watch import committed_uploads
from cutroom.stores import file_commits, file_versions
from cutroom.stores.database import Database
from cutroom.stores.file_records import VersionRecord
from cutroom.stores.file_service import FileService
from cutroom.stores.s3 import S3Store, s3_client
from integration.files.conftest import Uploader, fresh

pytestmark = pytest.mark.stack


@pytest.fixture
def database(stack: Settings) -> Database:
    return Database(stack.database_url)


def upload_of(database: Database, version: VersionRecord) -> UploadedObject:
    with database.snapshot() as session:
        found = file_versions.committed_upload(session, version.version_id)
    assert found is not None
    return found


def beside(stack: Settings, upload: UploadedObject) -> dict[str, bytes]:
    return open_sources(stack, lease_id=f"run {uuid.uuid4().hex}").subtitles_beside(upload)


def test_a_film_is_read_with_the_newest_subtitles_of_its_folder(
    stack: Settings, service: FileService, uploader: Uploader, owner: str, database: Database
) -> None:
    folder = service.tree.create_folder(owner, name="Films").folder_id
    film = upload_of(database, uploader.upload(fresh(1), "Der_Film 100%.mp4", folder_id=folder))
    assert beside(stack, film) == {}
    for name, data, where in (
        ("Der_Film 100%.de.srt", b"old", folder),
        ("Der_Film 100%.de.srt", b"new", folder),
        ("Der_Film 100%.en.vtt", b"english", folder),
        # Not of this film: another one's, another folder's, and no subtitles.
        ("DerXFilm 100%.de.srt", b"another film", folder),
        ("Der_Film 100%.fr.srt", b"another folder", ROOT),
        ("Der_Film 100%.txt", b"notes", folder),
    ):
        uploader.upload([data], name, folder_id=where)
    german, english = "Der_Film 100%.de.srt", "Der_Film 100%.en.vtt"
    assert beside(stack, film) == {german: b"new", english: b"english"}

    files = {file.name: file for file in service.tree.content(owner, folder, limit=100).files}
    service.delete_file(owner, files[english].file_id)
    assert beside(stack, film) == {german: b"new"}
    service.delete_file(owner, files[film.name].file_id)
    assert beside(stack, film) == {}


def test_subtitles_have_no_run_and_say_so(
    stack: Settings, service: FileService, uploader: Uploader, owner: str, database: Database
) -> None:
    subtitles = uploader.upload(fresh(1), "film.EN.SRT")
    film = uploader.upload(fresh(1), "film.mp4")
    assert service.versions.run_state(owner, subtitles.version_id).status == "kept"
    assert service.versions.run_state(owner, film.version_id).status == "waiting"
    both = [subtitles.version_id, film.version_id]
    assert [upload.version for upload in committed_uploads(both)] == [film.version_id]
    objects = S3Store(s3_client(stack), stack.uploads_bucket)
    due = {
        upload.version for upload in file_commits.unstarted(database, objects, bucket=stack.uploads_bucket)
    }
    assert due & set(both) == {film.version_id}
