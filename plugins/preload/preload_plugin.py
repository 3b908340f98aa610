"""Makes ready what every task needs, before the scheduler and the DAG processor fork: children inherit it.

A task's own process took 0.5 s of CPU time for it, 24 times a run. What is inherited is of the release that ran
when the stack was started, as a restart is due after an update anyway.
"""

from importlib import import_module
from typing import Any

from airflow.listeners import hookimpl
from airflow.plugins_manager import AirflowPlugin

OF_AIRFLOW = (
    "airflow.dag_processing.dagbag",
    "airflow.sdk.definitions.decorators",
    "airflow.sdk.execution_time.supervisor",
    "airflow.sdk.execution_time.task_runner",
    "cutroom.steps.boundary",
)
"""What reads a DAG file and runs a task of it, which is imported else when it comes to that."""


def preload() -> None:
    """Import the modules that tasks are made of, and do what these do when they are used first."""
    from cutroom.steps import inherited  # noqa: PLC0415 - only what forks pays for it

    for name in OF_AIRFLOW:
        import_module(name)
    inherited.make_ready()
    inherited.import_all("block_dedup")


class Preload:
    """Listens for the start of a component of Airflow."""

    @hookimpl
    def on_starting(self, component: Any) -> None:
        """A job is the scheduler, the DAG processor or the triggerer; a task says the same of itself, too late."""
        if type(component).__name__ == "Job":
            preload()


class PreloadPlugin(AirflowPlugin):
    """Registers only."""

    name = "cutroom_preload"
    listeners = [Preload()]  # noqa: RUF012 - Airflow's base class declares a plain list
