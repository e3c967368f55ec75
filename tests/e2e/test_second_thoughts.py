"""A decision taken back within its moment, and a log-in with a one-time password, in a real browser."""

import os

import pytest
from django_otp.oath import totp
from django_otp.plugins.otp_totp.models import TOTPDevice

from intake.core.states import State
from intake.models import Submission
from intake.services.people import moderators
from tests.intake.waiting import waiting

pytestmark = pytest.mark.django_db(transaction=True)

PASSWORD = "low-tide-at-seven"


def shown(page, name):
    """Keep a picture where somebody wants to look."""
    if folder := os.environ.get("DESK_SHOTS"):
        page.screenshot(path=f"{folder}/{name}.png")


@pytest.fixture
def submission(rung):
    moderators.create_moderator("ada", PASSWORD)
    return waiting(tracks=2)


def test_a_decision_is_taken_back_before_anybody_hears_of_it(submission, visit, settings):
    settings.GATE_UNDO_SECONDS = 60  # browsers under test are slow
    ada = visit()
    ada.log_in("ada", PASSWORD)
    page = ada.page
    page.click(f"td.what a:text-is('{submission.title}')")
    page.wait_for_selector("#decide")
    page.select_option("[data-fill=reason]", label="Somebody else's recording")
    assert page.is_checked("[name=verdict][value=reject]")
    assert page.input_value("#code") == "infringement"
    shown(page, "reject")
    page.click("#decide button[type=submit]")
    page.wait_for_selector(".undo")
    assert Submission.objects.get(pk=submission.pk).state == State.REJECTED
    shown(page, "undo")
    page.click(".undo button")
    page.wait_for_selector("#decide")
    assert "Taken back" in page.inner_text(".messagelist")
    assert Submission.objects.get(pk=submission.pk).state == State.IN_REVIEW
    page.check("[name=verdict][value=return]", force=True)
    page.click(".per-track summary")
    shown(page, "return")


def test_a_person_enrols_and_comes_in_with_a_one_time_password(submission, visit, settings):
    settings.GATE_OTP = True
    ada = visit()
    ada.open("/admin/")
    page = ada.page
    page.fill("#id_username", "ada")
    page.fill("#id_password", PASSWORD)
    page.click("[type=submit]")
    page.wait_for_selector("#id_token")
    assert page.eval_on_selector("img[alt^=QR]", "image => image.naturalWidth") > 0
    shown(page, "enrol")
    device = TOTPDevice.objects.get()
    page.fill("#id_token", f"{totp(device.bin_key):06d}")
    page.click("[type=submit]")
    page.wait_for_selector(".recovery-codes")
    assert page.locator(".recovery-codes li").count() == 10
    shown(page, "codes")
    page.click("text=I have kept them")
    page.wait_for_selector("table.queue, .empty")
