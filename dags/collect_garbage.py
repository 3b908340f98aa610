"""### Collecting garbage.

Removes blocks that no file and no upload holds, and what runs left that no version needs.

**Trigger**: daily; by hand with `{"dry_run": true}` to see what would go, or another `grace_hours`.

**One run** ends uploads that nobody went on with; removes the blocks that an earlier run condemned at least
`grace_hours` ago and that still nothing holds, and condemns those that nothing holds now; removes encode chunks,
encodes, renditions, versions, plans and logs that no version of the catalog and no run that is under way needs.
Each task tells what went, and how many bytes that is.

**Idempotency key**: none is needed. What is gone is gone; a run that dies is finished by the next.

**Failures**: `collect_blocks` failed with "are not in the store": blocks of files are missing, so nothing was
removed; see `cutroom check --repair`, then clear the task. Anything else: the next day's run does the work.
"""

from datetime import UTC, datetime

from airflow.sdk import Param, dag, task

from cutroom.steps import collecting
from cutroom.steps.boundary import RETRIES, with_params

PARAMS = {
    "dry_run": Param(default=False, type="boolean"),
    "grace_hours": Param(default=collecting.GRACE_HOURS, type="number", minimum=1),
}


@dag(
    schedule="@daily",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    is_paused_upon_creation=False,
    doc_md=__doc__,
    tags=["cutroom"],
    params=PARAMS,
    default_args={**RETRIES, "pool": "io"},
)
def collect_garbage() -> None:
    """Uploads that nobody went on with, then blocks; leftovers of runs beside."""
    end_uploads = task()(with_params(collecting.end_uploads))
    collect_blocks = task()(with_params(collecting.collect_blocks))
    collect_leftovers = task()(with_params(collecting.collect_leftovers))

    end_uploads() >> collect_blocks()
    collect_leftovers()


collect_garbage()
