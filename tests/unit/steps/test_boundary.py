"""Parameters of runs at the boundary to Airflow."""

from types import SimpleNamespace
from typing import Any

import pytest

from cutroom.errors import CutroomError, SourceCorrupt, StoreUnavailable, UsageError
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


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (SourceCorrupt("It ends early."), "rejected"),
        (UsageError("No."), "failed"),
        (StoreUnavailable("Away."), "failed"),
    ],
)
def test_a_task_reports_for_the_attempt_that_it_belongs_to(
    error: CutroomError, status: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Airflow counts how often a run was cleared; a task keeps the number that it began under."""
    ended: list[dict[str, Any]] = []
    catalog = SimpleNamespace(end_run=lambda **said: ended.append(said), resume_run=lambda **_: False)
    monkeypatch.setattr(boundary, "_catalog", lambda: catalog)
    monkeypatch.setattr(boundary, "_workshop", lambda *_: None)
    cleared_twice = {
        "dag_run": SimpleNamespace(run_id="fv--web", clear_number=2),
        "ti": SimpleNamespace(task_id="split", try_number=4, max_tries=3),
    }
    monkeypatch.setattr(boundary, "get_current_context", lambda: cleared_twice)

    def step(_: object) -> None:
        raise error

    with pytest.raises(type(error)):
        boundary.in_airflow(step)()
    assert [(one["status"], one["attempt"]) for one in ended] == [(status, 3)]
