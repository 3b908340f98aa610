"""What browser tests share: one Chromium, and sample presentations made once."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from browser import sample_media
from browser.chromium import PATIENCE_MS, open_browser

expect.set_options(timeout=PATIENCE_MS)


# Of one module and not of the session: while it is open, its event loop runs in this thread, and the tests of
# other folders could not start one of theirs.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with open_browser() as browser:
        yield browser


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page with nothing from other tests."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    context.set_default_timeout(PATIENCE_MS)
    yield context.new_page()
    context.close()


@pytest.fixture(scope="session")
def sample_video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return sample_media.make_video(tmp_path_factory.mktemp("sample") / "video")


@pytest.fixture(scope="session")
def sample_audio(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return sample_media.make_audio(tmp_path_factory.mktemp("sample") / "audio")
