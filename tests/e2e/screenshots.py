"""The pictures in docs/moderators.md, made from a day that the scene plays: ``python -m tests.e2e.screenshots``.

Needs Debian's Chromium, and Pillow to make the files small.
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
IMAGES = ROOT / "docs" / "images"
PORT = 8977
#: The documentation carries no picture larger than this, in bytes.
LIMIT = 300_000
#: name, submission or room to open (none: the queue), theme, width, height
PICTURES = (
    ("desk-queue", "", "light", 1280, 860),
    ("desk-queue-dark", "", "dark", 1600, 900),
    ("desk-audio-match", "Undertow", "light", 1280, 800),
    ("desk-audio-match-dark", "Undertow", "dark", 1600, 1000),
    ("desk-ai-evidence", "Night Ferry", "light", 1280, 800),
    ("desk-identity", "Evening Bells", "dark", 1600, 1000),
    ("desk-figures", "/admin/figures/", "light", 1280, 860),
    ("desk-policy", "/admin/policy/", "light", 1280, 860),
)


def main() -> None:
    """Play the day in a place of its own, serve it, and take the pictures."""
    with tempfile.TemporaryDirectory(prefix="screenshots-") as folder:
        os.environ |= {
            "GATE_DATA": folder, "DJANGO_SETTINGS_MODULE": "config.settings", "GATE_LOG_LEVEL": "ERROR",
            "DJANGO_ALLOW_ASYNC_UNSAFE": "true",
        }  # fmt: skip
        import django

        django.setup()
        from django.core.management import call_command

        from tests.e2e import scene

        call_command("migrate", verbosity=0)
        scene.fill(Path(folder))
        command = [sys.executable, str(ROOT / "manage.py"), "runserver", "--noreload", str(PORT)]
        server = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            _wait()
            _take(scene.PASSWORD)
        finally:
            server.terminate()
            server.wait()


def _wait() -> None:
    for _ in range(60):
        try:
            urllib.request.urlopen(f"http://localhost:{PORT}/admin/login/", timeout=5).close()
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.5)
        else:
            return
    raise SystemExit("the server does not answer")


def _take(password: str) -> None:
    from playwright.sync_api import sync_playwright

    from tests.e2e.conftest import ARGUMENTS, CHROMIUM

    IMAGES.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        for name, title, theme, width, height in PICTURES:
            context = chromium.new_context(viewport={"width": width, "height": height})
            context.add_init_script(f"localStorage.setItem('theme', '{theme}')")
            page = context.new_page()
            page.goto(f"http://localhost:{PORT}/admin/")
            page.fill("#id_username", "ada")
            page.fill("#id_password", password)
            page.click("[type=submit]")
            page.wait_for_selector("table.queue")
            room = title.startswith("/")
            if room:
                page.goto(f"http://localhost:{PORT}{title}")
            elif title:
                _open(page, title)
            _save(page.screenshot(), IMAGES / f"{name}.png")
            if title and not room:
                page.click(".claim button")
            context.close()
        chromium.close()


def _open(page: Any, title: str) -> None:
    """The review page as a moderator has it: claimed, and where there is something to hear, in the middle of it."""
    page.click(f"td.what a:text-is('{title}')")
    page.click(".claim button")
    page.wait_for_selector(".claim.mine")
    if title == "Night Ferry":
        page.check("[name=verdict][value=return]", force=True)
        page.select_option("[data-fill=reason]", label="Disclosure needed")
        page.evaluate("document.activeElement.blur()")
    if page.locator(".ears").count():
        box = page.locator(".ears svg").first.bounding_box()
        page.mouse.click(box["x"] + box["width"] * 0.66, box["y"] + box["height"] * 0.9)
    page.wait_for_timeout(1500)


def _save(picture: bytes, path: Path) -> None:
    from PIL import Image

    image = Image.open(io.BytesIO(picture)).convert("RGB")
    image.quantize(256, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE).save(path, optimize=True)
    if path.stat().st_size > LIMIT:
        raise SystemExit(f"{path} is larger than {LIMIT} bytes")


if __name__ == "__main__":
    main()
