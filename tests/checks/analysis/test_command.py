"""``manage.py analyse`` says what was measured, to people and to programs."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from checks.analysis import default_analyser
from intake.demo import sounds
from intake.services.provenance import trust_roots
from tests import authority

from . import files


@pytest.fixture(scope="module", autouse=True)
def end_the_default_analyser() -> Iterator[None]:
    yield
    default_analyser().close()


@pytest.fixture
def song(tmp_path: Path) -> Path:
    return sounds.encode_demo_audio(
        files.music(4), 44100, tmp_path / "song.flac", tags={"comment": "made with suno; x"}
    )


def test_programs_get_one_document(song: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("analyse", str(song), "--json")
    (entry,) = json.loads(capsys.readouterr().out)["files"]
    assert (entry["file"], entry["ok"], entry["error"], entry["codec"]) == (str(song), True, None, "flac")
    assert len(entry["sha256"]) == 64
    assert (entry["duration"], entry["sample_rate"], entry["channels"]) == (4.0, 44100, 2)
    assert {"loudness_lufs", "true_peak_dbtp", "silence_head", "silence_tail", "clipped_share"} <= entry.keys()
    assert entry["fingerprint"]["items"] == len(entry["fingerprint"]["raw"]) > 5
    assert entry["provenance"] == {
        "c2pa": {"state": "none", "source_types": [], "signer": None},
        "tags": [{"pattern": "suno.made_with", "where": "vorbis/DESCRIPTION", "value": "made with suno; x"}],
    }
    assert entry["lattice"] == {"assessed": False, "z": None, "rate_hz": None, "strength": None}


@pytest.mark.django_db
def test_a_credential_is_told_as_the_trust_list_judges_it(
    song: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def told() -> object:
        call_command("analyse", str(song), "--json")
        return json.loads(capsys.readouterr().out)["files"][0]["provenance"]["c2pa"]

    root = authority.root("Root")
    authority.sign(song, authority.signer("Signer", root))
    expected = {"state": "untrusted", "source_types": ["trainedAlgorithmicMedia"], "signer": "Signer, Signer Ltd"}
    assert told() == expected
    trust_roots.add_trust_root(root.pem, "made in this test", "operator")
    assert told() == expected | {"state": "trusted"}
    call_command("analyse", str(song))
    assert "credential: trusted, trainedAlgorithmicMedia, Signer, Signer Ltd" in " ".join(
        capsys.readouterr().out.split()
    )


def test_traces_are_not_measured_where_the_policy_has_them_off(
    tmp_path: Path, settings: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    text = Path(settings.GATE_POLICY).read_text(encoding="utf-8")
    settings.GATE_POLICY = tmp_path / "off.toml"
    settings.GATE_POLICY.write_text(text.replace('lattice = "note"', 'lattice = "off"'), encoding="utf-8")
    long_enough = sounds.encode_demo_audio(files.music(11), 44100, tmp_path / "song.flac")
    call_command("analyse", str(long_enough), "--json")
    (entry,) = json.loads(capsys.readouterr().out)["files"]
    assert (entry["lattice"]["assessed"], entry["lattice_details"]["reason"]) == (False, "off")


def test_people_get_a_table(song: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("analyse", str(song))
    table = capsys.readouterr().out
    assert "song.flac" in table
    assert "0:04" in table
    assert "tag: suno.made_with" in table


def test_a_file_that_cannot_be_measured_ends_with_1_after_the_others(
    song: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = files.write(tmp_path / "broken.wav", b"no audio")
    with pytest.raises(CommandError) as refused:
        call_command("analyse", str(broken), str(tmp_path / "missing.wav"), str(song), "--json")
    assert refused.value.returncode == 1
    entries = json.loads(capsys.readouterr().out)["files"]
    assert [entry["error"] for entry in entries] == ["not_audio", "unreadable", None]
