"""The commit of a file version, and telling the pipeline of it.

Invariants:

- A version must only refer to blocks that are stored: its references are written before its row.
- A version becomes visible by one transaction: file, version, commit, change and the end of its session.
- A committed version must get its run: the upload manifest is written after the commit, and written again wherever
  somebody died in between.
"""

import json
from typing import Any

from sqlalchemy import any_, exists, func, select, update
from sqlalchemy.dialects.postgresql import array
from sqlalchemy.orm import Session

from cutroom import ids
from cutroom.media import keys
from cutroom.media.upload import TEXT_SUFFIXES, UploadedObject
from cutroom.stores import file_namespace as names
from cutroom.stores import file_versions
from cutroom.stores.database import Database
from cutroom.stores.file_records import VersionRecord
from cutroom.stores.file_tables import FileCommit, FileEntry, UploadSession
from cutroom.stores.objects import ObjectStore
from cutroom.stores.tables import File, FileVersion, Run

_CLOCK: Any = func.clock_timestamp()
_AT_ONCE = 100


def same_as_newest(session: Session, upload: UploadSession) -> VersionRecord | None:
    """The newest version of the file, if the upload says nothing new and that version did not come to nothing."""
    entry = names.entry_named(session, upload.owner, upload.folder_id, upload.name)
    if entry is None:
        return None
    newest = file_versions.newest(session, entry.file_id)
    if newest.content_digest != upload.content_digest or _says_more(upload, newest):
        return None
    return None if file_versions.came_to_nothing(session, newest.version_id) else newest


def _says_more(upload: UploadSession, version: VersionRecord) -> bool:
    """Whether an upload gives another title or other tags; what it does not give stays as it was."""
    return bool(
        (upload.title and upload.title != version.title)
        or (upload.tags and tuple(upload.tags) != version.tags)
    )


def commit(session: Session, upload: UploadSession, *, bucket: str) -> str:
    """Make the version of a session whose blocks are referenced; the caller holds the owner's names.

    The same content keeps the title and the tags that it had where the upload gives none.

    Raises:
        Conflict: A folder has the name.
        FileUnknown: The folder it was for is gone.
    """
    version_id = str(ids.committed_version_id(upload.session_id))
    entry = names.entry_named(session, upload.owner, upload.folder_id, upload.name)
    title, tags = upload.title, upload.tags
    if entry is None:
        name = names.free_name(session, upload.owner, upload.folder_id, upload.name)
        key = keys.committed_file(upload.session_id)
        file = File(file_id=str(ids.file_id(bucket, key)), bucket=bucket, key=key, owner=upload.owner)
        session.add(file)
        session.flush()
        entry = FileEntry(
            file_id=file.file_id,
            owner=upload.owner,
            folder_id=upload.folder_id,
            name=name,
            name_key=upload.name_key,
        )
        session.add(entry)
        names.note_change(session, upload.owner, "file", file.file_id, "created")
    else:
        newest = file_versions.newest(session, entry.file_id)
        if newest.content_digest == upload.content_digest:
            title, tags = title or newest.title, tags or list(newest.tags)
        names.note_change(session, upload.owner, "file", entry.file_id, "changed")
    session.add(
        FileVersion(
            file_version_id=version_id,
            file_id=entry.file_id,
            s3_version=version_id,
            versioned=False,
            size_bytes=upload.size_bytes,
            uploaded_at=_CLOCK,
        )
    )
    session.flush()
    session.add(
        FileCommit(
            file_version_id=version_id,
            name=entry.name,
            content_digest=upload.content_digest,
            block_count=upload.block_count,
            content_type=upload.content_type,
            title=title,
            tags=tags,
        )
    )
    session.flush()
    return version_id


def announce(database: Database, objects: ObjectStore, version_id: str) -> None:
    """Write the upload manifest of a version, if that was not done; its S3 event starts the run."""
    with database.snapshot() as session:
        row = session.get(FileCommit, version_id)
        upload = (
            None if row is None or row.manifest_at else file_versions.committed_upload(session, version_id)
        )
        content_digest = row.content_digest if row else ""
    if upload is None:
        return
    objects.put_bytes(
        keys.upload_manifest(ids.file_id(upload.bucket, upload.key), upload.file_version_id),
        json.dumps(_manifest(upload, content_digest), indent=2, ensure_ascii=False).encode(),
        content_type="application/json",
    )
    # Forgotten, it is written once more: its run is there already.
    with database.transaction(durable=False) as session:
        session.execute(
            update(FileCommit).where(FileCommit.file_version_id == version_id).values(manifest_at=func.now())
        )


def unstarted(database: Database, objects: ObjectStore, *, bucket: str) -> list[UploadedObject]:
    """Committed versions of an uploads bucket that have no run, oldest first and not more than 100.

    Manifests that are missing are written.
    """
    with database.snapshot() as session:
        wanted = (
            select(FileCommit.file_version_id)
            .join(FileVersion, FileVersion.file_version_id == FileCommit.file_version_id)
            .join(FileEntry, FileEntry.file_id == FileVersion.file_id)
            .join(File, File.file_id == FileVersion.file_id)
            .where(
                File.bucket == bucket,
                ~exists().where(Run.file_version_id == FileCommit.file_version_id),
                ~func.lower(FileCommit.name).like(
                    any_(array([f"%{suffix}" for suffix in sorted(TEXT_SUFFIXES)]))
                ),
                FileEntry.deleted_at.is_(None),
            )
        )
        found = list(session.scalars(wanted.order_by(FileVersion.sequence).limit(_AT_ONCE)))
        uploads = [file_versions.committed_upload(session, version_id) for version_id in found]
    for version_id in found:
        announce(database, objects, version_id)
    return [upload for upload in uploads if upload is not None]


def _manifest(upload: UploadedObject, content_digest: str) -> dict[str, Any]:
    return {
        "schema_version": 1,
        "file_id": ids.file_id(upload.bucket, upload.key),
        "version_id": upload.file_version_id,
        "asset_id": upload.asset_id,
        "name": upload.file_name,
        "owner": upload.owner,
        "title": upload.title,
        "tags": list(upload.tags),
        "size_bytes": upload.size_bytes,
        "content_digest": content_digest,
        "committed_at": upload.uploaded_at,
    }
