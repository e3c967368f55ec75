"""A real browser before the real pages: Debian's Chromium, driven by Playwright."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

#: The browser's driver belongs to the developers' packages (make e2e); without it there is nothing to collect here.
collect_ignore_glob = [] if find_spec("playwright") and find_spec("axe_playwright_python") else ["test_*.py"]

CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
#: As root and in small containers; sound starts without a hand on the mouse.
ARGUMENTS = ("--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--autoplay-policy=no-user-gesture-required")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    missing = None
    if not Path(CHROMIUM).exists():
        missing = "there is no chromium on this machine (make e2e installs Debian's)"
    try:
        import playwright  # noqa: F401
    except ImportError:
        missing = "playwright is not installed (pip install .[dev])"
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)
            if missing:
                item.add_marker(pytest.mark.skip(reason=missing))


@dataclass
class Seen:
    """What a browser did besides showing pages."""

    host: str
    strangers: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    statuses: list[tuple[str, int]] = field(default_factory=list)

    def watch(self, page: Any) -> None:
        page.on("request", lambda request: self._request(request.url))
        page.on("response", lambda response: self.statuses.append((response.url, response.status)))
        page.on("console", lambda message: self._console(message))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _request(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("data", "blob") and parts.netloc != self.host:
            self.strangers.append(url)

    def _console(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    # Playwright's loop runs in this thread, and Django takes that for an asynchronous view.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        yield chromium
        chromium.close()
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@dataclass
class Visitor:
    """One person's window."""

    page: Any
    seen: Seen
    base: str

    def open(self, path: str) -> None:
        self.page.goto(self.base + path)

    def log_in(self, name: str, password: str) -> None:
        self.open("/admin/")
        self.page.fill("#id_username", name)
        self.page.fill("#id_password", password)
        self.page.click("[type=submit]")
        self.page.wait_for_selector("table.queue, .empty")
        self.page.wait_for_load_state("load")  # whose scripts listen to keys


@pytest.fixture
def visit(browser: Any, live_server: Any) -> Iterator[Any]:
    """``visit(width=…, theme=…)`` opens a new person's window; at the end nobody may have anything to complain of."""
    contexts, watched = [], []

    def open_window(width: int = 1280, height: int = 800, theme: str = "light") -> Visitor:
        context = browser.new_context(viewport={"width": width, "height": height})
        context.set_default_timeout(15_000)
        context.add_init_script(f"localStorage.setItem('theme', '{theme}')")
        page, seen = context.new_page(), Seen(urlsplit(live_server.url).netloc)
        seen.watch(page)
        contexts.append(context)
        watched.append(seen)
        return Visitor(page, seen, live_server.url)

    yield open_window
    for context in contexts:
        context.close()
    assert [item.strangers for item in watched if item.strangers] == []
    assert [entry.complaints for entry in watched if entry.complaints] == []
