"""Prepared reasons by keyboard, with real key presses: no key picks what is not offered or changes the verdict."""

from __future__ import annotations

import string

import pytest

from checks.policy import Verdict
from intake.admin.canned_reason_texts import PHRASES
from intake.admin.canned_reasons import CANNED
from intake.models import Decision
from tests.e2e import scene
from tests.e2e.test_desk import morning, review

__all__ = ["morning"]
pytestmark = pytest.mark.django_db(transaction=True)

KEYS = {"1": Verdict.APPROVE, "2": Verdict.LABEL, "3": Verdict.RETURN, "4": Verdict.REJECT}
PICKER = "[data-fill=reason]"


@pytest.fixture
def page(morning, visit):
    """The review page of a copied recording, in the moderator's hands."""
    ada = visit()
    ada.log_in("ada", scene.PASSWORD)
    review(ada, "Quiet Water")
    ada.page.keyboard.press("c")
    ada.page.wait_for_selector(".claim.mine")
    return ada.page


def form(page) -> tuple[str | None, str, str]:
    """The chosen verdict, the reason and the policy's ground."""
    checked = "document.querySelector('[name=verdict]:checked')?.value ?? null"
    return page.evaluate(checked), page.input_value("#reason"), page.input_value("#code")


def offered(page) -> list[str]:
    return page.eval_on_selector_all(f"{PICKER} option", "all => all.filter((one) => one.value).map((one) => one.text)")


def into_templates(page) -> None:
    """From the reason back to its templates, as a hand on the keyboard goes."""
    page.focus("#reason")
    page.keyboard.press("Shift+Tab")
    assert page.evaluate("document.activeElement.matches('[data-fill=reason]')")


@pytest.mark.parametrize("key", KEYS)
def test_letters_pick_nothing_and_change_no_verdict(page, key):
    verdict = KEYS[key]
    page.keyboard.press(key)
    titles = {item.title for item in CANNED if item.verdict is verdict}
    assert set(offered(page)) == titles
    into_templates(page)
    for letter in string.ascii_lowercase + string.ascii_uppercase:
        page.keyboard.press(letter)
        assert form(page) == (verdict.value, "", "")
    assert not Decision.objects.filter(actor="moderator:ada").exists()


@pytest.mark.parametrize("key", KEYS)
def test_arrows_and_enter_reach_every_template(page, key):
    verdict = KEYS[key]
    page.keyboard.press(key)
    reached = set()
    for steps in range(1, len(offered(page)) + 1):
        page.fill("#reason", "")
        into_templates(page)
        for _ in range(steps):
            page.keyboard.press("ArrowDown")
        assert form(page)[:2] == (verdict.value, "")
        title = page.eval_on_selector(PICKER, "picker => picker.selectedOptions[0].text")
        page.keyboard.press("Enter")
        chosen, reason, code = form(page)
        (template,) = (item for item in CANNED if item.verdict is verdict and item.title == title)
        assert (chosen, reason.strip(), code) == (verdict.value, template.text.strip(), template.code)
        reached.add(title)
    assert reached == {entry.title for entry in CANNED if entry.verdict is verdict}


def test_typing_reaches_a_template_and_leaks_into_no_text(page):
    page.keyboard.press("4")
    into_templates(page)
    page.keyboard.type("Imp")
    assert form(page) == ("reject", "", "")
    page.keyboard.press("Enter")
    assert form(page) == ("reject", PHRASES["en"]["impersonation"], "impersonation")
    assert page.evaluate("document.activeElement.id") == "reason"


def test_without_a_verdict_there_is_nothing_to_pick(page):
    assert offered(page) == []
    into_templates(page)
    for key in ("ArrowDown", "a", "Enter"):
        page.keyboard.press(key)
        assert form(page) == (None, "", "")


def test_own_words_are_kept(page):
    page.keyboard.press("3")
    page.keyboard.type("Please look at track 1.")
    into_templates(page)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    assert form(page)[1].startswith("Please look at track 1.\n\n")


def test_another_verdict_takes_the_templates_of_the_first_away(page):
    page.keyboard.press("2")
    label = offered(page)
    page.keyboard.press("Escape")
    page.keyboard.press("4")
    assert offered(page)
    assert not set(offered(page)) & set(label)
