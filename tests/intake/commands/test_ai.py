"""Features, training, evaluation: from recordings to a model that the check uses."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from checks.analysis.artefact_lines import FEATURE_VERSION
from intake import system_checks
from intake.demo import sounds
from intake.readers import check_context
from tests.checks.analysis import decoders
from tests.intake.commands.console import command

pytestmark = pytest.mark.django_db
GENERATORS = ("codec at 24 kHz, 75 frames a second", "codec at 32 kHz, 50 frames a second")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten recordings of music from two sources, and two each of two generators."""
    folder = tmp_path_factory.mktemp("corpus")
    rows = [("path", "label", "generator", "source", "split")]
    for number in range(10):
        name = f"human{number}.flac"
        sounds.encode_demo_audio(decoders.music(24_000, 11, number), 24_000, folder / name)
        rows.append((name, "human", "", f"label {number % 2}", ""))
    for place, kind in enumerate(GENERATORS):
        for number in range(2):
            rate = decoders.STRIDES[kind][0]
            sound = decoders.under(decoders.music(rate, 11, number), decoders.decoded(kind, 11, number), 0)
            name = f"ai{place}{number}.flac"
            sounds.encode_demo_audio(sound, rate, folder / name)
            rows.append((name, "ai", f"decoder {place}", "own", ""))
    sounds.encode_demo_audio(np.zeros(24_000, np.float32), 24_000, folder / "short.flac")
    rows.append(("short.flac", "human", "", "label 1", ""))
    with (folder / "manifest.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    return folder


@pytest.fixture(scope="module")
def table(corpus: Path) -> Path:
    said = command("ai_features", corpus / "manifest.csv", "--out", corpus / "features.csv")
    assert said.code == 0
    assert "14 of 15 recordings" in said.out
    assert "short.flac: left out, too_short" in said.err
    return corpus / "features.csv"


def train(table: Path, out: Path, *words: object):
    return command("ai_train", "--features", table, "--target-fpr", 0.3, "--out", out, *words)


def test_a_model_is_trained_evaluated_and_used(table, corpus, tmp_path, settings):
    said = train(table, tmp_path / "model.json", "--group-by", "generator,source")
    assert said.code == 0
    assert "decoder 0" in said.out
    assert "2 of     2   100.0%  (15.8% to 100.0%)" in said.out
    assert "label 1" in said.out
    assert "random" not in said.out
    document = json.loads((tmp_path / "model.json").read_text())
    assert document["eval"]["leave_one_generator_out"]["decoder 1"]["n"] == 2
    judged = command("ai_evaluate", tmp_path / "model.json", "--manifest", corpus / "manifest.csv", "--json").json
    assert judged["recall"]["decoder 0"]["model"]["share"] == 1.0
    assert judged["recall"]["decoder 0"]["rule"]["share"] == 1.0
    assert judged["false_alarms"]["label 0"]["rule"] == {"n": 5, "share": 0.0, "ci": [0.0, 0.5218]}
    assert judged["not_assessed"] == 1
    settings.GATE_LATTICE_MODEL = str(tmp_path / "model.json")
    model, unusable = check_context.Lattice().model()
    assert unusable == ""
    assert system_checks.model_of_traces_can_be_used() == []
    assert model is not None
    assert model.sha256 == judged["model_sha256"]


def test_a_random_split_is_printed_only_when_asked_for_and_with_a_warning(table, tmp_path):
    said = train(table, tmp_path / "model.json", "--random-split")
    assert said.code == 0
    assert "Warning. A random split, which flatters" in said.err
    assert "random third, recall" in said.out


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("--target-fpr", 0.005), "600 are needed"),
        (("--group-by", "source"), "both kept apart"),
        (("--target-fpr", 2), "between 0 and 1"),
    ],
)
def test_what_would_not_be_honest_is_refused_and_writes_nothing(table, tmp_path, words, why):
    said = train(table, tmp_path / "model.json", *words)
    assert said.code == 1
    assert why in said.err
    assert list(tmp_path.iterdir()) == []


def test_features_of_another_version_are_refused(table, tmp_path):
    other = tmp_path / "other.csv"
    other.write_text(table.read_text().replace(FEATURE_VERSION, "0/1999"))
    assert "features of version 0/1999" in train(other, tmp_path / "model.json").err


def test_a_model_that_cannot_be_used_is_told_and_not_used(settings, tmp_path):
    (tmp_path / "model.json").write_text("{}")
    settings.GATE_LATTICE_MODEL = str(tmp_path / "model.json")
    assert check_context.Lattice().model() == (None, "it is not of the format ai-lattice-lr/1")
    assert [check.id for check in system_checks.model_of_traces_can_be_used()] == ["gate.E005"]
    settings.GATE_LATTICE_MODEL = str(tmp_path / "gone.json")
    assert "No such file" in check_context.Lattice().model()[1]


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ("a.flac,robot,,x", "line 2: label is ai or human"),
        ("a.flac,ai,,x", "line 2: a generated recording has a generator"),
        ("a.flac,human,,", "line 2: path and source"),
        (",human,,x", "line 2: path and source"),
    ],
)
def test_a_wrong_row_is_named(tmp_path, row, why):
    path = tmp_path / "manifest.csv"
    path.write_text(f"path,label,generator,source\n{row}\n")
    said = command("ai_features", path, "--out", tmp_path / "out.csv")
    assert (said.code, why in said.err) == (1, True)
    assert not (tmp_path / "out.csv").exists()
