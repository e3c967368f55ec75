"""Who has a submission before their eyes, who has it in hand, and that an open page holds nothing."""

import datetime as dt

import pytest
from django.urls import reverse
from django.utils import timezone

from intake.models import Claim, Presence
from intake.services.review import decisions, review_queue
from tests.intake.admin.desk_rows import in_review

pytestmark = pytest.mark.django_db


def at(name, submission):
    return reverse(f"admin:intake_submission_{name}", args=[submission.pk])


def test_two_who_look_see_each_other(desk, other_desk):
    submission = in_review()
    assert desk.post(at("beat", submission)).json()["watching"] == []
    assert other_desk.post(at("beat", submission)).json()["watching"] == ["ada"]
    assert desk.post(at("beat", submission)).json()["watching"] == ["ben"]
    assert "ben" in desk.get(at("change", submission)).content.decode()
    other_desk.post(at("leave", submission))
    assert desk.post(at("beat", submission)).json()["watching"] == []


def test_who_was_not_heard_of_for_a_while_has_left(desk, ben):
    submission = in_review()
    review_queue.record_presence(submission, ben)
    Presence.objects.update(seen_at=timezone.now() - review_queue.PRESENT)
    assert desk.post(at("beat", submission)).json()["watching"] == []
    assert review_queue.delete_old_presences() == 1
    assert list(Presence.objects.values_list("moderator__username", flat=True)) == ["ada"]


def test_looking_takes_no_claim_and_renews_one_for_somebody_at_work_only(desk, other_desk, ada):
    submission = in_review()
    assert desk.post(at("beat", submission), {"active": "1"}).json()["who"] is None
    assert Claim.objects.count() == 0
    held = decisions.claim_submission(submission, ada).until
    assert desk.post(at("beat", submission)).json()["mine"] is True
    assert Claim.objects.get().until == held
    assert other_desk.post(at("beat", submission), {"active": "1"}).json()["who"] == "ada"
    assert Claim.objects.get().until == held
    desk.post(at("beat", submission), {"active": "1"})
    assert Claim.objects.get().until > held


def test_a_claim_that_ended_is_not_brought_back_by_a_late_sign_of_life(desk, ada):
    submission = in_review()
    decisions.claim_submission(submission, ada)
    Claim.objects.update(until=timezone.now() - dt.timedelta(seconds=1))
    assert desk.post(at("beat", submission), {"active": "1"}).json()["who"] is None
    assert Claim.objects.get().until < timezone.now()


def test_leaving_gives_back_what_one_has_in_hand_and_nobody_elses(desk, other_desk, ada):
    submission = in_review()
    decisions.claim_submission(submission, ada)
    assert other_desk.post(at("leave", submission), {"held": "1"}).status_code == 204
    assert Claim.objects.get().held(timezone.now())
    assert desk.post(at("leave", submission)).status_code == 204  # another page of hers, which held nothing
    assert Claim.objects.get().held(timezone.now())
    assert desk.post(at("leave", submission), {"held": "1"}).status_code == 204
    assert not Claim.objects.get().held(timezone.now())


def test_a_page_learns_that_it_was_overtaken(desk, ben):
    submission = in_review()
    decisions.decide_submission(submission, ben, "reject", "No rights.")
    answer = desk.post(at("beat", submission)).json()
    assert answer["state"] == "rejected"
    assert answer["sequence"] > 0


def test_a_page_loaded_again_takes_up_what_it_gave_back_unless_somebody_was_quicker(desk, ada, ben):
    submission = in_review()
    decisions.claim_submission(submission, ada)
    desk.post(at("leave", submission), {"held": "1"})
    assert desk.post(at("beat", submission), {"active": "1", "fresh": "1"}).json()["mine"] is True
    desk.post(at("leave", submission), {"held": "1"})
    decisions.claim_submission(submission, ben)
    answer = desk.post(at("beat", submission), {"active": "1", "fresh": "1"}).json()
    assert (answer["mine"], answer["who"]) == (False, "ben")
