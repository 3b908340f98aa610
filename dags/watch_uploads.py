"""### Watching the uploads.

Waits for files under `incoming/` of the uploads bucket and starts one `process_video` or `process_audio` run
for each object version. Always running: when one run ends, the next one waits.

**Trigger**: none; `@continuous`. Waiting takes no worker slot. A run that sees no upload for ten minutes ends
with its tasks skipped.

**One run** takes up to 100 uploads, oldest first, from the queue that S3 tells (or from a listing of the
bucket where there is no queue), starts their runs, and only then takes the messages off the queue.

**Idempotency key**: the started run's id, made of file version and profile digest. An event that comes again
finds its run there: its `start_run` is skipped.

**Failures**: `wait_for_uploads` failed: S3 or SQS refuses the credentials, see its log; correct them, and the
next run goes on. `start_run` failed: the DAG to start is not there or does not parse, or a profile is not
valid; correct it. The messages were not taken off, so the uploads come again after a minute. Nothing has to
be cleared.
"""

from datetime import UTC, datetime, timedelta

from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import XComArg, dag, task

from cutroom.steps import watch
from s3_uploads.runs import run_of
from s3_uploads.sensor import S3UploadsSensor


@dag(
    schedule="@continuous",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    max_active_runs=1,
    is_paused_upon_creation=False,
    doc_md=__doc__,
    tags=["cutroom"],
    # Starting a run takes a moment, and goes before the work of the runs. What fails for longer comes again with
    # its message, so that one upload does not hold up the others.
    default_args={"retries": 1, "retry_delay": timedelta(seconds=3), "priority_weight": 1000},
)
def watch_uploads() -> None:
    """Uploads, the runs they become, and the messages taken off."""
    # Refused credentials stay refused for a while: no new run every few seconds.
    uploads = S3UploadsSensor(task_id="wait_for_uploads", retries=10, retry_delay=timedelta(minutes=1))
    started = TriggerDagRunOperator.partial(
        task_id="start_run",
        logical_date=None,
        skip_when_already_exists=True,
        # Airflow keeps 250 characters.
        map_index_template="{{ task.conf.upload.key[-200:] }}",
    ).expand_kwargs(uploads.output.map(run_of))
    # Also where each run was there already; not where one could not be started.
    acknowledge = task(trigger_rule="none_failed_min_one_success")(watch.acknowledge)
    started >> acknowledge(XComArg(uploads, key="receipts"))  # type: ignore[arg-type]


watch_uploads()
