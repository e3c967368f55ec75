"""Nobody gets in who should not, and nobody changes anything except by deciding."""

import json

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.core.serializers import serialize
from django.test import Client
from django.urls import reverse

from checks.policy import Verdict
from intake.admin import desk as site
from intake.core.states import State
from intake.models import ApiKey, Attempt, Delivery, Endpoint, KnownRecording, MarkedFile, Partner, Viewing
from intake.services.people import accounts, moderators, permissions
from intake.services.people.access_log import log_view
from intake.services.provenance import trust_roots
from intake.services.registry import protected_artists
from intake.services.review import appeals, blocklist, decisions
from intake.services.review import review_actions as notes
from tests import authority
from tests.intake.admin.conftest import sit_down
from tests.intake.admin.desk_rows import in_review, measured

pytestmark = pytest.mark.django_db


@pytest.fixture
def rows(ada):
    """One row, at least, of everything that the desk shows."""
    submission = in_review()
    measured(submission)
    label, _ = accounts.create_label("Blue Buoy")
    partner = Partner.objects.create(slug="stream")
    endpoint = Endpoint.objects.create(partner=partner, url="https://example.org/hook", secret="whsec_hidden")
    delivery = Delivery.objects.create(endpoint=endpoint, type="endpoint.test", body="{}", status="failed")
    Attempt.objects.create(delivery=delivery, number=1, status_code=500, response="broken")
    KnownRecording.objects.create(title="Glass Harbour", fingerprint=b"")
    protected_artists.protect_artist("Nora Castellane", ["Nora C."], [label])
    blocklist.add_block("isrc", "SEHBR2500199", "a takedown", "operator")
    trust_roots.add_trust_root(authority.root("Root").pem, "read out over the telephone", "operator")
    log_view("moderator:ada", submission, "audio 01.flac")
    decisions.decide_submission(submission, ada, Verdict.REJECT, "made up", code="fraud")
    other = in_review()
    decisions.decide_submission(other, ada, Verdict.REJECT, "not theirs", code="infringement")
    appeals.open_appeal(other, "It is ours.")
    notes.write_review_note(other, ada, "They called.")
    submission.refresh_from_db()
    decisions.release_claim(submission, ada)
    resource, decision = submission.resources.first(), submission.decisions.first()
    MarkedFile.objects.create(submission=submission, resource=resource, decision=decision, source_type="composite")
    return submission


def is_superuser(browser: Client) -> bool:
    return User.objects.get(pk=browser.session["_auth_user_id"]).is_superuser


def everything() -> str:
    """All rows of the app, as one text."""
    return "".join(
        serialize("json", model.objects.order_by("pk")) for model in apps.get_app_config("intake").get_models()
    )


def pages():
    """(model, list address, first row) of everything registered."""
    for model in site._registry:
        yield model, reverse(f"admin:intake_{model._meta.model_name}_changelist"), model.objects.first()


@pytest.fixture(params=["moderator", "superuser"])
def anyone(request, desk):
    """A moderator's browser, and a superuser's."""
    if request.param == "moderator":
        return desk
    client = Client()
    client.force_login(User.objects.create_superuser("root", password="x"))
    sit_down(client)
    return client


def test_every_list_and_row_can_be_read(anyone, rows):
    for model, address, row in pages():
        assert row is not None, model
        if model is Viewing and not is_superuser(anyone):
            assert anyone.get(address).status_code == 403, "for auditors"
            continue
        assert anyone.get(address).status_code == 200, address
        assert anyone.get(address, {"q": "x", "p": 1}).status_code in (200, 302), address
        change = reverse(f"admin:intake_{model._meta.model_name}_change", args=[row.pk])
        assert anyone.get(change).status_code == 200, change


def test_nothing_can_be_added_changed_or_deleted(anyone, rows):
    before = everything()
    for model, address, row in pages():
        name = model._meta.model_name
        for verb in ("change", "delete"):
            target = reverse(f"admin:intake_{name}_{verb}", args=[row.pk])
            assert anyone.post(target, {"post": "yes", "title": "Taken over", "name": "Taken over"}).status_code == 403
        assert anyone.get(reverse(f"admin:intake_{name}_delete", args=[row.pk])).status_code == 403
        added = anyone.post(reverse(f"admin:intake_{name}_add"), {"name": "New"}).status_code
        has_form = name == "block" or (name == "trustroot" and is_superuser(anyone))
        assert added == (200 if has_form else 403)  # a form, with what it lacks
        anyone.post(address, {"action": "delete_selected", "_selected_action": [row.pk], "post": "yes"})
    assert everything() == before


def test_only_rows_of_the_gate_are_on_the_desk(anyone):
    assert {model._meta.app_label for model in site._registry} == {"intake"}
    assert "IdempotencyKey" not in {model.__name__ for model in site._registry}
    assert anyone.get("/admin/auth/user/").status_code == 404


def test_secrets_are_not_shown(anyone, rows):
    key, endpoint = ApiKey.objects.first(), Endpoint.objects.get()
    shown = anyone.get(reverse("admin:intake_apikey_change", args=[key.pk])).content.decode()
    assert key.prefix in shown
    assert key.digest not in shown
    shown = anyone.get(reverse("admin:intake_endpoint_change", args=[endpoint.pk])).content.decode()
    assert endpoint.url in shown
    assert "whsec_" not in shown


def test_a_failed_delivery_is_sent_again_from_the_list(desk, rows):
    delivery = Delivery.objects.get(type="endpoint.test")
    response = desk.post(
        reverse("admin:intake_delivery_changelist"),
        {"action": "replay", "_selected_action": [delivery.pk]},
        follow=True,
    )
    assert "will be sent again" in response.content.decode()
    delivery.refresh_from_db()
    assert delivery.status == Delivery.Status.PENDING


def addresses(submission):
    resource = submission.resources.first()
    yield "get", reverse("admin:intake_submission_changelist")
    yield "get", reverse("admin:intake_submission_change", args=[submission.pk])
    yield "get", reverse("admin:intake_submission_file", args=[submission.pk, resource.pk])
    yield "get", reverse("admin:intake_knownrecording_audio", args=[1])
    for name in ("claim", "release", "decide", "reopen"):
        yield "post", reverse(f"admin:intake_submission_{name}", args=[submission.pk])
    yield "post", reverse("admin:intake_submission_next")


def test_strangers_are_sent_to_the_login(rows):
    before = everything()
    stranger = Client()
    for method, address in addresses(rows):
        response = getattr(stranger, method)(address)
        assert response.status_code == 302, address
        assert response.url.startswith("/admin/login/")
    assert everything() == before


def test_people_who_are_not_staff_are_denied(rows):
    before = everything()
    visitor = Client()
    visitor.force_login(User.objects.create_user("visitor"))
    for method, address in addresses(rows):
        assert getattr(visitor, method)(address).url.startswith("/admin/login/"), address
    assert everything() == before


def test_staff_without_rights_are_denied(rows):
    before = everything()
    clerk = Client()
    clerk.force_login(User.objects.create_user("clerk", is_staff=True))
    for method, address in addresses(rows):
        assert getattr(clerk, method)(address).status_code == 403, address
    assert everything() == before


def test_a_reader_may_look_and_listen_but_not_decide(rows):
    auditor, _, _ = moderators.create_moderator("auditor", held=[permissions.Role.AUDITOR])
    client = Client()
    client.force_login(auditor)
    before = everything()
    page = client.get(reverse("admin:intake_submission_change", args=[rows.pk]))
    assert page.status_code == 200
    assert b'name="verdict"' not in page.content
    for method, address in addresses(rows):
        if method == "post":
            assert client.post(address, {"verdict": "approve"}).status_code == 403, address
    assert everything() == before


def test_a_labels_key_opens_nothing_here(rows):
    _, key = accounts.create_label("Third")
    response = Client().get(
        reverse("admin:intake_submission_change", args=[rows.pk]), headers={"authorization": f"Bearer {key}"}
    )
    assert response.status_code == 302


def test_a_decision_needs_a_token_of_our_own_pages(ada, rows):
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(ada)
    response = strict.post(
        reverse("admin:intake_submission_decide", args=[rows.pk]),
        {"sequence": rows.sequence, "verdict": "approve", "reason": "x"},
    )
    assert response.status_code == 403
    rows.refresh_from_db()
    assert rows.state == State.IN_REVIEW


def test_the_command_makes_a_moderator_once(capsys):
    call_command("create_moderator", "cleo", "--json")
    made = json.loads(capsys.readouterr().out)
    assert made["created"]
    assert Client().login(username="cleo", password=made["password"])
    call_command("create_moderator", "cleo", "--json")
    again = json.loads(capsys.readouterr().out)
    assert again == {"name": "cleo", "password": None, "created": False}
    assert Client().login(username="cleo", password=made["password"])
    submission = in_review()
    decisions.claim_submission(submission, User.objects.get(username="cleo"))


def test_the_command_takes_a_password_from_the_environment(capsys, monkeypatch):
    monkeypatch.setenv("DESK_PASSWORD", "low-tide-at-seven")
    call_command("create_moderator", "cleo", "--password-from", "DESK_PASSWORD")
    assert "low-tide" not in capsys.readouterr().out
    assert Client().login(username="cleo", password="low-tide-at-seven")
    monkeypatch.setenv("DESK_PASSWORD", "cleo")
    with pytest.raises(CommandError, match="too similar"):
        call_command("create_moderator", "cleo", "--password-from", "DESK_PASSWORD")
    assert Client().login(username="cleo", password="low-tide-at-seven")
