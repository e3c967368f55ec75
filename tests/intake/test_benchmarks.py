"""The short benchmark's parts work on one tiny file each; what they say about speed is not a test's business."""

import importlib
import random
import socket
import time
from pathlib import Path

import pytest

from benchmarks import __main__ as short_set
from benchmarks import (
    catalogue,
    decode,
    gate,
    kills,
    latency,
    machine,
    metadata,
    names,
    performances,
    pipeline,
    search,
    throughput,
    tracks,
)
from benchmarks.disguises import delivered
from benchmarks.report import Table
from checks.analysis import default_analyser
from checks.fingerprint import local_store
from intake.core.states import State
from intake.models import KnownRecording
from intake.services.submissions import admission


@pytest.mark.django_db
def test_pipeline_decides_a_tiny_single_again_and_again(tmp_path: Path) -> None:
    gate.fill_shelves(recordings=3, names=2)
    path = tracks.one_piece(tmp_path, ("flac",), seconds=8.0)["flac"]
    delivering = pipeline.Delivering()
    costs = [pipeline.track_cost(path, delivering) for _ in range(2)]
    default_analyser().close()
    decided = {State.APPROVED, State.LABELLED, State.IN_REVIEW}
    assert {submission.state for submission in delivering.label.submissions.all()} <= decided
    assert delivering.label.submissions.count() == 2
    assert not KnownRecording.objects.current().filter(label=delivering.label).exists(), (
        "the second round must not find the first"
    )
    assert all(cost.measure > 0 and cost.checks > 0 for cost in costs), "both were measured, none came from the shelf"


@pytest.mark.django_db
@pytest.mark.parametrize("number_of_tracks", [1, 10])
def test_releases_of_the_benchmarks_pass_the_door(number_of_tracks: int) -> None:
    label = pipeline.Delivering().label
    for number in (1, 999, 20_017):
        admission.admit_release(label, gate.release(number, "01.flac", number_of_tracks))


def test_pieces_for_the_throughput_differ(tmp_path: Path) -> None:
    files = tracks.many_pieces(tmp_path, 2, seconds=1.0)
    assert [path.suffix for path in files] == [".flac", ".wav"]
    assert all(path.stat().st_size > 0 for path in files)
    assert throughput.COMMAND.startswith("python -m benchmarks")


def test_open_loop_charges_everybody_who_waits_for_a_stalled_answer() -> None:
    stalls = iter([0.4])

    def answer() -> str:
        time.sleep(next(stalls, 0.0))  # the first answer is late, the others come at once
        return ""

    arrivals = [at for at, _ in latency.arrivals_of({"GET": 40.0}, 0.3, random.Random(1))]
    samples = latency.open_loop({"GET": 40.0}, 0.3, {"GET": answer}, clients=1)
    assert len(samples) == len(arrivals) > 3
    assert not any(sample.problem for sample in samples)
    free_again = arrivals[0] + 0.4
    assert all(one.seconds >= free_again - at for one, at in zip(samples, arrivals, strict=True))


def test_open_loop_counts_what_fails() -> None:
    def refuse() -> str:
        raise ConnectionResetError

    samples = latency.open_loop({"GET": 50.0}, 0.2, {"GET": refuse}, clients=2)
    assert samples
    assert all(sample.problem == "ConnectionResetError()" for sample in samples)


def test_a_slow_upload_is_seen_to_be_dropped() -> None:
    ours, theirs = socket.socketpair()
    with ours:
        assert latency.listening(ours)
        theirs.close()
        assert not latency.listening(ours)


def test_meter_sees_its_own_work() -> None:
    with machine.Meter(root=1) as meter:
        sum(number * number for number in range(300_000))
    assert meter.own > 0
    assert meter.seconds > 0


def test_report_says_where_the_figures_were_taken(tmp_path: Path) -> None:
    head = "\n".join(machine.describe(tmp_path))
    assert "cores" in head
    assert "load average" in head
    assert "fsync" in head
    assert not list(tmp_path.iterdir()), "the disk's probe is removed"


def test_table_prints_for_screens_and_for_pages() -> None:
    table = Table("Cost", "make bench", ("", "ms"), [("wav", "12")], ["A remark."])
    assert table.text().splitlines() == ["Cost", "", "     ms", "wav  12", "", "A remark."]
    assert "| wav | 12 |" in table.markdown()
    assert "- A remark." in table.markdown()


def test_metadata_of_a_messy_release_is_asked_every_question(tmp_path: Path) -> None:
    (table,) = metadata.run(tmp_path, rounds=1)
    found = {row[0]: int(row[1]) for row in table.rows}
    assert found["ordinary"] == 0
    assert found["messy"] > 12


@pytest.mark.django_db
def test_short_form_of_the_names_asks_and_finds(tmp_path: Path) -> None:
    table, *_ = names.run(tmp_path, count=60)
    assert [row[0] for row in table.rows][-1].startswith("rapidfuzz")
    found, asked = table.remarks[0].split()[0].split("/")
    assert int(found) > 0.9 * int(asked)


def test_ordinary_release_of_an_artist_is_told_little() -> None:
    heard = names.told_of_real_names(["Earth, Wind & Fire", "Mara Lindqvist", "Nora Castellane", "!!!", "SZA"])
    assert heard == {("artist.compound", "pass"): 1}


def test_every_part_is_explained_and_has_a_short_form() -> None:
    explained = str(short_set.__doc__)
    for part in short_set.PARTS:
        assert f"\n    {part} " in explained
        assert callable(importlib.import_module(f"benchmarks.{part}").run)


def test_short_form_of_the_decoding_puts_both_sides_in_one_row(tmp_path: Path) -> None:
    (table,) = decode.run(tmp_path, rounds=1, formats=["wav", "flac"], seconds=5.0)
    assert [row[0] for row in table.rows] == ["wav", "flac"]
    assert {len(row) for row in table.rows} == {len(table.columns)}
    for same, _, of in (row[-2].partition("/") for row in table.rows if row[-2] != "–"):
        assert same == of, "the port gives other bits than the library"
    assert table.command == "python -m benchmarks.decode --rounds 1 --formats wav flac"


def test_short_form_of_the_search_puts_both_sides_in_one_row(tmp_path: Path) -> None:
    (table,) = search.run(tmp_path, known=50, rounds=1)
    verified = {row[0]: row[1:] for row in table.rows}
    assert {"the whole search among 50", "a stranger in full", "a stranger, exhaustive"} <= set(verified)
    assert all(float(ours) > 0 for ours, *_ in verified.values())
    assert table.command == "python -m benchmarks.search --known 50 --rounds 1"


@pytest.mark.slow
def test_short_form_of_the_kills_says_what_was_kept_and_what_was_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = local_store.BULK
    (table,) = kills.run(tmp_path, kills=1)
    assert (table.rows[0][0], table.rows[0][-1]) == ("1", "0")
    assert usual == local_store.BULK, "nobody after it shall write other segments"
    monkeypatch.setattr(kills, "one_round", lambda *_: ["lost: [7]"])
    (table,) = kills.run(tmp_path / "again", kills=3)
    assert (table.rows[0][0], table.rows[0][-1], table.remarks[0][:18]) == ("1", "1", "round 1: lost: [7]")


def test_short_form_of_the_catalogue_builds_and_asks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogue, "SHORT", 300)
    monkeypatch.setattr(catalogue.real_music, "folder", lambda: None)
    (table,) = catalogue.run(tmp_path)
    assert table.rows[0][-2] == "100/100"
    assert table.command == "python -m benchmarks.catalogue --recordings 300"


def test_performances_and_sounds_that_resemble_themselves_are_no_certain_copies() -> None:
    """For real: two performers of one work, and a noise and a bowl made twice; and copies of them."""
    played, other = (delivered(performances.performance(1, performer)) for performer in (0, 1))
    comparison = performances.best(played, other)
    assert comparison is None or (comparison.bends and not comparison.certain)
    faster = delivered(performances.COPIES["played 6 % faster"](performances.performance(1, 0)), "mp3", 128_000)
    copy = performances.best(faster, played)
    assert copy is not None
    assert (copy.certain, copy.bends) == (True, False)
    for make in (performances.STATIONARY["white noise"], performances.STATIONARY["singing bowls of one pitch"]):
        sound = make(0)
        one = delivered(sound)
        assert performances.best(one, delivered(make(1))) is None
        again = performances.best(delivered(sound, "mp3", 128_000), one)
        assert again is not None
        assert again.certain
