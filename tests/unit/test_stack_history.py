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
2026-11-22 17:47:03,204 INFO success: postgres entered RUNNING state, process has stayed up for > than 1 seconds
2026-11-22 17:48:00,000 INFO spawned: 'documents' with pid 21700
2026-11-22 17:48:01,001 INFO success: documents entered RUNNING state, process has stayed up for > than 1 seconds
2026-11-22 17:49:00,000 INFO stopped: documents (terminated by SIGTERM)
2026-11-22 17:49:01,000 INFO spawned: 'documents' with pid 21701
2026-11-22 17:49:02,001 INFO success: documents entered RUNNING state, process has stayed up for > than 1 seconds
2026-11-22 17:49:30,000 INFO spawned: 'localstack' with pid 21702
2026-11-22 17:49:31,001 INFO success: localstack entered RUNNING state, process has stayed up for > than 1 seconds
2026-11-22 17:50:00,000 WARN exited: localstack (terminated by SIGSEGV (core dumped); not expected)
2026-11-22 17:51:00,000 INFO spawned: 'airflow-api' with pid 21703
2026-11-22 17:51:00,500 WARN exited: airflow-api (exit status 3; not expected)
2026-11-22 17:51:02,500 INFO spawned: 'airflow-api' with pid 21704
"""


def test_a_restart_is_over_when_the_service_stays_up_and_keeps_its_cause() -> None:
    assert read_history(LOG)["postgres"] == Restarts(
        count=1, last_exit="SIGKILL", last_exit_at="2026-11-22 17:47:01", exits=2
    )
    again = LOG + LOG.split("\n", 3)[3].replace("SIGKILL", "SIGBUS")
    assert read_history(again)["postgres"] == Restarts(
        count=2, last_exit="SIGBUS", last_exit_at="2026-11-22 17:47:01", exits=4
    )


def test_a_stop_that_was_asked_for_is_no_restart() -> None:
    assert "documents" not in read_history(LOG)


def test_a_service_that_did_not_come_back_yet_has_a_cause_but_no_restart() -> None:
    found = read_history(LOG)["localstack"]
    assert (found.count, found.last_exit) == (0, "SIGSEGV (core dumped)")


def test_a_service_that_never_ran_has_a_cause_but_no_restart() -> None:
    found = read_history(LOG)["airflow-api"]
    assert (found.count, found.last_exit) == (0, "exit status 3")


def test_an_empty_log_tells_nothing() -> None:
    assert read_history("") == {}
