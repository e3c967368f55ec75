"""Cleared files are marked once, whatever happens meanwhile, with what was decided of them and nothing else."""

from __future__ import annotations

import datetime as dt
import errno
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
from django.core.checks import run_checks
from django.utils import timezone

from checks.analysis import Analyser
from checks.analysis import c2pa_sign as marker
from checks.analysis.c2pa_sign import CannotBeMarked, Refusal
from checks.analysis.c2pa_trust import TrustList, judge_credential
from checks.policy import Verdict
from intake.core.states import State
from intake.demo import sounds
from intake.models import Blob, MarkedFile, Submission
from intake.models.leased_work import Status
from intake.services.operations import invariants, reaper
from intake.services.people import moderators
from intake.services.provenance import signed_copies
from intake.services.review import decisions
from intake.services.storage import blobs
from intake.services.submissions import submission_actions
from tests import authority
from tests.checks.analysis import files
from tests.intake.factories import a_blob, a_cover, a_document, a_label
from tests.intake.test_pipeline import run

pytestmark = pytest.mark.django_db

ROOT = authority.root("Operator root")
SIGNER = authority.signer("Operator", ROOT)


@pytest.fixture
def signing(tmp_path: Path, settings) -> None:  # type: ignore[no-untyped-def]
    """The operator has a certificate."""
    (tmp_path / "certificate.pem").write_text(SIGNER.pem + ROOT.pem)
    (tmp_path / "key.pem").write_text(SIGNER.key_pem)
    settings.GATE_MARKING_CERTIFICATE = str(tmp_path / "certificate.pem")
    settings.GATE_MARKING_KEY = str(tmp_path / "key.pem")


def machine_made(document: dict, position: int = 1, level: str = "fully_generated") -> dict:  # type: ignore[type-arg]
    """A track all of whose sound was generated, or a part of it."""
    track = document["release"]["tracks"][position - 1]
    track["vocals"] = "instrumental"
    track["language"] = "zxx"
    track["disclosure"] = {
        "status": "declared",
        "contributions": [{"element": "instruments", "level": level}, {"element": "production", "level": level}],
    }
    for item in track["contributors"]:
        item["roles"] = ["composer"]
    return document


def delivered(document: dict, kind: str = "flac", seconds: float = 0.5) -> Submission:  # type: ignore[type-arg]
    """A delivery of real, short sound, with every file of this kind, judged by facts that are made up."""
    blobs_of = {}
    for number, track in enumerate(document["release"]["tracks"], 1):
        content = _sound(kind, seconds, number)
        blobs_of[track["file"]] = a_blob(content)
    blobs_of[document["release"]["cover"]["file"]] = a_blob(a_cover())
    return submission_actions.submit_delivery(a_label(), document, blobs_of)


def _sound(kind: str, seconds: float, seed: int) -> bytes:
    path = blobs.spool_folder() / f"made.{kind}"
    content = sounds.encode_demo_audio(files.music(seconds, seed), 44100, path).read_bytes()
    path.unlink()
    return content


@pytest.fixture
def cleared(rung, analyser) -> Callable[..., Submission]:  # type: ignore[no-untyped-def]
    """Deliver, and answer every bell but the one for marking."""

    def clear(document: dict, kind: str = "flac") -> Submission:  # type: ignore[type-arg]
        analyser.changes = {"container": {"m4a": "mp4"}.get(kind, kind)}
        submission = delivered(document, kind)
        later = []
        while rung:
            name, arguments = rung.pop(0)
            if name == "intake.mark":
                later.append((name, arguments))
            else:
                rung.insert(0, (name, arguments))
                run_one(rung)
        rung.extend(later)
        submission.refresh_from_db()
        return submission

    return clear


def run_one(rung: list[tuple[str, tuple[str, ...]]]) -> None:
    from intake import tasks

    name, arguments = rung.pop(0)
    if name != "intake.deliver":
        getattr(tasks, name.removeprefix("intake.")).run(*arguments)


def content(blob: Blob | None) -> bytes:
    assert blob is not None
    with blobs.local_copy(blob) as path:
        return path.read_bytes()


def samples(data: bytes, folder: Path) -> np.ndarray:
    with av.open(str(files.write(folder / "heard", data))) as opened:
        return np.concatenate([frame.to_ndarray() for frame in opened.decode(audio=0)], axis=1)


# --- What is marked ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["flac", "wav", "mp3", "m4a"])
def test_a_labelled_file_gets_a_marked_copy(signing, cleared, rung, tmp_path: Path, kind: str) -> None:  # type: ignore[no-untyped-def]
    submission = cleared(machine_made(a_document()), kind)
    assert submission.state == State.LABELLED
    (row,) = MarkedFile.objects.all()
    assert (row.status, row.source_type) == (Status.PENDING, "trainedAlgorithmicMedia")
    run(rung)
    row.refresh_from_db()
    assert (row.status, row.outcome, row.signer) == (Status.DONE, "marked", "Operator, Operator Ltd")
    original, copy = content(row.resource.blob), content(row.blob)
    assert original != copy
    np.testing.assert_array_equal(samples(copy, tmp_path), samples(original, tmp_path))
    with Analyser() as analyser:
        facts = analyser.analyse(files.write(tmp_path / "copy", copy), "")
    found = judge_credential(facts.credential, TrustList((ROOT.der,)), timezone.now().date())
    assert (found.state, found.source_types) == ("trusted", ("trainedAlgorithmicMedia",))
    for told in (str(row.decision_id), str(submission.pk), row.decision.policy_digest, "ai:recording"):
        assert told.encode() in copy
    assert not list(blobs.spool_folder().iterdir())


def test_nothing_is_marked_without_a_certificate(cleared, rung) -> None:  # type: ignore[no-untyped-def]
    assert cleared(machine_made(a_document())).state == State.LABELLED
    assert not MarkedFile.objects.exists()
    assert not rung


def test_a_release_of_which_nothing_is_said_is_not_marked(signing, cleared) -> None:  # type: ignore[no-untyped-def]
    assert cleared(a_document()).state == State.APPROVED
    assert not MarkedFile.objects.exists()


def test_only_the_tracks_that_a_label_speaks_of_are_marked(signing, cleared) -> None:  # type: ignore[no-untyped-def]
    document = machine_made(a_document(tracks=3), 2)
    machine_made(document, 3, "partly_generated")
    submission = cleared(document)
    assert submission.state == State.LABELLED
    marked = {row.resource.name: row.source_type for row in MarkedFile.objects.all()}
    files_of = {item["position"]: item["file"] for item in document["release"]["tracks"]}
    assert marked == {
        files_of[2]: "trainedAlgorithmicMedia",
        files_of[3]: "compositeWithTrainedAlgorithmicMedia",
    }
    third = MarkedFile.objects.get(resource__name=files_of[3])
    assert {label["value"] for label in third.labels} == {"partly"}


def test_a_moderators_label_marks_as_well(signing, rung) -> None:  # type: ignore[no-untyped-def]
    from tests.intake.admin.desk_rows import in_review

    submission = in_review()
    moderator, _, _ = moderators.create_moderator("wilhelmina", "low-tide-at-seven")  # in no hexadecimal number
    decisions.decide_submission(submission, moderator, Verdict.LABEL, "heard it", labels=[("ai:vocals", "all")])
    (row,) = MarkedFile.objects.all()
    assert row.source_type == "compositeWithTrainedAlgorithmicMedia"
    assert row.labels == [{"key": "ai:vocals", "value": "all", "basis": "verified_by_human"}]
    assert "wilhelmina" not in str(signed_copies.build_c2pa_manifest(row))


def test_where_a_manifest_has_no_place_it_is_said(signing, cleared, rung) -> None:  # type: ignore[no-untyped-def]
    cleared(machine_made(a_document()), "ogg")
    run(rung)
    row = MarkedFile.objects.get()
    assert (row.status, row.outcome, row.because, row.blob) == (Status.DONE, "refused", "container ogg", None)


# --- Twice, late, half-way -----------------------------------------------------------------------------------------


def test_asked_twice_it_is_marked_once(signing, cleared, rung) -> None:  # type: ignore[no-untyped-def]
    submission = cleared(machine_made(a_document()))
    row = MarkedFile.objects.get()
    rung += [("intake.mark", (str(row.pk),))] * 3
    run(rung)
    row.refresh_from_db()
    assert (row.attempts, row.outcome) == (1, "marked")
    signed_copies.plan_signed_copies(submission, row.decision)
    assert (MarkedFile.objects.count(), rung) == (1, [])


def test_who_dies_half_way_leaves_nothing_and_another_does_it(signing, cleared, rung, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    cleared(machine_made(a_document()))
    rung.clear()
    row = MarkedFile.objects.get()

    class Killed(BaseException):
        pass

    def killed(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(blobs.Incoming, "keep", killed)
        with pytest.raises(Killed):
            signed_copies.sign_copy(row.pk)
    row.refresh_from_db()
    assert (row.status, row.blob, list(blobs.spool_folder().iterdir())) == (Status.RUNNING, None, [])
    signed_copies.sign_copy(row.pk)  # the lease still runs
    row.refresh_from_db()
    assert row.status == Status.RUNNING
    earlier = timezone.now() - dt.timedelta(hours=1)
    MarkedFile.objects.update(lease_until=earlier, created_at=earlier, rung_at=earlier)
    reaper.enqueue_lost_work()
    assert ("intake.mark", (str(row.pk),)) in rung
    run(rung)
    row.refresh_from_db()
    assert (row.outcome, row.attempts) == ("marked", 2)


def test_who_dies_every_time_is_buried(signing, cleared, rung) -> None:  # type: ignore[no-untyped-def]
    cleared(machine_made(a_document()))
    rung.clear()
    row = MarkedFile.objects.get()
    for _ in range(signed_copies.MAX_ATTEMPTS):
        assert MarkedFile.objects.claim(row.pk, dt.timedelta(seconds=-1))
    signed_copies.sign_copy(row.pk)
    row.refresh_from_db()
    assert (row.status, row.error, row.blob) == (Status.DEAD, "the worker died", None)


def test_a_full_disk_is_tried_again_and_leaves_nothing(signing, cleared, rung, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    cleared(machine_made(a_document()))
    rung.clear()
    row = MarkedFile.objects.get()

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    before = set(Blob.objects.values_list("pk", flat=True))
    with monkeypatch.context() as patch:
        patch.setattr(marker, "write_signed_copy", full)
        signed_copies.sign_copy(row.pk)
    row.refresh_from_db()
    assert (row.status, "No space" in row.error, row.attempts) == (Status.PENDING, True, 0)
    assert row.next_attempt_at
    assert set(Blob.objects.values_list("pk", flat=True)) == before
    assert not list(blobs.spool_folder().iterdir())
    MarkedFile.objects.resume()
    signed_copies.sign_copy(row.pk)
    row.refresh_from_db()
    assert row.outcome == "marked"


def test_a_file_that_the_library_refuses_stays_as_it_is(signing, cleared, rung, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    def refused(*_: object) -> None:
        raise CannotBeMarked(Refusal.SOUND)

    monkeypatch.setattr(marker, "write_signed_copy", refused)
    cleared(machine_made(a_document()))
    run(rung)
    row = MarkedFile.objects.get()
    assert (row.status, row.outcome, row.because, row.blob) == (Status.DONE, "refused", "sound", None)


def test_a_decision_that_stands_no_longer_marks_nothing(signing, cleared, rung) -> None:  # type: ignore[no-untyped-def]
    submission = cleared(machine_made(a_document()))
    moderator, _, _ = moderators.create_moderator("ada", "low-tide-at-seven")
    decisions.reopen_submission(submission, moderator, "a claim came in")
    run(rung)
    row = MarkedFile.objects.get()
    assert (row.outcome, row.blob) == ("overtaken", None)
    submission.refresh_from_db()
    decisions.decide_submission(submission, moderator, Verdict.LABEL, "as before", labels=[("ai:recording", "all")])
    (again,) = MarkedFile.objects.standing()
    assert again.pk != row.pk
    run(rung)
    again.refresh_from_db()
    assert again.outcome == "marked"


def test_marked_bytes_are_kept_for_as_long_as_their_row(signing, cleared, rung) -> None:  # type: ignore[no-untyped-def]
    cleared(machine_made(a_document()))
    run(rung)
    row = MarkedFile.objects.get()
    Blob.objects.update(touched_at=timezone.now() - dt.timedelta(days=1))
    blobs.delete_unused_blobs()
    assert content(Blob.objects.get(pk=row.blob_id))
    assert not [
        violation
        for violation in invariants.find_invariant_violations(dt.timedelta(0))
        if row.blob_id in violation.subject
    ]


# --- The operator's certificate ------------------------------------------------------------------------------------


def told() -> list[tuple[str, str]]:
    return [(check.id, check.msg) for check in run_checks() if check.id in ("gate.E006", "gate.W003")]


def test_a_certificate_that_cannot_sign_is_told_at_boot(signing, settings, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    assert told() == []
    (tmp_path / "key.pem").write_text(authority.signer("Other", ROOT).key_pem)
    ((code, message),) = told()
    assert (code, "not the one" in message) == ("gate.E006", True)
    settings.GATE_MARKING_KEY = str(tmp_path / "absent.pem")
    assert told()[0][0] == "gate.E006"
    settings.GATE_MARKING_CERTIFICATE = ""
    assert told() == []


def test_a_certificate_that_runs_out_is_told_in_time(signing, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    short = authority.signer("Operator", ROOT, days=(-1, 10))
    (tmp_path / "certificate.pem").write_text(short.pem)
    (tmp_path / "key.pem").write_text(short.key_pem)
    assert told() == [("gate.W003", "The certificate for marking runs out in 9 days.")]


def test_without_its_key_a_file_waits_and_says_why(signing, cleared, rung, settings, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    cleared(machine_made(a_document()))
    (tmp_path / "key.pem").unlink()
    run(rung)
    row = MarkedFile.objects.get()
    assert (row.status, "No such file" in row.error, row.blob) == (Status.PENDING, True, None)
