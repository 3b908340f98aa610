"""Parameters of runs at the boundary to Airflow."""

from types import SimpleNamespace
from typing import Any

import pytest

from cutroom.errors import UsageError
from cutroom.steps import boundary


def context(conf: dict[str, Any]) -> dict[str, Any]:
    """What Airflow gives a task of a DAG with one parameter: what the run was started with wins."""
    params = {"dry_run": False}
    return {
        "dag": SimpleNamespace(params=params),
        "dag_run": SimpleNamespace(conf=conf),
        "params": {**params, **conf},
    }


def test_a_step_takes_the_parameters_of_its_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boundary, "get_current_context", lambda: context({"dry_run": True}))
    assert boundary.with_params(lambda chosen: chosen)() == {"dry_run": True}


def test_a_mistyped_parameter_is_refused_before_anything_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was meant to be a dry run must not delete anything."""
    monkeypatch.setattr(boundary, "get_current_context", lambda: context({"dry-run": True}))
    with pytest.raises(UsageError, match="no parameter dry-run; it has dry_run"):
        boundary.with_params(lambda chosen: pytest.fail(str(chosen)))()
