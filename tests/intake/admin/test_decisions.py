"""Decisions at the desk: through the services, once, with a reason, on what the moderator saw."""

import datetime as dt
import threading

import pytest
from django.db import connections
from django.urls import reverse
from django.utils import timezone

from checks.policy import Verdict
from intake.admin.canned_reasons import CANNED
from intake.core.states import State
from intake.models import Claim, Decision, Event, KnownRecording, Submission
from intake.services.review import decisions
from tests.intake.admin.desk_rows import a_finding, in_review, measured

pytestmark = pytest.mark.django_db

#: Session, user, two of rights; submission, resources, tracks, findings, known recordings, blobs, checks, decisions,
#: events, what supersedes it, who looks at it; like cases, others of the label and of the artist, partners; a proposal,
#: appeals, notes, what can be taken back.
QUERIES = 27


def at(name, submission):
    return reverse(f"admin:intake_submission_{name}", args=[submission.pk])


def decide(client, submission, verdict="reject", reason="It is not theirs.", **more):
    return client.post(
        at("decide", submission),
        {
            "sequence": submission.sequence,
            "verdict": verdict,
            "code": "infringement" if verdict == "reject" else "",
            "reason": reason,
            "note": "",
            "labels": [],
            **more,
        },
    )


def standing(submission):
    submission.refresh_from_db()
    return submission.state, submission.decisions.count(), submission.sequence


def test_a_decision_is_written_and_the_next_submission_comes_claimed(desk, ada):
    first = in_review(title="First", due=dt.timedelta(hours=1))
    held = in_review(title="Held", due=dt.timedelta(hours=2))
    following = in_review(title="Following", due=dt.timedelta(hours=3))
    Claim.objects.create(submission=held, moderator=ada, until=timezone.now() - dt.timedelta(minutes=1))
    response = decide(desk, first, note="Third time.")
    assert response.url == at("change", held)
    assert Claim.objects.get(submission=held).held(timezone.now())
    decision = Decision.objects.get(submission=first, verdict=Verdict.REJECT)
    assert (decision.actor, decision.reasons, decision.note) == ("moderator:ada", ["It is not theirs."], "Third time.")
    assert standing(first)[0] == State.REJECTED
    assert standing(following)[0] == State.IN_REVIEW


@pytest.mark.parametrize(
    "prepared", [item for item in CANNED if item.verdict is not Verdict.REJECT], ids=lambda one: one.key
)
def test_a_reason_that_was_prepared_for_another_verdict_decides_nothing(desk, prepared):
    submission = in_review()
    before = standing(submission)
    response = decide(desk, submission, reason=f" {prepared.text}\n")
    assert response.status_code == 400
    assert "prepared for another verdict" in response.content.decode()
    assert standing(submission) == before


def test_the_next_one_is_never_one_that_somebody_has_in_hand(desk, ben):
    first = in_review(title="First", due=dt.timedelta(hours=1))
    second = in_review(title="Second", due=dt.timedelta(hours=2))
    decisions.claim_submission(first, ben)
    assert desk.post(reverse("admin:intake_submission_next")).url == at("change", second)
    assert Claim.objects.get(submission=second).moderator.username == "ada"
    decisions.claim_submission(second, second.claim.moderator)
    third = desk.post(reverse("admin:intake_submission_next"))
    assert third.url == reverse("admin:intake_submission_changelist")


@pytest.mark.parametrize(
    ("verdict", "state", "labels"),
    [
        ("approve", State.APPROVED, []),
        ("label", State.LABELLED, ["ai:vocals=all", "content:remix=yes"]),
        ("return", State.RETURNED, []),
        ("reject", State.REJECTED, []),
    ],
)
def test_every_human_verdict_leads_where_it_says(desk, verdict, state, labels):
    submission = in_review()
    assert decide(desk, submission, verdict, labels=labels).status_code == 302
    assert standing(submission)[0] == state
    found = submission.decision.labels
    assert [f"{item['key']}={item['value']}" for item in found] == labels
    assert {entry["basis"] for entry in found} <= {"verified_by_human"}


@pytest.mark.parametrize(
    "wrong",
    [
        {"reason": ""},
        {"reason": "   "},
        {"verdict": ""},
        {"verdict": "review"},
        {"verdict": "label"},
        {"verdict": "label", "labels": ["ai:vocals=certainly"]},
        {"verdict": "label", "labels": ["ai:vocals=all", "ai:vocals=partly"]},
        {"sequence": ""},
    ],
)
def test_an_unfounded_decision_changes_nothing_and_says_why(desk, wrong):
    submission = in_review()
    before = standing(submission)
    response = decide(desk, submission, **wrong)
    assert response.status_code == 400
    assert b"form-errors" in response.content
    assert standing(submission) == before
    assert not Claim.objects.exists()


def test_labels_left_from_another_verdict_are_not_taken_along(desk):
    submission = in_review()
    decide(desk, submission, "return", labels=["ai:vocals=all"])
    assert submission.decision.labels == []


def test_who_comes_second_is_told_who_decided_and_what(desk, other_desk):
    submission = in_review()
    assert decide(other_desk, submission, "return", "Please name the composer.").status_code == 302
    before = standing(submission)
    submission.sequence -= 1
    response = decide(desk, submission, "approve", "Fine.")
    assert response.status_code == 409
    html = response.content.decode()
    assert "Decided already: returned by moderator:ben" in html
    assert "Please name the composer." in html
    assert standing(submission) == before


def test_what_was_reopened_meanwhile_is_not_decided_on_an_old_view(desk, ben):
    submission = in_review()
    seen = submission.sequence
    decisions.decide_submission(submission, ben, Verdict.APPROVE, "Fine.")
    decisions.reopen_submission(submission, ben, "An owner wrote.")
    before = standing(submission)
    submission.sequence = seen
    response = decide(desk, submission, "approve", "Fine.")
    assert response.status_code == 409
    assert "has changed since you opened it" in response.content.decode()
    assert standing(submission) == before


def test_a_claim_of_somebody_else_holds(desk, ben):
    submission = in_review()
    decisions.claim_submission(submission, ben)
    page = desk.get(at("change", submission)).content.decode()
    assert "<b>ben</b> has it in hand" in page
    assert '<fieldset class="verdicts" disabled>' in page
    before = standing(submission)
    response = decide(desk, submission)
    assert response.status_code == 409
    assert "ben has this submission in hand" in response.content.decode()
    assert standing(submission) == before
    assert Claim.objects.get().moderator == ben


@pytest.mark.django_db(transaction=True)
def test_of_two_moderators_at_once_exactly_one_decides(desk, other_desk):
    submission = in_review()
    start, answers = threading.Barrier(2), []

    def press(client, verdict):
        try:
            start.wait()
            answers.append((verdict, decide(client, submission, verdict, f"Because of {verdict}.")))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=press, args=pair) for pair in ((desk, "approve"), (other_desk, "reject"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    won = [verdict for verdict, response in answers if response.status_code == 302]
    lost = [response for _, response in answers if response.status_code == 409]
    assert (len(won), len(lost)) == (1, 1)
    assert Decision.objects.filter(actor__startswith="moderator:").count() == 1
    assert Event.objects.filter(actor__startswith="moderator:").count() == 1
    told = lost[0].content.decode()
    assert "in hand" in told or f"Because of {won[0]}." in told


def test_a_claim_is_taken_renewed_and_given_back(desk, ada):
    submission = in_review()
    response = desk.post(at("claim", submission), headers={"accept": "application/json"})
    first = Claim.objects.get(submission=submission)
    assert response.json()["who"] == "ada"
    Claim.objects.update(until=timezone.now() + dt.timedelta(seconds=20))
    desk.post(at("claim", submission), headers={"accept": "application/json"})
    assert Claim.objects.get().until >= first.until
    desk.post(at("release", submission))
    assert not Claim.objects.get().held(timezone.now())


def test_a_renewal_after_somebody_else_took_it_says_who(desk, other_desk):
    submission = in_review()
    other_desk.post(at("claim", submission))
    response = desk.post(at("claim", submission), headers={"accept": "application/json"})
    assert (response.status_code, response.json()["who"]) == (409, "ben")


def test_giving_back_leaves_the_claim_of_another_alone(desk, ben):
    submission = in_review()
    decisions.claim_submission(submission, ben)
    desk.post(at("release", submission))
    assert Claim.objects.get().held(timezone.now())


def test_a_concluded_submission_is_opened_again_with_a_reason(desk, ben):
    submission = in_review()
    decisions.decide_submission(submission, ben, Verdict.APPROVE, "Fine.")
    page = desk.get(at("change", submission))
    assert b'name="verdict"' not in page.content
    before = standing(submission)
    assert desk.post(at("reopen", submission), {"sequence": submission.sequence, "reason": " "}).status_code == 400
    assert standing(submission) == before
    response = desk.post(at("reopen", submission), {"sequence": submission.sequence, "reason": "An owner wrote."})
    assert response.status_code == 302
    submission.refresh_from_db()
    assert submission.state == State.IN_REVIEW
    assert submission.due_at is not None
    assert "An owner wrote." in desk.get(at("change", submission)).content.decode()


def test_a_returned_submission_cannot_be_opened_again(desk, ben):
    submission = in_review()
    decisions.decide_submission(submission, ben, Verdict.RETURN, "Name the composer.")
    before = standing(submission)
    response = desk.post(at("reopen", submission), {"sequence": submission.sequence, "reason": "Please."})
    assert response.status_code == 409
    assert standing(submission) == before


def test_the_review_page_costs_the_same_however_much_was_found(desk, django_assert_num_queries):
    known = KnownRecording.objects.create(title="X", sha256="0" * 64, fingerprint=b"")
    segments = [{"start": 1.0, "end": 9.0, "reference_start": 2.0, "reference_end": 10.0}]
    matches = {"matches": [{"recording": str(known.pk), "title": "X", "score": 0.9, "segments": segments}] * 3}
    little = in_review(a_finding(code="similarity.known_recording", subject="track:1", evidence=matches))
    with django_assert_num_queries(QUERIES):
        desk.get(at("change", little))
    much = in_review(
        *(a_finding(code="similarity.known_recording", subject="track:1", evidence=matches) for _ in range(8)),
        title="Wide",
    )
    measured(much)
    with django_assert_num_queries(QUERIES):
        response = desk.get(at("change", much))
    assert len(response.context["review"].panels) == 24


def test_the_page_tells_what_changed_against_the_superseded_submission(desk):
    old, new = in_review(title="Old Title"), in_review(title="New Title")
    Submission.objects.filter(pk=new.pk).update(supersedes=old)
    response = desk.get(at("change", new))
    changes = {
        difference.field: (difference.was, difference.now) for difference in response.context["review"].differences
    }
    assert changes["title"] == ("Old Title", "New Title")
    assert changes["track 1 · title"] == ("Old Title", "New Title")
    assert "genre" not in changes
    assert "supersedes this submission" not in response.content.decode()
    assert "supersedes this submission" in desk.get(at("change", old)).content.decode()


def test_an_unknown_submission_is_not_found(desk):
    assert desk.get("/admin/intake/submission/0190a3c4-0000-7000-8000-000000000000/change/").status_code == 404
    assert desk.get("/admin/intake/submission/nonsense/change/").status_code == 404
