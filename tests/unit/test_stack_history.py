"""What the supervisor's log tells of restarts."""

from cutroom.stack.history import Restarts, read_history

LOG = """\
2026-11-22 17:46:33,859 INFO supervisord started with pid 21492
2026-11-22 17:46:34,861 INFO spawned: 'postgres' with pid 21500
2026-11-22 17:46:35,862 INFO success: postgres entered RUNNING state, process has stayed up for > than 1 seconds
2026-11-22 17:47:01,001 WARN exited: postgres (terminated by SIGKILL; not expected)
2026-11-22 17:47:01,003 INFO spawned: 'postgres' with pid 21600
2026-11-22 17:47:01,100 INFO reaped unknown pid 21501 (exit status 2)
2026-11-22 17:47:01,200 WARN exited: postgres (exit status 1; not expected)
2026-11-22 17:47:02,203 INFO spawned: 'postgres' with pid 21601
2026-11-22 17:48:00,000 INFO spawned: 'documents' with pid 21700
2026-11-22 17:49:00,000 INFO stopped: documents (terminated by SIGTERM)
2026-11-22 17:49:01,000 INFO spawned: 'documents' with pid 21701
2026-11-22 17:50:00,000 WARN exited: localstack (terminated by SIGSEGV (core dumped); not expected)
"""


def test_each_return_after_an_exit_counts_with_its_last_cause() -> None:
    assert read_history(LOG)["postgres"] == Restarts(
        count=2, last_exit="exit status 1", last_exit_at="2026-11-22 17:47:01"
    )


def test_a_stop_that_was_asked_for_is_no_restart() -> None:
    assert "documents" not in read_history(LOG)


def test_a_service_that_did_not_come_back_yet_has_a_cause_but_no_restart() -> None:
    found = read_history(LOG)["localstack"]
    assert (found.count, found.last_exit) == (0, "SIGSEGV (core dumped)")


def test_an_empty_log_tells_nothing() -> None:
    assert read_history("") == {}
