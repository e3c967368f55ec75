"""Start the gate, send it a day's releases through its own front door, and print what became of them."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import urllib3
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from checks.analysis import default_analyser
from intake.demo import releases
from intake.models import Label
from intake.services.catalogue import known_recordings
from intake.services.people import accounts
from intake.services.registry import protected_artists
from intake.services.storage.blobs import Incoming

#: A machine under load needs longer; a demo waits no longer.
PATIENCE = 180.0
COLOURS = {"approve": "green", "label": "cyan", "review": "yellow", "refused": "red"}


class Command(BaseCommand):
    help = "Start the gate, deliver sample releases through the REST API, print each verdict with its reasons."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="print one JSON document instead of the table")

    def handle(self, **options: Any) -> None:
        console = Console(stderr=options["json"])
        call_command("migrate", verbosity=0)
        with tempfile.TemporaryDirectory(dir=settings.GATE_DATA) as folder:
            prepare_demo_gate(Path(folder))
            console.print("Starting the gate: web, worker and beat, without any server ...")
            with running_gate() as url:
                results = list(deliver_all(url, Path(folder), console))
        if options["json"]:
            self.stdout.write(json.dumps(results, ensure_ascii=False, indent=2))
        else:
            show_demo_results(console, results)
        if wrong := [result["release"] for result in results if result["verdict"] != result["expected"]]:
            raise CommandError(f"not the verdict that was expected: {', '.join(wrong)}")


def prepare_demo_gate(folder: Path) -> None:
    """Teach the catalogue one recording of another owner, and guard one name."""
    path = releases.known_recording(folder)
    incoming = Incoming()
    incoming.write(path.read_bytes())
    facts = default_analyser().analyse(path, incoming.sha256, name=path.name)
    known_recordings.learn_recording(
        facts,
        title=releases.KNOWN_TITLE,
        artist=releases.KNOWN_ARTIST,
        isrc=releases.KNOWN_ISRC,
        owner=releases.KNOWN_OWNER,
    )
    incoming.keep()
    known_recordings.index_new_recordings()
    protected_artists.protect_artist(releases.PROTECTED_NAME)


@contextmanager
def running_gate() -> Iterator[str]:
    """The gate as ``make run`` starts it, on a free port; yields its address once it is ready."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    environment = {**os.environ, "GATE_PORT": str(port), "GATE_DATA": str(settings.GATE_DATA)}
    with (settings.GATE_LOGS / "demo.log").open("w") as log:
        command = [sys.executable, str(settings.BASE_DIR / "manage.py"), "supervise"]
        gate = subprocess.Popen(command, env=environment, stdout=log, stderr=log)  # noqa: S603  (our own command)
        try:
            wait_until_ready(url, gate)
            yield url
        finally:
            gate.send_signal(signal.SIGTERM)
            gate.wait(timeout=30)


def wait_until_ready(url: str, gate: subprocess.Popen[bytes]) -> None:
    """Return once ``/readyz`` answers 200."""
    http, deadline = urllib3.PoolManager(retries=False, timeout=2), time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if gate.poll() is not None:
            raise CommandError(f"the gate did not start: see {settings.GATE_LOGS / 'demo.log'}")
        with contextlib.suppress(urllib3.exceptions.HTTPError):  # not listening yet
            if http.request("GET", f"{url}/readyz").status == 200:
                return
        time.sleep(0.2)
    raise CommandError(f"the gate was not ready within {PATIENCE:.0f} s: see {settings.GATE_LOGS / 'demo.log'}")


def deliver_all(url: str, folder: Path, console: Console) -> Iterator[dict[str, Any]]:
    """Send every sample and yield what became of it."""
    http = urllib3.PoolManager(timeout=30)
    keys: dict[str, str] = {}
    columns = SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn()
    with Progress(*columns, console=console, transient=True) as progress:
        for number, sample in enumerate(releases.build_demo_samples(dt.datetime.now(dt.UTC).date())):
            progress.add_task(f"{sample.name}: {sample.story}", total=None)
            key = keys.setdefault(sample.label, key_of(sample.label))
            place = folder / str(number)
            place.mkdir()
            sample.make(place)
            yield deliver_sample(http, url, key, sample, place)


def key_of(name: str) -> str:
    """An API key for a label, which is made where it does not exist."""
    label = Label.objects.filter(name=name).first()
    return accounts.issue_key(label, accounts.LABEL_SCOPES) if label else accounts.create_label(name)[1]


def deliver_sample(
    http: urllib3.PoolManager, url: str, key: str, sample: releases.Sample, place: Path
) -> dict[str, Any]:
    """Send one release as a label would, and wait for its verdict."""
    began = time.monotonic()
    headers = {"Authorization": f"Bearer {key}"}
    fields: list[tuple[str, Any]] = [("metadata", ("metadata", json.dumps(sample.document), "application/json"))]
    fields += [(name, (name, (place / name).read_bytes(), "application/octet-stream")) for name in sample.files]
    answer = http.request("POST", f"{url}/api/v1/submissions", fields=fields, headers=headers)
    body = answer.json()
    result = {"release": sample.name, "story": sample.story, "expected": sample.expected, "url": None}
    if answer.status == 422:
        messages = [finding["message"] for finding in body["findings"]]
        return {**result, "verdict": "refused", "labels": [], "reasons": messages, "seconds": time.monotonic() - began}
    if answer.status != 202:
        raise CommandError(f"{sample.name}: {answer.status} {answer.data[:500]!r}")
    here = f"{url}/api/v1/submissions/{body['id']}"
    while body["state"] in ("received", "checking"):
        if time.monotonic() - began > PATIENCE:
            raise CommandError(f"{sample.name}: no verdict within {PATIENCE:.0f} s")
        time.sleep(0.1)
        body = http.request("GET", here, headers=headers).json()
    findings = http.request("GET", f"{here}/findings", headers=headers).json()
    deciding = [item for item in findings["results"] if item["code"] in body["reasons"]] or findings["results"]
    return {
        **result,
        "verdict": body["verdict"],
        "labels": [f"{label['key']}={label['value']}" for label in body["labels"]],
        "reasons": [in_words(entry) for entry in deciding] or ["Nothing was found that speaks against it."],
        "seconds": time.monotonic() - began,
        "url": f"/admin/intake/submission/{body['id']}/change/",
    }


def in_words(finding: dict[str, Any]) -> str:
    """What a finding says, with the matched places where it has some."""
    matches = (finding["evidence"] or {}).get("matches") or []
    segments = [segment for match in matches for segment in match["segments"]]
    places = [
        f"{format_elapsed(segment['start'])}–{format_elapsed(segment['end'])} here is "
        f"{format_elapsed(segment['reference_start'])}–{format_elapsed(segment['reference_end'])} there"
        for segment in segments
    ]
    return "\n".join([finding["message"], *places])


def format_elapsed(seconds: float) -> str:
    return f"{int(seconds // 60)}:{seconds % 60:04.1f}"


def show_demo_results(console: Console, results: list[dict[str, Any]]) -> None:
    """The table, and where to look further."""
    table = Table(title="What became of the releases", show_lines=True, expand=False)
    table.add_column("Release", style="bold")
    table.add_column("Verdict")
    table.add_column("Why", overflow="fold", max_width=76)
    table.add_column("Seconds", justify="right")
    for result in results:
        verdict = f"[{COLOURS[result['verdict']]}]{result['verdict']}[/]"
        labels = "".join(f"\n[cyan]{label}[/]" for label in result["labels"])
        why = Text("\n".join(result["reasons"]))  # labels' own words: never markup
        table.add_row(
            f"{result['release']}\n[dim]{result['story']}[/]", verdict + labels, why, f"{result['seconds']:.1f}"
        )
    console.print(table)
    console.print("To look at them as a moderator: [bold]make run[/], then open the address that it prints.")
