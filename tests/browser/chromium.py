"""The system's Chromium, without a window, for tests that drive a page."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, sync_playwright

PATIENCE_MS = 120_000
"""A machine that also encodes takes its time to draw."""

ARGUMENTS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
)


def chromium_path() -> str:
    """Where Chromium is: CUTROOM_TEST_CHROMIUM, or the first that the system has."""
    named = os.environ.get("CUTROOM_TEST_CHROMIUM")
    names = ("chromium", "chromium-browser", "google-chrome")
    found = named or next(filter(None, map(shutil.which, names)), None)
    if found is None:
        raise FileNotFoundError(
            "Browser tests need Chromium. Install it (Debian: apt-get install chromium) "
            "or name it in CUTROOM_TEST_CHROMIUM."
        )
    return found


@contextmanager
def open_browser() -> Iterator[Browser]:
    """A browser that is closed on leaving."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=list(ARGUMENTS))
        try:
            yield browser
        finally:
            browser.close()
