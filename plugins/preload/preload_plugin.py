"""Imports what tasks and DAG files import, before the scheduler and the DAG processor fork: children inherit it.

A task's own process took 0.7 s of CPU time for its imports, thirty times a run. What is inherited is of the release
that ran when the stack was started, as a restart is due after an update anyway.
"""

import pkgutil
from importlib import import_module
from typing import Any

from airflow.listeners import hookimpl
from airflow.plugins_manager import AirflowPlugin

PACKAGES = ("cutroom.ffmpeg", "cutroom.packaging", "cutroom.steps", "cutroom.stores", "block_dedup")

LEFT_OUT = "cutroom.stores.block_rpc"
"""gRPC doesn't like to be forked, and few stacks have a Block Service of its own."""


def preload() -> None:
    """Import every module of the packages that the tasks are made of."""
    for package in PACKAGES:
        for found in pkgutil.walk_packages(import_module(package).__path__, f"{package}."):
            if not found.name.startswith(LEFT_OUT):
                import_module(found.name)


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
