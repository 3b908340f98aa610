"""Requests that nobody thought of: whatever the documents allow, and whatever they don't, gets an answer.

Bounded, so that it stays in the suite: an answer of 500 or above is a fault, everything else is not.
"""

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.generation.modes import GenerationMode

from cutroom.api.files.app import create_app
from cutroom.settings import get_settings
from cutroom.stores.file_service import FileService
from integration.files.conftest import Uploader, fresh

pytestmark = pytest.mark.stack


app = create_app()
schema = schemathesis.openapi.from_dict(app.openapi())
schema.app = app
schema.config.generation.update(modes=[GenerationMode.POSITIVE, GenerationMode.NEGATIVE])


@pytest.fixture
def fuzz_token(service: FileService, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("CUTROOM_REQUESTS_PER_S", "100000")
    get_settings.cache_clear()
    return service.tokens.create("fuzz", name="fuzz")[1]


@schema.parametrize()
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
def test_no_request_makes_the_service_fail(case: schemathesis.Case, fuzz_token: str) -> None:
    # A wait would only cost time.
    case.query.pop("wait_s", None)
    case.call_and_validate(headers={"Authorization": f"Bearer {fuzz_token}"}, checks=(not_a_server_error,))


def test_nothing_was_lost_meanwhile(uploader: Uploader) -> None:
    uploader.upload(fresh(1))
