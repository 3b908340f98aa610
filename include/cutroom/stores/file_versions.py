"""Versions of files that came in blocks: what is known of them, their bytes, and what becomes of a deleted file's."""

from sqlalchemy import ColumnElement, func, or_, select, update
from sqlalchemy.orm import Session

from cutroom import ids
from cutroom.blocks.service import BlockService
from cutroom.errors import FileUnknown
from cutroom.files.names import name_key
from cutroom.media.sidecars import SEPARATORS, sidecars_of, stem_of
from cutroom.media.upload import UploadedObject, is_subtitles
from cutroom.stores import file_namespace as names
from cutroom.stores.catalog_reading import run_record
from cutroom.stores.database import Database
from cutroom.stores.file_records import DownloadPage, RunState, StoredBlock, VersionRecord
from cutroom.stores.file_tables import FileCommit, FileEntry
from cutroom.stores.records import iso
from cutroom.stores.tables import Asset, AssetVersion, File, FileVersion, Run

DOWNLOAD_PAGE = 1000
"""Blocks in one page of a download."""


class FileVersions:
    """The versions of the files of all owners."""

    def __init__(self, database: Database, blocks: BlockService) -> None:
        self._database = database
        self._blocks = blocks

    def versions(self, owner: str, file_id: str) -> list[VersionRecord]:
        """All versions of a file, the newest first.

        Raises:
            FileUnknown: The owner has no such file.
        """
        with self._database.snapshot() as session:
            names.entry(session, owner, file_id)
            return _records(session, FileVersion.file_id == file_id)

    def version(self, owner: str, version_id: str) -> VersionRecord:
        """One version of a file that was not deleted.

        Raises:
            FileUnknown: The owner has no such version.
        """
        with self._database.snapshot() as session:
            found = _records(session, FileVersion.file_version_id == version_id)
            if not found:
                raise FileUnknown(f"There is no version {version_id}.")
            names.entry(session, owner, found[0].file_id)
            return found[0]

    def run_state(self, owner: str, version_id: str) -> RunState:
        """What became of a version: its latest run, and where its asset plays.

        Raises:
            FileUnknown: The owner has no such version.
        """
        asset_id = self.version(owner, version_id).asset_id
        with self._database.snapshot() as session:
            if is_subtitles(session.get_one(FileCommit, version_id).name):
                return RunState(status="kept", percent=100.0, reason="", hls=None, dash=None)
            run_id = _latest_run(session, version_id)
            run = None if run_id is None else run_record(session=session, run_id=run_id)
            playing = session.execute(
                select(AssetVersion.hls, AssetVersion.dash)
                .join(Asset, Asset.current_version_id == AssetVersion.version_id)
                .where(Asset.asset_id == asset_id)
            ).one_or_none()
        return RunState(
            status=run.status if run else "waiting",
            percent=run.percent if run else 0.0,
            reason=run.reason if run else "",
            hls=playing.hls if playing else None,
            dash=playing.dash if playing else None,
        )

    def download(
        self, owner: str, file_id: str, *, version_id: str | None = None, after: int = 0
    ) -> DownloadPage:
        """Where to get the blocks of a version, in order, from position `after` on; without an id the newest.

        Raises:
            FileUnknown: The owner has no such file or version.
        """
        with self._database.snapshot() as session:
            entry = names.entry(session, owner, file_id)
            version = newest(session, file_id)
            if version_id not in {None, version.version_id}:
                found = _records(
                    session, FileVersion.file_version_id == version_id, FileVersion.file_id == file_id
                )
                if not found:
                    raise FileUnknown(f"The file {file_id} has no version {version_id}.")
                version = found[0]
        page = self._blocks.references(version.version_id, owner=owner, after=after, limit=DOWNLOAD_PAGE)
        urls = self._blocks.get_block_download_urls(
            [block.block_id for block in page], owner=owner, reference_id=version.version_id
        )
        end = after + len(page)
        return DownloadPage(
            version=version,
            name=entry.name,
            blocks=tuple(StoredBlock(block=block, url=url) for block, url in zip(page, urls, strict=True)),
            next_after=end if page and end < version.blocks_total else None,
        )

    def release_deleted(self, file_id: str | None = None) -> int:
        """Release the blocks of one deleted file, or of all; tells of how many files. May be repeated."""
        due = (FileEntry.deleted_at.is_not(None), FileEntry.released_at.is_(None))
        only = () if file_id is None else (FileEntry.file_id == file_id,)
        with self._database.snapshot() as session:
            files = list(session.scalars(select(FileEntry.file_id).where(*due, *only)))
        for one in files:
            with self._database.snapshot() as session:
                versions = list(
                    session.scalars(select(FileVersion.file_version_id).where(FileVersion.file_id == one))
                )
            for version_id in versions:
                self._blocks.release_blocks(version_id)
            with self._database.transaction() as session:
                session.execute(
                    update(FileEntry).where(FileEntry.file_id == one, *due).values(released_at=func.now())
                )
        return len(files)


def newest(session: Session, file_id: str) -> VersionRecord:
    """The version of a file that was committed last."""
    return _records(session, FileVersion.file_id == file_id, limit=1)[0]


def came_to_nothing(session: Session, version_id: str) -> bool:
    """Whether the latest run of a version made nothing."""
    run_id = _latest_run(session, version_id)
    return run_id is not None and session.get_one(Run, run_id).status in {"failed", "rejected"}


def committed_upload(session: Session, version_id: str) -> UploadedObject | None:
    """What a run is told of a committed version; None where there is none, or its file was deleted."""
    found = session.execute(
        select(FileCommit, FileVersion, File)
        .join(FileVersion, FileVersion.file_version_id == FileCommit.file_version_id)
        .join(File, File.file_id == FileVersion.file_id)
        .join(FileEntry, FileEntry.file_id == File.file_id)
        .where(FileCommit.file_version_id == version_id, FileEntry.deleted_at.is_(None))
    ).one_or_none()
    if found is None:
        return None
    commit, version, file = found
    return UploadedObject(
        bucket=file.bucket,
        key=file.key,
        version=version.s3_version,
        versioned=False,
        size_bytes=version.size_bytes,
        uploaded_at=iso(version.uploaded_at) or "",
        title=commit.title,
        owner=file.owner,
        tags=tuple(commit.tags),
        file_name=commit.name,
    )


def subtitles_beside(session: Session, film: UploadedObject) -> dict[str, UploadedObject]:
    """The newest versions of the subtitles that lie in the folder of a committed film, by the names they have now.

    A film that was deleted lies nowhere.
    """
    entry = session.execute(
        select(FileEntry)
        .join(FileVersion, FileVersion.file_id == FileEntry.file_id)
        .where(FileVersion.file_version_id == film.file_version_id, FileEntry.deleted_at.is_(None))
    ).scalar_one_or_none()
    if entry is None:
        return {}
    folder = select(FileEntry.name, FileEntry.file_id).where(
        FileEntry.owner == entry.owner,
        FileEntry.folder_id.is_not_distinct_from(entry.folder_id),
        or_(
            *(
                FileEntry.name_key.startswith(name_key(f"{stem_of(film.name)}{separator}"), autoescape=True)
                for separator in SEPARATORS
            )
        ),
        FileEntry.deleted_at.is_(None),
    )
    files = dict(session.execute(folder).tuples().all())
    found = {
        name: committed_upload(session, newest(session, files[name]).version_id)
        for name in sidecars_of(film.name, files)
    }
    return {name: upload for name, upload in found.items() if upload is not None}


def _latest_run(session: Session, version_id: str) -> str | None:
    runs = select(Run.run_id).where(Run.file_version_id == version_id).order_by(Run.sequence.desc())
    return session.scalars(runs.limit(1)).one_or_none()


def _records(session: Session, *where: ColumnElement[bool], limit: int | None = None) -> list[VersionRecord]:
    rows = session.execute(
        select(FileVersion, FileCommit, File)
        .join(FileCommit, FileCommit.file_version_id == FileVersion.file_version_id)
        .join(File, File.file_id == FileVersion.file_id)
        .where(*where)
        .order_by(FileVersion.sequence.desc())
        .limit(limit)
    )
    return [
        VersionRecord(
            file_id=version.file_id,
            version_id=version.file_version_id,
            asset_id=ids.asset_id(file.bucket, file.key),
            size_bytes=version.size_bytes,
            blocks_total=commit.block_count,
            content_digest=commit.content_digest,
            content_type=commit.content_type,
            title=commit.title,
            tags=tuple(commit.tags),
            committed_at=version.uploaded_at,
        )
        for version, commit, file in rows
    ]
