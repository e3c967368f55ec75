"""An operator fills the catalogue of known recordings, and takes out of it."""

import csv
import datetime as dt
import shutil

import pytest
from django.utils import timezone

from checks.fingerprint.index import MODULUS
from checks.fingerprint.local_store import LocalStore
from intake.models import Blob, KnownRecording
from intake.readers import check_context
from intake.services.catalogue import known_recordings
from intake.services.storage import blobs
from tests.checks.fingerprint.test_stores import EMBEDDED, NUMBERS
from tests.intake.commands.console import Analysers, command
from tests.intake.factories import facts_of

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def analysers(monkeypatch):
    made = Analysers()
    monkeypatch.setattr("intake.management.measuring.Analyser", made)
    return made


@pytest.fixture
def music(tmp_path):
    """Two recordings in a folder, one of them deeper down, beside what is no music."""
    folder = tmp_path / "music"
    (folder / "deeper").mkdir(parents=True)
    (folder / "Low Tide.flac").write_bytes(b"low tide")
    (folder / "deeper" / "Slack Water.MP3").write_bytes(b"slack water")
    (folder / "notes.txt").write_text("no music")
    (folder / ".hidden.flac").write_bytes(b"hidden")
    return folder


def table(path, *rows):
    with path.open("w", newline="", encoding="utf-8-sig") as file:
        writer = csv.writer(file)
        writer.writerow(["file", "title", "artist", "isrc", "owner", "remarks"])
        writer.writerows(rows)
    return path


def spooled():
    return list(blobs.spool_folder().iterdir())


def test_operator_learns_a_folder_and_finds_it_at_once(music, analysers):
    said = command("learn", music, "--json")
    assert said.code == 0
    assert (said.json["learned"], said.json["known"], said.json["failed"]) == (2, 0, 0)
    assert [row["title"] for row in said.json["files"]] == ["Low Tide", "Slack Water"]
    for recording in KnownRecording.objects.all():
        found = check_context.Recordings().matches(facts_of(recording.sha256))
        assert found[0].recording == str(recording.pk)
    assert analysers.closed > 0


def test_operator_who_learns_again_changes_nothing_and_measures_nothing(music, analysers):
    command("learn", music)
    asked = len(analysers.fake.asked)
    again = command("learn", music)
    assert "0 learned, 2 known already, 0 failed" in again.out
    assert again.code == 0
    assert KnownRecording.objects.count() == 2
    assert len(analysers.fake.asked) == asked


def test_operator_says_in_a_table_what_the_recordings_are(music, tmp_path):
    rows = table(
        tmp_path / "known.csv",
        ["Low Tide.flac", "Low Tide (Live)", "Mara Lindqvist", "se-abc-26-00001", "Harbour Records", "!"],
        ["deeper/Slack Water.MP3", "", "", "", "", ""],
    )
    said = command("learn", music, "--csv", rows, "--json")
    assert said.code == 0
    live = KnownRecording.objects.get(isrc="SEABC2600001")
    assert (live.title, live.artist, live.owner) == ("Low Tide (Live)", "Mara Lindqvist", "Harbour Records")
    assert KnownRecording.objects.get(isrc="").title == "Slack Water"


def test_operator_learns_what_a_table_alone_names(music):
    rows = table(music / "known.csv", ["Low Tide.flac", "Low Tide", "", "", "Harbour Records", ""])
    assert command("learn", "--csv", rows, "--json").json["learned"] == 1
    assert KnownRecording.objects.get().owner == "Harbour Records"


def test_operator_hears_of_each_file_that_could_not_be_learned_and_why(music, tmp_path, analysers):
    analysers.fake.changes = {"fingerprint": b"", "fingerprint_distinct": 0}
    rows = table(tmp_path / "known.csv", ["Low Tide.flac", "", "", "not an isrc", "", ""])
    said = command("learn", music, tmp_path / "gone.flac", "--csv", rows, "--json")
    errors = {row["file"].rpartition("/")[2]: row["error"] for row in said.json["files"]}
    assert said.code == 1
    assert said.json["failed"] == 3
    assert errors["Low Tide.flac"] == "'not an isrc' is not an ISRC"
    assert "fingerprint" in errors["Slack Water.MP3"]
    assert errors["gone.flac"] == "there is no such file"
    assert not KnownRecording.objects.exists()
    assert spooled() == []


def test_decoder_that_cannot_be_started_fails_the_file_and_not_the_command(music, analysers):
    from checks.analysis import AnalysisUnavailable

    analysers.fake.error = AnalysisUnavailable("no child")
    said = command("learn", music, "--json")
    assert {row["error"] for row in said.json["files"]} == {"no child"}
    assert spooled() == []


@pytest.mark.parametrize("words", [[], ["--csv", "/nowhere.csv"]])
def test_operator_must_say_what_to_learn(words):
    assert command("learn", *words).code == 1


def test_table_without_files_is_refused(tmp_path):
    (tmp_path / "known.csv").write_text("title,artist\nLow Tide,Mara\n")
    assert "no column 'file'" in command("learn", "--csv", tmp_path / "known.csv").err


def test_moderators_can_listen_to_what_was_learned_for_as_long_as_it_is_known(music):
    command("learn", music)
    Blob.objects.update(touched_at=timezone.now() - dt.timedelta(hours=1))
    blobs.delete_unused_blobs()
    kept = Blob.objects.get(pk=KnownRecording.objects.get(title="Low Tide").sha256)
    with blobs.local_copy(kept) as path:
        assert path.read_bytes() == b"low tide"

    command("forget", "--id", KnownRecording.objects.get(title="Low Tide").pk)
    blobs.delete_unused_blobs()
    assert list(Blob.objects.values_list("pk", flat=True)) == [KnownRecording.objects.current().get().sha256]


def test_operator_keeps_fingerprints_alone(music):
    command("learn", music, "--no-keep-audio")
    assert KnownRecording.objects.count() == 2
    assert not Blob.objects.exists()
    assert spooled() == []


# --- forget -------------------------------------------------------------------------------------------------------


@pytest.fixture
def known(music, tmp_path):
    rows = table(
        tmp_path / "known.csv",
        ["Low Tide.flac", "", "", "SEABC2600001", "Harbour Records", ""],
        ["deeper/Slack Water.MP3", "", "", "SEABC2600002", "North Pier Music", ""],
    )
    command("learn", music, "--csv", rows)
    return KnownRecording.objects.get(isrc="SEABC2600001")


@pytest.mark.parametrize("words", [["--isrc", "SE-ABC-26-00001"], ["--owner", "Harbour Records"], ["--id", None]])
def test_operator_forgets_a_recording(known, words):
    said = command("forget", *[known.pk if word is None else word for word in words], "--json").json
    assert said["forgotten"] == 1
    assert said["recordings"] == [
        {"id": known.pk, "title": "Low Tide", "isrc": "SEABC2600001", "owner": "Harbour Records"}
    ]
    assert KnownRecording.objects.current().count() == 1
    assert KnownRecording.objects.count() == 2  # the row stays, as evidence
    assert known.pk not in check_context.open_fingerprint_store()


@pytest.mark.parametrize("words", [["--isrc", "SEABC2699999"], ["--owner", ""], ["--isrc", ""], ["--id", "999999999"]])
def test_operator_who_names_nothing_forgets_nothing(known, words):
    assert command("forget", *words).out == "Forgotten: 0\n"
    assert KnownRecording.objects.current().count() == 2


@pytest.mark.parametrize("words", [[], ["--isrc", "SEABC2600001", "--owner", "Harbour Records"]])
def test_operator_must_say_in_one_way_what_to_forget(known, words):
    assert command("forget", *words).code == 1
    assert KnownRecording.objects.current().count() == 2


# --- index --------------------------------------------------------------------------------------------------------


def test_operator_reads_how_the_index_lies(known):
    assert command("index", "stats", "--json").json["stats"]["recordings"] == 2
    assert "recordings" in command("index", "stats").out
    assert "The index is whole" in command("index", "verify").out


def test_operator_is_told_where_index_and_catalogue_disagree_and_makes_it_anew(known):
    check_context.open_fingerprint_store().remove(known.pk)
    check_context.open_fingerprint_store().add(999, bytes(known.fingerprint))
    found = command("index", "verify", "--json")
    assert found.code == 1
    assert found.json["faults"] == [
        f"1 recordings in the catalogue, but not in the index: {known.pk}",
        "1 recordings in the index, but not in the catalogue: 999",
    ]
    assert command("index", "rebuild").code == 0
    assert command("index", "verify").code == 0
    assert check_context.Recordings().matches(facts_of(known.sha256))[0].recording == str(known.pk)


def test_operator_makes_a_damaged_index_anew(known, settings):
    (settings.GATE_INDEX / "manifest.json").write_text("{}")
    check_context._open_cached_store.cache_clear()
    assert "damaged" in command("index", "stats").err
    found = command("index", "verify", "--json")
    assert (found.code, len(found.json["faults"])) == (1, 1)
    assert command("index", "rebuild", "--json").json["stats"]["recordings"] == 2
    assert command("index", "verify").code == 0
    assert len(list(settings.GATE_INDEX.parent.glob("index.damaged-*"))) == 1


def test_operator_compacts_the_index(known):
    command("forget", "--id", known.pk)
    stats = command("index", "compact", "--json").json["stats"]
    assert (stats["recordings"], stats["removed"]) == (1, 0)


@pytest.fixture
def clickhouse(settings):
    """The index of this installation is an embedded ClickHouse."""
    pytest.importorskip("chdb")
    settings.GATE_INDEX_URL = f"chdb:///{EMBEDDED.name}/chdb?database=gate_{next(NUMBERS)}"
    check_context._open_cached_store.cache_clear()
    yield settings.GATE_INDEX_URL
    check_context.open_fingerprint_store()._command(
        f"DROP DATABASE {check_context.open_fingerprint_store()._database} SYNC"
    )
    check_context._open_cached_store.cache_clear()


def test_catalogue_lives_in_clickhouse_and_is_fetched_from_there(clickhouse, music, settings):
    command("learn", music)
    one, two = KnownRecording.objects.order_by("pk")
    assert check_context.Recordings().matches(facts_of(two.sha256))[0].recording == str(two.pk)
    assert command("index", "verify").code == 0
    command("forget", "--id", one.pk)
    assert command("index", "compact", "--json").json["stats"]["recordings"] == 1
    assert command("index", "rebuild", "--json").json["stats"]["recordings"] == 1
    assert command("index", "verify").code == 0
    assert "is no folder" in command("index", "rebuild", "--from", clickhouse).err

    source, settings.GATE_INDEX_URL = clickhouse, ""
    assert len(check_context.open_fingerprint_store()) == 0
    assert command("index", "rebuild", "--from", source, "--json").json["stats"]["recordings"] == 1
    assert command("index", "verify").code == 0
    assert check_context.Recordings().matches(facts_of(two.sha256))[0].recording == str(two.pk)
    shard = command("index", "rebuild", "--from", source, "--shard", f"{(two.pk + 1) % 2}/2", "--json")
    assert shard.json["stats"]["recordings"] == 0
    assert "a part" in shard.err
    assert (known_recordings.reconcile_index(), len(check_context.open_fingerprint_store())) == (
        1,
        1,
    )  # as the command has just said
    settings.GATE_INDEX_URL = source


@pytest.mark.parametrize("words", [["--shard", "2/2"], ["--shard", "x"], ["--shard", "0/0"]])
def test_shard_that_is_none_is_refused(words):
    assert "--shard" in command("index", "rebuild", "--from", "chdb:///nowhere", *words).err


def test_other_index_than_clickhouse_is_refused():
    assert "clickhouse://" in command("index", "rebuild", "--from", "postgres://x/y").err


def test_index_is_remade_under_the_present_modulus(known, settings):
    """An installation that began with another modulus gets the present one when the index is made anew."""
    folder = settings.GATE_INDEX
    shutil.rmtree(folder)
    check_context._open_cached_store.cache_clear()
    LocalStore(folder, modulus=2)
    known_recordings.index_new_recordings()
    assert check_context.open_fingerprint_store().modulus == 2
    assert command("index", "rebuild", "--json").json["stats"]["modulus"] == MODULUS
    assert command("index", "verify").code == 0
    assert check_context.Recordings().matches(facts_of(known.sha256))[0].recording == str(known.pk)


def test_recording_that_is_forgotten_on_its_way_into_the_index_does_not_stay(known, monkeypatch):
    row = KnownRecording.objects.current().exclude(pk=known.pk).get()
    check_context.open_fingerprint_store().clear(check_context.open_fingerprint_store().applied().mark)
    store = check_context.open_fingerprint_store()
    real = store.apply

    def meanwhile(*arguments):
        monkeypatch.setattr(store, "apply", real)
        known_recordings.forget_recordings([row])
        return real(*arguments)

    monkeypatch.setattr(store, "apply", meanwhile)
    known_recordings.index_new_recordings()
    assert row.pk in store
    known_recordings.index_new_recordings()
    assert row.pk not in store
