"""How processes share the tests: a file is left to one of them, as its tests share what they make."""

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

WITH_AIRFLOW = ("tests/e2e/", "tests/browser/test_player_page.py", "tests/browser/test_upload_page.py")
"""Where all tests are that need Airflow: they are left to one process, as there is one Airflow."""

ORDER = (*WITH_AIRFLOW, "tests/browser/", "tests/media/", "tests/integration/", "")
"""What takes long is begun first, so that all processes end together."""


class Files(LoadScopeScheduling):
    """Gives each process a file at a time."""

    def _split_scope(self, nodeid: str) -> str:
        return "with Airflow" if nodeid.startswith(WITH_AIRFLOW) else nodeid.split("::", 1)[0]


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Files:
    return Files(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Order the tests where processes share them; a single one takes them as they come."""
    for item in items:
        if asks_for_airflow(item) and not item.nodeid.startswith(WITH_AIRFLOW):
            raise pytest.UsageError(f"{item.nodeid} needs Airflow: name its file in sharing.WITH_AIRFLOW.")
    if hasattr(config, "workerinput"):
        items.sort(
            key=lambda item: next(place for place, name in enumerate(ORDER) if item.nodeid.startswith(name))
        )


def asks_for_airflow(item: pytest.Item) -> bool:
    """Whether a test uses the stack with Airflow."""
    return "airflow_stack" in getattr(item, "fixturenames", ())
