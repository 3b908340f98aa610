"""### Storing an object in blocks, in a DAG of one's own.

**Trigger**: by hand, with the key of an object in the uploads bucket as the parameter `key`.

**One run** stores the object in blocks, of which only new ones are sent, and says how much was saved.

**Idempotency key**: the object version; what is stored is not read again.

**Failures**: the object is not there: correct the key. Anything else is tried again by the task's own retries.
"""

from typing import Any

from airflow.sdk import Param, dag, task

from block_dedup.operator import BlockDedupOperator


@dag(
    schedule=None,
    doc_md=__doc__,
    tags=["example", "cutroom"],
    params={"key": Param(type="string", description="Key of an object in the uploads bucket")},
)
def example_block_dedup() -> None:
    """An object, its blocks, and what they saved."""
    stored = BlockDedupOperator(
        task_id="store_in_blocks",
        key="{{ params.key }}",
        file_owner="archive",
        original="keep",
        retries=3,
    )

    @task
    def saved(stored: dict[str, Any]) -> str:
        known = stored["bytes_total"] - stored["bytes_sent"]
        return f"{stored['file_version_id']}: {known} of {stored['bytes_total']} bytes were there already"

    saved(stored.output)  # type: ignore[arg-type]


example_block_dedup()
