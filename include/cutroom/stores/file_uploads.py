"""Uploads in blocks: from what a client announces to the commit.

The order of a commit: every block is found stored, by S3's own word; the references of the version are written; one
transaction makes the version and ends the session; the upload manifest is written; the lease on the blocks ends. Each
part may be repeated, so whoever calls `complete` again after a crash ends it.
"""

import time

from sqlalchemy import and_, delete, func, select, update
from sqlalchemy.orm import Session

from cutroom import ids
from cutroom.blocks.block import Block
from cutroom.blocks.service import BlockService
from cutroom.errors import BlocksMissing, Conflict, FileUnknown, LeaseUnknown, LimitPassed, TooManyRequests
from cutroom.files import block_list
from cutroom.files.names import checked_name, name_key
from cutroom.settings import Settings
from cutroom.stores import file_commits
from cutroom.stores import file_namespace as names
from cutroom.stores.database import Database
from cutroom.stores.file_records import MissingBlock, MissingPage, NewUpload, UploadRecord
from cutroom.stores.file_tables import IdempotencyKey, UploadSession
from cutroom.stores.objects import ObjectStore

PAGE = 1000
"""Blocks that are looked at in one page, and in one step of a commit."""

COMPLETE_S = 20.0
"""How long one call of `complete` looks at blocks; a proxy between waits longer."""

_KEPT_DAYS = 7
"""How long committed sessions and idempotency keys answer a repeated request."""


class FileUploads:
    """The upload sessions of all owners. What another owner has is `FileUnknown`, as what nobody has."""

    def __init__(
        self, database: Database, blocks: BlockService, objects: ObjectStore, settings: Settings
    ) -> None:
        self._database = database
        self._blocks = blocks
        self._objects = objects
        self._settings = settings

    def begin(self, owner: str, new: NewUpload, *, idempotency_key: str | None = None) -> UploadRecord:
        """The session of an upload. The same file, announced again before it is committed, has the same session.

        Raises:
            RequestInvalid: Name or blocks break a rule.
            LimitPassed: The file is larger than is taken.
            TooManyRequests: The owner has too many uploads open.
            Conflict: A folder has the name.
            FileUnknown: There is no such folder.
        """
        name = checked_name(new.name)
        self._check_size(new)
        packed = block_list.pack(new.blocks)
        content = block_list.content_digest(packed)
        request = ["upload", name, new.folder_id, content, new.content_type, new.title, list(new.tags)]
        folder_id = names.stored(new.folder_id)
        with self._database.transaction() as session:
            names.lock_names(session, owner)
            made = names.made_before(session, owner, idempotency_key, request)
            if made is not None and (row := session.get(UploadSession, made)) is not None:
                return _record(row)
            if folder_id is not None:
                names.folder(session, owner, folder_id)
            if names.folder_named(session, owner, folder_id, name):
                raise Conflict(f"{name!r} is a folder: give the file another name.")
            row = self._open_session(session, owner, folder_id, name, content)
            if row is not None:
                row.announced += 1
                row.used_at = func.now()
                # Whoever says more the second time means that.
                row.title, row.tags = new.title or row.title, list(new.tags) or row.tags
            else:
                self._check_open(session, owner)
                row = UploadSession(
                    session_id=names.new_id("us"),
                    owner=owner,
                    folder_id=folder_id,
                    name=name,
                    name_key=name_key(name),
                    size_bytes=new.size_bytes,
                    blocks=packed,
                    block_count=len(new.blocks),
                    content_digest=content,
                    content_type=new.content_type,
                    title=new.title,
                    tags=list(new.tags),
                )
                session.add(row)
                session.flush()
            names.note_made(session, owner, idempotency_key, request, row.session_id)
            return _record(row)

    def session(self, owner: str, session_id: str) -> UploadRecord:
        """One upload.

        Raises:
            FileUnknown: The owner has no such upload (any more).
        """
        with self._database.snapshot() as session:
            return _record(_session(session, owner, session_id))

    def missing(self, owner: str, session_id: str, *, after: int = 0, limit: int = PAGE) -> MissingPage:
        """Which of the blocks from position `after` on have to be sent, and where to; keeps the session alive.

        A block that was sent counts as missing until `complete` has found it, or until the file is announced again.
        What is known needs no second look there.
        """
        limit = min(limit, PAGE)
        with self._database.snapshot() as session:
            row = _session(session, owner, session_id)
            committed = row.file_version_id is not None
            is_resumed = row.announced > 1
            blocks = [] if committed else _slice(session, session_id, after, limit)
        distinct = {block.block_id: block for block in reversed(blocks)}
        at = {block.block_id: after + number for number, block in reversed(list(enumerate(blocks)))}
        ordered = [distinct[block_id] for block_id in sorted(distinct, key=at.__getitem__)]
        found = []
        if not committed:
            found = self._blocks.get_or_create_block_locations(ordered, owner=owner, lease_id=session_id)
            unknown = [one.block for one in found if not one.known]
            if is_resumed and unknown:
                # Whoever sent some of it is gone, and only S3 knows what arrived.
                lost = self._blocks.missing_blocks(unknown, owner=owner, lease_id=session_id)
                found = self._blocks.get_or_create_block_locations(lost, owner=owner, lease_id=session_id)
        end = after + len(blocks)
        known = row.checked == after and all(one.known for one in found)
        self._note_used(row, checked=end if known else None)
        return MissingPage(
            missing=tuple(
                MissingBlock(position=at[one.block.block_id], block=one.block, upload=one.upload)
                for one in found
                if one.upload is not None
            ),
            next_after=end if end < row.block_count and not committed else None,
        )

    def complete(self, owner: str, session_id: str) -> UploadRecord:
        """Commit an upload. May be called again at any time, also after it was committed.

        Returns:
            The session; without a version while its blocks are still being looked at: call again.

        Raises:
            BlocksMissing: Blocks of it are not stored, or hold other bytes; send them and call again.
            Conflict: A folder has taken the name.
            FileUnknown: The upload or its folder is gone.
        """
        until = time.monotonic() + COMPLETE_S
        with self._database.transaction(durable=False) as session:
            row = self._touch(session, owner, session_id)
            record = _record(row)
            is_new = record.version_id is None and file_commits.same_as_newest(session, row) is None
        while (version_id := record.version_id) is None:
            # What is there already may have lost a block, which was sent anew.
            if not self._check_blocks(owner, row, until):
                return self.session(owner, session_id)
            if is_new:
                self._refer(owner, row)
            record = self._commit(owner, session_id, may_add=is_new)
            # Somebody committed other content after we looked: ours is new after all.
            is_new = True
        if version_id != ids.committed_version_id(session_id):
            # Somebody committed the same content first, and ours is that version.
            self._blocks.release_blocks(ids.committed_version_id(session_id))
        file_commits.announce(self._database, self._objects, version_id)
        self._blocks.release_lease(session_id)
        return record

    def abort(self, owner: str, session_id: str) -> None:
        """Give an upload up. One that is committed stays committed.

        Raises:
            FileUnknown: The owner has no such upload (any more).
        """
        with self._database.transaction() as session:
            row = self._touch(session, owner, session_id)
            if row.file_version_id is None:
                session.delete(row)
                session.flush()
            self._end(row)

    def sweep(self) -> int:
        """End the uploads that nobody went on with, and forget old ones; tells how many ended. May be repeated."""
        idle = func.now() - func.make_interval(0, 0, 0, 0, self._settings.upload_session_hours)
        old = func.now() - func.make_interval(0, 0, 0, _KEPT_DAYS)
        is_idle = and_(UploadSession.state == "open", UploadSession.used_at < idle)
        with self._database.snapshot() as session:
            found = list(session.scalars(select(UploadSession.session_id).where(is_idle)))
        ended = 0
        for session_id in found:
            with self._database.transaction() as session:
                taken = delete(UploadSession).where(UploadSession.session_id == session_id, is_idle)
                for row in session.scalars(taken.returning(UploadSession)):
                    self._end(row)
                    ended += 1
        with self._database.transaction() as session:
            forgotten = delete(UploadSession).where(
                UploadSession.state == "committed", UploadSession.used_at < old
            )
            for row in session.scalars(forgotten.returning(UploadSession)):
                self._release_unused(row)
            session.execute(delete(IdempotencyKey).where(IdempotencyKey.created_at < old))
        return ended

    def _end(self, row: UploadSession) -> None:
        """Let go of what a session held, before the transaction that ends it does: who dies in between begins again."""
        self._release_unused(row)
        self._blocks.release_lease(row.session_id)

    def _release_unused(self, row: UploadSession) -> None:
        """Release the references of the version that a session did not become: `complete` may have died after them."""
        if row.file_version_id != (own := ids.committed_version_id(row.session_id)):
            self._blocks.release_blocks(own)

    def _check_size(self, new: NewUpload) -> None:
        limits = self._settings
        if new.size_bytes > limits.source_max_bytes:
            raise LimitPassed(
                f"The file has {new.size_bytes} bytes; {limits.source_max_bytes} are taken "
                "(CUTROOM_SOURCE_MAX_BYTES)."
            )
        if len(new.blocks) > limits.file_max_blocks:
            raise LimitPassed(
                f"The file has {len(new.blocks)} blocks; {limits.file_max_blocks} are taken "
                "(CUTROOM_FILE_MAX_BLOCKS)."
            )
        block_list.check(new.blocks, size_bytes=new.size_bytes)

    def _check_open(self, session: Session, owner: str) -> None:
        most = self._settings.uploads_open_max
        open_now = select(func.count()).where(UploadSession.owner == owner, UploadSession.state == "open")
        if session.scalars(open_now).one() >= most:
            raise TooManyRequests(
                f"{owner} has {most} uploads open (CUTROOM_UPLOADS_OPEN_MAX): complete or delete some."
            )

    @staticmethod
    def _open_session(
        session: Session, owner: str, folder_id: str | None, name: str, content: str
    ) -> UploadSession | None:
        return session.scalars(
            select(UploadSession)
            .where(
                UploadSession.owner == owner,
                UploadSession.folder_id.is_not_distinct_from(folder_id),
                UploadSession.name_key == name_key(name),
                UploadSession.content_digest == content,
                UploadSession.state == "open",
            )
            # Locked, as it may be ending: then there is none.
            .with_for_update()
        ).one_or_none()

    @staticmethod
    def _touch(session: Session, owner: str, session_id: str) -> UploadSession:
        row = session.scalars(
            update(UploadSession)
            .where(UploadSession.owner == owner, UploadSession.session_id == session_id)
            .values(used_at=func.now())
            .returning(UploadSession)
        ).one_or_none()
        if row is None:
            raise _gone(session_id)
        return row

    def _check_blocks(self, owner: str, row: UploadSession, until: float) -> bool:
        """Whether every block is stored; False when the time is up before all were looked at."""
        checked = row.checked
        while checked < row.block_count:
            with self._database.snapshot() as session:
                blocks = _slice(session, row.session_id, checked, PAGE)
            missing = self._missing_blocks(owner, row, blocks)
            if missing:
                raise _missing(row, [block.block_id for block in missing])
            checked += len(blocks)
            self._note_used(row, checked=checked)
            if checked < row.block_count and time.monotonic() > until:
                return False
        return True

    def _missing_blocks(self, owner: str, row: UploadSession, blocks: list[Block]) -> list[Block]:
        distinct = list({block.block_id: block for block in blocks}.values())
        try:
            return self._blocks.missing_blocks(distinct, owner=owner, lease_id=row.session_id)
        except LeaseUnknown:
            # It was left alone for too long, and what was sent under it is gone.
            self._note_used(row, checked=0)
            return distinct

    def _refer(self, owner: str, row: UploadSession) -> None:
        with self._database.snapshot() as session:
            blocks = _slice(session, row.session_id, 0, row.block_count)
        reference = ids.committed_version_id(row.session_id)
        if not blocks:
            # An empty file has nothing to announce, and its reference needs a lease all the same.
            self._blocks.get_or_create_block_locations([], owner=owner, lease_id=row.session_id)
        try:
            with self._database.transaction(durable=False) as session:
                # Whoever ends the session waits, and releases the references then.
                _stay(session, row.session_id)
                self._blocks.add_references(reference, blocks, owner=owner, lease_id=row.session_id)
        except (BlocksMissing, LeaseUnknown) as error:
            # What was found stored was held by a lease that has ended since.
            self._note_used(row, checked=0)
            raise _missing(row, [block.block_id for block in blocks[:PAGE]]) from error

    def _note_used(self, row: UploadSession, *, checked: int | None) -> None:
        """Keep a session alive, and keep how many of its first blocks were found stored, where that is new."""
        facts = {} if checked is None else {"checked": checked}
        # Forgotten, they are looked at once more.
        with self._database.transaction(durable=False) as session:
            session.execute(
                update(UploadSession)
                .where(UploadSession.session_id == row.session_id)
                .values(used_at=func.now(), **facts)
            )

    def _commit(self, owner: str, session_id: str, *, may_add: bool) -> UploadRecord:
        """The session with the version that it became; without if that has to be added and may not."""
        with self._database.transaction() as session:
            names.lock_names(session, owner)
            locked = and_(UploadSession.owner == owner, UploadSession.session_id == session_id)
            row = session.scalars(select(UploadSession).where(locked).with_for_update()).one_or_none()
            if row is None:
                raise _gone(session_id)
            if row.file_version_id is None:
                newest = file_commits.same_as_newest(session, row)
                version_id = newest.version_id if newest else None
                if newest is None and may_add:
                    version_id = file_commits.commit(session, row, bucket=self._settings.uploads_bucket)
                if version_id is not None:
                    row.state, row.file_version_id = "committed", version_id
            return _record(row)


def _session(session: Session, owner: str, session_id: str) -> UploadSession:
    row = session.scalars(
        select(UploadSession).where(UploadSession.owner == owner, UploadSession.session_id == session_id)
    ).one_or_none()
    if row is None:
        raise _gone(session_id)
    return row


def _stay(session: Session, session_id: str) -> None:
    """Keep a session from ending until the transaction does; what is noted of it may change."""
    locked = select(UploadSession.session_id).where(UploadSession.session_id == session_id)
    if session.scalars(locked.with_for_update(read=True, key_share=True)).one_or_none() is None:
        raise _gone(session_id)


def _gone(session_id: str) -> FileUnknown:
    return FileUnknown(f"There is no upload {session_id} (any more): announce the file again.")


def _slice(session: Session, session_id: str, after: int, count: int) -> list[Block]:
    entry = block_list.ENTRY_BYTES
    packed = session.scalars(
        select(func.substr(UploadSession.blocks, after * entry + 1, count * entry)).where(
            UploadSession.session_id == session_id
        )
    ).one_or_none()
    if packed is None:
        raise _gone(session_id)
    return block_list.unpack(bytes(packed))


def _missing(row: UploadSession, block_ids: list[str]) -> BlocksMissing:
    count = len(block_ids)
    return BlocksMissing(
        f"{count} of {row.block_count} blocks of {row.name!r} are not stored, or hold other bytes: send them "
        "and complete the upload again.",
        block_ids,
    )


def _record(row: UploadSession) -> UploadRecord:
    return UploadRecord(
        session_id=row.session_id,
        name=row.name,
        folder_id=names.shown(row.folder_id),
        size_bytes=row.size_bytes,
        blocks_total=row.block_count,
        checked=row.checked,
        version_id=row.file_version_id,
        used_at=row.used_at,
    )
