"""What tasks import is there before the processes fork that run them."""

import json
import os
import subprocess
import sys

from cutroom.settings import PROJECT_ROOT

# In an interpreter of its own, as a component of Airflow starts; then what a task of each DAG does first.
START = """
import importlib, json, os, sys
from airflow.listeners.listener import get_listener_manager
from airflow.sdk.execution_time.task_runner import TaskRunnerMarker
from airflow.sdk.listener import get_listener_manager as of_tasks

def ours():
    return {name for name in sys.modules if name.split(".")[0] in {"airflow", "cutroom", "block_dedup", "boto3"}}

of_tasks().hook.on_starting(component=TaskRunnerMarker())
in_a_task = "cutroom.steps" in sys.modules

from airflow.jobs.job import Job
Job()
before = ours()
sys.path.insert(0, "dags")
for name in sys.argv[1:]:
    importlib.import_module(name)
from cutroom.media.encode_key import adapter
from cutroom.stores import s3, tables
mapped = [one for one in vars(tables).values() if isinstance(one, type) and hasattr(one, "__mapper__")]

reads = []
sys.addaudithook(lambda event, given: event == "open" and ".json" in str(given[0]) and reads.append(str(given[0])))
s3._client("s3", "http://127.0.0.1:1", True, os.getpid())
print(json.dumps({
    "reads": reads,
    "unconfigured": [one.__name__ for one in mapped if not one.__mapper__.configured],
    "adapters": adapter.cache_info().currsize,
    "in_a_task": in_a_task,
    "loaded": sorted(before),
    "loaded_later": sorted(ours() - before),
    "has_grpc": "grpc" in sys.modules,
    "threads": len(os.listdir("/proc/self/task")),
}))
"""


def test_a_starting_component_imports_what_its_tasks_would() -> None:
    dags = sorted(path.stem for path in (PROJECT_ROOT / "dags").glob("process_*.py"))
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW_")} | {
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(PROJECT_ROOT / "plugins"),
        "PYTHONPATH": str(PROJECT_ROOT / "plugins"),
        "OPENBLAS_NUM_THREADS": "1",
    }
    ran = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", START, *dags],
        cwd=PROJECT_ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr[-3000:]
    told = json.loads(ran.stdout.splitlines()[-1])
    assert not told["in_a_task"]
    assert {"cutroom.ffmpeg.runner", "cutroom.packaging.packager", "cutroom.stores.catalog", "boto3"} <= {
        *told["loaded"]
    }
    assert told["loaded_later"] == []
    # Nor is anything left to be done once: descriptions of S3, relations of tables, the shape of a plan.
    assert (told["reads"], told["unconfigured"], told["adapters"]) == ([], [], 1)
    # Neither a library that must not be forked, nor a thread that a child would miss.
    assert not told["has_grpc"]
    assert told["threads"] == 1
