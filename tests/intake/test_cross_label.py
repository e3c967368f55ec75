"""Two labels deliver the same sound within minutes: a human sees both, and neither label hears of the other."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.db import connections

from checks.policy import Verdict
from intake.api.representations import Viewer
from intake.core.states import State
from intake.models import Finding, KnownRecording, Submission
from intake.readers import check_context
from intake.services.catalogue import known_recordings
from intake.services.checking import cross_label, pipeline
from intake.services.review import decisions
from intake.services.submissions import submission_actions
from tests.intake.factories import a_blob, a_document, a_label, a_moderator, files_of
from tests.intake.test_pipeline import run

pytestmark = pytest.mark.django_db

CODE = "similarity.pending_elsewhere"


def delivered(
    label, title: str, number: int, sound: bytes = b"the same sound", tracks_changes: Any = None, **release: Any
) -> Submission:
    """A single under a title and an ISRC of its own, with this sound."""
    lines = {line: {"year": 2026, "owner": label.name} for line in ("p_line", "c_line")}
    document = a_document(title, number, display_label=label.name, **lines, **release)
    document["release"]["tracks"][0].update(tracks_changes or {})
    files = files_of(document)
    audio = document["release"]["tracks"][0]["file"]
    blobs = {name: a_blob(sound if name == audio else content) for name, content in files.items()}
    return submission_actions.submit_delivery(label, document, blobs)


def both() -> tuple[Submission, Submission]:
    first = delivered(a_label("Harbour Records"), "Low Tide", 1)
    return first, delivered(a_label("North Pier Music"), "Slack Water", 2, upc="036000291452")


def told(submission: Submission) -> list[str]:
    submission.refresh_from_db()
    return list(submission.findings.filter(code=CODE).values_list("subject", flat=True))


def to_similarity(submission: Submission, rung) -> Any:
    """Measured, and everything asked but the similarity check; returns that run."""
    submission_actions.start_checking(submission.pk)
    for name, arguments in list(rung):
        if name == "intake.analyse":
            pipeline.analyse_audio_file(*arguments)
    rung.clear()
    for item in submission.check_runs.exclude(name="similarity"):
        pipeline.run_check(item.pk)
    rung.clear()
    return submission.check_runs.get(name="similarity")


def test_both_are_reviewed_whoever_is_checked_first(rung, analyser):
    first, second = both()
    one, two = to_similarity(first, rung), to_similarity(second, rung)
    cross_label.publish_pending_recordings(first)
    pipeline.run_check(two.pk)
    pipeline.run_check(one.pk)
    assert told(first) == told(second) == ["track:1"]
    assert first.state == second.state == State.IN_REVIEW
    finding = first.findings.get(code=CODE)
    assert finding.private
    assert finding.evidence["matches"][0]["submission"] == str(second.pk)
    assert finding.evidence["matches"][0]["title"] == "Slack Water"
    assert "'North Pier Music' has delivered it too" in finding.message


def test_where_it_was_settled_whose_it_is_only_the_other_is_held(rung, analyser):
    first, second = both()
    one, two = to_similarity(first, rung), to_similarity(second, rung)
    track = first.tracks.get()
    known, _ = known_recordings.learn_recording(
        analyser.analyse(None, track.resource.blob_id), title="Low Tide", isrc=track.isrc, owner="Harbour Records"
    )
    assert known.label is None
    cross_label.publish_pending_recordings(first)
    cross_label.publish_pending_recordings(second)
    pipeline.run_check(one.pk)
    pipeline.run_check(two.pk)
    assert told(first) == told(second) == []
    heard = [set(item.findings.values_list("code", flat=True)) for item in (first, second)]
    assert "similarity.own_recording" in heard[0]
    assert "similarity.known_recording" in heard[1]
    assert (first.state, second.state) == (State.APPROVED, State.IN_REVIEW)


def test_first_is_told_of_the_second_that_comes_while_it_is_reviewed(rung, analyser):
    first, second = both()
    one, two = to_similarity(first, rung), to_similarity(second, rung)
    Finding.objects.create(
        check_run=one, submission=first, code="artist.lookalike", severity="warning", subject="release",
        message="A name that resembles another.", route="review",
    )  # fmt: skip
    pipeline.run_check(one.pk)
    first.refresh_from_db()
    assert (first.state, told(first)) == (State.IN_REVIEW, [])
    pipeline.run_check(two.pk)
    assert told(first) == told(second) == ["track:1"]
    assert second.state == State.IN_REVIEW


def test_first_that_is_cleared_while_the_second_is_measured_is_taken_back(rung, analyser):
    first, second = both()
    two = to_similarity(second, rung)
    pipeline.run_check(to_similarity(first, rung).pk)
    first.refresh_from_db()
    assert first.state == State.APPROVED
    pipeline.run_check(two.pk)
    assert told(first) == told(second) == ["track:1"]
    assert first.state == second.state == State.IN_REVIEW
    assert first.due_at is not None
    assert first.events.last().type == "submission.reopened"
    shown = seen_by(first)
    assert shown["events"][-1] == (
        "submission.reopened",
        "moderator",
        ["check.person_required"],
    )  # as when a person reopens it
    assert CODE not in str(shown)


def test_human_clearance_stands_and_the_second_is_reviewed(rung, analyser):
    first, second = both()
    one, two = to_similarity(first, rung), to_similarity(second, rung)
    cross_label.publish_pending_recordings(second)
    pipeline.run_check(one.pk)
    assert told(first) == ["track:1"]
    first.refresh_from_db()
    decisions.decide_submission(first, a_moderator(), Verdict.APPROVE, "the contract was read")
    pipeline.run_check(two.pk)
    assert told(first) == told(second) == ["track:1"]
    assert (first.state, second.state) == (State.APPROVED, State.IN_REVIEW)


def test_second_that_comes_after_the_clearance_meets_a_known_recording(rung, analyser):
    first = delivered(a_label("Harbour Records"), "Low Tide", 1)
    run(rung)
    second = delivered(a_label("North Pier Music"), "Slack Water", 2)
    run(rung)
    assert told(first) == told(second) == []
    assert second.findings.filter(code="similarity.known_recording").exists()
    first.refresh_from_db()
    assert first.state == State.APPROVED


def test_what_was_withdrawn_is_compared_with_nobody(rung, analyser):
    first, second = both()
    two = to_similarity(second, rung)
    to_similarity(first, rung)
    cross_label.publish_pending_recordings(first)
    known_recordings.index_new_recordings()
    shown = KnownRecording.objects.get(submission=first)
    assert shown.pk in check_context.open_fingerprint_store()
    submission_actions.withdraw_submission(first)
    assert not KnownRecording.objects.pending().filter(submission=first).exists()
    cross_label.publish_pending_recordings(first)
    assert not KnownRecording.objects.pending().filter(submission=first).exists()
    pipeline.run_check(two.pk)
    assert told(second) == []
    second.refresh_from_db()
    assert second.state == State.APPROVED
    assert shown.pk not in check_context.open_fingerprint_store(), (
        "the check has brought the index up to date before it asked"
    )


def test_refused_recording_is_no_longer_its_labels_own_and_comes_back_with_the_appeal(rung, analyser):
    label = a_label("Harbour Records")
    first = delivered(label, "Low Tide", 1)
    run(rung)
    first.refresh_from_db()
    decisions.reopen_submission(first, a_moderator(), "somebody else claims it")
    decisions.decide_submission(first, a_moderator("eva"), Verdict.REJECT, "it is not theirs", code="infringement")
    assert not KnownRecording.objects.settled().filter(submission=first).exists()
    refused = KnownRecording.objects.current().get(submission=first)
    assert refused.source == KnownRecording.Source.REJECTED, "what is rejected as somebody else's stays down"
    decisions.reopen_submission(first, a_moderator("jo"), "an appeal")
    assert KnownRecording.objects.pending().get(submission=first) == refused
    run(rung)
    second = delivered(a_label("North Pier Music"), "Slack Water", 2)
    run(rung)
    assert told(second) == told(first) == ["track:1"]


def test_refusal_on_another_ground_takes_the_recording_out_and_it_comes_back_with_the_appeal(rung, analyser):
    first = delivered(a_label("Harbour Records"), "Low Tide", 1)
    run(rung)
    first.refresh_from_db()
    decisions.reopen_submission(first, a_moderator(), "a complaint")
    decisions.decide_submission(
        first, a_moderator("eva"), Verdict.REJECT, "we do not distribute this", code="prohibited"
    )
    assert not KnownRecording.objects.current().filter(submission=first).exists()
    known_recordings.index_new_recordings()
    decisions.reopen_submission(first, a_moderator("jo"), "an appeal")
    (row,) = KnownRecording.objects.pending().filter(submission=first)
    assert row.pk not in check_context.open_fingerprint_store()
    known_recordings.index_new_recordings()
    assert row.pk in check_context.open_fingerprint_store()


def test_refusal_leaves_what_another_release_of_the_label_still_stands_for(rung, analyser):
    label = a_label("Harbour Records")
    first, second = delivered(label, "Low Tide", 1), delivered(label, "Low Tide", 1)
    run(rung)
    first.refresh_from_db()
    decisions.reopen_submission(first, a_moderator(), "asked for")
    decisions.decide_submission(first, a_moderator("eva"), Verdict.REJECT, "delivered twice", code="infringement")
    row = KnownRecording.objects.settled().get()
    assert (row.submission, row.source) == (second, KnownRecording.Source.DELIVERED)
    refused = KnownRecording.objects.current().exclude(pk=row.pk).get()
    assert (refused.submission, refused.source) == (first, KnownRecording.Source.REJECTED)


def test_own_submissions_with_the_same_sound_do_not_meet(rung, analyser):
    label = a_label("Harbour Records")
    first, second = delivered(label, "Low Tide", 1), delivered(label, "Low Tide", 1)
    one, two = to_similarity(first, rung), to_similarity(second, rung)
    cross_label.publish_pending_recordings(first)
    pipeline.run_check(two.pk)
    pipeline.run_check(one.pk)
    assert told(first) == told(second) == []
    assert second.findings.filter(code="similarity.own_recording").exists()
    assert first.state == second.state == State.APPROVED


def test_recording_waits_in_the_index_once_and_stays_there_when_cleared(rung, analyser):
    first = delivered(a_label("Harbour Records"), "Low Tide", 1)
    one = to_similarity(first, rung)
    cross_label.publish_pending_recordings(first)
    (row,) = KnownRecording.objects.all()
    assert row.source == KnownRecording.Source.PENDING
    pipeline.run_check(one.pk)
    (same,) = KnownRecording.objects.all()
    assert (same.pk, same.source) == (row.pk, KnownRecording.Source.DELIVERED)
    assert same.logged_at == row.__class__.objects.get().logged_at is not None


def seen_by(submission: Submission) -> dict[str, Any]:
    """All that the label can read of its submission, without what is its own."""
    submission.refresh_from_db()
    viewer = Viewer(submission.label, lambda path: path)
    document = viewer.submission(Submission.objects.get(pk=submission.pk))
    told = submission.findings.told().select_related("check_run")
    events = viewer.events(submission.events.all())
    return {
        "document": {key: document[key] for key in ("state", "verdict", "reasons", "findings", "labels", "partners")},
        "checks": [(item["name"], item["status"]) for item in document["checks"]],
        "findings": sorted(finding["code"] for finding in viewer.findings(told)),
        "events": [(event["type"], event["actor"].partition(":")[0], event["reasons"]) for event in events],
    }


def test_label_reads_the_same_whichever_of_the_two_came_first(rung, analyser):
    first, second = both()
    one, two = to_similarity(first, rung), to_similarity(second, rung)
    cross_label.publish_pending_recordings(second)
    pipeline.run_check(one.pk)
    pipeline.run_check(two.pk)
    mine, theirs = seen_by(first), seen_by(second)
    assert mine == theirs
    whole = str(mine) + str(theirs)
    assert CODE not in whole
    assert mine["document"]["reasons"] == ["check.person_required"]
    for submission, other in ((first, second), (second, first)):
        text = str(seen_by(submission))
        assert str(other.pk) not in text
        assert other.label.name not in text


def test_others_pending_titles_and_isrcs_are_known_to_nobody(rung, analyser):
    first = delivered(a_label("Harbour Records"), "Low Tide", 1)
    to_similarity(first, rung)
    cross_label.publish_pending_recordings(first)
    known = check_context.Recordings(a_label("North Pier Music"))
    assert known.titled(["Low Tide"]) == {"Low Tide": []}


@pytest.mark.django_db(transaction=True)
def test_two_at_the_same_moment_both_end_with_one_finding(rung, analyser):
    """Twenty pairs, each pair's checks in two threads that begin together: on whichever database the suite runs."""
    labels = a_label("Harbour Records"), a_label("North Pier Music")
    for number in range(20):
        sound = f"sound {number}".encode()
        pair = [
            delivered(label, f"Title {side} {number}", 2 * number + side + 1, sound)
            for side, label in enumerate(labels)
        ]
        runs = [to_similarity(entry, rung) for entry in pair]
        together = threading.Barrier(2)

        def answer(pk, together=together) -> None:
            together.wait()
            try:
                pipeline.run_check(pk)
            finally:
                connections.close_all()

        threads = [threading.Thread(target=answer, args=(element.pk,)) for element in runs]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for item in pair:
            pipeline.conclude_submission(item.pk)
            assert told(item) == ["track:1"], number
            assert item.state == State.IN_REVIEW
    assert Finding.objects.filter(code=CODE).count() == 40


def test_finding_that_comes_while_the_machine_concludes_is_judged_too(rung, analyser, monkeypatch):
    first, second = both()
    one, two = to_similarity(first, rung), to_similarity(second, rung)
    cross_label.publish_pending_recordings(second)
    real, calls = pipeline.judge_submission, []

    def judge_slowly(*arguments):
        ruling = real(*arguments)
        if not calls:
            calls.append(two.pk)
            pipeline.run_check(two.pk)  # the other side writes between judging and moving
        return ruling

    KnownRecording.objects.filter(submission=second).update(forgotten_at="2026-01-01T00:00:00Z")
    monkeypatch.setattr(pipeline, "judge_submission", judge_slowly)
    show = cross_label.publish_pending_recordings
    monkeypatch.setattr(
        cross_label, "publish_pending_recordings", lambda submission: None if submission == second else show(submission)
    )
    pipeline.run_check(one.pk)
    assert told(first) == ["track:1"]
    assert (first.state, first.decision.number) == (State.IN_REVIEW, 1)
