"""What no check can answer is asked beside the release, as long as it waits for an answer."""

from __future__ import annotations

from django.urls import reverse
from django.utils.html import escape

from checks.moderator_checklist import CHECKLIST
from intake.core.states import State
from tests.intake.admin.desk_rows import a_finding, in_review


def test_moderator_is_asked_what_no_check_can_answer(desk):
    submission = in_review(a_finding(code="title.seo_bait"))
    address = reverse("admin:intake_submission_change", args=[submission.pk])
    html = desk.get(address).content.decode()
    assert all(escape(item.question) in html for item in CHECKLIST)
    type(submission).objects.filter(pk=submission.pk).update(state=State.APPROVED)
    assert CHECKLIST[0].question not in desk.get(address).content.decode()
