"""What unit tests share: patient hypothesis settings, and golden files.

Golden files lie in `tests/golden`. `pytest tests/unit --update-golden` writes them anew; the difference is then read
like code.
"""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

GOLDEN = Path(__file__).parent.parent / "golden"

# No deadline: a machine that is busy with encodes is slow now and then.
settings.register_profile(
    "cutroom", deadline=None, max_examples=25, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("cutroom")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden", action="store_true", default=False, help="write the golden files anew"
    )


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """Compare a text with the golden file of that name."""

    def compare(name: str, text: str) -> None:
        path = GOLDEN / name
        if request.config.getoption("--update-golden", default=False):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        if not path.is_file():
            pytest.fail(f"There is no golden file {name}; write it with --update-golden and read it.")
        assert text == path.read_text()

    return compare
