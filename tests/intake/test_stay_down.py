"""What a rejection leaves behind in the rows: written with the decision, kept in step with it, never forgotten."""

from __future__ import annotations

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from checks.policy import Verdict
from intake.core.states import State
from intake.models import KnownRecording, StayDown, Submission
from intake.readers import check_context
from intake.services.catalogue import bulk_import, known_recordings
from intake.services.people import accounts
from intake.services.review import decisions
from tests.intake.factories import a_document, a_label, a_moderator, a_submission, facts_of
from tests.intake.test_cross_label import delivered
from tests.intake.test_pipeline import run

pytestmark = pytest.mark.django_db

Source = KnownRecording.Source


def rejected(rung, submission: Submission, ground: str = "infringement") -> Submission:
    run(rung)
    submission.refresh_from_db()
    decisions.reopen_submission(submission, a_moderator(), "a claim")
    decisions.decide_submission(submission, a_moderator("eva"), Verdict.REJECT, "It is not yours.", code=ground)
    return submission


def later(rung, label, number: int = 2, sound: bytes = b"the same sound") -> tuple[str, set[str]]:
    """What becomes of the sound under other names, and what is found of it."""
    submission = delivered(label, "Slack Water", number, sound)
    run(rung)
    submission.refresh_from_db()
    found = submission.findings.filter(check_run__name="similarity")
    return submission.state, set(found.values_list("code", flat=True))


def test_every_track_of_an_album_is_remembered_by_sound_file_and_isrc(rung, analyser):
    album = rejected(rung, a_submission(document=a_document("Low Tide", 1, tracks=3)))
    entries = StayDown.objects.standing()
    assert entries.count() == 9
    assert {entry.decision for entry in entries} == {album.decision}
    assert {entry.ground for entry in entries} == {"infringement"}
    for track in album.tracks.select_related("resource"):
        kept = {entry.kind: entry.value for entry in entries.filter(title=track.title)}
        assert kept == {"recording": track.resource.blob_id, "file": track.resource.blob_id, "isrc": track.isrc}
    rows = KnownRecording.objects.current().filter(source=Source.REJECTED)
    assert set(rows.values_list("submission", flat=True)) == {album.pk}


def test_rejected_recording_leaves_the_index_at_no_moment(rung, analyser):
    submission = delivered(a_label(), "Low Tide", 1)
    run(rung)
    (row,) = KnownRecording.objects.all()
    rejected(rung, submission)
    assert known_recordings.index_new_recordings() == 0
    assert row.pk in check_context.open_fingerprint_store()
    (same,) = KnownRecording.objects.all()
    assert (same.pk, same.source, same.logged_at) == (row.pk, Source.REJECTED, row.logged_at)


def test_refused_decision_remembers_nothing(rung, analyser):
    submission = delivered(a_label(), "Low Tide", 1)
    run(rung)
    submission.refresh_from_db()
    decisions.reopen_submission(submission, a_moderator(), "a claim")
    with pytest.raises(decisions.InvalidDecision):
        decisions.decide_submission(submission, a_moderator("eva"), Verdict.REJECT, "no ground", code="")
    assert not StayDown.objects.exists()
    assert not KnownRecording.objects.filter(source=Source.REJECTED).exists()


def test_proposal_remembers_nothing_before_it_is_seconded(rung, analyser):
    submission = delivered(a_label(), "Low Tide", 1)
    run(rung)
    submission.refresh_from_db()
    decisions.reopen_submission(submission, a_moderator(), "a claim")
    decisions.decide_submission(submission, a_moderator("eva"), Verdict.REJECT, "no genuine release", code="fraud")
    assert not StayDown.objects.exists()
    submission.refresh_from_db()
    decisions.second_rejection(submission, a_moderator("jo"))
    assert StayDown.objects.standing().count() == 3


@pytest.mark.parametrize(
    ("verdict", "more", "standing"),
    [
        (Verdict.APPROVE, {}, 0),
        (Verdict.RETURN, {}, 0),
        (Verdict.REJECT, {"code": "prohibited"}, 0),
        (Verdict.REJECT, {"code": "voice"}, 3),
    ],
    ids=["approved", "returned", "rejected on another ground", "rejected again"],
)
def test_next_verdict_decides_what_stays_down(rung, analyser, verdict, more, standing):
    submission = rejected(rung, delivered(a_label("North Pier Music"), "Low Tide", 1))
    first = submission.decision
    decisions.reopen_submission(submission, a_moderator("jo"), "looked at again")
    assert StayDown.objects.standing().count() == 3, "looking again lifts nothing"
    decisions.decide_submission(submission, a_moderator("kim"), verdict, "as it is", **more)
    assert StayDown.objects.standing().count() == standing
    lifted = StayDown.objects.filter(decision=first)
    assert {item.lifted_with for item in lifted} == {submission.decision}
    assert {entry.lifted_by for entry in lifted} == {"moderator:kim"}
    state, found = later(rung, a_label("Quick Vinyl"))
    assert ("staydown.recording" in found) is bool(standing)
    if standing:
        assert state == State.IN_REVIEW


def test_operators_commands_neither_forget_nor_export_what_stays_down(rung, analyser, capsys):
    submission = rejected(rung, delivered(a_label("North Pier Music"), "Low Tide", 1))
    call_command("forget", "--owner", "North Pier Music")
    call_command("forget", "--isrc", submission.tracks.get().isrc)
    assert KnownRecording.objects.current().get().source == Source.REJECTED
    assert list(bulk_import.export_catalogue_lines()) == []


def test_owner_who_is_taught_to_the_gate_by_its_operator_is_not_asked(rung, analyser):
    submission = rejected(rung, delivered(a_label("North Pier Music"), "Low Tide", 1))
    facts = facts_of(submission.resources.get(name="01.flac").blob_id)
    known_recordings.learn_recording(
        facts, title="Slack Water", artist="Mara Lindqvist", isrc="SEHBR2600002", owner="Harbour Records"
    )
    state, found = later(rung, a_label("Harbour Records"))
    assert (state, found) == (State.APPROVED, {"similarity.own_recording"})
    state, found = later(rung, a_label("Quick Vinyl"), 3)
    assert (state, "staydown.recording" in found) == (State.IN_REVIEW, True)


def test_sound_of_a_rejected_release_is_no_reference_for_its_isrc(rung, analyser):
    submission = rejected(rung, delivered(a_label("North Pier Music"), "Low Tide", 1))
    assert submission.tracks.get().isrc
    state, found = later(rung, a_label("Harbour Records"), 1, b"the owner's own sound")
    assert state == State.IN_REVIEW
    assert found == {"staydown.isrc", "staydown.earlier_decision"}


@pytest.mark.parametrize("name", ["Harbour Records", "HARBOUR records", "Hárbour-Records", "Old Harbour"])
def test_no_second_account_has_a_name_by_which_the_catalogue_knows_another_as_owner(name):
    label = a_label("Harbour Records")
    label.names = ["Old Harbour"]
    label.save()
    with pytest.raises(accounts.NameTaken):
        accounts.create_label(name)
    with pytest.raises(CommandError, match="Harbour Records"):
        call_command("create_label", name)
    assert a_label("Harbour Records Two").pk != label.pk
