"""A request that comes twice is done once, and both get the same answer, byte for byte."""

import datetime as dt
import threading

import pytest
from django.db import connection
from django.utils import timezone

from intake.models import Event, IdempotencyKey, Submission
from tests.intake.api.conftest import a_caller, broken_off, delivery_parts, multipart, post_release, stored
from tests.intake.factories import a_document, files_of

pytestmark = pytest.mark.django_db
KEY = {"Idempotency-Key": "order-1"}


def same(first, second):
    assert second.headers["Idempotency-Replayed"] == "true"
    assert "Idempotency-Replayed" not in first.headers
    assert (second.status_code, second.content) == (first.status_code, first.content)
    for name in ("Content-Type", "Location"):
        assert second.headers.get(name) == first.headers.get(name)


def test_same_delivery_twice_is_one_submission(caller):
    first = post_release(caller, a_document(), headers=KEY)
    before = stored()
    second = post_release(caller, a_document(), headers=KEY)
    assert first.status_code == 202
    same(first, second)
    assert stored() == before


def test_boundary_may_differ_between_tries(caller):
    document = a_document()
    parts = delivery_parts(document, files_of(document))
    first = caller.post("submissions", **multipart(parts), headers=KEY)
    same(first, caller.post("submissions", **multipart(parts, "another"), headers=KEY))
    same(first, caller.post("submissions", **multipart([parts[0], *parts[:0:-1]]), headers=KEY))


@pytest.mark.parametrize("change", ["document", "bytes", "address", "form"])
def test_other_request_under_the_same_key_is_refused(caller, change):
    document = a_document()
    files = files_of(document)
    post_release(caller, document, files, headers=KEY)
    before = stored()
    if change == "document":
        answer = post_release(caller, a_document(genre="Jazz"), files, headers=KEY)
    elif change == "bytes":
        answer = post_release(caller, document, files | {"01.flac": b"other"}, headers=KEY)
    elif change == "address":
        answer = caller.post("validate", json=document, headers=KEY)
    else:
        answer = caller.post("submissions", json=document, headers=KEY)
    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/key-reused")
    assert stored() == before


def test_another_labels_key_is_another_key(caller, stranger):
    assert post_release(caller, a_document(), headers=KEY).status_code == 202
    theirs = post_release(stranger, a_document("Slack Water", 2), headers=KEY)
    assert theirs.status_code == 202
    assert "Idempotency-Replayed" not in theirs.headers
    assert Submission.objects.count() == 2


def test_second_key_of_the_same_label_shares_its_requests(caller, label):
    first = post_release(caller, a_document(), headers=KEY)
    same(first, post_release(a_caller(label), a_document(), headers=KEY))


def test_without_a_key_every_request_counts(caller):
    for _ in range(2):
        assert post_release(caller, a_document()).status_code == 202
    assert Submission.objects.count() == 2


def test_refusal_is_an_answer_too(caller):
    first = post_release(caller, a_document(upc="036000291453"), headers=KEY)
    assert first.status_code == 422
    same(first, post_release(caller, a_document(upc="036000291453"), headers=KEY))


def test_every_action_honours_the_key(caller):
    draft = caller.post("submissions", json=a_document(), headers=KEY)
    same(draft, caller.post("submissions", json=a_document(), headers=KEY))
    path = f"submissions/{draft.json()['id']}"
    first = caller.post(f"{path}/withdraw", headers={"Idempotency-Key": "w"})
    events = Event.objects.count()
    same(first, caller.post(f"{path}/withdraw", headers={"Idempotency-Key": "w"}))
    assert Event.objects.count() == events
    wanted = {"url": "https://example.org/hook", "types": ["submission.approved"]}
    first = caller.post("webhook-endpoints", json=wanted, headers={"Idempotency-Key": "e"})
    same(first, caller.post("webhook-endpoints", json=wanted, headers={"Idempotency-Key": "e"}))
    assert len(caller.get("webhook-endpoints").json()["results"]) == 1


@pytest.mark.parametrize("key", ["", " ", "a b", "k" * 256, "clé", "a\tb"])
def test_key_that_is_none_is_refused(caller, key):
    answer = post_release(caller, a_document(), headers={"Idempotency-Key": key})
    assert (answer.status_code, answer.json()["type"]) == (400, "/problems/header-invalid")
    assert set(stored().values()) == {0}


@pytest.mark.parametrize("key", ["k" * 255, '"8e03978e"', "!~"])
def test_every_visible_key_will_do(caller, key):
    assert post_release(caller, a_document(), headers={"Idempotency-Key": key}).status_code == 202


def running(**changes):
    """The only key, as if its first request were still being worked on."""
    values = {"running_until": timezone.now() + dt.timedelta(seconds=30), "status_code": None, "body": b""}
    IdempotencyKey.objects.update(**(values | changes))


def test_second_comer_is_told_to_wait_while_the_first_is_running(caller):
    caller.post("validate", json=a_document(), headers=KEY)
    running()
    answer = caller.post("validate", json=a_document(), headers=KEY)
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/request-running")
    assert answer.headers["Retry-After"] == "1"


def test_key_of_a_killed_request_is_free_after_its_lease(caller):
    post_release(caller, a_document(upc="036000291453"), headers=KEY)
    running(running_until=timezone.now() - dt.timedelta(seconds=1))
    answer = post_release(caller, a_document(upc="036000291453"), headers=KEY)
    assert answer.status_code == 422
    assert "Idempotency-Replayed" not in answer.headers


def test_who_lost_the_key_leaves_nothing(caller, monkeypatch):
    """The lease ran out during a slow request, and somebody else took the key over: the slow one must not commit."""
    from intake.services.submissions import submission_actions

    take_in = submission_actions.take_in

    def slow(*args):
        running(running_until=timezone.now() + dt.timedelta(seconds=99))
        return take_in(*args)

    monkeypatch.setattr(submission_actions, "take_in", slow)
    answer = post_release(caller, a_document(), headers=KEY)
    assert answer.status_code == 409
    assert Submission.objects.count() == Event.objects.count() == 0


def test_fault_of_ours_frees_the_key(caller, monkeypatch):
    with monkeypatch.context() as broken:
        broken.setattr("intake.services.submissions.submission_actions.take_in", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            post_release(caller, a_document(), headers=KEY)
    assert IdempotencyKey.objects.count() == Submission.objects.count() == 0
    assert post_release(caller, a_document(), headers=KEY).status_code == 202


def test_body_that_did_not_arrive_whole_uses_no_key(caller):
    document = a_document()
    whole = multipart(delivery_parts(document, files_of(document)))
    cut = broken_off(whole["data"][:300], len(whole["data"]))
    assert caller.post("submissions", **(whole | cut), headers=KEY).status_code == 400
    assert IdempotencyKey.objects.count() == 0
    assert caller.post("submissions", **whole, headers=KEY).status_code == 202


def test_answer_is_stored_with_the_work_or_not_at_all(caller, monkeypatch):
    """A kill between the work and the stored answer: neither is there, and the retry does it once."""
    from intake.api import idempotency

    def killed(*_):
        raise SystemExit

    with monkeypatch.context() as broken:
        broken.setattr(idempotency.Claim, "store", killed)
        with pytest.raises(SystemExit):
            post_release(caller, a_document(), headers=KEY)
    assert Submission.objects.count() == 0
    assert post_release(caller, a_document(), headers=KEY).status_code == 202


@pytest.mark.django_db(transaction=True)
def test_fifty_at_once_are_one_submission(settings):
    from intake.services.people import accounts

    settings.GATE_RATE_LIMIT = "off"
    _, key = accounts.create_label("Harbour Records")
    document = a_document()
    request = multipart(delivery_parts(document, files_of(document)))
    answers, start = [], threading.Barrier(50)
    from django.test import Client

    def deliver():
        client = Client(headers={"Authorization": f"Bearer {key}"} | KEY)
        start.wait()
        try:
            answers.append(client.generic("POST", "/api/v1/submissions", **request))
        finally:
            connection.close()

    threads = [threading.Thread(target=deliver) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 50
    assert {answer.status_code for answer in answers} <= {202, 409}
    done = [answer for answer in answers if answer.status_code == 202]
    assert done
    assert len({answer.content for answer in done}) == 1
    assert Submission.objects.count() == Event.objects.count() == 1
    assert stored()["spool"] == 0
