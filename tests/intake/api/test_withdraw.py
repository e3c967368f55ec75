"""A label takes a submission back, as long as nobody has decided."""

import pytest

from intake.core.states import State
from intake.models import Event, Submission
from intake.services.submissions import transitions
from tests.intake.factories import a_submission

pytestmark = pytest.mark.django_db


@pytest.fixture
def submission(label):
    return a_submission(label)


def test_label_takes_a_submission_back(caller, submission):
    answer = caller.post(f"submissions/{submission.pk}/withdraw")
    assert (answer.status_code, answer.json()["state"]) == (200, "withdrawn")


def test_what_is_decided_stays(caller, submission):
    transitions.transition_submission(submission, State.CHECKING, "gate")
    transitions.transition_submission(submission, State.APPROVED, "policy")
    events = Event.objects.count()
    answer = caller.post(f"submissions/{submission.pk}/withdraw")
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/state-conflict")
    assert "approved" in answer.json()["detail"]
    assert (Submission.objects.get().state, Event.objects.count()) == ("approved", events)


def test_label_withdraws_only_what_it_has_seen(caller, submission):
    seen = caller.get(f"submissions/{submission.pk}").headers["ETag"]
    transitions.transition_submission(submission, State.CHECKING, "gate")
    path = f"submissions/{submission.pk}/withdraw"
    for header in (seen, '"nonsense"', "", f"W/{seen}"):
        answer = caller.post(path, headers={"If-Match": header})
        assert (answer.status_code, answer.json()["type"]) == (412, "/problems/precondition-failed")
    assert Submission.objects.get().state == "checking"
    now = caller.get(f"submissions/{submission.pk}").headers["ETag"]
    assert caller.post(path, headers={"If-Match": f'"x", {now}'}).status_code == 200


def test_any_version_will_do(caller, submission):
    assert caller.post(f"submissions/{submission.pk}/withdraw", headers={"If-Match": "*"}).status_code == 200


def test_action_says_nothing_in_its_body(caller, submission):
    answer = caller.post(f"submissions/{submission.pk}/withdraw", json={"because": "second thoughts"})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/because"
    assert caller.post(f"submissions/{submission.pk}/withdraw", json={}).status_code == 200
