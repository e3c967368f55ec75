"""Coming in: guessing takes longer and longer, a second factor where it is asked, and an end to idle sessions."""

import datetime as dt
import re
import threading
import time
from types import SimpleNamespace

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connections
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django_otp.oath import totp
from django_otp.plugins.otp_totp.models import TOTPDevice

from intake.models import ApiKey, LoginThrottle, RecoveryCode, Viewing
from intake.services.people import accounts, login_throttle, second_factor
from intake.services.people.access_log import log_view
from intake.services.people.login_throttle import LIMITS, PERSON, LockedOut, Scope
from intake.services.people.login_throttle import Client as Origin
from intake.services.people.permissions import Role
from tests.intake.admin.conftest import sit_down
from tests.intake.factories import a_moderator

pytestmark = pytest.mark.django_db

PASSWORD = "low-tide-at-seven"
QUEUE = "/admin/intake/submission/"


@pytest.fixture(autouse=True)
def _steady(monkeypatch):
    """A clock of the limits that stands: however slow this machine is, no wait ends by itself."""
    moment = timezone.now()
    monkeypatch.setattr(login_throttle, "timezone", SimpleNamespace(now=lambda: moment))


def log_in(client, name="ada", password=PASSWORD, address="192.0.2.1", **more):
    form = {"username": name, "password": password, **more}
    return client.post("/admin/login/?next=" + QUEUE, form, REMOTE_ADDR=address)


def locked(answer):
    return answer.status_code == 200 and "too many failed attempts" in answer.content.decode().lower()


def let_time_pass(**by):
    for row in LoginThrottle.objects.all():
        LoginThrottle.objects.filter(pk=row.pk).update(failed_at=row.failed_at - dt.timedelta(**by))


def guess(times, name="ada", address="192.0.2.1", client=None):
    """So many wrong guesses; returns how many were looked at."""
    return sum(not locked(log_in(client or Client(), name, f"wrong {n}", address)) for n in range(times))


# --- Guessing -----------------------------------------------------------------------------------------------------


def test_people_may_mistype(ada):
    assert guess(PERSON.free - 1) == PERSON.free - 1
    assert log_in(Client()).status_code == 302
    assert guess(PERSON.free + 1) == PERSON.free, "the right password begins anew"


def test_guessing_takes_longer_and_longer_and_the_right_password_does_not_help(ada):
    client = Client()
    guess(PERSON.free)
    assert locked(log_in(client))
    assert "_auth_user_id" not in client.session
    let_time_pass(seconds=31)
    assert guess(1) == 1
    let_time_pass(seconds=31)
    assert locked(log_in(client))
    let_time_pass(seconds=61)
    assert log_in(client).status_code == 302


def test_the_same_name_in_another_spelling_is_the_same_name(ada):
    for name in ("ada", "Ada", "ADA", "ａｄａ", "ada"):
        log_in(Client(), name, "wrong")
    assert locked(log_in(Client()))


@pytest.mark.parametrize("scope", [Scope.LOGIN, Scope.ADDRESS, Scope.NAME])
def test_nobody_waits_longer_than_the_longest_wait(ada, scope):
    name = "" if scope is Scope.ADDRESS else "ada"
    client = "" if scope is Scope.NAME else "192.0.2.1"
    before = login_throttle.timezone.now() - LIMITS[scope].longest
    LoginThrottle.objects.create(scope=scope, name=name, client=client, failures=500, failed_at=before)
    assert log_in(Client()).status_code == 302


def test_old_failures_are_forgotten(ada):
    guess(1)
    assert login_throttle.delete_old_throttles() == 0
    let_time_pass(days=2)
    assert login_throttle.delete_old_throttles() == 3
    assert not LoginThrottle.objects.exists()


def test_strangers_elsewhere_lock_nobody_out(ada):
    assert guess(30, address="198.51.100.7") == PERSON.free
    assert log_in(Client()).status_code == 302


def test_one_password_on_many_names_is_limited_by_address(ada):
    looked_at = sum(not locked(log_in(Client(), f"name{n}", "Summer2026!", "198.51.100.7")) for n in range(84))
    assert looked_at == LIMITS[Scope.ADDRESS].free
    assert locked(log_in(Client(), address="198.51.100.7")), "the right password too"
    assert log_in(Client(), address="198.51.100.8").status_code == 302


def test_addresses_of_one_ipv6_network_are_one(ada):
    looked_at = sum(not locked(log_in(Client(), "ada", "wrong", f"2001:db8::{n:x}")) for n in range(1, 30))
    assert looked_at == PERSON.free
    assert log_in(Client(), address="2001:db8:0:1::1").status_code == 302


def test_logging_in_between_does_not_reset_the_address(ada, ben):
    for n in range(LIMITS[Scope.ADDRESS].free):
        log_in(Client(), f"name{n}", "wrong")
        if n == 10:
            assert log_in(Client(), "ben").status_code == 302
    assert locked(log_in(Client()))


def test_many_addresses_for_one_name_are_slowed_for_seconds_only(ada):
    limit = LIMITS[Scope.NAME]
    looked_at = sum(guess(1, address=f"198.51.{n // 250}.{n % 250 + 1}") for n in range(limit.free + 40))
    assert looked_at == limit.free
    let_time_pass(seconds=limit.longest.total_seconds())
    assert log_in(Client()).status_code == 302


def test_nobody_knows_from_the_answer_whether_a_name_exists(ada):
    for name in ("ada", "nobody"):
        assert guess(PERSON.free + 1, name, "198.51.100.7") == PERSON.free


def test_known_device_is_not_locked_out_by_strangers_at_the_same_address(ada):
    home = Client()
    assert log_in(home).status_code == 302
    home.post("/admin/logout/")
    for n in range(40):
        log_in(Client(), f"name{n}", "wrong")
    assert guess(30) == 0
    assert locked(log_in(Client()))
    assert log_in(home).status_code == 302


def test_known_device_has_a_limit_of_its_own(ada):
    home = Client()
    log_in(home)
    home.post("/admin/logout/")
    assert guess(30, client=home) == PERSON.free
    assert locked(log_in(home))
    assert log_in(Client()).status_code == 302, "and locks nobody else out"


@pytest.mark.parametrize("spoil", ["value", "person", "password"])
def test_device_is_known_for_its_person_and_password_alone(ada, ben, spoil):
    home = Client()
    log_in(home)
    home.post("/admin/logout/")
    cookie = f"known_device_{ada.pk}"
    name, password = "ada", PASSWORD
    if spoil == "value":
        home.cookies[cookie] = home.cookies[cookie].value[:-1]
    elif spoil == "person":
        name = "ben"
        home.cookies[f"known_device_{ben.pk}"] = home.cookies[cookie].value
    else:
        password = "another-tide-at-nine"
        ada.set_password(password)
        ada.save()
    guess(PERSON.free, name)
    assert locked(log_in(home, name, password))


def test_password_alone_makes_no_known_device_where_a_second_factor_is_asked(ada, asked):
    client = Client()
    assert log_in(client).status_code == 302
    assert not [name for name in client.cookies if name.startswith("known_device")]


def test_console_unlocks_a_name_and_an_address(ada, capsys):
    guess(PERSON.free)
    assert locked(log_in(Client()))
    call_command("unlock_login", "ADA")
    assert log_in(Client()).status_code == 302
    for n in range(30):
        log_in(Client(), f"name{n}", "wrong")
    assert locked(log_in(Client()))
    call_command("unlock_login", "--address", "192.0.2.1")
    assert log_in(Client()).status_code == 302
    assert "deleted" in capsys.readouterr().out


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("names", ["one name", "many names"])
def test_guesses_at_the_same_moment_all_count(names):
    limit = PERSON if names == "one name" else LIMITS[Scope.ADDRESS]
    outcomes, together = [], threading.Barrier(2 * limit.free)

    def attempt(number: int) -> None:
        together.wait()
        name = "ada" if names == "one name" else f"name{number}"
        try:
            login_throttle.count_login(name, Origin("192.0.2.1"), second_factor=False)
            outcomes.append("looked at")
        except LockedOut:
            outcomes.append("locked out")
        finally:
            connections.close_all()

    threads = [threading.Thread(target=attempt, args=(number,)) for number in range(2 * limit.free)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (outcomes.count("looked at"), len(outcomes)) == (limit.free, 2 * limit.free)


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
    assert second_factor.format_totp_secret(device) in page
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
    assert len(set(codes)) == second_factor.CODES
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
    for status in (*[False] * PERSON.free, True):
        answer = other.post(reverse("admin:otp"), {"token": "f" * 16}, REMOTE_ADDR="198.51.100.7")
        assert ("too many failed attempts" in answer.content.decode().lower()) is status
    third = Client()
    log_in(third)
    code = token(TOTPDevice.objects.get(), 1)
    assert third.post(reverse("admin:otp"), {"token": code}).status_code == 302, "not by somebody elsewhere"


def test_strangers_who_spray_from_the_same_address_do_not_lock_the_second_factor(ada, asked):
    first = Client()
    log_in(first)
    enrol(first)
    fresh = Client()
    for n in range(40):
        log_in(Client(), f"name{n}", "wrong")
    guess(30)
    assert locked(log_in(fresh))
    assert 'name="token"' in log_in(fresh).content.decode()
    assert locked(log_in(fresh, token="000000"))
    code = token(TOTPDevice.objects.get(), 1)
    assert locked(log_in(fresh, password="wrong", token=code)), "and the answer does not say which was wrong"
    assert log_in(fresh, token=code).status_code == 302
    assert fresh.get(QUEUE).status_code == 200, "the second factor was given"


def test_name_with_a_second_factor_is_not_slowed_by_many_addresses(ada, asked):
    client = Client()
    log_in(client)
    enrol(client)
    limit = LIMITS[Scope.NAME]
    assert sum(guess(1, address=f"198.51.100.{n + 1}") for n in range(limit.free + 20)) == limit.free + 20


def test_one_time_passwords_are_limited_over_all_addresses(ada):
    limit = LIMITS[Scope.CODE_NAME]
    outcomes = []
    for n in range(limit.free + 5):
        try:
            login_throttle.count_code("ada", Origin(f"198.51.100.{n}"))
            outcomes.append(True)
        except LockedOut:
            outcomes.append(False)
    assert outcomes == [True] * limit.free + [False] * 5
    login_throttle.count_code("ada", Origin("198.51.100.1", device="known"))


def test_strangers_do_not_keep_an_operator_from_confirming_the_password(desk):
    for n in range(40):
        log_in(Client(), f"name{n}", "wrong", "127.0.0.1")
    guess(30, address="127.0.0.1")
    assert desk.post(reverse("admin:prove"), {"password": PASSWORD}).status_code == 302


def test_guesses_at_the_confirmation_are_limited(desk):
    for _ in range(PERSON.free):
        assert desk.post(reverse("admin:prove"), {"password": "wrong"}).status_code == 400
    answer = desk.post(reverse("admin:prove"), {"password": PASSWORD})
    assert answer.status_code == 400
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
