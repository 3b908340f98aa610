"""The catalog: assets, what was uploaded for them, the runs that made them, and the version that plays.

PostgreSQL is the truth. Each method is one transaction and may be repeated; each change that the document
shows leaves an outbox row in the same transaction (`stores/outbox.py` delivers it).

Invariants:

- An asset must only play a version of its own whose run verified it. The switch is one transaction.
- A run's status must only climb within an attempt: processing, failed, rejected, superseded, published.
- What plays must never be replaced by an older upload, nor by an older run of the same upload.
- An asset's status is that of the latest run of its newest upload; what plays is independent of it.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from cutroom.media.progress import PartProgress
from cutroom.media.upload import UploadedObject
from cutroom.media.version import PublishedVersion
from cutroom.stores import catalog_changes, catalog_progress, catalog_reading, migrations
from cutroom.stores.database import Database
from cutroom.stores.records import AssetRecord, RunRecord, ToolRunRecord

# A migration may rewrite a large table; it is the operator who ends it.
_NO_TIMEOUT = "0"


class Catalog:
    """One PostgreSQL database. Connects when first used; safe to share between threads and across forks.

    Every method raises `StoreUnavailable` when the database is away, and `RunUnknown` for a run that was not
    started.
    """

    def __init__(self, database_url: str) -> None:
        self._database = Database(database_url)

    @property
    def database(self) -> Database:
        """The transactions that `stores/outbox.py` shares."""
        return self._database

    def close(self) -> None:
        """Give the connections back."""
        self._database.close()

    def migrate(self) -> list[str]:
        """Bring the tables up to date; gives the names of what was applied.

        Raises:
            MigrationsDiffer: The database was migrated by other files than those in `sql/`.
        """
        with self._database.transaction(statement_timeout=_NO_TIMEOUT, lock_timeout=_NO_TIMEOUT) as session:
            return migrations.apply_migrations(session.connection(), migrations.read_migrations())

    def start_run(
        self, *, run_id: str, dag_id: str, upload: UploadedObject, profile: str, profile_digest: str,
        attempt: int | None = None,
    ) -> None:  # fmt: skip
        """Record that a run works on an upload: the asset is `processing`.

        A repeated call changes nothing. A run that ended begins anew only when it is really run again: when
        `attempt` is greater than the attempt known. Without `attempt`, a failed, rejected or superseded run
        counts as run again, a published one does not.

        Args:
            run_id: Airflow's run id, the same for the same work.
            dag_id: The DAG; decides how progress is weighed.
            upload: What was uploaded. Title and tags become the asset's where it is the newest upload.
            profile: Name of the profile.
            profile_digest: Digest of the profile as resolved.
            attempt: 1, and one more each time the run is cleared in Airflow (its clear number plus one).

        Raises:
            Conflict: The run id is known for another upload.
        """
        with self._database.transaction() as session:
            catalog_changes.start_run(
                session=session, run_id=run_id, dag_id=dag_id, upload=upload, profile=profile,
                profile_digest=profile_digest, attempt=attempt,
            )  # fmt: skip

    def resume_run(self, *, run_id: str, attempt: int) -> bool:
        """Begin a further attempt without the run's first task: some of its tasks were cleared.

        Returns:
            False when the attempt had begun before, and for a published run, whose outcome one task does not
            question; nothing is changed then.
        """
        with self._database.transaction() as session:
            return catalog_changes.resume_run(session=session, run_id=run_id, attempt=attempt)

    def record_source(self, *, run_id: str, sha256: str, source: Mapping[str, Any]) -> None:
        """Keep the digest and the probe's facts of the upload that the run works on.

        Raises:
            Conflict: The same upload was read with another digest before.
        """
        with self._database.transaction() as session:
            catalog_changes.record_source(session=session, run_id=run_id, sha256=sha256, source=source)

    def record_plan(self, *, run_id: str, parts: Iterable[PartProgress]) -> None:
        """Name all parts that will report, so that the first of many does not pass for the whole step."""
        with self._database.transaction() as session:
            catalog_progress.record_plan(session=session, run_id=run_id, parts=list(parts))

    def record_progress(
        self, *, run_id: str, step: str, part: str, done: float, total: float, unit: str = "s"
    ) -> None:
        """Raise how far a part of a step is; less than was known is ignored. Meant for once a second."""
        progress = PartProgress(step=step, part=part, done=max(0.0, done), total=max(0.0, total), unit=unit)
        with self._database.transaction() as session:
            catalog_progress.record_progress(session=session, run_id=run_id, part=progress)

    def record_tool(
        self, *, run_id: str, step: str, part: str, command: str, versions: Mapping[str, str], log_key: str
    ) -> None:
        """Keep the exact command of a media tool, the versions of what ran, and the key of its full log.

        A task that is tried again replaces its own; commands of earlier attempts of the run stay.
        """
        with self._database.transaction() as session:
            catalog_progress.record_tool(
                session=session, run_id=run_id, step=step, part=part, command=command, versions=versions,
                log_key=log_key,
            )  # fmt: skip

    def publish(self, *, run_id: str, version: PublishedVersion) -> bool:
        """Switch the asset to a verified version: renditions, version, switch and outbox in one transaction.

        Returns:
            True when the asset switched. False when this version played already (the run is published all the
            same), and when a newer upload or run plays (the run ends as superseded, with the reason).

        Raises:
            Conflict: The version was made from another upload or profile than the run's, or one of its
                renditions is known with other facts.
        """
        with self._database.transaction() as session:
            return catalog_changes.publish(session=session, run_id=run_id, version=version)

    def end_run(
        self, *, run_id: str, status: Literal["failed", "rejected"], reason: str, attempt: int | None = None
    ) -> None:
        """End a run that made nothing. The first reason stays, but a rejection replaces a failure.

        A run that is published or superseded stays so, and what plays goes on playing.

        Args:
            run_id: The run.
            status: What became of it.
            reason: Why.
            attempt: Whose word this is, counted as of `start_run`: an attempt that was cleared meanwhile says nothing
                of the one that followed, so nothing is changed then. None: the present one's.
        """
        with self._database.transaction() as session:
            catalog_changes.end_run(
                session=session, run_id=run_id, status=status, reason=reason, attempt=attempt
            )

    def asset(self, asset_id: str) -> AssetRecord:
        """The asset of an id or of a unique beginning of one.

        Raises:
            AssetUnknown: There is none, or there are several; the message names them.
        """
        with self._database.snapshot() as session:
            known = catalog_reading.resolve_asset_id(session=session, asset_id=asset_id)
            return catalog_reading.asset_records(session=session, asset_ids=[known])[0]

    def assets(self, *, status: str | None = None, limit: int = 100, offset: int = 0) -> list[AssetRecord]:
        """Assets of a status, or all, with the latest change first."""
        with self._database.snapshot() as session:
            asset_ids = catalog_reading.list_asset_ids(
                session=session, status=status, limit=limit, offset=offset
            )
            return catalog_reading.asset_records(session=session, asset_ids=asset_ids)

    def run(self, run_id: str) -> RunRecord | None:
        """One run, or None where it is not known."""
        with self._database.snapshot() as session:
            return catalog_reading.run_record(session=session, run_id=run_id)

    def tools(self, run_id: str) -> list[ToolRunRecord]:
        """The commands that a run executed, oldest first."""
        with self._database.snapshot() as session:
            return catalog_reading.tool_records(session=session, run_id=run_id)
