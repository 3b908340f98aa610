"""Folders and files of the File Service as their owner sees them, and the feed of what changed."""

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from cutroom.errors import ChangesLost, Conflict, RequestInvalid
from cutroom.files.names import ROOT, checked_name, name_key
from cutroom.stores import file_namespace as names
from cutroom.stores import file_versions
from cutroom.stores.database import Database
from cutroom.stores.file_records import (
    ChangeRecord,
    FileRecord,
    FolderContent,
    FolderRecord,
)
from cutroom.stores.file_tables import FileChange, FileEntry, Folder

DEEPEST = 64
"""Folders in each other; a path stays within what file systems take."""

_FOLDERS, _FILES = "d", "f"

_ANCESTORS = text(
    "WITH RECURSIVE above AS (SELECT folder_id, parent_id FROM folders WHERE folder_id = :folder"
    " UNION ALL SELECT f.folder_id, f.parent_id FROM folders f JOIN above a ON f.folder_id = a.parent_id)"
    " SELECT folder_id FROM above"
)
_HEIGHT = text(
    "WITH RECURSIVE below AS (SELECT folder_id, 1 AS depth FROM folders WHERE folder_id = :folder"
    " UNION ALL SELECT f.folder_id, b.depth + 1 FROM folders f JOIN below b ON f.parent_id = b.folder_id)"
    " SELECT max(depth) FROM below"
)


class FileTree:
    """The folders and files of all owners. What another owner has is `FileUnknown`, as what nobody has."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create_folder(
        self, owner: str, *, name: str, parent_id: str = ROOT, idempotency_key: str | None = None
    ) -> FolderRecord:
        """A new folder.

        Raises:
            Conflict: The name is taken.
            RequestInvalid: The name is not possible, or the folder would be too deep.
            FileUnknown: There is no such parent.
        """
        request = ["folder", checked_name(name), parent_id]
        with self._database.transaction() as session:
            names.lock_names(session, owner)
            made = names.made_before(session, owner, idempotency_key, request)
            if made is not None:
                return _folder_record(names.folder(session, owner, made))
            parent = names.stored(parent_id)
            row = Folder(
                folder_id=names.new_id("fo"),
                owner=owner,
                parent_id=parent,
                name=names.free_name(session, owner, parent, name),
                name_key=name_key(checked_name(name)),
            )
            if len(_ancestors(session, parent)) >= DEEPEST:
                raise RequestInvalid(f"Folders can be {DEEPEST} deep; {name!r} would be deeper.")
            session.add(row)
            session.flush()
            names.note_change(session, owner, "folder", row.folder_id, "created")
            names.note_made(session, owner, idempotency_key, request, row.folder_id)
            return _folder_record(row)

    def content(
        self, owner: str, folder_id: str = ROOT, *, after: str = "", limit: int = 200
    ) -> FolderContent:
        """One page of what is in a folder.

        Args:
            owner: Whose folder.
            folder_id: Which; `root` is the top.
            after: `next_after` of the page before.
            limit: How many things at most.
        """
        kind, _, last = after.partition(":")
        with self._database.snapshot() as session:
            parent = names.stored(folder_id)
            if parent is not None:
                names.folder(session, owner, parent)
            folders: list[Folder] = []
            if kind != _FILES:
                wanted = select(Folder).where(
                    Folder.owner == owner,
                    Folder.parent_id.is_not_distinct_from(parent),
                    Folder.name_key > last,
                )
                folders = list(session.scalars(wanted.order_by(Folder.name_key).limit(limit + 1)))
                last = ""
            left = max(0, limit + 1 - len(folders))
            in_folder = select(FileEntry).where(
                FileEntry.owner == owner,
                FileEntry.folder_id.is_not_distinct_from(parent),
                FileEntry.name_key > last,
                FileEntry.deleted_at.is_(None),
            )
            files = list(session.scalars(in_folder.order_by(FileEntry.name_key).limit(left)))
            next_after = None
            if len(folders) + len(files) > limit:
                (files or folders).pop()
                next_after = (
                    f"{_FILES}:{files[-1].name_key}" if files else f"{_FOLDERS}:{folders[-1].name_key}"
                )
            return FolderContent(
                folders=tuple(map(_folder_record, folders)),
                files=tuple(_file_record(session, row) for row in files),
                next_after=next_after,
            )

    def folder(self, owner: str, folder_id: str) -> FolderRecord:
        """One folder; the top is one, too."""
        if folder_id == ROOT:
            return FolderRecord(folder_id=ROOT, name="", parent_id=ROOT)
        with self._database.snapshot() as session:
            return _folder_record(names.folder(session, owner, folder_id))

    def change_folder(
        self, owner: str, folder_id: str, *, name: str | None = None, parent_id: str | None = None
    ) -> FolderRecord:
        """Give a folder another name or parent; None leaves it.

        Raises:
            Conflict: The name is taken there, or the folder would be inside itself.
        """
        with self._database.transaction() as session:
            names.lock_names(session, owner)
            row = names.folder(session, owner, folder_id)
            parent = row.parent_id if parent_id is None else names.stored(parent_id)
            wanted = names.free_name(
                session, owner, parent, row.name if name is None else name, but=folder_id
            )
            above = _ancestors(session, parent)
            if folder_id in above:
                raise Conflict(f"The folder {row.name!r} can't be put inside itself.")
            if len(above) + _height(session, folder_id) > DEEPEST:
                raise RequestInvalid(f"Folders can be {DEEPEST} deep; {row.name!r} would be deeper.")
            if (row.name, row.parent_id) != (wanted, parent):
                row.name, row.name_key, row.parent_id = wanted, name_key(wanted), parent
                names.note_change(session, owner, "folder", folder_id, "moved")
            return _folder_record(row)

    def delete_folder(self, owner: str, folder_id: str) -> None:
        """Remove an empty folder.

        Raises:
            Conflict: Something is in it.
        """
        with self._database.transaction() as session:
            names.lock_names(session, owner)
            row = names.folder(session, owner, folder_id)
            if names.has_content(session, folder_id):
                raise Conflict(f"The folder {row.name!r} is not empty: delete or move what is in it first.")
            session.delete(row)
            names.note_change(session, owner, "folder", folder_id, "deleted")

    def file(self, owner: str, file_id: str) -> FileRecord:
        """One file and its newest version."""
        with self._database.snapshot() as session:
            return _file_record(session, names.entry(session, owner, file_id))

    def change_file(
        self, owner: str, file_id: str, *, name: str | None = None, folder_id: str | None = None
    ) -> FileRecord:
        """Give a file another name or folder; None leaves it. Its asset stays the same.

        Raises:
            Conflict: The name is taken there.
        """
        with self._database.transaction() as session:
            names.lock_names(session, owner)
            row = names.entry(session, owner, file_id)
            parent = row.folder_id if folder_id is None else names.stored(folder_id)
            wanted = names.free_name(session, owner, parent, row.name if name is None else name, but=file_id)
            if (row.name, row.folder_id) != (wanted, parent):
                row.name, row.name_key, row.folder_id = wanted, name_key(wanted), parent
                names.note_change(session, owner, "file", file_id, "moved")
            session.flush()
            return _file_record(session, row)

    def delete_file(self, owner: str, file_id: str) -> None:
        """Take a file away from its owner. What was published of it goes on playing.

        Its blocks are released by `FileVersions.release_deleted`.
        """
        with self._database.transaction() as session:
            names.lock_names(session, owner)
            row = names.entry(session, owner, file_id)
            row.deleted_at, row.folder_id = session.scalars(select(func.now())).one(), None
            names.note_change(session, owner, "file", file_id, "deleted")

    def changes(self, owner: str, *, since: int = 0, limit: int = 500) -> list[ChangeRecord]:
        """What changed after the change with this number, oldest first.

        Raises:
            ChangesLost: There never was such a change here.
        """
        mine = select(FileChange).where(FileChange.owner == owner)
        with self._database.snapshot() as session:
            rows = list(
                session.scalars(
                    mine.where(FileChange.sequence > since).order_by(FileChange.sequence).limit(limit)
                )
            )
            if since and not rows:
                last = session.scalars(mine.order_by(FileChange.sequence.desc()).limit(1)).one_or_none()
                if last is None or last.sequence < since:
                    raise ChangesLost(
                        f"There was no change {since} here: the server was restored from a backup, or is another one. "
                        "List the folders anew, and go on with the changes since 0."
                    )
            return [
                ChangeRecord(
                    sequence=row.sequence,
                    kind=row.kind,
                    id=row.id,
                    change=row.change,
                    changed_at=row.changed_at,
                )
                for row in rows
            ]


def _ancestors(session: Session, folder_id: str | None) -> list[str]:
    """The folder and all above it."""
    return list(session.scalars(_ANCESTORS, {"folder": folder_id}))


def _height(session: Session, folder_id: str) -> int:
    """How many folders are in each other, from this one down."""
    return int(session.scalars(_HEIGHT, {"folder": folder_id}).one())


def _folder_record(row: Folder) -> FolderRecord:
    return FolderRecord(folder_id=row.folder_id, name=row.name, parent_id=names.shown(row.parent_id))


def _file_record(session: Session, row: FileEntry) -> FileRecord:
    return FileRecord(
        file_id=row.file_id,
        name=row.name,
        folder_id=names.shown(row.folder_id),
        version=file_versions.newest(session, row.file_id),
    )
