"""An operator learns a catalogue from its fingerprints alone, and writes the own one down in the same form."""

import csv
import gzip
import json

import numpy as np
import pytest

from checks.fingerprint.acoustid_codec import encode_acoustid
from intake.core import catalogue_files
from intake.models import CatalogueChange, KnownRecording
from intake.readers import check_context
from intake.services.catalogue import bulk_import, known_recordings
from tests.checks.fingerprint.sounds import part, recording, silence
from tests.intake.commands.console import Analysers, command
from tests.intake.factories import facts_of

pytestmark = pytest.mark.django_db

SONG, OTHER = recording(1), recording(2, 900)


def jsonl(path, *rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def song(**changes):
    return {"fingerprint": encode_acoustid(SONG), "title": "Low Tide", "external_id": "a-1", **changes}


def found(fingerprint):
    return [candidate.document for candidate in check_context.open_fingerprint_store().search(fingerprint)]


def test_operator_learns_a_catalogue_without_its_audio_and_a_copy_is_found(tmp_path):
    with (tmp_path / "known.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["id", "fingerprint", "length", "title", "artist", "isrc", "owner", "remarks"])
        rows.writerow(
            ["a-1", encode_acoustid(SONG), "181.5", "Low Tide", "Mara Lindqvist", "se-abc-26-00001", "Harbour", "!"]
        )
        signed = np.frombuffer(OTHER, dtype="<i4").tolist()
        rows.writerow(["a-2", ",".join(map(str, signed)), "", "Slack Water", "", "", "", ""])
    said = command("learn", "--fingerprints", tmp_path / "known.csv", "--json")
    assert said.code == 0
    assert said.json == {"learned": 2, "known": 0, "failed": 0, "partial": 0, "errors": []}
    one, two = KnownRecording.objects.order_by("pk")
    assert (one.title, one.artist, one.isrc, one.owner) == ("Low Tide", "Mara Lindqvist", "SEABC2600001", "Harbour")
    assert (one.external_id, one.duration, bytes(one.fingerprint), one.sha256) == ("a-1", 181.5, SONG, "")
    assert bytes(two.fingerprint) == OTHER
    assert two.duration == pytest.approx(900 * 1365 / 11025, abs=3)
    (match,) = check_context.Recordings().matches(facts_of("00" * 32, fingerprint=part(SONG, 300, 800)))
    assert (match.recording, match.certain) == (str(one.pk), True)


def test_learning_again_changes_nothing(tmp_path):
    file = jsonl(tmp_path / "known.jsonl", song(), {"fingerprint": encode_acoustid(OTHER), "title": "Slack Water"})
    command("learn", "--fingerprints", file)
    before = list(KnownRecording.objects.values())
    again = command("learn", "--fingerprints", file)
    assert again.out == "0 learned, 2 known already, 0 failed\n"
    assert list(KnownRecording.objects.values()) == before
    assert len(check_context.open_fingerprint_store()) == 2


def test_same_line_twice_in_a_file_is_one_recording(tmp_path):
    said = command("learn", "--fingerprints", jsonl(tmp_path / "k.jsonl", song(), song(), song(owner="Pier")), "--json")
    assert (said.json["learned"], said.json["known"]) == (1, 2)  # that nobody said whose it is contradicts no owner


def test_another_owner_of_the_same_sound_is_another_entry(tmp_path):
    rows = [song(owner="Harbour"), song(owner="Pier"), song(owner="Pier", isrc="SEABC2600001")]
    said = command("learn", "--fingerprints", jsonl(tmp_path / "known.jsonl", *rows), "--json")
    assert (said.json["learned"], said.json["known"]) == (2, 1)
    again = command("learn", "--fingerprints", tmp_path / "known.jsonl", "--json")
    assert (again.json["learned"], again.json["known"]) == (0, 3)
    assert KnownRecording.objects.get(owner="Pier").isrc == "SEABC2600001"  # filled in when it was known


def test_every_bad_line_is_named_and_the_others_are_learned(tmp_path):
    rows = [
        song(),
        {"title": "nothing"},
        song(fingerprint="AQ!"),
        song(fingerprint="AwAAAA"),
        song(fingerprint=encode_acoustid(silence(900))),
        song(fingerprint=[1, 2, 2**40]),
        song(fingerprint=encode_acoustid(OTHER), isrc="not an isrc", external_id=""),
        song(fingerprint=encode_acoustid(OTHER), duration="long", external_id=""),
        song(fingerprint=encode_acoustid(OTHER), title="", external_id=""),
        song(fingerprint=encode_acoustid(OTHER)),
        {"fingerprint": encode_acoustid(OTHER), "title": "Slack Water"},
    ]
    file = jsonl(tmp_path / "known.jsonl", *rows)
    file.write_text(file.read_text() + "no json\n[1]\n\n")
    said = command("learn", "--fingerprints", file, "--json")
    assert said.code == 1
    assert (said.json["learned"], said.json["failed"]) == (2, 11)
    errors = {error["line"]: error["error"] for error in said.json["errors"]}
    assert list(errors) == [2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 13]
    for line, why in {
        2: "no fingerprint", 3: "base64", 4: "algorithm 4", 5: "too little sound", 6: "32 bits", 7: "not an ISRC",
        8: "duration", 9: "neither title", 10: "with another fingerprint", 12: "not JSON", 13: "not a JSON object",
    }.items():  # fmt: skip
        assert why in errors[line]
    assert "failed   line 2: no fingerprint" in command("learn", "--fingerprints", file).out


def test_operator_is_told_of_fingerprints_that_end_early(tmp_path):
    file = jsonl(tmp_path / "known.jsonl", song(fingerprint=encode_acoustid(part(SONG, 0, 948)), duration=240))
    assert "1 of the fingerprints end before their recordings" in command("learn", "--fingerprints", file).out


@pytest.mark.parametrize("words", [["--csv", "x.csv"], ["a.flac"]])
def test_fingerprints_are_not_mixed_with_audio(tmp_path, words):
    assert "stands alone" in command("learn", "--fingerprints", tmp_path / "known.csv", *words).err


def test_file_that_is_none_is_refused(tmp_path):
    assert "No such file" in command("learn", "--fingerprints", tmp_path / "gone.csv").err
    (tmp_path / "known.csv").write_text("title,artist\nLow Tide,Mara\n")
    assert "'fingerprint' must be among them" in command("learn", "--fingerprints", tmp_path / "known.csv").err
    (tmp_path / "known.csv").write_bytes(b"fingerprint,title\n\xff\xfe,x\n")
    assert command("learn", "--fingerprints", tmp_path / "known.csv").code == 1
    (tmp_path / "known.gz").write_bytes(gzip.compress(b"fingerprint,title\n")[:-6])
    assert command("learn", "--fingerprints", tmp_path / "known.gz").code == 1
    assert not KnownRecording.objects.exists()


def test_killed_command_goes_on_where_it_was(tmp_path, monkeypatch):
    """What was stored and not indexed is indexed by the next run; nothing is learned twice."""
    monkeypatch.setattr(bulk_import, "BATCH", 2)
    rows = [{"fingerprint": encode_acoustid(recording(seed, 400)), "title": f"Song {seed}"} for seed in range(6)]
    real, calls = known_recordings.index_new_recordings, []

    def killed():
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return real()

    monkeypatch.setattr(known_recordings, "index_new_recordings", killed)
    with pytest.raises(KeyboardInterrupt):
        command("learn", "--fingerprints", jsonl(tmp_path / "known.jsonl", *rows))
    assert (KnownRecording.objects.count(), len(check_context.open_fingerprint_store())) == (4, 2)
    monkeypatch.setattr(known_recordings, "index_new_recordings", real)
    said = command("learn", "--fingerprints", tmp_path / "known.jsonl", "--json")
    assert (said.json["learned"], said.json["known"]) == (2, 4)
    assert len(check_context.open_fingerprint_store()) == 6


@pytest.mark.parametrize("name", ["known.csv", "known.jsonl", "known.csv.gz", "known.jsonl.gz"])
def test_what_is_exported_is_learned_elsewhere_and_known_here(tmp_path, name):
    rows = [
        song(title='Low "Tide",\nnew', artist="Мара", duration=200),
        {"fingerprint": encode_acoustid(OTHER), "title": "b"},
    ]
    command("learn", "--fingerprints", jsonl(tmp_path / "first.jsonl", *rows))
    before = [tuple(map(str, line[1:])) for line in map(as_tuple, bulk_import.export_catalogue_lines())]
    assert command("index", "export", tmp_path / name).out == "2 recordings written\n"
    assert not list(tmp_path.glob("*.part"))
    assert command("learn", "--fingerprints", tmp_path / name, "--json").json["known"] == 2
    CatalogueChange.objects.all().delete()
    KnownRecording.objects.all().delete()
    assert command("learn", "--fingerprints", tmp_path / name, "--json").json["learned"] == 2
    assert [tuple(map(str, line[1:])) for line in map(as_tuple, bulk_import.export_catalogue_lines())] == before


def as_tuple(line):
    return tuple(getattr(line, name) for name in ("number", *catalogue_files.COLUMNS))


@pytest.mark.parametrize("words", [["export"], ["stats", "x.csv"], ["export", "x.txt"], ["export", "/nowhere/x.csv"]])
def test_export_needs_a_name_that_can_be_written(words):
    assert command("index", *words).code == 1


# --- and the audio itself -------------------------------------------------------------------------------------------


@pytest.fixture
def analysers(monkeypatch):
    made = Analysers()
    monkeypatch.setattr("intake.management.measuring.Analyser", made)
    return made


def test_table_that_comes_after_the_audio_completes_it(tmp_path, analysers):
    (tmp_path / "Low Tide.flac").write_bytes(b"low tide")
    command("learn", tmp_path)
    (tmp_path / "known.csv").write_text(
        "file,title,artist,isrc,owner\nLow Tide.flac,Low Tide (Live),Mara,SEABC2600001,Harbour\n"
    )
    said = command("learn", tmp_path, "--csv", tmp_path / "known.csv", "--json")
    assert (said.json["learned"], said.json["known"]) == (0, 1)
    one = KnownRecording.objects.get()
    assert (one.title, one.artist, one.isrc, one.owner) == ("Low Tide (Live)", "Mara", "SEABC2600001", "Harbour")
    (tmp_path / "known.csv").write_text("file,title,owner\nLow Tide.flac,Ebb,Pier\n")
    assert command("learn", tmp_path, "--csv", tmp_path / "known.csv", "--json").json["learned"] == 1
    assert {row.owner: row.title for row in KnownRecording.objects.all()} == {
        "Harbour": "Low Tide (Live)",
        "Pier": "Ebb",
    }


def test_fingerprint_of_known_audio_is_known(tmp_path, analysers):
    (tmp_path / "Low Tide.flac").write_bytes(b"low tide")
    command("learn", tmp_path)
    one = KnownRecording.objects.get()
    file = jsonl(
        tmp_path / "k.jsonl", {"fingerprint": encode_acoustid(bytes(one.fingerprint)), "title": "x", "artist": "Mara"}
    )
    assert command("learn", "--fingerprints", file, "--json").json["known"] == 1
    assert KnownRecording.objects.get().artist == "Mara"
