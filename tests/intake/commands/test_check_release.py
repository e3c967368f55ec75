"""A label asks what the gate would say, without delivering anything."""

import dataclasses
import hashlib
import json
import os
import subprocess
import sys

import pytest
from django.conf import settings
from django.db import connection

import checks
from intake.models import Label, Submission
from intake.services.catalogue import known_recordings
from tests.intake.commands.console import Analysers, command
from tests.intake.factories import a_document, facts_of, files_of


@pytest.fixture(autouse=True)
def analysers(monkeypatch):
    made = Analysers()
    monkeypatch.setattr("intake.management.measuring.Analyser", made)
    return made


@pytest.fixture
def folder(tmp_path):
    """A release on a disk: its document and its files."""

    def lay(document):
        for name, content in files_of(document).items():
            (tmp_path / name).write_bytes(content)
        path = tmp_path / "release.json"
        path.write_text(json.dumps(document))
        return path

    return lay


@pytest.mark.django_db
def test_label_is_told_that_a_clean_release_would_be_approved(folder, analysers):
    metadata = folder(a_document())
    said = command("check_release", metadata, "--files", metadata.parent, "--json")
    assert said.code == 0
    assert (said.json["verdict"], said.json["blocking"], said.json["checks_missing"]) == ("approve", False, [])
    assert said.json["tracks"] == [{"position": 1, "verdict": "approve"}]
    assert said.json["catalogue"] is True
    assert len(analysers.fake.asked) == 1
    assert not Submission.objects.exists()
    assert not Label.objects.exists()


@pytest.mark.django_db
def test_label_is_told_which_labels_its_declaration_brings(folder):
    document = a_document()
    track = document["release"]["tracks"][0]
    track["contributors"][0]["roles"] = ["composer", "lyricist", "producer"]
    track["disclosure"]["contributions"] = [
        {"element": "lead_vocals", "level": "fully_generated", "tool": "Voice"},
        {"element": "instruments", "level": "none"},
    ]
    metadata = folder(document)
    said = command("check_release", metadata, "--files", metadata.parent, "--json")
    assert (said.code, said.json["verdict"]) == (10, "label")
    assert {"key": "ai:vocals", "value": "all", "basis": "declared", "code": "disclosure.declared"} in said.json[
        "labels"
    ]
    assert "labels: " in command("check_release", metadata, "--files", metadata.parent).out


@pytest.mark.django_db
def test_label_is_told_what_its_recording_resembles(folder):
    metadata = folder(a_document())
    sound = facts_of(_sha256(metadata.parent / "01.flac"))
    known_recordings.learn_recording(sound, title="Glass Harbour", artist="Ilse Varga", owner="North Pier Music")
    known_recordings.index_new_recordings()
    said = command("check_release", metadata, "--files", metadata.parent, "--json")
    assert (said.code, said.json["verdict"]) == (20, "review")
    assert "similarity.known_recording" in said.json["reasons"]
    found = next(item for item in said.json["findings"] if item["code"] == "similarity.known_recording")
    assert found["check"] == "similarity"
    assert "Glass Harbour" in found["message"]


@pytest.mark.django_db
def test_owner_is_not_told_that_it_resembles_itself(folder):
    label = Label.objects.create(name="Harbour Records")
    metadata = folder(a_document())
    sound = facts_of(_sha256(metadata.parent / "01.flac"))
    known_recordings.learn_recording(sound, title="Low Tide", owner=label.name, label=label)
    known_recordings.index_new_recordings()
    said = command("check_release", metadata, "--files", metadata.parent, "--label", "Harbour Records", "--json")
    assert said.code == 0


@pytest.mark.django_db
def test_label_is_told_what_would_be_refused_at_the_door(folder):
    document = a_document()
    document["release"]["tracks"][0]["isrc"] = "SE-ABC-26-9"
    metadata = folder(document)
    (metadata.parent / "cover.png").unlink(missing_ok=True)
    (metadata.parent / document["release"]["cover"]["file"]).unlink(missing_ok=True)
    said = command("check_release", metadata, "--files", metadata.parent, "--json")
    codes = {item["code"] for item in said.json["findings"] if item["route"] == "block"}
    assert said.code == 30
    assert (said.json["verdict"], said.json["blocking"]) == (None, True)
    assert {"isrc.malformed", "file.missing"} <= codes
    assert command("check_release", metadata).out.startswith("refused on admission\n")


@pytest.mark.django_db
def test_label_is_told_what_is_wrong_with_the_shape_of_its_document(folder):
    document = a_document()
    document["release"]["colour"] = "blue"
    said = command("check_release", folder(document), "--json")
    assert (said.code, said.json["blocking"]) == (30, True)
    assert said.json["findings"][0]["code"] == "metadata.unknown_key"


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd"])
def test_file_outside_of_the_folder_is_not_read(folder, analysers, name):
    metadata = folder(a_document())
    document = json.loads(metadata.read_text())
    document["release"]["tracks"][0]["file"] = name
    metadata.write_text(json.dumps(document))
    said = command("check_release", metadata, "--files", metadata.parent, "--json")
    assert said.code == 30
    assert analysers.fake.asked == []


@pytest.mark.django_db
def test_release_that_was_not_heard_is_not_approved(folder, analysers):
    said = command("check_release", folder(a_document()), "--json")
    assert (said.code, said.json["verdict"]) == (20, "review")
    assert said.json["reasons"] == ["check.missing"]
    assert {"audio", "similarity"} <= set(said.json["checks_missing"])
    assert analysers.fake.asked == []


@pytest.mark.django_db
def test_check_that_fails_means_review(folder, monkeypatch):
    def broken(delivery, context):
        raise RuntimeError("out of order")

    catalogue_of_checks = tuple(
        dataclasses.replace(check, run=broken) if check.name == "identity" else check for check in checks.CHECKS
    )
    monkeypatch.setattr(checks, "CHECKS", catalogue_of_checks)
    metadata = folder(a_document())
    said = command("check_release", metadata, "--files", metadata.parent, "--json")
    assert (said.code, said.json["checks_missing"]) == (20, ["identity"])
    assert "check.failed" in said.json["reasons"]


@pytest.mark.django_db
@pytest.mark.parametrize("content", ["", "{", "[" * 100_000, b"\xff\xfe"])
def test_document_that_is_no_json_is_an_error(tmp_path, content):
    path = tmp_path / "release.json"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    said = command("check_release", path, "--json")
    assert said.code in (1, 30)
    assert not said.out or said.json["blocking"]


@pytest.mark.django_db
def test_label_without_a_catalogue_is_told_so(folder, monkeypatch):
    monkeypatch.setattr(connection.introspection, "table_names", lambda: [])
    metadata = folder(a_document())
    said = command("check_release", metadata, "--files", metadata.parent, "--json")
    assert (said.code, said.json["catalogue"]) == (0, False)
    assert "There is no catalogue here" in said.err


@pytest.mark.slow
def test_machine_without_a_database_checks_a_release_and_says_nothing_else(folder, tmp_path):
    document = a_document()
    metadata = folder(document)
    data = tmp_path / "state"
    done = subprocess.run(
        [
            sys.executable,
            settings.BASE_DIR / "manage.py",
            "check_release",
            metadata,
            "--files",
            metadata.parent,
            "--json",
        ],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "GATE_DATA": str(data), "DATABASE_URL": f"sqlite:///{data / 'none.sqlite3'}"},
    )
    said = json.loads(done.stdout)
    assert done.returncode == 20, done.stderr  # the bytes are no audio, and what was not heard is not approved
    assert said["catalogue"] is False
    assert said["verdict"] == "review"
    assert {"check.failed", "check.missing"}.isdisjoint(said["reasons"])
    assert "There is no catalogue here" in done.stderr


def _sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()
