"""Coming in: guessing takes longer and longer, a second factor where it is asked, and an end to idle sessions."""

import datetime as dt
import re
import threading
import time

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connections
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django_otp.oath import totp
from django_otp.plugins.otp_totp.models import TOTPDevice

from intake.models import ApiKey, RecoveryCode, SignIn, Viewing
from intake.services import access, accounts
from intake.services.roles import Role
from intake.services.viewing import log_view
from tests.intake.admin.conftest import sit_down
from tests.intake.factories import a_moderator

pytestmark = pytest.mark.django_db

PASSWORD = "low-tide-at-seven"
QUEUE = "/admin/intake/submission/"


def log_in(client, name="ada", password=PASSWORD):
    return client.post("/admin/login/?next=" + QUEUE, {"username": name, "password": password})


def let_time_pass(**by):
    for row in SignIn.objects.all():
        SignIn.objects.filter(pk=row.pk).update(failed_at=row.failed_at - dt.timedelta(**by))


# --- Guessing -----------------------------------------------------------------------------------------------------


def test_people_may_mistype(ada):
    client = Client()
    for _ in range(access.FREE - 1):
        assert log_in(client, password="wrong").status_code == 200
    assert log_in(client).status_code == 302
    assert not SignIn.objects.exists()


def test_guessing_takes_longer_and_longer_and_the_right_password_does_not_help(ada):
    client = Client()
    for _ in range(access.FREE):
        log_in(client, password="wrong")
    locked = log_in(client)
    assert locked.status_code == 200
    assert "too many failed attempts" in locked.content.decode().lower()
    assert "_auth_user_id" not in client.session
    let_time_pass(seconds=31)
    assert log_in(client, password="wrong").status_code == 200
    let_time_pass(seconds=31)
    assert "too many" in log_in(client).content.decode().lower()
    let_time_pass(seconds=61)
    assert log_in(client).status_code == 302


def test_the_same_name_in_another_spelling_is_the_same_name(ada):
    for name in ("ada", "Ada", "ADA", "ａｄａ", "ada"):
        log_in(Client(), name, "wrong")
    assert "too many" in log_in(Client()).content.decode().lower()


def test_nobody_is_kept_out_for_longer_than_a_quarter_of_an_hour(ada):
    SignIn.objects.create(name="ada", failures=500, failed_at=timezone.now() - access.LONGEST_WAIT)
    assert log_in(Client()).status_code == 302


def test_old_failures_are_forgotten(ada):
    log_in(Client(), password="wrong")
    assert access.tidy() == 0
    let_time_pass(days=2)
    assert access.tidy() == 1


@pytest.mark.django_db(transaction=True)
def test_guesses_at_the_same_moment_all_count():
    outcomes, together = [], threading.Barrier(8)

    def guess() -> None:
        together.wait()
        try:
            access.attempt("ada")
            outcomes.append("looked at")
        except access.LockedOut:
            outcomes.append("locked out")
        finally:
            connections.close_all()

    threads = [threading.Thread(target=guess) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert SignIn.objects.get().failures == outcomes.count("looked at") <= access.FREE


# --- The second factor --------------------------------------------------------------------------------------------


@pytest.fixture
def asked(settings):
    settings.GATE_OTP = True


def token(device, step=0):
    return f"{totp(device.bin_key, drift=step):06d}"


def enrol(client) -> list[str]:
    page = client.get(reverse("admin:otp")).content.decode()
    assert 'src="data:image/svg+xml;base64,' in page
    device = TOTPDevice.objects.get(confirmed=False)
    assert access.secret(device) in page
    told = client.post(reverse("admin:otp"), {"token": token(device)}).content.decode()
    return re.findall(r"<code>([0-9a-f]{16})</code>", told)


def test_without_the_second_factor_nothing_opens(ada, asked):
    client = Client()
    log_in(client)
    for address in (QUEUE, "/admin/policy/", "/admin/prove/"):
        assert client.get(address).status_code == 302, address
    assert client.get("/admin/login/").url == reverse("admin:otp")
    assert client.post("/admin/intake/submission/next/").status_code == 302


def test_first_time_a_person_enrols_and_gets_recovery_codes(ada, asked):
    client = Client()
    log_in(client)
    codes = enrol(client)
    assert len(set(codes)) == access.CODES
    assert client.get(QUEUE).status_code == 200
    assert not RecoveryCode.objects.filter(digest__in=codes).exists()


def test_next_time_the_password_of_the_moment_opens_once(ada, asked):
    first = Client()
    log_in(first)
    enrol(first)
    device = TOTPDevice.objects.get()
    client = Client()
    log_in(client)
    assert client.post(reverse("admin:otp"), {"token": token(device)}).status_code == 400, "used for the enrolment"
    TOTPDevice.objects.update(throttling_failure_count=0, throttling_failure_timestamp=None)
    assert client.post(reverse("admin:otp"), {"token": token(device, 1)}).status_code == 302
    assert client.get(QUEUE).status_code == 200


def test_recovery_code_opens_once(ada, asked):
    first = Client()
    log_in(first)
    code = enrol(first)[0]
    for status in (302, 400):
        client = Client()
        log_in(client)
        assert client.post(reverse("admin:otp"), {"token": code}).status_code == status
        assert client.get(QUEUE).status_code == (200 if status == 302 else 302)


def test_guessing_the_second_factor_locks_out(ada, asked):
    client = Client()
    log_in(client)
    enrol(client)
    other = Client()
    log_in(other)
    for _ in range(access.FREE):
        other.post(reverse("admin:otp"), {"token": "f" * 16})
    answer = other.post(reverse("admin:otp"), {"token": "f" * 16})
    assert "too many failed attempts" in answer.content.decode().lower()


def test_who_lost_it_enrols_anew_and_the_old_session_ends(ada, asked, capsys):
    client = Client()
    log_in(client)
    enrol(client)
    call_command("reset_otp", "ada")
    assert "enrols anew" in capsys.readouterr().out
    assert client.get(QUEUE).status_code == 302
    assert not RecoveryCode.objects.exists()
    assert enrol(client)


def test_another_persons_device_opens_nothing(ada, ben, asked):
    client = Client()
    log_in(client)
    enrol(client)
    session = client.session
    device = session["desk.device"]
    other = Client()
    log_in(other, "ben")
    session = other.session
    session["desk.device"] = device
    session.save()
    assert other.get(QUEUE).status_code == 302


# --- Sessions -----------------------------------------------------------------------------------------------------


def seen(client, seconds_ago):
    session = client.session
    session["desk.seen"] = time.time() - seconds_ago
    session.save()


def test_an_idle_session_ends(desk, settings):
    assert desk.get(QUEUE).status_code == 200
    seen(desk, settings.GATE_SESSION_IDLE + 1)
    assert desk.get(QUEUE).status_code == 302
    assert "_auth_user_id" not in desk.session


def test_what_a_page_asks_by_itself_keeps_no_session_alive(desk):
    seen(desk, 1000)
    desk.get("/admin/figures.json", headers={"Accept": "application/json"})
    assert time.time() - desk.session["desk.seen"] > 900
    desk.get(QUEUE)
    assert time.time() - desk.session["desk.seen"] < 60


# --- Grave things -------------------------------------------------------------------------------------------------


def test_keys_are_revoked_by_operators_who_have_just_typed_their_password(db):
    accounts.create_label("Harbour Records")
    key = ApiKey.objects.get()
    person = a_moderator("olga", Role.OPERATOR)
    person.set_password(PASSWORD)
    person.save()
    client = Client()
    client.force_login(person)
    address = reverse("admin:intake_apikey_changelist")
    revoke = {"action": "revoke", "_selected_action": [str(key.pk)]}
    answer = client.post(address, revoke)
    assert answer.url.startswith(reverse("admin:prove"))
    key.refresh_from_db()
    assert key.revoked_at is None
    assert client.post(answer.url, {"password": "wrong"}).status_code == 400
    assert client.post(answer.url, {"password": PASSWORD}).url == address
    client.post(address, revoke)
    key.refresh_from_db()
    assert key.revoked_at


@pytest.mark.parametrize("role", [Role.MODERATOR, Role.SENIOR, Role.POLICY_OWNER, Role.AUDITOR])
def test_nobody_else_revokes_keys(db, role):
    accounts.create_label("Harbour Records")
    client = Client()
    client.force_login(a_moderator("who", role))
    sit_down(client)
    key = ApiKey.objects.get()
    client.post(reverse("admin:intake_apikey_changelist"), {"action": "revoke", "_selected_action": [str(key.pk)]})
    key.refresh_from_db()
    assert key.revoked_at is None


def test_proof_leads_to_pages_of_ours_alone(desk):
    answer = desk.post(reverse("admin:prove") + "?next=https://example.org/", {"password": PASSWORD})
    assert answer.url == reverse("admin:index")


@pytest.mark.parametrize("role", Role)
def test_only_auditors_read_who_listened(db, role):
    row = log_view("moderator:ada", None, "known recording 17")
    client = Client()
    client.force_login(a_moderator("who", role))
    allowed = role is Role.AUDITOR
    assert client.get(reverse("admin:intake_viewing_changelist")).status_code == (200 if allowed else 403)
    assert client.post(reverse("admin:intake_viewing_delete", args=[row.pk]), {"post": "yes"}).status_code == 403
    assert Viewing.objects.count() == 1


def test_people_who_are_not_staff_are_not_let_in(asked):
    User.objects.create_user("visitor", password=PASSWORD)
    client = Client()
    assert log_in(client, "visitor").status_code == 200
    assert client.get(reverse("admin:otp")).url.startswith("/admin/login/")
