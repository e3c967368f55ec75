"""From the delivery to the verdict: everything once, in any order, however often it is asked for."""

import datetime as dt
import random
import threading

import pytest
from django.db import connection, connections
from django.utils import timezone

import checks
from checks.policy import Verdict
from intake.core.states import State
from intake.models import Analysis, CheckRun, Decision, Event, Finding, KnownRecording, Submission
from intake.models.leased_work import Status
from intake.readers import check_context
from intake.services.catalogue import known_recordings
from intake.services.checking import pipeline
from intake.services.operations import reaper
from intake.services.submissions import admission, submission_actions
from intake.services.submissions.transitions import Conflict
from tests.intake.factories import a_blob, a_document, a_label, a_submission, facts_of, files_of

pytestmark = pytest.mark.django_db


def run(rung: list[tuple[str, tuple[str, ...]]], limit: int = 500) -> None:
    """Answer every bell, and those that the answers ring, until all is quiet."""
    from intake import tasks

    while rung:
        name, arguments = rung.pop(0)
        if name != "intake.deliver":
            getattr(tasks, name.removeprefix("intake.")).run(*arguments)
        limit -= 1
        assert limit, "the bells never fall silent"


def concluded(rung, analyser, **kwargs) -> Submission:
    submission = a_submission(**kwargs)
    run(rung)
    submission.refresh_from_db()
    return submission


def test_a_clean_release_is_approved(rung, analyser):
    submission = concluded(rung, analyser)
    assert (submission.state, submission.verdict) == (State.APPROVED, Verdict.APPROVE)
    assert submission.due_at is None
    assert submission.concluded_at is not None
    decision = Decision.objects.get(submission=submission)
    assert decision.policy_digest == admission.current_policy().digest
    assert {run.status for run in submission.check_runs.all()} == {Status.DONE}


def test_every_move_writes_one_event_and_the_chain_holds(rung, analyser):
    submission = concluded(rung, analyser)
    events = list(Event.objects.filter(submission=submission))
    assert [event.type for event in events] == [
        "submission.received",
        "submission.checking",
        "submission.approved",
    ]
    assert [event.sequence for event in events] == [1, 2, 3]
    assert submission.sequence == 3
    previous = ""
    for event in events:
        assert event.digest == event.chained(previous)
        previous = event.digest


def test_the_same_bytes_are_measured_once(rung, analyser):
    label = a_label()
    concluded(rung, analyser, label=label)
    concluded(rung, analyser, label=label)
    assert len(analyser.asked) == 1
    assert Submission.objects.filter(state=State.APPROVED).count() == 2


def test_a_release_with_a_copied_recording_is_held_with_the_matched_times(rung, analyser):
    copied = a_document("Low Tide", 1)
    concluded(rung, analyser, label=a_label("Owner"), document=copied)
    document = a_document("Other Name", 2)
    document["release"]["upc"] = "036000291452"
    blobs = {name: a_blob(content) for name, content in files_of(copied).items()}
    submission = submission_actions.submit_delivery(a_label("Thief"), document, blobs)
    run(rung)
    submission.refresh_from_db()
    assert submission.state == State.IN_REVIEW
    assert submission.due_at is not None
    finding = submission.findings.get(code="similarity.known_recording")
    assert finding.evidence["matches"][0]["segments"]
    assert finding.evidence["matches"][0]["owner"] == "Owner"


def test_a_check_that_fails_three_times_sends_the_release_to_a_human(rung, analyser, monkeypatch):
    broken = checks.model.check.Check("identity", 1, "", (), lambda *_: 1 / 0)
    monkeypatch.setattr(pipeline, "_find_check", lambda name: broken if name == "identity" else _real(name))
    submission = a_submission()
    run(rung)
    for _ in range(3):
        Submission.objects.get(pk=submission.pk)
        pipeline.run_check(submission.check_runs.get(name="identity").pk)
    submission.refresh_from_db()
    assert submission.state == State.IN_REVIEW
    assert submission.findings.filter(code="check.failed").count() == 1
    assert "check.failed" in submission.decision.reasons


def _real(name):
    return next(check for check in checks.CHECKS if check.name == name)


def test_a_file_that_kills_its_worker_three_times_is_given_up(rung, analyser):
    submission = a_submission()
    submission_actions.start_checking(submission.pk)
    analysis = Analysis.objects.get()
    for _ in range(pipeline.MAX_ATTEMPTS):
        assert Analysis.objects.claim(analysis.pk, dt.timedelta(seconds=-1)) is not None
    pipeline.analyse_audio_file(analysis.pk)
    analysis.refresh_from_db()
    assert analysis.status == Status.DEAD
    run(rung)
    submission.refresh_from_db()
    assert submission.state == State.IN_REVIEW
    assert submission.findings.get(code="audio.analysis_failed").private
    assert submission.findings.filter(code="audio.not_measured", private=False).exists()
    assert not submission.findings.filter(code="audio.undecodable").exists()  # power cuts kill workers, too


def test_a_release_is_never_approved_while_a_mandatory_check_is_missing(rung, analyser):
    submission = a_submission()
    submission_actions.start_checking(submission.pk)
    submission.check_runs.filter(name="similarity").delete()
    rung.extend(("intake.run_check", (str(pk),)) for pk in submission.check_runs.values_list("pk", flat=True))
    run(rung)
    submission.refresh_from_db()
    assert submission.state == State.IN_REVIEW
    assert "check.missing" in submission.decision.reasons


def test_a_lost_message_is_found_by_the_sweep(rung, analyser, monkeypatch):
    submission = a_submission()
    monkeypatch.setattr(reaper, "PATIENCE", dt.timedelta(0))
    for _ in range(12):
        rung.clear()  # the broker was emptied
        reaper.enqueue_lost_work()
        if rung:
            run(rung[:1])
    submission.refresh_from_db()
    assert submission.state == State.APPROVED


def test_the_sweep_does_not_ring_twice_for_a_long_backlog(rung, analyser):
    a_submission()
    submission_actions.start_checking(Submission.objects.get().pk)
    earlier = timezone.now() - dt.timedelta(minutes=5)
    CheckRun.objects.update(created_at=earlier, rung_at=earlier)
    rung.clear()
    first = reaper.enqueue_lost_work()
    assert first
    assert reaper.enqueue_lost_work() == 0


def test_a_refused_delivery_leaves_nothing(rung, analyser):
    label, document = a_label(), a_document()
    document["release"]["tracks"][0]["isrc"] = "SE-123"
    with pytest.raises(admission.Refused) as refusal:
        submission_actions.submit_delivery(label, document, {})
    codes = {finding.code.id for finding in refusal.value.findings}
    assert {"isrc.malformed", "file.missing"} <= codes
    assert not Submission.objects.exists()
    assert not rung


def test_a_withdrawn_release_is_not_judged(rung, analyser):
    submission = a_submission()
    submission_actions.withdraw_submission(submission)
    run(rung)
    submission.refresh_from_db()
    assert submission.state == State.WITHDRAWN
    assert not Finding.objects.exists()
    with pytest.raises(Conflict):
        submission_actions.withdraw_submission(submission)


def test_a_cleared_recording_is_known_afterwards_and_once(rung, analyser):
    submission = concluded(rung, analyser)
    recording = KnownRecording.objects.get()
    assert recording.owner == submission.label.name
    assert recording.logged_at is not None
    assert recording.pk in check_context.open_fingerprint_store()
    assert known_recordings.index_new_recordings() == 0


def test_recordings_that_the_index_has_lost_are_indexed_again(rung, analyser, settings, tmp_path):
    concluded(rung, analyser)
    settings.GATE_INDEX = tmp_path / "another"
    assert len(check_context.open_fingerprint_store()) == 0
    assert known_recordings.reconcile_index() == 1
    assert check_context.open_fingerprint_store().documents().tolist() == [KnownRecording.objects.get().pk]
    assert known_recordings.reconcile_index() == 0


@pytest.mark.django_db(transaction=True)
def test_every_message_twice_and_out_of_order_gives_one_decision_each(rung, analyser):
    """Eight threads answer every bell twice, in any order, on whichever database the suite runs."""
    label = a_label()
    for number in range(24):
        document = a_document(f"Song {number}", number + 1)
        blobs = {name: a_blob(content) for name, content in files_of(document).items()}
        submission_actions.submit_delivery(label, document, blobs)
    from intake import tasks

    order, lock = random.Random(1), threading.Lock()
    pool: list[tuple[str, tuple[str, ...]]] = []

    def answer() -> None:
        idle = 0
        while idle < 200:
            with lock:
                pool.extend(2 * rung)
                rung.clear()
                call = pool.pop(order.randrange(len(pool))) if pool else None
            if call is None:
                idle += 1
                threading.Event().wait(0.01)
                continue
            idle = 0
            getattr(tasks, call[0].removeprefix("intake.")).run(*call[1])
        connections.close_all()

    threads = [threading.Thread(target=answer) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Submission.objects.filter(state=State.APPROVED).count() == 24, connection.vendor
    assert Decision.objects.count() == 24
    assert Event.objects.filter(type="submission.approved").count() == 24
    assert Analysis.objects.filter(attempts=1).count() == 24


def test_a_passing_fault_of_ours_costs_one_try_and_no_verdict(rung, analyser, monkeypatch):
    submission = a_submission()
    analyser.error = OSError("the storage did not answer")
    run(rung)
    analysis = Analysis.objects.get()
    assert (analysis.status, analysis.attempts) == (Status.PENDING, 1)
    assert reaper.enqueue_lost_work() == 0, "it is not tried again at once"
    analyser.error = None
    monkeypatch.setattr(reaper, "PATIENCE", dt.timedelta(0))
    reaper.enqueue_lost_work()
    run(rung)
    submission.refresh_from_db()
    assert submission.state == State.APPROVED


@pytest.mark.django_db(transaction=True)
def test_a_file_that_takes_long_keeps_its_lease(rung, analyser, monkeypatch):
    monkeypatch.setattr(pipeline, "LEASE", dt.timedelta(seconds=0.3))
    submission = a_submission()
    submission_actions.start_checking(submission.pk)
    analysis = Analysis.objects.get()
    stolen = []

    def slow(path, sha256, *, name=None):
        threading.Event().wait(1.0)
        stolen.append(Analysis.objects.claim(analysis.pk, pipeline.LEASE))
        return facts_of(sha256)

    monkeypatch.setattr(analyser, "analyse", slow)
    pipeline.analyse_audio_file(analysis.pk)
    assert stolen == [None]
    analysis.refresh_from_db()
    assert (analysis.status, analysis.attempts) == (Status.DONE, 1)
