"""How far runs are, and which tools they ran. No function commits; none touches the asset or its document."""

from collections.abc import Iterable, Mapping

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from cutroom.errors import RunUnknown
from cutroom.media import progress
from cutroom.stores.json_values import storable, storable_text
from cutroom.stores.tables import Run, RunProgress, ToolRun


def record_progress(*, session: Session, run_id: str, part: progress.PartProgress) -> None:
    """Raise how far a part is; one statement, but for a part that is new or whose total changed."""
    same = (RunProgress.run_id == run_id, RunProgress.step == part.step, RunProgress.part == part.part)
    raised = update(RunProgress).where(*same, RunProgress.total == part.total)
    raised = raised.values(done=func.greatest(RunProgress.done, part.done), updated_at=func.clock_timestamp())
    raised = raised.execution_options(synchronize_session=False).returning(RunProgress.run_id)
    if session.execute(raised).first() is None:
        record_plan(session=session, run_id=run_id, parts=[part])


def record_plan(*, session: Session, run_id: str, parts: Iterable[progress.PartProgress]) -> None:
    """Add parts that will report. What was shown before stays the least that is shown."""
    run = session.execute(
        select(Run.dag_id, Run.status, Run.percent_floor).where(Run.run_id == run_id)
    ).one_or_none()
    if run is None:
        raise RunUnknown(
            f"The catalog knows no run {run_id}: a run has to be started before it is described."
        )
    shown = progress.percent_of(parts_of(session=session, run_ids=[run_id])[run_id], dag_id=run.dag_id)
    if shown > run.percent_floor:
        floor = func.greatest(Run.percent_floor, shown)
        session.execute(
            update(Run)
            .where(Run.run_id == run_id)
            .values(percent_floor=floor)
            .execution_options(synchronize_session=False)
        )
    rows = [
        {"run_id": run_id, "step": each.step, "part": each.part, "done": each.done, "total": each.total,
         "unit": each.unit}
        for each in sorted(parts, key=lambda each: (each.step, each.part))
    ]  # fmt: skip
    if not rows:
        return
    added = insert(RunProgress)
    added = added.on_conflict_do_update(
        constraint="pk_run_progress",
        set_={
            "done": func.greatest(RunProgress.done, added.excluded.done),
            "total": added.excluded.total,
            "unit": added.excluded.unit,
            "updated_at": func.clock_timestamp(),
        },
    )
    session.execute(added, rows)


def forget_progress(*, session: Session, run_id: str) -> None:
    """Begin at nothing: a further attempt reports anew."""
    session.execute(delete(RunProgress).where(RunProgress.run_id == run_id))


def parts_of(*, session: Session, run_ids: list[str]) -> dict[str, tuple[progress.PartProgress, ...]]:
    """The parts of each of these runs, by step and part."""
    found: dict[str, list[progress.PartProgress]] = {run_id: [] for run_id in run_ids}
    order = (RunProgress.run_id, RunProgress.step, RunProgress.part)
    for row in session.scalars(select(RunProgress).where(RunProgress.run_id.in_(run_ids)).order_by(*order)):
        found[row.run_id].append(
            progress.PartProgress(step=row.step, part=row.part, done=row.done, total=row.total, unit=row.unit)
        )
    return {run_id: tuple(parts) for run_id, parts in found.items()}


def record_tool(
    *,
    session: Session,
    run_id: str,
    step: str,
    part: str,
    command: str,
    versions: Mapping[str, str],
    log_key: str,
) -> None:
    """Keep a command under the run's present attempt; a task that is tried again replaces its own."""
    attempt = session.scalars(select(Run.attempt).where(Run.run_id == run_id)).one_or_none()
    if attempt is None:
        raise RunUnknown(
            f"The catalog knows no run {run_id}: a run has to be started before it is described."
        )
    row = {
        "run_id": run_id, "attempt": attempt, "step": step, "part": part, "command": storable_text(command),
        "versions": storable(versions), "log_key": log_key, "recorded_at": func.clock_timestamp(),
    }  # fmt: skip
    statement = insert(ToolRun).values(row)
    session.execute(
        statement.on_conflict_do_update(
            constraint="pk_tool_runs",
            set_={
                name: statement.excluded[name] for name in ("command", "versions", "log_key", "recorded_at")
            },
        )
    )
