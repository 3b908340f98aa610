"""Records from the catalog's tables, read in the caller's transaction with a fixed number of statements."""

from collections import defaultdict
from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from cutroom.errors import AssetUnknown
from cutroom.media.version import PublishedRendition, PublishedVersion
from cutroom.stores.catalog_progress import parts_of
from cutroom.stores.records import AssetRecord, HistoryEntry, RunRecord, SourceRecord, ToolRunRecord
from cutroom.stores.tables import (
    Asset,
    AssetVersion,
    AssetVersionRendition,
    File,
    FileVersion,
    Rendition,
    Run,
    ToolRun,
)

_SHOWN_MATCHES = 5
_RENDITION_FACTS = tuple(PublishedRendition.__dataclass_fields__)
_VERSION_FACTS = tuple(
    name
    for name in PublishedVersion.__dataclass_fields__
    if name not in {"renditions", "thumbnails", "other_manifests", "downloads"}
)


def resolve_asset_id(*, session: Session, asset_id: str) -> str:
    """The whole id for an id or a unique beginning of one, with or without `as_`.

    Raises:
        AssetUnknown: There is none, or there are several.
    """
    prefix = asset_id if asset_id.startswith("as_") else f"as_{asset_id}"
    statement = select(Asset.asset_id).where(Asset.asset_id.startswith(prefix, autoescape=True))
    found = list(session.scalars(statement.order_by(Asset.asset_id).limit(_SHOWN_MATCHES + 1)))
    if asset_id and prefix in found:
        return prefix
    if not found or not asset_id:
        raise AssetUnknown(f"There is no asset {asset_id!r}; `cutroom assets` lists them.")
    if len(found) > 1:
        names = ", ".join(found[:_SHOWN_MATCHES]) + (", …" if len(found) > _SHOWN_MATCHES else "")
        raise AssetUnknown(f"{asset_id!r} may mean several assets: {names}. Give more of the id.")
    return found[0]


def list_asset_ids(*, session: Session, status: str | None, limit: int, offset: int) -> list[str]:
    """Ids of the assets of a status, or of all, with the latest change first."""
    statement = (
        select(Asset.asset_id).order_by(Asset.updated_at.desc(), Asset.asset_id).limit(limit).offset(offset)
    )
    if status is not None:
        statement = statement.where(Asset.status == status)
    return list(session.scalars(statement))


def asset_ids_after(*, session: Session, after: str, limit: int) -> list[str]:
    """A page of all ids, in their order."""
    statement = select(Asset.asset_id).where(Asset.asset_id > after).order_by(Asset.asset_id).limit(limit)
    return list(session.scalars(statement))


def asset_records(*, session: Session, asset_ids: Sequence[str]) -> list[AssetRecord]:
    """The records of these assets, in this order; unknown ones are left out."""
    assets = {
        each.asset_id: each for each in session.scalars(select(Asset).where(Asset.asset_id.in_(asset_ids)))
    }
    files = {
        each.file_id: each
        for each in session.scalars(
            select(File).where(File.file_id.in_([each.file_id for each in assets.values()]))
        )
    }
    newest = _newest_file_versions(session, list(files))
    versions = _current_versions(session, [each.current_version_id for each in assets.values()])
    history = _history(session, list(assets))
    runs = run_records(session=session, asset_ids=list(assets))
    return [
        _record(
            asset=assets[asset_id],
            file=files[assets[asset_id].file_id],
            newest=newest[assets[asset_id].file_id],
            version=versions.get(assets[asset_id].current_version_id or ""),
            history=history[asset_id],
            runs=runs[asset_id],
        )
        for asset_id in asset_ids
        if asset_id in assets
    ]


def run_records(*, session: Session, asset_ids: Sequence[str]) -> dict[str, tuple[RunRecord, ...]]:
    """The runs of each asset: those of the newest upload first, and among these the latest started."""
    statement = (
        select(Run, func.clock_timestamp())
        .join(FileVersion, FileVersion.file_version_id == Run.file_version_id)
        .where(Run.asset_id.in_(asset_ids))
        .order_by(FileVersion.uploaded_at.desc(), FileVersion.sequence.desc(), Run.sequence.desc())
    )
    rows = [(run, read_at) for run, read_at in session.execute(statement)]
    parts = parts_of(session=session, run_ids=[run.run_id for run, _ in rows])
    found: dict[str, list[RunRecord]] = {asset_id: [] for asset_id in asset_ids}
    for run, read_at in rows:
        found[run.asset_id].append(
            RunRecord(
                run_id=run.run_id, dag_id=run.dag_id, asset_id=run.asset_id,
                file_version_id=run.file_version_id, profile=run.profile, profile_digest=run.profile_digest,
                status=run.status, reason=run.reason, version_id=run.version_id, attempt=run.attempt,
                started_at=run.started_at, ended_at=run.ended_at, read_at=read_at,
                percent_floor=run.percent_floor, parts=parts[run.run_id],
            )
        )  # fmt: skip
    return {asset_id: tuple(each) for asset_id, each in found.items()}


def run_record(*, session: Session, run_id: str) -> RunRecord | None:
    """One run, or None where it is not known."""
    asset_id = session.scalars(select(Run.asset_id).where(Run.run_id == run_id)).one_or_none()
    if asset_id is None:
        return None
    runs = run_records(session=session, asset_ids=[asset_id])[asset_id]
    return next(run for run in runs if run.run_id == run_id)


def tool_records(*, session: Session, run_id: str) -> list[ToolRunRecord]:
    """The commands that a run executed, in the order in which they were recorded."""
    statement = (
        select(ToolRun)
        .where(ToolRun.run_id == run_id)
        .order_by(ToolRun.recorded_at, ToolRun.step, ToolRun.part)
    )
    return [
        ToolRunRecord(
            attempt=each.attempt, step=each.step, part=each.part, command=each.command,
            versions=each.versions, log_key=each.log_key, recorded_at=each.recorded_at,
        )
        for each in session.scalars(statement)
    ]  # fmt: skip


def _newest_file_versions(session: Session, file_ids: Sequence[str]) -> dict[str, FileVersion]:
    statement = (
        select(FileVersion)
        .where(FileVersion.file_id.in_(file_ids))
        .ext(distinct_on(FileVersion.file_id))
        .order_by(FileVersion.file_id, FileVersion.uploaded_at.desc(), FileVersion.sequence.desc())
    )
    return {each.file_id: each for each in session.scalars(statement)}


def _current_versions(session: Session, version_ids: Sequence[str | None]) -> dict[str, PublishedVersion]:
    wanted = [each for each in version_ids if each is not None]
    renditions: dict[str, list[PublishedRendition]] = defaultdict(list)
    uses = (
        select(AssetVersionRendition.version_id, Rendition)
        .join(Rendition, Rendition.rendition_key == AssetVersionRendition.rendition_key)
        .where(AssetVersionRendition.version_id.in_(wanted))
        .order_by(AssetVersionRendition.version_id, AssetVersionRendition.position)
    )
    for version_id, row in session.execute(uses):
        facts = {name: getattr(row, name) for name in _RENDITION_FACTS}
        renditions[version_id].append(PublishedRendition(**facts))
    return {
        row.version_id: PublishedVersion(
            **{name: getattr(row, name) for name in _VERSION_FACTS},
            thumbnails=dict(row.thumbnails),
            other_manifests=dict(row.other_manifests),
            downloads=dict(row.downloads),
            renditions=tuple(renditions[row.version_id]),
        )
        for row in session.scalars(select(AssetVersion).where(AssetVersion.version_id.in_(wanted)))
    }


def _history(session: Session, asset_ids: Sequence[str]) -> dict[str, tuple[HistoryEntry, ...]]:
    found: dict[str, list[HistoryEntry]] = {asset_id: [] for asset_id in asset_ids}
    facts = (
        AssetVersion.asset_id, AssetVersion.version_id, AssetVersion.profile, AssetVersion.profile_digest,
        AssetVersion.source_sha256, AssetVersion.run_id, AssetVersion.published_at,
    )  # fmt: skip
    statement = select(*facts).where(AssetVersion.asset_id.in_(asset_ids))
    for row in session.execute(statement.order_by(AssetVersion.published_at.desc(), AssetVersion.version_id)):
        found[row.asset_id].append(
            HistoryEntry(
                version_id=row.version_id, profile=row.profile, profile_digest=row.profile_digest,
                source_sha256=row.source_sha256, run_id=row.run_id, published_at=row.published_at,
            )
        )  # fmt: skip
    return {asset_id: tuple(each) for asset_id, each in found.items()}


def _record(
    *, asset: Asset, file: File, newest: FileVersion, version: PublishedVersion | None,
    history: tuple[HistoryEntry, ...], runs: tuple[RunRecord, ...],
) -> AssetRecord:  # fmt: skip
    return AssetRecord(
        asset_id=asset.asset_id, title=asset.title, owner=file.owner, tags=tuple(asset.tags),
        status=asset.status, reason=asset.reason, revision=asset.revision, created_at=asset.created_at,
        updated_at=asset.updated_at,
        source=SourceRecord(
            file_id=file.file_id, file_version_id=newest.file_version_id, bucket=file.bucket, key=file.key,
            version=newest.s3_version, size_bytes=newest.size_bytes, uploaded_at=newest.uploaded_at,
            sha256=newest.sha256, facts=newest.source or {},
        ),
        version=version, history=history, runs=runs,
    )  # fmt: skip
