"""A moderator's minute: look at the queue, listen to both recordings, decide, and the next one comes."""

from __future__ import annotations

import time

import pytest
from django.contrib.auth.models import User

from intake.models import Claim, Decision, Submission
from intake.states import State
from tests.e2e import scene

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def morning(tmp_path, tmp_path_factory, settings):
    """A copied recording, due first, and an imitated name."""
    from celery import current_app

    from intake import reference

    settings.GATE_INDEX = tmp_path / "index"
    reference._open.cache_clear()
    before = current_app.conf.task_always_eager, current_app.conf.task_eager_propagates
    files = tmp_path_factory.getbasetemp() / "scene"
    files.mkdir(exist_ok=True)
    yield scene.fill(files, only=("Quiet Water", "Evening Bells"))
    current_app.conf.task_always_eager, current_app.conf.task_eager_propagates = before


def until(page, expression):
    """Wait for something to be true in the page; Playwright's own way of waiting is what our pages forbid (eval)."""
    deadline = time.monotonic() + 15
    while not page.evaluate(expression):
        assert time.monotonic() < deadline, expression
        page.wait_for_timeout(50)


def at(page, side):
    """Where an audio element of the first panel stands, and whether it plays."""
    return page.eval_on_selector(f"[data-audio={side}]", "audio => [audio.currentTime, !audio.paused]")


def plays(page, side):
    until(page, f"!document.querySelector('[data-audio={side}]').paused")


def review(visitor, title):
    visitor.page.click(f"td.what a:text-is('{title}')")
    visitor.page.wait_for_selector(".rail")


def test_from_the_queue_through_both_recordings_to_the_decision(morning, visit):
    ada = visit()
    ada.log_in("ada", scene.PASSWORD)
    page = ada.page
    assert page.locator("td.what a").all_inner_texts() == ["Quiet Water", "Evening Bells"]
    assert page.locator(".due.breach").count() == 1
    review(ada, "Quiet Water")

    segment = (
        Submission.objects.get(pk=morning["Quiet Water"].pk)
        .findings.get(code="similarity.known_recording")
        .evidence["matches"][0]["segments"][0]
    )
    page.click("[data-do=play]")
    plays(page, "a")
    here, _ = at(page, "a")
    assert segment["start"] - 0.1 <= here < segment["start"] + 3

    page.keyboard.press("b")
    plays(page, "b")
    there, _ = at(page, "b")
    assert at(page, "a")[1] is False
    # The copy lost its first eight seconds: the same place lies that much later in the known recording.
    shift = segment["reference_start"] - segment["start"]
    assert there == pytest.approx(at(page, "a")[0] + shift, abs=0.7)
    assert shift == pytest.approx(8, abs=0.3)

    page.keyboard.press(" ")
    until(page, "document.querySelector('[data-audio=b]').paused")
    page.keyboard.press("ArrowRight")
    until(page, f"document.querySelector('[data-audio=b]').currentTime > {there + 4}")
    page.keyboard.press("m")
    until(page, f"Math.abs(document.querySelector('[data-audio=b]').currentTime - {segment['reference_start']}) < 0.1")
    heard = {status for url, status in ada.seen.statuses if "/files/" in url or "/audio/" in url}
    assert 206 in heard

    page.click(".claim button")
    page.wait_for_selector(".claim.mine")
    page.select_option("[data-fill=reason]", label="Somebody else's recording")
    assert page.is_checked("[name=verdict][value=reject]")
    assert "belongs to another owner" in page.input_value("#reason")
    page.click("text=Decide, and take the next")
    page.wait_for_selector(".claim.mine")
    assert page.inner_text("h1") == "Evening Bells"
    assert "“Quiet Water” was rejected." in page.inner_text(".messagelist")
    ada.open("/admin/")
    assert page.locator("td.what a").all_inner_texts() == ["Evening Bells"]
    assert Submission.objects.get(pk=morning["Quiet Water"].pk).state == State.REJECTED
    assert Decision.objects.get(actor="moderator:ada").verdict == "reject"


def test_a_click_into_the_picture_goes_there_in_both_recordings(morning, visit):
    finding = Submission.objects.get(pk=morning["Quiet Water"].pk).findings.get(code="similarity.known_recording")
    finding.evidence["matches"][0]["segments"] = [
        {"start": 0.0, "end": 10.0, "reference_start": 30.0, "reference_end": 40.0},
        {"start": 10.0, "end": 20.0, "reference_start": 20.0, "reference_end": 30.0},
    ]
    finding.save()
    ada = visit()
    ada.log_in("ada", scene.PASSWORD)
    review(ada, "Quiet Water")
    page = ada.page
    box = page.locator(".ears svg").bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] * 0.9)
    until(page, "document.querySelector('[data-audio=b]').currentTime > 20")
    assert page.get_attribute(".ears", "data-side") == "b"
    assert at(page, "b")[0] == pytest.approx(24, abs=1)
    until(page, "document.querySelector('[data-show=time]').textContent.includes('match 2 of 2')")
    page.keyboard.press("a")
    until(page, "document.querySelector('[data-audio=a]').currentTime > 10")
    assert at(page, "a")[0] == pytest.approx(at(page, "b")[0] - 10, abs=0.2)
    page.keyboard.press("n")
    until(page, "document.querySelector('[data-audio=a]').currentTime < 0.1")
    page.keyboard.press("n")
    until(page, "document.querySelector('[data-audio=a]').currentTime > 9.9")
    page.keyboard.press("b")
    until(page, "Math.abs(document.querySelector('[data-audio=b]').currentTime - 20) < 0.2")


def test_keys_do_nothing_while_somebody_types(morning, visit):
    ada = visit()
    ada.log_in("ada", scene.PASSWORD)
    review(ada, "Quiet Water")
    page = ada.page
    page.focus("#reason")
    page.keyboard.type("a bad b b n m and space")
    assert page.input_value("#reason") == "a bad b b n m and space"
    assert page.get_attribute(".ears", "data-side") == "a"
    assert at(page, "a") == [0, False]
    assert not [url for url, _ in ada.seen.statuses if "/audio/" in url]


def test_what_one_has_in_hand_another_cannot_decide(morning, visit):
    ada, ben = visit(), visit()
    for visitor, name in ((ada, "ada"), (ben, "ben")):
        visitor.log_in(name, scene.PASSWORD)
        review(visitor, "Quiet Water")
    ben.page.click(".claim button")
    ben.page.wait_for_selector(".claim.mine")
    ada.page.reload()
    assert "ben has it in hand" in ada.page.inner_text("#claim")
    assert ada.page.is_disabled("text=Decide, and take the next")
    ben.page.check("[name=verdict][value=approve]", force=True)
    ben.page.fill("#reason", "The licence was shown.")
    ben.page.click("text=Decide, and take the next")
    ben.page.wait_for_selector("h1:text-is('Evening Bells')")
    ada.page.reload()
    assert "approve by moderator:ben" in ada.page.inner_text(".standing")


def test_who_lost_the_claim_is_told_and_keeps_what_was_typed(morning, visit):
    ada = visit()
    ada.log_in("ada", scene.PASSWORD)
    page = ada.page
    page.clock.install()
    page.click("text=Take the most urgent")
    page.wait_for_selector(".claim.mine")
    page.fill("#reason", "The rights were")
    Claim.objects.update(moderator=User.objects.get(username="ben"))
    page.keyboard.type(" shown")
    with page.expect_response("**/claim/"):
        page.clock.fast_forward("01:01")
    until(page, "document.querySelector('#claim').textContent.includes('ben has it in hand now')")
    assert page.is_disabled("text=Decide, and take the next")
    assert page.input_value("#reason") == "The rights were shown"
    ada.seen.complaints.clear()  # the browser notes the refused renewal


def test_the_claim_is_renewed_for_somebody_and_not_for_an_abandoned_page(morning, visit):
    ada = visit()
    ada.log_in("ada", scene.PASSWORD)
    page = ada.page
    page.clock.install()
    page.click("text=Take the most urgent")
    page.wait_for_selector(".claim.mine")

    def renewals():
        return [url for url, _ in ada.seen.statuses if url.endswith("/claim/")]

    page.mouse.move(300, 300)
    with page.expect_response("**/claim/"):
        page.clock.fast_forward("01:01")
    assert len(renewals()) == 1
    page.clock.fast_forward("03:00")
    page.wait_for_timeout(200)
    assert len(renewals()) == 1
    page.clock.fast_forward("03:00")
    assert "Your claim has ended" in page.inner_text("#claim")
    assert Claim.objects.count() == 1


def test_the_decision_is_in_sight_and_nothing_sticks_out(morning, visit):
    sizes = ((1280, 800, "light"), (1280, 800, "dark"), (1600, 1000, "light"), (1600, 1000, "dark"))
    for width, height, theme in sizes:
        ada = visit(width, height, theme)
        ada.log_in("ada", scene.PASSWORD)
        page = ada.page
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        for title in ("Quiet Water", "Evening Bells"):
            ada.open("/admin/")
            review(ada, title)
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            page.check("[name=verdict][value=label]", force=True)
            page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
            box = page.locator("text=Decide, and take the next").bounding_box()
            assert 0 <= box["y"] <= height - box["height"]
        colour = page.evaluate("getComputedStyle(document.querySelector('.finding')).backgroundColor")
        brightness = sum(int(part) for part in colour.strip("rgb()").split(","))
        assert (brightness < 200) is (theme == "dark")
