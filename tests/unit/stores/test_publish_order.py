from datetime import UTC, datetime, timedelta

import pytest

from cutroom.errors import UsageError
from cutroom.stores.catalog_changes import parse_time, plan_publish

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def test_the_first_version_takes_over() -> None:
    assert plan_publish(version_id="a", order=(NOON, 1, 1), current_version_id=None, current=None) == "switch"


def test_the_version_that_plays_is_not_switched_to_again() -> None:
    decision = plan_publish(version_id="a", order=(NOON, 2, 2), current_version_id="a", current=(NOON, 1, 1))
    assert decision == "already current"


@pytest.mark.parametrize(
    ("order", "decision"),
    [
        ((NOON + timedelta(seconds=1), 1, 1), "switch"),
        ((NOON - timedelta(seconds=1), 9, 9), "superseded"),
        ((NOON, 6, 1), "switch"),
        ((NOON, 4, 9), "superseded"),
        ((NOON, 5, 6), "switch"),
        ((NOON, 5, 4), "superseded"),
        ((NOON, 5, 5), "switch"),
    ],
    ids=[
        "newer upload",
        "older upload",
        "known later",
        "known earlier",
        "later run",
        "earlier run",
        "same run",
    ],
)
def test_upload_time_decides_then_the_order_of_uploads_then_that_of_runs(
    order: tuple[datetime, int, int], decision: str
) -> None:
    assert plan_publish(version_id="b", order=order, current_version_id="a", current=(NOON, 5, 5)) == decision


def test_times_without_a_zone_are_utc() -> None:
    assert parse_time("2026-11-22T12:00:00") == NOON
    assert parse_time("2026-11-22T12:00:00Z") == NOON
    assert parse_time("2026-11-22T13:00:00+01:00") == NOON


def test_what_is_no_time_is_named() -> None:
    with pytest.raises(UsageError, match="'yesterday'"):
        parse_time("yesterday")
