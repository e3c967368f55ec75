"""What else is done at the desk, through its forms: second, take back, note, escalate, put off; many at once."""

import datetime as dt

import pytest
from django.urls import reverse
from django.utils import timezone

from checks.policy import Verdict
from intake.admin.canned_reason_texts import PHRASES
from intake.admin.canned_reasons import CANNED, for_families, in_languages
from intake.core.states import State
from intake.models import AppealFile, Decision, Language, Note, Proposal, Submission, Viewing
from intake.services.people.permissions import Role
from intake.services.review import appeals, decisions
from intake.services.submissions import admission
from tests.intake.admin.desk_rows import a_finding, in_review
from tests.intake.admin.test_decisions import at, decide, standing
from tests.intake.factories import a_blob, a_moderator
from tests.intake.waiting import everything

pytestmark = pytest.mark.django_db


def press(client, name, submission, **fields):
    return client.post(at(name, submission), {"sequence": submission.sequence, **fields})


# --- Prepared reasons ---------------------------------------------------------------------------------------------


def test_every_prepared_reason_is_there_in_every_language():
    assert set(PHRASES) == set(Language.values)
    for language, told in PHRASES.items():
        assert set(told) == {item.key for item in CANNED}, language
    assert len({text for told in PHRASES.values() for text in told.values()}) == len(PHRASES) * len(CANNED)


def test_every_ground_of_the_policy_has_a_prepared_reason_and_the_reverse():
    assert {item.code for item in CANNED if item.code} == set(admission.current_policy().reasons)


def test_prepared_reasons_come_in_the_labels_language_and_in_english():
    assert [name for name, _ in in_languages(set(), "sv")] == ["Swedish", "English"]
    assert [name for name, _ in in_languages(set(), "en")] == ["English"]
    assert for_families({"fraud"}, "fr")[0].text == PHRASES["fr"]["fraud"]


def test_label_is_told_in_which_language_it_is_written_to(desk):
    submission = in_review()
    submission.label.language = "de"
    submission.label.save()
    page = desk.get(at("change", submission)).content.decode()
    assert PHRASES["de"]["metadata"] in page
    decide(desk, submission, "return", PHRASES["de"]["metadata"], language="de")
    assert submission.decision.language == "de"


# --- The decision's form ------------------------------------------------------------------------------------------


def test_a_rejection_names_a_ground_of_the_policy(desk):
    submission = in_review()
    before = standing(submission)
    answer = decide(desk, submission, "reject", code="")
    assert answer.status_code == 400
    assert "one of the policy" in answer.content.decode()
    assert standing(submission) == before


def test_a_return_says_what_to_mend(desk):
    submission = in_review()
    finding = submission.findings.get()
    assert decide(desk, submission, "return", "Mend it.", to_fix=[finding.pk]).status_code == 302
    assert submission.decision.to_fix == [finding.pk]


# --- Four eyes ----------------------------------------------------------------------------------------------------


def test_a_second_moderator_agrees_on_the_page(desk, other_desk):
    submission = in_review()
    decide(desk, submission, "reject", "Made up.", code="fraud")
    assert standing(submission)[0] == State.IN_REVIEW
    assert b"Agree, and reject" not in desk.get(at("change", submission)).content
    assert b"Agree, and reject" in other_desk.get(at("change", submission)).content
    press(other_desk, "second", submission)
    assert standing(submission)[0] == State.REJECTED
    assert submission.decision.seconded_by == "moderator:ben"


def test_the_first_moderator_cannot_agree_with_oneself_and_can_take_it_back(desk):
    submission = in_review()
    decide(desk, submission, "reject", "Made up.", code="fraud")
    submission.refresh_from_db()
    before = everything()
    assert press(desk, "second", submission).status_code == 400
    assert everything() == before
    press(desk, "decline", submission, why="I was wrong.")
    assert Proposal.objects.get().outcome == "declined"


# --- Taking back --------------------------------------------------------------------------------------------------


def test_a_decision_is_taken_back_from_the_next_page(desk):
    submission = in_review()
    decide(desk, submission, "approve", "In order.")
    decision = Decision.objects.get(verdict=Verdict.APPROVE)
    address = reverse("admin:intake_submission_undo", args=[decision.pk])
    assert address in desk.get(reverse("admin:intake_submission_changelist")).content.decode()
    desk.post(address)
    assert standing(submission)[0] == State.IN_REVIEW
    assert address not in desk.get(reverse("admin:intake_submission_changelist")).content.decode()


def test_another_moderator_sees_no_way_to_take_it_back(desk, other_desk):
    submission = in_review()
    decide(desk, submission, "approve", "In order.")
    decision = Decision.objects.get(verdict=Verdict.APPROVE)
    assert b"undo/" not in other_desk.get(reverse("admin:intake_submission_changelist")).content
    other_desk.post(reverse("admin:intake_submission_undo", args=[decision.pk]))
    assert standing(submission)[0] == State.APPROVED


# --- Notes, escalating, putting off -------------------------------------------------------------------------------


def test_notes_are_written_and_shown(desk):
    submission = in_review()
    desk.post(at("note", submission), {"text": "Called <b>them</b>.", "public": "on"})
    assert Note.objects.get().public
    page = desk.get(at("change", submission)).content.decode()
    assert "Called &lt;b&gt;them&lt;/b&gt;." in page
    assert desk.post(at("note", submission), {"text": " "}).status_code == 400
    assert Note.objects.count() == 1


def test_what_is_escalated_is_not_handed_out_to_moderators(desk):
    submission = in_review()
    press(desk, "escalate", submission, why="They threaten to sue.")
    submission.refresh_from_db()
    assert submission.escalated_at
    answer = desk.post(reverse("admin:intake_submission_next"))
    assert answer.url == reverse("admin:intake_submission_changelist")
    before = standing(submission)
    assert decide(desk, submission, "approve", "In order.").status_code == 400
    assert standing(submission) == before


def test_what_is_put_off_leaves_the_queue_and_is_found_by_its_name(desk):
    submission = in_review(title="Slack Water", due=dt.timedelta(hours=40))
    until = (timezone.now() + dt.timedelta(hours=5)).strftime("%Y-%m-%dT%H:%M")
    press(desk, "snooze", submission, until=until, why="The contract.")
    queue = reverse("admin:intake_submission_changelist")
    assert b">Slack Water</a>" not in desk.get(queue).content
    assert b">Slack Water</a>" in desk.get(queue, {"q": "Slack"}).content
    submission.refresh_from_db()
    press(desk, "wake", submission)
    assert b">Slack Water</a>" in desk.get(queue).content


def test_beyond_the_due_date_only_knowingly(desk):
    submission = in_review(due=dt.timedelta(hours=2))
    until = (timezone.now() + dt.timedelta(hours=5)).strftime("%Y-%m-%dT%H:%M")
    assert press(desk, "snooze", submission, until=until, why="The contract.").status_code == 400
    submission.refresh_from_db()
    assert submission.snoozed_until is None
    press(desk, "snooze", submission, until=until, why="The contract.", past_due="on")
    submission.refresh_from_db()
    assert submission.snoozed_until


# --- Appeals ------------------------------------------------------------------------------------------------------


def test_an_appeal_is_shown_with_its_files_and_not_for_whom_it_is_not(desk, other_desk, ada):
    submission = in_review()
    decisions.decide_submission(submission, ada, Verdict.REJECT, "Not theirs.", code="infringement")
    appeals.open_appeal(submission, "It is <i>ours</i>.", {"contract.html": a_blob(b"<script>")})
    page = other_desk.get(at("change", submission)).content.decode()
    assert "It is &lt;i&gt;ours&lt;/i&gt;." in page
    file = reverse("admin:intake_submission_appeal_file", args=[submission.pk, AppealFile.objects.get().pk])
    assert file in page
    answer = other_desk.get(file)
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert Viewing.objects.get().what == "appeal contract.html"
    assert b"".join(answer.streaming_content) == b"<script>"
    before = standing(submission)
    assert decide(desk, submission, "approve", "Theirs.").status_code == 400
    assert standing(submission) == before
    decide(other_desk, submission, "approve", "Theirs.")
    assert standing(submission)[0] == State.APPROVED


# --- Many alike ---------------------------------------------------------------------------------------------------


def test_many_alike_are_previewed_and_then_decided(desk):
    alike = [in_review(title=f"Alike {number}") for number in range(3)]
    other = in_review(a_finding(code="upc.duplicate"), title="Other")
    bulk = reverse("admin:intake_submission_bulk")
    before = everything()
    page = desk.post(bulk, {"pick": [str(entry.pk) for entry in (*alike, other)]}).content.decode()
    assert everything() == before
    assert 'name="pick"' in desk.get(reverse("admin:intake_submission_changelist")).content.decode()
    assert "Decide all 3" in page
    assert "it waits for other reasons" in page
    seen = [f"{item.pk}:{item.sequence}" for item in alike]
    desk.post(bulk, {"seen": seen, "verdict": "return", "reason": "Name the artist."})
    assert Submission.objects.filter(state=State.RETURNED).count() == 3
    assert standing(other)[0] == State.IN_REVIEW


def test_one_that_changed_since_the_preview_is_told(desk, ben):
    alike = [in_review(title=f"Alike {number}") for number in range(2)]
    seen = [f"{item.pk}:{item.sequence}" for item in alike]
    decisions.decide_submission(alike[0], ben, Verdict.APPROVE, "In order.")
    bulk = reverse("admin:intake_submission_bulk")
    page = desk.post(bulk, {"seen": seen, "verdict": "return", "reason": "Name the artist."}, follow=True)
    assert "it has changed: it is approved" in page.content.decode()
    assert [standing(entry)[0] for entry in alike] == [State.APPROVED, State.RETURNED]


@pytest.mark.parametrize("name", ["second", "decline", "note", "escalate", "snooze", "wake"])
def test_who_only_reads_does_nothing_of_that(client, name):
    submission = in_review()
    client.force_login(a_moderator("olga", Role.AUDITOR))
    before = everything()
    assert press(client, name, submission, why="x", text="x", until="2030-01-01T00:00").status_code == 403
    assert everything() == before
