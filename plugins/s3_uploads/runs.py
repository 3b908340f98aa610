"""What TriggerDagRunOperator is given for an upload."""

from typing import Any

from airflow.sdk import literal

from cutroom.steps import watch


def run_of(upload: dict[str, Any]) -> dict[str, Any]:
    """The operator's arguments that start the run of an upload.

    Names, titles and tags come from users and are never taken for templates: the operator renders what it finds
    in `conf`, and would run what an uploader wrote there.
    """
    arguments = watch.run_arguments(upload)
    return {**arguments, "conf": literal(arguments["conf"])}
