"""Everybody hears what concerns them, and nothing else."""

import json

import pytest
from django.conf import settings

from intake.core.states import State
from intake.models import Delivery, Label, Partner
from intake.readers.webhook_payloads import TYPES
from intake.services.submissions import transitions
from intake.services.webhooks import webhook_delivery
from tests.intake.webhooks.story import AI_VOCALS, clear, received, reopen, sent

URL = "https://hooks.example/"

pytestmark = pytest.mark.django_db


@pytest.fixture
def human_only(db):
    return Partner.objects.create(slug="human-only", profile="human_only")


@pytest.fixture
def listening(label, partner, human_only):
    for owner in (label, partner, human_only):
        webhook_delivery.create_endpoint(owner, URL, TYPES)


@pytest.mark.usefixtures("listening")
def test_label_hears_the_whole_story_and_a_partner_the_clearance(label, partner):
    clear(received(label))
    assert sent(label) == ["submission.received", "submission.approved"]
    assert sent(partner) == ["submission.approved"]


@pytest.mark.usefixtures("listening")
def test_label_hears_nothing_of_another_one_s_submissions(label):
    clear(received(Label.objects.create(name="Other Records")))
    assert sent(label) == []


@pytest.mark.usefixtures("listening")
def test_partner_hears_nothing_of_a_release_that_was_never_cleared(label, partner):
    submission = received(label)
    transitions.transition_submission(submission, State.CHECKING, "gate")
    transitions.transition_submission(submission, State.IN_REVIEW, "policy")
    transitions.transition_submission(submission, State.REJECTED, "moderator:ada")
    assert sent(partner) == []
    assert sent(label)[1:] == ["submission.in_review", "submission.rejected"]


@pytest.mark.usefixtures("listening")
def test_partner_that_withholds_such_a_release_hears_nothing_of_it(label, partner, human_only):
    submission = received(label)
    clear(submission, AI_VOCALS)
    reopen(submission)
    transitions.transition_submission(submission, State.REJECTED, "moderator:ada")
    assert sent(human_only) == []
    assert sent(partner) == ["submission.labelled", "submission.reopened", "submission.rejected"]


@pytest.mark.usefixtures("listening")
def test_partner_that_was_told_of_a_clearance_hears_of_its_end(label, human_only):
    submission = received(label)
    clear(submission)
    reopen(submission)
    clear(submission, AI_VOCALS)  # the new clearance is none for this partner
    reopen(submission)
    transitions.transition_submission(submission, State.REJECTED, "moderator:ada")
    assert sent(human_only) == [
        "submission.approved",
        "submission.reopened",
        "submission.reopened",
        "submission.rejected",
    ]


def test_partner_that_subscribed_to_takedowns_alone_hears_of_them(label, partner, human_only):
    for owner in (partner, human_only):
        webhook_delivery.create_endpoint(owner, URL, ["submission.reopened"])
    submission = received(label)
    clear(submission, AI_VOCALS)
    reopen(submission)
    assert sent(partner) == ["submission.reopened"]
    assert sent(human_only) == []


@pytest.mark.usefixtures("listening")
def test_partner_told_before_its_profile_changed_still_hears_of_the_end(label, human_only):
    submission = received(label)
    settings.GATE_POLICY.write_text(settings.GATE_POLICY.read_text().replace('"withhold"', '"deliver_labelled"'))
    clear(submission, AI_VOCALS)
    settings.GATE_POLICY.write_text(settings.GATE_POLICY.read_text().replace('"deliver_labelled"', '"withhold" '))
    reopen(submission)
    assert sent(human_only) == ["submission.labelled", "submission.reopened"]


def test_partner_with_a_profile_that_the_policy_does_not_know_gets_releases_with_their_labels(label):
    partner = Partner.objects.create(slug="new", profile="nowhere")
    webhook_delivery.create_endpoint(partner, URL, TYPES)
    clear(received(label), AI_VOCALS)
    assert sent(partner) == ["submission.labelled"]


def test_endpoint_hears_only_what_it_subscribed_to(label):
    webhook_delivery.create_endpoint(label, URL, ["submission.approved"])
    clear(received(label))
    assert sent(label) == ["submission.approved"]


def test_endpoint_that_is_off_or_deleted_hears_nothing(label):
    webhook_delivery.update_endpoint(webhook_delivery.create_endpoint(label, URL, TYPES), enabled=False)
    webhook_delivery.delete_endpoint(webhook_delivery.create_endpoint(label, URL, TYPES))
    clear(received(label))
    assert sent(label) == []


@pytest.mark.usefixtures("listening")
def test_event_posted_twice_is_delivered_once(label):
    submission = received(label)
    event = submission.events.get()
    webhook_delivery.post_event_deliveries(submission, event)
    webhook_delivery.post_event_deliveries(submission, event)
    assert Delivery.objects.filter(event=event).count() == 1


@pytest.mark.usefixtures("listening")
def test_posting_a_clearance_to_partners_costs_no_query_a_partner(label, django_assert_max_num_queries):
    for number in range(30):
        webhook_delivery.create_endpoint(Partner.objects.create(slug=f"p{number}"), URL, TYPES)
    submission = received(label)
    clear(submission)
    event = submission.events.last()
    Delivery.objects.all().delete()
    with django_assert_max_num_queries(8):
        webhook_delivery.post_event_deliveries(submission, event)
    assert Delivery.objects.count() == 33


@pytest.mark.usefixtures("listening")
def test_body_says_what_happened_to_what(label, partner):
    submission = received(label)
    clear(submission, AI_VOCALS | {"set_by": "policy", "set_at": "2026-11-22T00:00:00+00:00"})
    delivery = Delivery.objects.get(endpoint__partner=partner)
    document = json.loads(delivery.body)
    assert document["type"] == "submission.labelled"
    assert document["timestamp"].endswith("Z")
    assert document["data"] == {
        "id": str(submission.pk),
        "state": "labelled",
        "verdict": "label",
        "labels": [AI_VOCALS],
        "upc": None,
        "isrcs": [],
        "url": f"{settings.GATE_PUBLIC_URL}/api/v1/submissions/{submission.pk}",
        "sequence": 3,
    }
