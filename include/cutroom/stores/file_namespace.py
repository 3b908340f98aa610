"""The names of one owner: the lock under which they change, what they stand for, and the feed of changes.

Each function works in the caller's transaction and never commits. Every change happens under `lock_names`, so the
changes of one owner become visible in the order of their numbers, and no name is given twice.
"""

import hashlib
import secrets

from sqlalchemy import exists, func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from cutroom.errors import Conflict, FileUnknown, RequestInvalid
from cutroom.files.names import ROOT, checked_name, name_key
from cutroom.ids import Json, digest
from cutroom.stores.file_tables import FileChange, FileEntry, Folder, IdempotencyKey


def lock_names(session: Session, owner: str) -> None:
    """Hold the names of an owner until the transaction ends."""
    number = int.from_bytes(hashlib.sha256(f"names of {owner}".encode()).digest()[:8], signed=True)
    session.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": number})


def stored(folder_id: str) -> str | None:
    """The folder as the tables hold it: NULL is the top."""
    return None if folder_id == ROOT else folder_id


def shown(folder_id: str | None) -> str:
    """The reverse of `stored`."""
    return ROOT if folder_id is None else folder_id


def new_id(prefix: str) -> str:
    """An id that nobody can guess."""
    return f"{prefix}_{secrets.token_hex(10)}"


def folder(session: Session, owner: str, folder_id: str) -> Folder:
    """A folder of the owner.

    Raises:
        FileUnknown: There is none.
    """
    found = session.scalars(
        select(Folder).where(Folder.owner == owner, Folder.folder_id == folder_id)
    ).one_or_none()
    if found is None:
        raise FileUnknown(f"There is no folder {folder_id}.")
    return found


def entry(session: Session, owner: str, file_id: str) -> FileEntry:
    """A file of the owner that was not deleted.

    Raises:
        FileUnknown: There is none.
    """
    found = session.scalars(
        select(FileEntry).where(
            FileEntry.owner == owner, FileEntry.file_id == file_id, FileEntry.deleted_at.is_(None)
        )
    ).one_or_none()
    if found is None:
        raise FileUnknown(f"There is no file {file_id}.")
    return found


def entry_named(session: Session, owner: str, folder_id: str | None, name: str) -> FileEntry | None:
    """The file of that name in a folder."""
    return session.scalars(
        select(FileEntry).where(
            FileEntry.owner == owner,
            FileEntry.folder_id.is_not_distinct_from(folder_id),
            FileEntry.name_key == name_key(name),
            FileEntry.deleted_at.is_(None),
        )
    ).one_or_none()


def folder_named(session: Session, owner: str, parent_id: str | None, name: str) -> Folder | None:
    """The folder of that name in a folder."""
    return session.scalars(
        select(Folder).where(
            Folder.owner == owner,
            Folder.parent_id.is_not_distinct_from(parent_id),
            Folder.name_key == name_key(name),
        )
    ).one_or_none()


def free_name(session: Session, owner: str, folder_id: str | None, name: str, *, but: str = "") -> str:
    """The name as it is kept, if nothing in the folder has it, `but` the thing that is to have it.

    Raises:
        RequestInvalid: It is not possible as a name.
        Conflict: A file or a folder has it.
        FileUnknown: The folder is not there.
    """
    checked = checked_name(name)
    if folder_id is not None:
        folder(session, owner, folder_id)
    there = (
        getattr(entry_named(session, owner, folder_id, checked), "file_id", None),
        getattr(folder_named(session, owner, folder_id, checked), "folder_id", None),
    )
    if any(one is not None and one != but for one in there):
        raise Conflict(f"The name {checked!r} is taken in this folder.")
    return checked


def note_change(session: Session, owner: str, kind: str, thing_id: str, change: str) -> None:
    """Tell the owner's devices of a change."""
    session.add(FileChange(owner=owner, kind=kind, id=thing_id, change=change))


def has_content(session: Session, folder_id: str) -> bool:
    """Whether anything is in a folder."""
    inside = select(
        exists().where(Folder.parent_id == folder_id)
        | exists().where(FileEntry.folder_id == folder_id, FileEntry.deleted_at.is_(None))
    )
    return bool(session.scalars(inside).one())


def made_before(session: Session, owner: str, key: str | None, request: Json) -> str | None:
    """What the request with this idempotency key made when it first came; None without a key or at first.

    Raises:
        RequestInvalid: The key came with another request.
    """
    if key is None:
        return None
    row = session.get(IdempotencyKey, (owner, key))
    if row is None:
        return None
    if row.request_sha256 != digest(request):
        raise RequestInvalid(
            f"The Idempotency-Key {key!r} was sent with another request before; use a new one."
        )
    return row.resource_id


def note_made(session: Session, owner: str, key: str | None, request: Json, resource_id: str) -> None:
    """Keep what a request with this idempotency key made."""
    if key is not None:
        session.execute(
            insert(IdempotencyKey)
            .values(owner=owner, idempotency_key=key, request_sha256=digest(request), resource_id=resource_id)
            .on_conflict_do_update(
                index_elements=["owner", "idempotency_key"],
                set_={
                    "request_sha256": digest(request),
                    "resource_id": resource_id,
                    "created_at": func.now(),
                },
            )
        )
