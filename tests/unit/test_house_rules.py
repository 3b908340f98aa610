"""What must hold for every file of its kind: DAGs, profiles, dependencies, and the text of the repository."""

import json
import os
import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from cutroom.media.profile import load_profile
from cutroom.settings import PROJECT_ROOT

DAG_FILES = sorted((PROJECT_ROOT / "dags").glob("*.py"))
GOLDEN = PROJECT_ROOT / "tests" / "golden" / "dags"
POOLS = {"encode", "io", "default_pool"}
QUEUES = {"encode": "encode"}
"""Pools whose tasks have workers of their own; all others are served by the default queue."""
HEAVY = (
    "cutroom.stores",
    "cutroom.ffmpeg",
    "cutroom.packaging",
    "pymongo",
    "av",
    "numpy",
    "pandas",
    "fastapi",
    "cutroom.api",
    "grpc",
)

# Runs in an interpreter of its own, where nothing has been imported but Airflow's SDK.
READ_DAGS = """
import importlib, json, sys
from datetime import timedelta
from airflow.sdk.definitions._internal.contextmanager import DagContext
from airflow.sdk.definitions.mappedoperator import MappedOperator

sys.path[:0] = ["include", "plugins", "dags"]

def plain(value):
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, timedelta):
        return f"{value.total_seconds():g} s"
    return getattr(value, "value", None) or type(value).__name__

def facts(task):
    mapped = isinstance(task, MappedOperator)
    told = {
        "mapped": mapped,
        "map_index_template": getattr(task, "map_index_template", None),
        "pool": task.pool,
        "queue": task.queue,
        "trigger_rule": task.trigger_rule,
        "retries": task.retries,
        "retry_delay": task.retry_delay,
        "retry_policy": getattr(task, "retry_policy", None),
        "execution_timeout": task.execution_timeout,
        "priority_weight": task.priority_weight,
        "teardown": task.is_teardown,
        "downstream": None,
    }
    return {name: plain(value) for name, value in told.items()} | {
        "downstream": sorted(task.downstream_task_ids)
    }

heavy, names = json.loads(sys.argv[1]), sys.argv[2:]
read = {}
for name in names:
    DagContext.autoregistered_dags.clear()
    DagContext.current_autoregister_module_name = name
    module = importlib.import_module(name)
    dags = [dag for dag, _ in DagContext.autoregistered_dags]
    read[name] = {
        "loaded": sorted({one for one in sys.modules for bad in heavy if one == bad or one.startswith(bad + ".")}),
        "module_doc": module.__doc__,
        "dags": [
            {
                "dag_id": dag.dag_id,
                "doc_md": dag.doc_md,
                "graph": {
                    "schedule": plain(dag.schedule),
                    "catchup": dag.catchup,
                    "max_active_runs": dag.max_active_runs,
                    "tags": sorted(dag.tags),
                    "tasks": {task.task_id: facts(task) for task in dag.tasks},
                },
            }
            for dag in dags
        ],
    }
print(json.dumps(read))
"""


@cache
def read_dags() -> dict[str, Any]:
    """Each DAG file as a clean interpreter reads it."""
    command = [sys.executable, "-W", "ignore", "-c", READ_DAGS, json.dumps(HEAVY)]
    # A stack that runs for other tests says in the environment where its configuration is.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW_")}
    done = subprocess.run(
        [*command, *(path.stem for path in DAG_FILES)],
        cwd=PROJECT_ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


every_dag = pytest.mark.parametrize("name", [path.stem for path in DAG_FILES])


def test_there_are_dags() -> None:
    assert {"watch_uploads", "process_video", "process_audio"} <= {path.stem for path in DAG_FILES}


@every_dag
def test_reading_a_dag_file_loads_no_driver_and_no_media_library(name: str) -> None:
    assert read_dags()[name]["loaded"] == []


@every_dag
def test_a_dag_file_holds_the_one_dag_that_it_is_named_for(name: str) -> None:
    assert [dag["dag_id"] for dag in read_dags()[name]["dags"]] == [name]


@every_dag
def test_a_dag_is_documented_by_the_docstring_of_its_file(name: str) -> None:
    read = read_dags()[name]
    assert read["dags"][0]["doc_md"] == read["module_doc"]
    for part in ("**Trigger**", "**One run**", "**Idempotency key**", "**Failures**"):
        assert part in read["module_doc"], part


@every_dag
def test_a_dag_has_our_tag_and_only_pools_that_exist(name: str) -> None:
    graph = read_dags()[name]["dags"][0]["graph"]
    assert "cutroom" in graph["tags"]
    assert {task["pool"] for task in graph["tasks"].values()} <= POOLS


def test_what_keeps_a_core_busy_goes_to_the_workers_that_are_for_it() -> None:
    for name, read in read_dags().items():
        for task_id, task in read["dags"][0]["graph"]["tasks"].items():
            assert task["queue"] == QUEUES.get(task["pool"], "default"), f"{name}.{task_id}"


@pytest.mark.parametrize("name", ["process_video", "process_audio"])
def test_of_many_runs_none_has_to_wait_for_the_encodes_of_all_others(name: str) -> None:
    tasks = read_dags()[name]["dags"][0]["graph"]["tasks"]

    def behind(task_id: str) -> set[str]:
        nearest = tasks[task_id]["downstream"]
        return {*nearest}.union(*map(behind, nearest))

    # Airflow takes the task with the highest sum of its weight and of all behind it, and of equals the first of a map.
    order = {
        task_id: sum(tasks[one]["priority_weight"] for one in {task_id, *behind(task_id)})
        for task_id, task in tasks.items()
        if task["pool"] == "encode"
    }
    assert order.pop("probe") > max(order.values())
    assert "thumbnails" in order
    assert len(set(order.values())) == 1, order


@every_dag
def test_every_mapped_task_says_what_each_of_its_instances_is(name: str) -> None:
    tasks = read_dags()[name]["dags"][0]["graph"]["tasks"]
    assert [
        task_id for task_id, task in tasks.items() if task["mapped"] and not task["map_index_template"]
    ] == []


@every_dag
def test_the_graph_of_a_dag_is_the_one_that_was_reviewed(name: str) -> None:
    """UPDATE_GOLDEN=1 writes the graphs anew; the change then shows in review."""
    graph = read_dags()[name]["dags"][0]["graph"]
    golden = GOLDEN / f"{name}.json"
    if os.environ.get("UPDATE_GOLDEN") == "1":
        golden.write_text(json.dumps(graph, indent=2, sort_keys=True) + "\n")
    assert golden.is_file(), "There is no reviewed graph yet: run this test once with UPDATE_GOLDEN=1."
    assert graph == json.loads(golden.read_text())


def test_every_reviewed_graph_has_its_dag() -> None:
    assert sorted(path.stem for path in GOLDEN.glob("*.json")) == [path.stem for path in DAG_FILES]


@cache
def repository_files() -> tuple[Path, ...]:
    """Files that are, or are about to be, part of the repository."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=PROJECT_ROOT, capture_output=True, text=True, check=True)
    return tuple(
        path for name in listed.stdout.split("\0") if name and (path := PROJECT_ROOT / name).is_file()
    )


# The dots are escaped here, so this file does not name what it forbids.
PACKAGE_HOSTS = re.compile(
    r"\b(?:(?:test\.)?pypi\.org|pythonhosted\.org|registry\.npmjs\.org|registry\.yarnpkg\.com|proxy\.golang\.org"
    r"|(?:registry-1|index|hub)\.docker\.(?:io|com)|ghcr\.io|quay\.io|gcr\.io)\b"
    r"|[\w.-]*(?:artifactory|jfrog|devpi)[\w-]*\.\w+|--(?:extra-)?index-url\s",
    re.IGNORECASE,
)
MACHINE_PATHS = re.compile(
    r"(?<![\w.$}~/-])/(?:home|Users|work|workspace|mnt|media|srv)/[A-Za-z0-9_]|[A-Z]:\\Users\\"
)


def lines_with(pattern: re.Pattern[str]) -> list[str]:
    """Where in the repository's text a pattern occurs."""
    found = []
    for path in repository_files():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        for number, line in enumerate(text.splitlines(), start=1):
            found += [
                f"{path.relative_to(PROJECT_ROOT)}:{number}: {match[0]}" for match in pattern.finditer(line)
            ]
    return found


def test_no_file_names_a_package_registry() -> None:
    assert lines_with(PACKAGE_HOSTS) == []


def test_no_file_names_a_path_of_one_machine() -> None:
    assert lines_with(MACHINE_PATHS) == []


@pytest.mark.parametrize(
    "text", ["see https://" + "pypi." + "org/project/x", "FROM " + "ghcr." + "io/x/y", "--index" + "-url x"]
)
def test_a_package_registry_is_recognised(text: str) -> None:
    assert PACKAGE_HOSTS.search(text)


@pytest.mark.parametrize(
    "text", ["cd " + "/home" + "/ada/x", '"' + "/Users" + '/ada"', "C:" + "\\Users\\ada"]
)
def test_a_path_of_one_machine_is_recognised(text: str) -> None:
    assert MACHINE_PATHS.search(text)


@pytest.mark.parametrize(
    "text", ["s3://cutroom-work/home/x", "$HOME/work/x", "/var/lib/cutroom", "api/v2/work/x"]
)
def test_other_paths_are_left_alone(text: str) -> None:
    assert not MACHINE_PATHS.search(text)


@pytest.mark.parametrize("name", ["requirements.in", "requirements-localstack.in"])
def test_every_direct_dependency_has_its_reason(name: str) -> None:
    lines = (PROJECT_ROOT / name).read_text().splitlines()
    wanted = [line for line in lines if line.strip() and not line.startswith("#")]
    assert wanted
    assert [line for line in wanted if not re.fullmatch(r"\S+\s+# \S.+", line)] == []


def test_every_shipped_profile_loads() -> None:
    shipped = sorted((PROJECT_ROOT / "include" / "cutroom" / "profiles").glob("*.yaml"))
    assert {"web", "podcast"} <= {path.stem for path in shipped}
    for path in shipped:
        assert load_profile(path.stem).name == path.stem


NAMED_TEST = re.compile(r"`(tests/[\w/]+\.py)?(?:::(test_\w+)…?)?`")


def missing_tests(text: str) -> list[str]:
    """The tests that a page names, by their file, the beginning of their name, or both, and that are not there."""
    tests = {
        path.relative_to(PROJECT_ROOT).as_posix(): re.findall(r"def (test_\w+)", path.read_text())
        for path in (PROJECT_ROOT / "tests").rglob("*.py")
    }
    missing = []
    for found in NAMED_TEST.finditer(text):
        path, name = found[1], found[2]
        names = tests.get(path, []) if path else [each for several in tests.values() for each in several]
        is_there = path in tests if name is None else any(each.startswith(name) for each in names)
        if (path or name) and not is_there:
            missing.append(found[0])
    return missing


@pytest.mark.parametrize("page", sorted(path.name for path in (PROJECT_ROOT / "docs").glob("*.md")))
def test_every_test_that_a_page_names_is_there(page: str) -> None:
    assert missing_tests((PROJECT_ROOT / "docs" / page).read_text()) == []


def test_a_test_that_is_not_there_is_recognised() -> None:
    gone = ["`::test_of_nothing_…`", "`tests/unit/test_nothing.py`", "`tests/unit/test_ids.py::test_nothing`"]
    assert missing_tests(" ".join(["`tests/unit/test_ids.py`", "``", *gone])) == gone
