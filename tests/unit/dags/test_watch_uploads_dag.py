"""The DAG that watches the uploads: cheap to parse, and wired so that nothing is lost."""

import json
import subprocess
import sys

from cutroom.settings import PROJECT_ROOT

PARSE = """
import json, sys
sys.path[:0] = ["include", "plugins", "dags"]
import watch_uploads
heavy = ("cutroom.stores", "cutroom.ffmpeg", "pymongo", "numpy", "av", "boto3", "aiobotocore", "fastapi")
loaded = sorted(name for name in sys.modules if name in heavy)
dag = watch_uploads.watch_uploads()
tasks = {task.task_id: task for task in dag.tasks}
print(json.dumps({
    "loaded": loaded,
    "downstream": {name: sorted(task.downstream_task_ids) for name, task in tasks.items()},
    "rule": tasks["acknowledge"].trigger_rule,
    "start_from_trigger": tasks["wait_for_uploads"].start_from_trigger,
    "partial": {name: str(value) for name, value in tasks["start_run"].partial_kwargs.items()},
    "max_active_runs": dag.max_active_runs,
    "doc": dag.doc_md,
}))
"""


def test_the_dag_is_cheap_to_parse_and_acknowledges_last() -> None:
    ran = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", PARSE],
        cwd=PROJECT_ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    dag = json.loads(ran.stdout.splitlines()[-1])
    assert dag["loaded"] == []
    assert dag["downstream"] == {
        "wait_for_uploads": ["acknowledge", "start_run"],
        "start_run": ["acknowledge"],
        "acknowledge": [],
    }
    # Also when every run was there already (all skipped); not when one could not be started.
    assert dag["rule"] == "none_failed_min_one_success"
    assert dag["start_from_trigger"]
    assert dag["partial"]["skip_when_already_exists"] == "True"
    assert dag["partial"]["logical_date"] == "None"
    assert dag["max_active_runs"] == 1
    assert "Idempotency key" in dag["doc"]
