"""Acoustic traces in the gate: switched by the policy, told by rarity among recordings that somebody vouches for."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from checks.analysis.artefact_lines import FEATURE_VERSION
from checks.model.release import LatticeFacts
from intake.core.states import State
from intake.demo import sounds
from intake.models import Analysis, Submission, VerifiedRecording
from intake.readers import check_context
from intake.services.provenance import artefact_review
from tests.checks.analysis import decoders
from tests.intake.commands.console import command
from tests.intake.factories import a_document, a_label, a_submission
from tests.intake.test_pipeline import run

pytestmark = pytest.mark.django_db

CLEAR = LatticeFacts(
    FEATURE_VERSION,
    True,
    z=21.0,
    rate_hz=50.0,
    strength="strong",
    rates=((50.0, 21.0),),
    bands=(9.0, 9.0, 9.0),
    segments=(9.0, 9.0),
    ppm=0.0,
    low_high_ratio=0.5,
)


def concluded(rung, label=None, document=None) -> Submission:
    submission = a_submission(label, document)
    run(rung)
    submission.refresh_from_db()
    return submission


def switch(settings, folder: Path, mode: str) -> None:
    text = Path(settings.GATE_POLICY).read_text(encoding="utf-8")
    path = folder / f"{mode}.toml"
    path.write_text(text.replace('lattice = "note"', f'lattice = "{mode}"'), encoding="utf-8")
    settings.GATE_POLICY = path


# --- Switched by the policy ------------------------------------------------------------------------------------------


def test_traces_are_recorded_and_hold_nothing_as_shipped(rung, analyser):
    analyser.changes = {"lattice": CLEAR}
    submission = concluded(rung)
    assert submission.state == State.APPROVED
    assert submission.findings.get(code="lattice.traces").route == "note"
    assert submission.decision.labels == []


def test_traces_ask_a_human_where_the_policy_says_so(rung, analyser, settings, tmp_path):
    switch(settings, tmp_path, "review")
    analyser.changes = {"lattice": CLEAR}
    submission = concluded(rung)
    assert submission.state == State.IN_REVIEW
    assert submission.decision.reasons == ["lattice.traces"]
    assert submission.decision.labels == []


class Switchable:
    """An analyser that is told what to leave out."""

    def __init__(self, fake) -> None:
        self.fake, self.told = fake, []

    def analyse(self, path, sha256, *, name=None, lattice=True):
        self.told.append(lattice)
        self.fake.changes = {"lattice": CLEAR if lattice else LatticeFacts(FEATURE_VERSION, False, "off")}
        return self.fake.analyse(path, sha256, name=name)


def test_what_is_off_is_neither_asked_nor_measured_and_is_made_up_for_later(
    rung, analyser, settings, tmp_path, monkeypatch
):
    shipped, switchable, label = settings.GATE_POLICY, Switchable(analyser), a_label()
    monkeypatch.setattr("intake.services.checking.pipeline.default_analyser", lambda: switchable)
    switch(settings, tmp_path, "off")
    submission = concluded(rung, label)
    assert submission.state == State.APPROVED
    assert not submission.check_runs.filter(name="lattice").exists()
    assert not submission.findings.filter(code__startswith="lattice.").exists()
    settings.GATE_POLICY = shipped
    again = concluded(rung, label)
    assert switchable.told == [False, True]
    assert again.findings.filter(code="lattice.traces").exists()
    concluded(rung, label)
    assert switchable.told == [False, True], "measured with traces once, and then no more"


# --- Vouched for -----------------------------------------------------------------------------------------------------


def test_an_approved_release_can_be_vouched_for_and_counts_once(rung, analyser):
    analyser.changes = {"lattice": CLEAR}
    submission = concluded(rung)
    for _ in range(2):
        (kept,) = artefact_review.verify_recordings(submission, "ada", "I was in the studio")
    assert (kept.score, kept.source, kept.verified_by) == (21.0, submission.label.name, "ada")
    assert VerifiedRecording.objects.count() == 1
    assert check_context.Lattice().human_scores(FEATURE_VERSION) == [21.0]
    assert check_context.Lattice().human_scores("another version") == []


def undecided(rung, analyser):
    return a_submission()


def declared_as_generated(rung, analyser):
    document = a_document()
    document["release"]["tracks"][0]["disclosure"]["contributions"] = [
        {"element": "instruments", "level": "fully_generated"}
    ]
    submission = concluded(rung, document=document)
    Submission.objects.filter(pk=submission.pk).update(state=State.APPROVED)
    submission.refresh_from_db()
    return submission


def not_assessed(rung, analyser):
    analyser.changes = {"lattice": LatticeFacts(FEATURE_VERSION, False, "too_short")}
    return concluded(rung)


def measured_otherwise(rung, analyser):
    analyser.changes = {"lattice": LatticeFacts("0/1999", True, z=1.0, rate_hz=50.0, strength="none")}
    return concluded(rung)


@pytest.mark.parametrize(
    ("made", "why"),
    [
        (undecided, "only approved"),
        (declared_as_generated, "generated sound was declared"),
        (not_assessed, "too_short"),
        (measured_otherwise, "not measured as traces are now"),
    ],
)
def test_what_cannot_stand_for_people_is_refused_and_changes_nothing(rung, analyser, made, why):
    analyser.changes = {"lattice": CLEAR}
    submission = made(rung, analyser)
    with pytest.raises(artefact_review.NotVerifiable, match=why):
        artefact_review.verify_recordings(submission, "ada", "certain")
    assert not VerifiedRecording.objects.exists()


def test_the_command_vouches_for_a_submission_and_tells_how_they_score(rung, analyser):
    analyser.changes = {"lattice": CLEAR}
    submission = concluded(rung)
    said = command("ai_calibrate", "--submission", submission.pk, "--by", "ada", "--because", "studio")
    assert (said.code, VerifiedRecording.objects.count()) == (0, 1)
    assert "1 recordings are vouched for" in said.out
    assert "Not calibrated: 100 are needed" in said.out
    assert command("ai_calibrate", "--submission", submission.pk).code == 1
    assert command("ai_calibrate", "--submission", submission.pk, "--by", "a", "--because", "b", "--track", 9).code == 1
    gone = command("ai_calibrate", "--forget", Analysis.objects.get().pk)
    assert (gone.code, VerifiedRecording.objects.count()) == (0, 0)


def test_the_command_tells_what_share_reaches_each_strength():
    VerifiedRecording.objects.bulk_create(
        VerifiedRecording(
            sha256=f"{number:064x}",
            source=f"s{number % 7}",
            score=0.1 * number,
            rate_hz=50.0,
            feature_version=FEATURE_VERSION,
        )
        for number in range(200)
    )
    said = command("ai_calibrate")
    assert "200 verified recordings from 7 sources" in said.out
    assert "60.00% reach z 8 (weak)" in said.out


def test_the_command_vouches_for_the_files_of_a_list(tmp_path):
    rate = 44_100
    sounds.encode_demo_audio(decoders.music(rate, 12), rate, tmp_path / "a.flac")
    sounds.encode_demo_audio(np.zeros(rate * 12, np.float32), rate, tmp_path / "silent.flac")
    path = tmp_path / "list.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(
            [("path", "source"), ("a.flac", "own"), ("silent.flac", "own"), ("gone.flac", "own")]
        )
    said = command("ai_calibrate", "--manifest", path, "--by", "ada", "--because", "our own band")
    assert said.code == 0
    assert "1 recordings are vouched for" in said.out
    assert "silent.flac: left out, silent" in said.err
    assert "gone.flac: left out, No such file" in said.err
    assert VerifiedRecording.objects.get().score < 5
