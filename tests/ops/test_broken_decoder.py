"""The whole gate with a library that is really broken: releases wait, the cause is told, and the repair is enough."""

import json
import shutil
import subprocess
import sys

import pytest
import urllib3

from intake.demo import covers, sounds
from tests.intake.factories import a_document
from tests.ops.test_gate import ROOT, Gate
from tests.ops.waiting import until

#: What stands in for PyAV, by the error that it raises.
BROKEN = {
    # As PyAV 19.0.2 raises for every file of a program written for version 18.
    "TypeError": """
import sys
from pathlib import Path
here = str(Path(__file__).parent.parent)
sys.path.remove(here)
del sys.modules["av"]
import av
sys.path.insert(0, here)
def open(*_, **__):
    raise TypeError("open() got an unexpected keyword argument 'metadata_errors'")
av.open = open
""",
    "ImportError": "raise ImportError('libavcodec.so.62: cannot open shared object file')\n",
}


class BrokenGate(Gate):
    """A gate whose programs find another library in front of PyAV, until it is repaired."""

    def __init__(self, folder, source):
        self.shadow = folder / "shadow"
        (self.shadow / "av").mkdir(parents=True)
        (self.shadow / "av" / "__init__.py").write_text(source)
        super().__init__(folder)

    def start(self):
        self.environment["PYTHONPATH"] = str(self.shadow)
        return super().start()

    def command(self, *words):
        done = subprocess.run(
            [sys.executable, "manage.py", *words], cwd=ROOT, env=self.environment, capture_output=True, text=True
        )
        return done

    def call(self, method, path, key=None, **options):
        headers = {**({"Authorization": f"Bearer {key}"} if key else {}), **options.pop("headers", {})}
        return urllib3.request(method, self.url + path, headers=headers, retries=False, timeout=30, **options)


@pytest.fixture(params=BROKEN)
def gate(tmp_path, request):
    gate = BrokenGate(tmp_path, BROKEN[request.param])
    gate.error = request.param
    yield gate
    gate.process.terminate()
    try:
        gate.process.wait(20)
    finally:
        gate.process.kill()
        gate.process.wait()
        gate.shown.close()


def deliver(gate, key, folder):
    document = a_document("Low Tide")
    sounds.encode_demo_audio(sounds.compose_demo_piece(21, 40), 44100, folder / "01.flac")
    covers.paint_demo_cover(21, folder / "cover.png")
    release = document["release"]
    release["tracks"][0]["file"], release["cover"]["file"] = "01.flac", "cover.png"
    document["files"] = {}
    fields = [("metadata", ("metadata.json", json.dumps(document).encode(), "application/json"))]
    fields += [(name, (name, (folder / name).read_bytes())) for name in ("01.flac", "cover.png")]
    answer = gate.call("POST", "/api/v1/submissions", key, fields=fields)
    assert answer.status == 202, answer.data
    return answer.json()["id"]


@pytest.mark.slow
def test_release_waits_for_the_repair_of_a_broken_library(gate, tmp_path):
    until(lambda: gate.answers() == 200, seconds=400)
    label = json.loads(gate.command("create_label", "Harbour Records", "--json").stdout)
    key = label.get("key") or label["api_key"]
    submission = deliver(gate, key, tmp_path)

    # Everybody who asks is told, and by its cause.
    until(lambda: gate.answers("/readyz") == 503, seconds=300)
    part = gate.call("GET", "/readyz").json()["parts"]["decoder"]
    assert part == {"ok": False, "detail": f"no worker can measure files ({gate.error})"}
    (status,) = [path for path in (tmp_path / "tmp").glob("self-test.*") if path.suffix != ".new"]
    assert gate.error in status.read_text()
    doctor = gate.command("doctor", "--json")
    assert doctor.returncode == 1
    answers = {load["name"]: load for load in json.loads(doctor.stdout)["answers"]}
    for name in ("decoder", "workers"):
        assert not answers[name]["ok"]
        assert gate.error in answers[name]["detail"]
        assert " av " in answers[name]["detail"] or "(av " in answers[name]["detail"]
    assert answers["sandbox"]["ok"]

    # The release waits: nothing is said of its files, however often they are tried.
    postponed = "gate_analyses_postponed 1.0"
    until(lambda: postponed in gate.call("GET", "/metrics").data.decode(), seconds=300)
    assert gate.call("GET", f"/api/v1/submissions/{submission}", key).json()["state"] == "checking"
    found = gate.call("GET", f"/api/v1/submissions/{submission}/findings", key).json()["results"]
    assert [item for item in found if item["code"].startswith(("audio.", "art.", "check."))] == []

    # The repair is all that is done.
    shutil.rmtree(gate.shadow)
    until(lambda: gate.answers("/readyz") == 200, seconds=300)
    until(lambda: gate.call("GET", f"/api/v1/submissions/{submission}", key).json()["state"] == "approved", seconds=400)
    assert status.read_text() == "ok\n"
