"""What changes an asset: starting, describing, publishing and ending its runs.

Each function works in the caller's transaction and never commits. Every change of an asset happens under the
lock of its row, and ends in `_settle`: the asset's status follows from its runs, its revision grows, and an
outbox row asks for a new document. A call that changes nothing writes nothing.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal

from sqlalchemy import and_, exists, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from cutroom import ids
from cutroom.errors import Conflict, RunUnknown, UsageError
from cutroom.media.upload import UploadedObject
from cutroom.media.version import PublishedRendition, PublishedVersion
from cutroom.stores.catalog_progress import forget_progress
from cutroom.stores.gates import RUNS
from cutroom.stores.json_values import storable, storable_text
from cutroom.stores.tables import (
    Asset,
    AssetVersion,
    AssetVersionRendition,
    File,
    FileVersion,
    OutboxRow,
    Rendition,
    Run,
    run_sequence,
)

# How far a status is within one attempt; it only ever climbs. A rejection says more than a failure.
RANKS = {"processing": 0, "failed": 1, "rejected": 2, "superseded": 3, "published": 4}

# Assigned to a column, these are computed by the database.
_CLOCK: Any = func.clock_timestamp()
_NEXT_RUN: Any = run_sequence.next_value()

Decision = Literal["switch", "already current", "superseded"]
Order = tuple[datetime, int, int]
"""Upload time, the order in which the uploads became known, the order in which the runs started."""


def plan_publish(
    *, version_id: str, order: Order, current_version_id: str | None, current: Order | None
) -> Decision:
    """Whether a verified version takes over: yes unless it plays already or something newer does."""
    if version_id == current_version_id:
        return "already current"
    return "superseded" if current is not None and order < current else "switch"


def parse_time(value: str) -> datetime:
    """A time in ISO 8601; without a zone it is UTC.

    Raises:
        UsageError: It is not one.
    """
    try:
        moment = datetime.fromisoformat(value)
    except ValueError as error:
        raise UsageError(
            f"An upload time has to be ISO 8601, such as 2026-11-22T16:44:00Z; got {value!r}."
        ) from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def start_run(
    *, session: Session, run_id: str, dag_id: str, upload: UploadedObject, profile: str, profile_digest: str,
    attempt: int | None,
) -> None:  # fmt: skip
    """Make the rows of an upload and its run, as far as they are missing; see `Catalog.start_run`."""
    RUNS.enter(session)
    file_id = _add_file(session, upload)
    asset_id = str(upload.asset_id)
    known = insert(Asset).values(
        asset_id=asset_id,
        file_id=file_id,
        title=storable_text(upload.title) or _stem(upload),
        tags=[storable_text(tag) for tag in upload.tags],
    )
    session.execute(known.on_conflict_do_nothing())
    asset = _lock(session, asset_id)
    newer = _is_first_of_newest(session, upload, file_id)
    if newer:
        asset.title = storable_text(upload.title) or asset.title
        asset.tags = [storable_text(tag) for tag in upload.tags] or asset.tags
    started = session.execute(
        insert(Run)
        .values(
            run_id=run_id, dag_id=dag_id, asset_id=asset_id, file_version_id=str(upload.file_version_id),
            profile=profile, profile_digest=profile_digest, attempt=attempt or 1,
        )
        .on_conflict_do_nothing(index_elements=["run_id"])
        .returning(Run.run_id)
    ).first()  # fmt: skip
    if started is None:
        run = _run(session, run_id)
        if run.asset_id != asset_id or run.file_version_id != upload.file_version_id:
            raise Conflict(f"Run {run_id} is known for another upload, {run.file_version_id}.")
        if not _restart(session, run, attempt=attempt) and not newer:
            return
    _settle(session, asset)


def resume_run(*, session: Session, run_id: str, attempt: int) -> bool:
    """Begin a further attempt of a known run; see `Catalog.resume_run`."""
    known = _run(session, run_id)
    if attempt <= known.attempt or known.status == "published":
        # Every task of a cleared run asks: only the first has to wait for the asset.
        return False
    RUNS.enter(session)
    asset = _lock(session, known.asset_id)
    run = _run(session, run_id)
    if run.status == "published" or not _restart(session, run, attempt=attempt):
        return False
    _settle(session, asset)
    return True


def record_source(*, session: Session, run_id: str, sha256: str, source: Mapping[str, Any]) -> None:
    """Keep what the probe found on the run's file version."""
    run = _run(session, run_id)
    asset = _lock(session, run.asset_id)
    file_version = session.get_one(FileVersion, run.file_version_id)
    facts = storable(source)
    if file_version.sha256 not in {None, sha256}:
        raise Conflict(
            f"{run.file_version_id} was read as {file_version.sha256} before and as {sha256} now: "
            "one version of an object has one content."
        )
    if file_version.sha256 == sha256 and file_version.source == facts:
        return
    file_version.sha256, file_version.source = sha256, facts
    _settle(session, asset)


def publish(*, session: Session, run_id: str, version: PublishedVersion) -> bool:
    """Switch the asset to a version, unless it or a newer one plays already; see `Catalog.publish`."""
    asset = _lock(session, _run(session, run_id).asset_id)
    run = _run(session, run_id)
    _check_same_work(session, run, version)
    order = _order(session, run.file_version_id, run.sequence)
    current = None
    if asset.current_file_version_id is not None and asset.current_run_sequence is not None:
        current = _order(session, asset.current_file_version_id, asset.current_run_sequence)
    decision = plan_publish(
        version_id=version.version_id,
        order=order,
        current_version_id=asset.current_version_id,
        current=current,
    )
    if decision == "superseded":
        assert current is not None
        uploaded = f"{current[0].astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
        reason = f"A newer upload or run plays already (uploaded {uploaded})."
        if _end(run, "superseded", reason):
            _settle(session, asset)
        return False
    if decision == "switch":
        _add_version(session, run, version)
        asset.current_version_id = version.version_id
    changed = decision == "switch"
    if current is None or order > current:
        asset.current_file_version_id, asset.current_run_sequence = run.file_version_id, run.sequence
        changed = True
    if _end(run, "published", "") or run.version_id != version.version_id:
        run.version_id = version.version_id
        changed = True
    if changed:
        _settle(session, asset)
    return decision == "switch"


def end_run(
    *, session: Session, run_id: str, status: Literal["failed", "rejected"], reason: str, attempt: int | None
) -> None:
    """End a run that made nothing, if it did not end better; see `Catalog.end_run`."""
    asset = _lock(session, _run(session, run_id).asset_id)
    run = _run(session, run_id)
    if attempt is not None and attempt < run.attempt:
        return
    if _end(run, status, storable_text(reason)):
        _settle(session, asset)


def _stem(upload: UploadedObject) -> str:
    name = upload.name
    return name.rpartition(".")[0] or name or upload.key


def _add_file(session: Session, upload: UploadedObject) -> str:
    file_id = str(ids.file_id(upload.bucket, upload.key))
    statement = insert(File).values(
        file_id=file_id, bucket=upload.bucket, key=upload.key, owner=storable_text(upload.owner)
    )
    session.execute(statement.on_conflict_do_nothing())
    if upload.owner:
        # A file stays with its first owner: whoever uploads under the same key later takes nothing over.
        unowned = and_(File.file_id == file_id, File.owner == "")
        session.execute(update(File).where(unowned).values(owner=storable_text(upload.owner)))
    return file_id


def _is_first_of_newest(session: Session, upload: UploadedObject, file_id: str) -> bool:
    """Add the version where it is not known, and tell whether it is the newest of its file and has no run yet."""
    session.execute(
        insert(FileVersion)
        .values(
            file_version_id=str(upload.file_version_id), file_id=file_id, s3_version=upload.version,
            versioned=upload.versioned, size_bytes=upload.size_bytes,
            uploaded_at=parse_time(upload.uploaded_at),
        )
        .on_conflict_do_nothing()
    )  # fmt: skip
    started = exists().where(Run.file_version_id == str(upload.file_version_id))
    return (
        not session.scalars(select(started)).one()
        and newest_file_version_id(session=session, file_id=file_id) == upload.file_version_id
    )


def newest_file_version_id(*, session: Session, file_id: str) -> str:
    """The file version that was uploaded last."""
    newest = (
        select(FileVersion.file_version_id)
        .where(FileVersion.file_id == file_id)
        .order_by(FileVersion.uploaded_at.desc(), FileVersion.sequence.desc())
        .limit(1)
    )
    return session.scalars(newest).one()


def _restart(session: Session, run: Run, *, attempt: int | None) -> bool:
    """Whether the run begins anew. Without a number from Airflow, only a run that came to nothing does."""
    if attempt is None:
        if run.status in {"processing", "published"}:
            return False
        attempt = run.attempt + 1
    elif attempt <= run.attempt:
        return False
    run.attempt, run.status, run.reason, run.percent_floor = attempt, "processing", "", 0.0
    run.sequence = _NEXT_RUN
    run.started_at, run.ended_at = _CLOCK, None
    forget_progress(session=session, run_id=run.run_id)
    return True


def _end(run: Run, status: str, reason: str) -> bool:
    if RANKS[status] <= RANKS[run.status]:
        return False
    run.status, run.reason, run.ended_at = status, reason, _CLOCK
    return True


def _lock(session: Session, asset_id: str) -> Asset:
    # NO KEY: rows that refer to the asset may still be added meanwhile.
    locked = select(Asset).where(Asset.asset_id == asset_id).with_for_update(key_share=True)
    return session.scalars(locked.execution_options(populate_existing=True)).one()


def _run(session: Session, run_id: str) -> Run:
    found = session.scalars(
        select(Run).where(Run.run_id == run_id).execution_options(populate_existing=True)
    ).one_or_none()
    if found is None:
        raise RunUnknown(
            f"The catalog knows no run {run_id}: a run has to be started before it is described."
        )
    return found


def _order(session: Session, file_version_id: str, run_sequence_number: int) -> Order:
    file_version = session.get_one(FileVersion, file_version_id)
    return (file_version.uploaded_at, file_version.sequence, run_sequence_number)


def _check_same_work(session: Session, run: Run, version: PublishedVersion) -> None:
    file_version = session.get_one(FileVersion, run.file_version_id)
    for what, given, known in (
        ("asset", version.asset_id, run.asset_id),
        ("profile digest", version.profile_digest, run.profile_digest),
        ("source sha256", version.source_sha256, file_version.sha256),
    ):
        if known is not None and given != known:
            raise Conflict(
                f"Version {version.version_id} does not belong to run {run.run_id}: "
                f"its {what} is {given}, not {known}."
            )


def _add_version(session: Session, run: Run, version: PublishedVersion) -> None:
    _add_renditions(session, version.renditions)
    values = version.to_json()
    del values["renditions"]
    values["report"] = storable(values["report"])
    added = insert(AssetVersion).values(**values, file_version_id=run.file_version_id, run_id=run.run_id)
    added = added.on_conflict_do_nothing(index_elements=["version_id"])
    session.execute(added)
    owner = session.scalars(
        select(AssetVersion.asset_id).where(AssetVersion.version_id == version.version_id)
    ).one()
    if owner != version.asset_id:
        raise Conflict(f"Version {version.version_id} belongs to asset {owner}, not {version.asset_id}.")
    uses = [
        {"version_id": version.version_id, "rendition_key": rendition.rendition_key, "position": position}
        for position, rendition in enumerate(version.renditions)
    ]
    if uses:
        session.execute(insert(AssetVersionRendition).on_conflict_do_nothing(), uses)


def _add_renditions(session: Session, renditions: tuple[PublishedRendition, ...]) -> None:
    # In one order everywhere, so that two assets which share renditions can't wait for each other.
    rows = [each.to_json() for each in sorted(renditions, key=lambda each: each.rendition_key)]
    if not rows:
        return
    session.execute(insert(Rendition).on_conflict_do_nothing(), rows)
    known = session.scalars(
        select(Rendition).where(Rendition.rendition_key.in_([row["rendition_key"] for row in rows]))
    )
    by_key = {each.rendition_key: each for each in known}
    for row in rows:
        there = by_key[row["rendition_key"]]
        for name in (
            "kind",
            "codec_string",
            "container",
            "width",
            "height",
            "channels",
            "sample_rate_hz",
            "prefix",
        ):
            if getattr(there, name) != row[name]:
                raise Conflict(
                    f"Rendition {there.rendition_key} is immutable: its {name} is {getattr(there, name)!r}, "
                    f"and {row[name]!r} was to be published under the same key."
                )


def _settle(session: Session, asset: Asset) -> None:
    """Let the asset's status follow from its runs, and ask for a new document."""
    session.flush()
    latest = session.execute(
        select(Run.status, Run.reason)
        .join(FileVersion, FileVersion.file_version_id == Run.file_version_id)
        .where(Run.asset_id == asset.asset_id)
        .order_by(FileVersion.uploaded_at.desc(), FileVersion.sequence.desc(), Run.sequence.desc())
        .limit(1)
    ).one()
    # The latest run is never superseded, as nothing is newer; if it were, what plays is what counts.
    superseded = latest.status == "superseded"
    asset.status = "published" if superseded else latest.status
    asset.reason = "" if superseded else latest.reason
    asset.revision += 1
    asset.updated_at = _CLOCK
    session.flush()
    session.add(OutboxRow(asset_id=asset.asset_id, revision=asset.revision))
