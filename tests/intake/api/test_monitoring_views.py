"""Load balancers and Prometheus ask how the gate is doing."""

import datetime as dt

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from intake.core.states import State
from intake.models import Submission
from intake.services.operations.health import Answer
from intake.services.submissions import submission_actions
from tests.intake.factories import a_document, a_submission

pytestmark = pytest.mark.django_db


def test_web_process_that_answers_is_alive():
    with CaptureQueriesContext(connection) as context:
        answer = Client().get("/healthz")
    assert (answer.status_code, answer.content, len(context)) == (200, b"ok\n", 0)


def test_gate_with_all_its_parts_is_ready(monkeypatch):
    parts = [Answer("database", True, "PostgreSQL, db.internal"), Answer("broker", True, "redis")]
    monkeypatch.setattr("intake.services.operations.health.check_readiness", lambda: parts)
    answer = Client().get("/readyz")
    assert (answer.status_code, answer.json()["ready"]) == (200, True)
    assert set(answer.json()["parts"]) == {"database", "broker"}


def test_failing_part_is_named_without_what_is_inside(monkeypatch):
    parts = [Answer("database", True, ""), Answer("broker", False, "redis://:secret@10.0.0.5 refused")]
    monkeypatch.setattr("intake.services.operations.health.check_readiness", lambda: parts)
    answer = Client().get("/readyz")
    assert answer.status_code == 503
    assert answer.headers["Content-Type"] == "application/problem+json"
    body = answer.json()
    assert (body["type"], body["detail"]) == ("/problems/unavailable", "Not working: broker.")
    assert body["parts"]["broker"]["ok"] is False
    assert "secret" not in answer.content.decode()


def test_database_broker_index_and_storage_are_asked():
    answer = Client().get("/readyz")
    assert set(answer.json()["parts"]) == {"database", "broker", "index", "storage", "policy", "decoder"}


def figures():
    lines = Client().get("/metrics").content.decode().splitlines()
    return dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))


def test_metrics_count_the_rows(label):
    submission = a_submission(label)
    submission_actions.start_checking(submission.pk)
    hour = timezone.now() - dt.timedelta(hours=1)
    Submission.objects.filter(pk=submission.pk).update(received_at=hour)
    overdue = a_submission(label, a_document("Late", 2))
    Submission.objects.filter(pk=overdue.pk).update(state=State.IN_REVIEW, due_at=hour)
    read = figures()
    assert read['gate_submissions{state="checking"}'] == "1.0"
    assert read['gate_submissions{state="approved"}'] == "0.0"
    assert float(read['gate_check_runs{status="pending"}']) >= 5
    assert read['gate_deliveries{status="pending"}'] == "0.0"
    assert 3590 < float(read["gate_checking_age_seconds"]) < 3700
    assert read["gate_reviews_overdue"] == "1.0"


def test_metrics_take_the_same_few_queries_however_much_there_is(label):
    def queries():
        with CaptureQueriesContext(connection) as context:
            assert Client().get("/metrics").status_code == 200
        return len(context)

    empty = queries()
    for number in range(1, 4):
        a_submission(label, a_document(f"Song {number}", number))
    assert queries() == empty <= 13


def test_metrics_name_nobody(label):
    a_submission(label)
    text = Client().get("/metrics").content.decode()
    assert "Harbour" not in text
    assert "Low Tide" not in text


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_nothing_can_be_posted_there(path):
    assert Client().post(path).status_code == 405
