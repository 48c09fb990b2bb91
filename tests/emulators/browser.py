"""Debian's Chromium, driven by Playwright, which reaches one port of this machine whatever name it asks for."""

import os
import shutil
import sys
from collections.abc import Generator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

from tests.program import ROOT

FOLDER = ROOT / ".venv" / "browser"
PHONE, DESKTOP = (390, 844), (1280, 900)
"""Width and height in CSS pixels."""


def missing() -> str | None:
    """Why there is no browser here; None when there is."""
    if shutil.which("chromium") is None:
        return "chromium is not installed: `.ci/install-servers` installs Debian's"
    if FOLDER.is_dir() and str(FOLDER) not in sys.path:
        # At the end: nothing of ours comes from there.
        sys.path.append(str(FOLDER))
    return None if find_spec("playwright") else "Playwright is not installed: `make test` installs it into .venv/browser"


@contextmanager
def chromium(port: int) -> Generator[Any]:
    """A browser for which every name is that port of the loopback interface, and every certificate good."""
    import playwright.sync_api  # ty: ignore[import-not-found]

    rules = f"--host-resolver-rules=MAP * 127.0.0.1:{port}"
    # Root has no sandbox, and pages of this machine alone are shown.
    options = [rules, *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    with playwright.sync_api.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=options)
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def page(browser: Any, size: tuple[int, int] = DESKTOP) -> Generator[Any]:
    """A page of a visitor of its own. Its ``problems`` are what the console calls an error, such as what a policy refuses."""
    width, height = size
    context = browser.new_context(
        ignore_https_errors=True, viewport={"width": width, "height": height}, has_touch=size == PHONE, locale="en-GB", timezone_id="UTC"
    )
    context.set_default_timeout(20_000)
    opened = context.new_page()
    opened.problems = []
    opened.on("console", lambda message: opened.problems.append(message.text) if message.type == "error" else None)
    opened.on("pageerror", lambda error: opened.problems.append(str(error)))
    try:
        yield opened
    finally:
        context.close()
