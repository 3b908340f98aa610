"""The operator that stores an object of S3 in blocks, and the same as the first task of a run."""

import functools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, cast

from airflow.sdk import BaseOperator, Context

from block_dedup.hook import BlockServiceHook
from cutroom.errors import SourceMissing, TransientError
from cutroom.media.upload import UploadedObject
from cutroom.settings import get_settings
from cutroom.steps import boundary, ingesting, planning
from cutroom.steps.workshop import Workshop

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from cutroom.blocks.service import BlockService


class BlockDedupOperator(BaseOperator):
    """Stores an object of S3 in blocks: only those that the Block Service has not yet are sent.

    The object is read once, by ranges, in parallel; a few blocks at a time are in memory. The value that it gives is
    small: `file_version_id`, under which the blocks can be read; `sha256` of the object; `bytes_total`, `bytes_sent`,
    `blocks_total` and `blocks_sent`. An object version that is stored already is not read again, and its `sha256` is
    empty. A task that was killed sends little of what it had sent when it is tried again.

    Args:
        key: The object's key.
        bucket: Its bucket. Default: the uploads bucket of the settings.
        version: S3's version id. Default: the newest version when the task runs.
        file_owner: Whose blocks they are: owners learn nothing of each other's. Default: as its metadata say.
        original: What becomes of the object version afterwards: `keep`, `drop` or `move`. Dropped and moved is only
            what was read back from its blocks. Default: as in the settings.
        boundaries: Where the object is cut: `fixed`, `container` or `fastcdc`. Default: as in the settings.
        aws_conn_id: Airflow connection of AWS; where there is none, the usual AWS environment counts.
        block_service_conn_id: Airflow connection of the Block Service; where there is none, the settings count.
        **kwargs: What every operator takes.
    """

    template_fields: Sequence[str] = (
        "key", "bucket", "version", "file_owner", "original", "boundaries", "aws_conn_id", "block_service_conn_id",
    )  # fmt: skip
    ui_color = "#d9e8f5"

    def __init__(
        self,
        *,
        key: str,
        bucket: str | None = None,
        version: str | None = None,
        file_owner: str | None = None,
        original: str | None = None,
        boundaries: str | None = None,
        aws_conn_id: str | None = "aws_default",
        block_service_conn_id: str = BlockServiceHook.default_conn_name,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.key = key
        self.bucket = bucket
        self.version = version
        self.file_owner = file_owner
        self.original = original
        self.boundaries = boundaries
        self.aws_conn_id = aws_conn_id
        self.block_service_conn_id = block_service_conn_id
        self._killed = False

    def execute(self, context: Context) -> dict[str, Any]:
        """Find the object version, and store it."""
        blocks, _ = self._clients
        task = context["ti"]
        lease_id = f"task {task.dag_id} {task.run_id} {task.task_id} {task.map_index}"
        stored = self.store(self._find(context), lease_id=lease_id)
        blocks.release_lease(lease_id)
        return stored

    def _find(self, context: Context) -> UploadedObject:
        """The object version; the one of the try before where that put it away and died before it ended.

        Raises:
            SourceMissing: There is none.
        """
        from cutroom.stores.uploads import find_upload  # noqa: PLC0415

        bucket = self.bucket or get_settings().uploads_bucket
        kept = context.get("task_state_store")
        try:
            upload = find_upload(self._clients[1], bucket=bucket, key=self.key, version=self.version)
        except SourceMissing:
            if kept is None or (before := kept.get("upload")) is None:
                raise
            return UploadedObject.from_json(cast("dict[str, Any]", before))
        if kept is not None:
            kept.set("upload", upload.to_json())
        return upload

    def on_kill(self) -> None:
        """Stop after the few blocks that are on their way; what was confirmed is not sent again."""
        self._killed = True

    def store(
        self, upload: UploadedObject, *, lease_id: str, progress: Callable[[float], None] = lambda _: None
    ) -> dict[str, Any]:
        """Store an object version; gives what the operator gives. `progress` is told how many bytes are through."""
        settings = get_settings()
        through = 0

        def done(count: int) -> None:
            nonlocal through
            if self._killed:
                raise TransientError(
                    "The task was ended from outside; the next try goes on from what it stored."
                )
            through += count
            progress(through)

        return ingesting.ingest(
            *self._clients,
            upload,
            owner=upload.owner if self.file_owner is None else self.file_owner,
            lease_id=lease_id,
            boundaries=self.boundaries or settings.block_boundaries,
            original=self.original or settings.ingest_original,
            moved_prefix=settings.ingest_moved_prefix,
            done=done,
        )

    @functools.cached_property
    def _clients(self) -> "tuple[BlockService, S3Client]":
        from airflow.providers.amazon.aws.hooks.s3 import S3Hook  # noqa: PLC0415

        return BlockServiceHook(self.block_service_conn_id).get_conn(), S3Hook(self.aws_conn_id).get_conn()


class IngestOperator(BlockDedupOperator):
    """`BlockDedupOperator` as the first task of a run of Cutroom.

    What it stores is the upload that the run's conf tells of. It records that the run began, and gives the run's job
    to the next task; what was stored is the XCom `ingested`. What came through the File Service is in blocks already:
    then it only holds them for the run.

    Args:
        **kwargs: What every operator takes.
    """

    template_fields: Sequence[str] = ()

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(key="", **kwargs)

    def execute(self, context: Context) -> dict[str, Any]:
        """Begin the run, and store its source."""

        def ingest(shop: Workshop, job: dict[str, Any]) -> dict[str, Any]:
            upload = UploadedObject.from_json(job["upload"])
            planning.reject_too_large(shop, upload)
            reporter = shop.progress("ingest", upload.name, upload.size_bytes, "bytes")
            stored = self.store(upload, lease_id=boundary.lease_of(shop.run_id), progress=reporter)
            reporter.finish()
            context["ti"].xcom_push(key="ingested", value=stored)
            return job

        job: dict[str, Any] = boundary.begins_run(ingest)()
        return job

    @functools.cached_property
    def _clients(self) -> "tuple[BlockService, S3Client]":
        # As in every other step of the run, and without the second that Airflow's own hook takes to load.
        from cutroom.stores.blocks import open_block_service  # noqa: PLC0415
        from cutroom.stores.s3 import s3_client  # noqa: PLC0415

        return open_block_service(get_settings()), s3_client(get_settings())
