"""A consent is a delivered document that a person has looked at, and nothing else."""

from __future__ import annotations

import copy

import pytest

from checks.model.consent_documents import document_name
from checks.policy import Verdict
from checks.rules import disclosure
from intake.core.states import State
from intake.models import AcceptedConsent, CheckRun, Resource, Submission
from intake.readers import release_mapping
from intake.services.checking import pipeline
from intake.services.people import access_log
from intake.services.review import decisions
from intake.services.review.decisions import InvalidDecision
from intake.services.submissions import admission, submission_actions, transitions
from tests.intake.factories import a_blob, a_document, a_label, a_moderator, files_of

pytestmark = pytest.mark.django_db

LABEL = "ai:voice_replica_consented"
SIGNED = b"%PDF-1.4 I agree. Mara"


def a_release(consent, number=1, files=None, **more):
    document = copy.deepcopy(a_document(number=number))
    sung = {
        "element": "lead_vocals",
        "level": "partly_generated",
        "imitates": "with_consent",
        "consent": consent,
        **more,
    }
    document["release"]["tracks"][0]["vocals"] = "vocal"
    document["release"]["tracks"][0]["disclosure"] = {"status": "declared", "contributions": [sung]}
    if files:
        document["files"] = files
    return document


def delivered(label, document, **contents):
    """A submission that stands before its last check."""
    contents = {**files_of(document), **contents}
    submission = submission_actions.submit_delivery(
        label, document, {name: a_blob(content) for name, content in contents.items()}
    )
    transitions.transition_submission(submission, State.CHECKING, "gate")
    return submission


def judge(submission):
    """Run the disclosure check and conclude; returns its findings about consent."""
    run = CheckRun.objects.create(submission=submission, name="disclosure", version=1, needs_audio=True, status="done")
    pipeline.store_check_findings(run, disclosure.CHECK.run(release_mapping.map_submission(submission), None))
    rules = admission.current_policy()
    pipeline.commit_machine_decision(submission, pipeline.judge_submission(submission, rules), rules, ())
    return list(submission.findings.filter(code="consent.unverified"))


def labels(decision):
    return {label["key"]: label for label in decision.labels}


@pytest.mark.parametrize(
    "consent", ["he said yes on the phone", "yes", "0192d2c5-8f6e-7000-8000-000000000001", "01.flac"]
)
def test_words_are_no_consent(consent):
    submission = delivered(a_label(), a_release(consent))
    (finding,) = judge(submission)
    assert submission.state == State.IN_REVIEW
    assert submission.decision.reasons == ["consent.unverified"]
    assert "Deliver" in finding.fix
    assert not finding.private
    assert not any(label["key"] == LABEL for row in submission.findings.all() for label in row.labels)


@pytest.mark.parametrize("name", ["consent.pdf", "Consent.JPG", "signed.png", "letter.txt"])
@pytest.mark.parametrize("field", ["consent", "tool_licence"])
def test_document_that_a_contribution_names_is_a_file_of_the_delivery(name, field):
    document = a_release(**{"consent": "words", field: name})
    assert name in admission.named_files(document)
    with pytest.raises(admission.Refused, match=r"file\.missing"):
        delivered(a_label(), document)
    assert not Submission.objects.exists()
    assert delivered(a_label("North Pier"), document, **{name: SIGNED}).resources.get(name=name).kind == "document"


def test_draft_waits_for_the_document():
    draft = submission_actions.open_draft(a_label(), a_release("consent.pdf"))
    assert "consent.pdf" in submission_actions.missing_files(draft)
    submission_actions.put_file(draft, "consent.pdf", a_blob(SIGNED))
    assert "consent.pdf" not in submission_actions.missing_files(draft)


def test_document_of_another_kind_counts_where_it_is_listed_among_the_files():
    document = a_release("consent.docx", files={"consent.docx": {"sha256": None}})
    (finding,) = judge(delivered(a_label(), document, **{"consent.docx": SIGNED}))
    assert finding.evidence["sha256"]


@pytest.fixture
def waiting():
    submission = delivered(a_label(), a_release("consent.pdf"), **{"consent.pdf": SIGNED})
    judge(submission)
    return submission


def test_delivered_document_waits_for_a_person_without_the_label(waiting):
    assert waiting.state == State.IN_REVIEW
    assert waiting.decision.reasons == ["consent.unverified"]
    assert not waiting.decision.labels


def test_release_does_not_go_out_before_the_moderator_has_opened_the_document(waiting):
    ada, eve = a_moderator(), a_moderator("eve")
    access_log.record_view_once(eve, waiting, "document consent.pdf")
    with pytest.raises(InvalidDecision, match=r"consent\.pdf"):
        decisions.decide_submission(waiting, ada, Verdict.LABEL, "Fine.", labels=[("ai:vocals", "partly")])
    waiting.refresh_from_db()
    assert waiting.state == State.IN_REVIEW
    assert waiting.decisions.count() == 1
    assert not AcceptedConsent.objects.exists()


def accept(submission, moderator):
    access_log.record_view_once(moderator, submission, "document consent.pdf")
    return decisions.decide_submission(
        submission, moderator, Verdict.LABEL, "Signed.", labels=[("ai:vocals", "partly")]
    )


def test_label_goes_out_once_a_moderator_has_looked(waiting):
    ada = a_moderator()
    decision = accept(waiting, ada)
    assert labels(decision)[LABEL]["basis"] == "verified_by_human"
    assert labels(decision)["ai:vocals"]["basis"] == "declared"
    kept = AcceptedConsent.objects.get()
    document = Resource.objects.get(submission=waiting, name="consent.pdf")
    assert (kept.sha256, kept.actor, kept.decision) == (document.blob_id, decision.actor, decision)
    assert kept.element == "lead_vocals"


def test_document_need_not_be_opened_to_refuse_the_release(waiting):
    decisions.decide_submission(waiting, a_moderator(), Verdict.RETURN, "It is not signed.")
    assert waiting.state == State.RETURNED
    assert not AcceptedConsent.objects.exists()


@pytest.mark.parametrize("consent", [None, "he said yes on the phone"])
def test_no_moderator_vouches_for_a_consent_without_a_document(consent):
    submission = delivered(a_label(), a_release(consent) if consent else a_document())
    judge(submission)
    if submission.state != State.IN_REVIEW:
        decisions.reopen_submission(submission, a_moderator("eve"), "somebody knows the voice")
    before = submission.decisions.count()
    with pytest.raises(InvalidDecision, match="a delivered document of consent"):
        decisions.decide_submission(submission, a_moderator(), Verdict.LABEL, "They agreed.", labels=[(LABEL, "yes")])
    submission.refresh_from_db()
    assert (submission.state, submission.decisions.count()) == (State.IN_REVIEW, before)


def again(label, content=SIGNED, **more):
    return delivered(label, a_release("consent.pdf", **more), **{"consent.pdf": content})


def test_same_document_for_the_same_recording_needs_no_second_look(waiting):
    accept(waiting, a_moderator())
    second = again(waiting.label)
    assert judge(second) == []
    assert second.state == State.LABELLED
    assert labels(second.decision)[LABEL]["basis"] == "verified_by_human"


@pytest.mark.parametrize("changed", ["document", "label", "element", "recording"])
def test_anything_else_is_looked_at_anew(waiting, changed):
    accept(waiting, a_moderator())
    label = a_label("North Pier") if changed == "label" else waiting.label
    content = SIGNED + b"!" if changed == "document" else SIGNED
    more = {"element": "backing_vocals"} if changed == "element" else {}
    second = again(label, content, number=2 if changed == "recording" else 1, **more)
    assert len(judge(second)) == 1
    assert second.state == State.IN_REVIEW


def test_acceptance_that_was_taken_back_counts_for_nothing(waiting):
    ada = a_moderator()
    decisions.undo_decision(accept(waiting, ada), ada)
    assert len(judge(again(waiting.label))) == 1


@pytest.mark.parametrize("text", ["", None, " ", ".pdf", "he said yes", "v1.2", "consent", "0192d2c5-8f6e-7000"])
def test_text_that_names_no_document(text):
    assert document_name(text) is None
