"""A moderator's minute: look at the queue, listen to both recordings, decide, and the next one comes."""

from __future__ import annotations

import http.server
import json
import threading
import time
from pathlib import Path

import axe_playwright_python
import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from intake.core.states import State
from intake.models import Claim, Decision, Presence, Submission, Viewing
from intake.services.webhooks import webhook_delivery
from tests.e2e import scene

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def morning(tmp_path, tmp_path_factory, settings):
    """A copied recording, due first, and an imitated name."""
    from celery import current_app

    from intake.readers import check_context

    settings.GATE_INDEX = tmp_path / "index"
    check_context._open_cached_store.cache_clear()
    before = current_app.conf.task_always_eager, current_app.conf.task_eager_propagates
    files = tmp_path_factory.getbasetemp() / "scene"
    files.mkdir(exist_ok=True)
    yield scene.fill(files, only=("Quiet Water", "Evening Bells"))
    current_app.conf.task_always_eager, current_app.conf.task_eager_propagates = before


def until(page, expression):
    """Wait for something to be true in the page; Playwright's own way of waiting is what our pages forbid (eval)."""
    deadline = time.monotonic() + 30
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


def audit(page):
    """What axe-core finds: (rule, impact, where); run from outside the page, which itself allows no eval."""
    source = Path(axe_playwright_python.__file__).parent / "axe.min.js"
    session = page.context.new_cdp_session(page)
    session.send("Runtime.evaluate", {"expression": source.read_text()})
    run = "axe.run(document, {resultTypes: ['violations']}).then((found) => JSON.stringify(found.violations))"
    answer = session.send("Runtime.evaluate", {"expression": run, "awaitPromise": True, "returnByValue": True})
    found = json.loads(answer["result"]["value"])
    return [(item["id"], item["impact"], node["target"]) for item in found for node in item["nodes"]]


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
    assert page.get_attribute(".ears", "data-side") == "b"
    # The copy lost its first eight seconds: the same place lies that much later in the known recording.
    shift = segment["reference_start"] - segment["start"]
    assert shift == pytest.approx(8, abs=0.3)
    page.wait_for_timeout(1500)
    both = "[...document.querySelectorAll('.ears audio')].map((audio) => audio.currentTime)"
    for _ in range(3):  # both run, and stay beside each other while one is heard
        here, there = page.evaluate(both)
        assert there == pytest.approx(here + shift, abs=0.06)
        page.keyboard.press("x")
        page.wait_for_timeout(200)
    page.keyboard.press("b")

    page.keyboard.press(" ")
    until(page, "document.querySelector('[data-audio=b]').paused")
    page.keyboard.press("ArrowRight")
    until(page, f"document.querySelector('[data-audio=b]').currentTime > {there + 4}")
    page.keyboard.press("m")
    until(page, f"Math.abs(document.querySelector('[data-audio=b]').currentTime - {segment['reference_start']}) < 0.1")
    heard = {status for url, status in ada.seen.statuses if "/files/" in url or "/audio/" in url}
    assert 206 in heard

    until(page, "document.querySelector('.ears').dataset.looked === 'true'")
    assert page.get_attribute(".wave-a.peaks", "d").count("L") > 1000
    assert "turned down" in page.inner_text("[data-show=level]") or "equally" in page.inner_text("[data-show=level]")

    page.keyboard.press("c")
    page.wait_for_selector(".claim.mine")
    page.keyboard.press("4")
    assert page.is_checked("[name=verdict][value=reject]")
    page.select_option("[data-fill=reason]", label="Somebody else's recording")
    assert "belongs to another owner" in page.input_value("#reason")
    page.keyboard.press("Control+Enter")
    page.wait_for_selector("h1:text-is('Evening Bells')")
    page.wait_for_selector(".claim.mine")
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
    page.keyboard.type("a bad b b n m x . c 1 2 3 4 ? t and space")
    assert page.input_value("#reason") == "a bad b b n m x . c 1 2 3 4 ? t and space"
    assert page.locator("[name=verdict]:checked").count() == 0
    assert page.locator(".claim.mine").count() == 0
    assert not page.is_visible("#help")
    assert page.get_attribute("#tab-tracks", "aria-selected") == "true"
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
    with page.expect_response("**/beat/"):
        page.clock.fast_forward("00:26")
    until(page, "document.querySelector('#claim').textContent.includes('ben has it in hand now')")
    assert page.is_disabled("text=Decide, and take the next")
    assert page.input_value("#reason") == "The rights were shown"


def test_the_claim_is_renewed_for_somebody_and_not_for_an_abandoned_page(morning, visit):
    ada = visit()
    ada.log_in("ada", scene.PASSWORD)
    page = ada.page
    page.clock.install()
    with page.expect_response("**/beat/"):
        page.click("text=Take the most urgent")
    page.wait_for_selector(".claim.mine")

    def beat():
        before = Claim.objects.get().until
        with page.expect_response("**/beat/"):
            page.clock.fast_forward("00:26")
        return Claim.objects.get().until > before

    page.mouse.move(300, 300)
    assert beat()
    assert not beat()
    page.keyboard.press("t")
    assert beat()
    page.clock.fast_forward("03:00")
    page.clock.fast_forward("03:00")
    assert "Your claim has ended" in page.inner_text("#claim")
    assert Claim.objects.count() == 1


def test_leaving_the_page_frees_what_was_in_hand(morning, visit):
    ada, ben = visit(), visit()
    for visitor, name in ((ada, "ada"), (ben, "ben")):
        visitor.log_in(name, scene.PASSWORD)
    ada.page.keyboard.press("n")
    ada.page.wait_for_selector(".claim.mine")
    review(ben, "Quiet Water")
    assert "ada has it in hand" in ben.page.inner_text("#claim")
    until(ben.page, "!document.querySelector('[data-show=watching]').hidden")
    assert "ada" in ben.page.inner_text("[data-show=watching]")
    ada.open("/admin/password_change/")
    deadline = time.monotonic() + 10
    while Claim.objects.get().held(timezone.now()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert not Presence.objects.filter(moderator__username="ada").exists()
    ben.page.reload()
    ben.page.keyboard.press("c")
    ben.page.wait_for_selector(".claim.mine")


def test_of_two_who_decide_the_second_is_told_and_changes_nothing(morning, visit):
    ada, ben = visit(), visit()
    for visitor, name in ((ada, "ada"), (ben, "ben")):
        visitor.log_in(name, scene.PASSWORD)
        review(visitor, "Quiet Water")
        visitor.page.check("[name=verdict][value=approve]", force=True)
        visitor.page.fill("#reason", f"Rights were shown to {name}.")
    ben.page.keyboard.press("Control+Enter")
    ben.page.wait_for_selector("h1:text-is('Evening Bells')")
    ada.page.keyboard.press("Control+Enter")
    ada.page.wait_for_selector(".overtaken")
    assert "Rights were shown to ben." in ada.page.inner_text(".overtaken")
    assert Decision.objects.filter(actor__startswith="moderator:").count() == 1
    ada.seen.complaints.clear()  # the browser notes the refused decision


class Receiver(http.server.BaseHTTPRequestHandler):
    """A label's own endpoint, which remembers what it was told."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.told.append(json.loads(body)["type"])
        self.send_response(200)
        self.end_headers()

    def log_message(self, *arguments):
        """Nothing on the screen."""


@pytest.fixture
def receiver():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    server.told = []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()


def test_nobody_outside_hears_of_a_decision_that_can_still_be_taken_back(morning, visit, receiver, settings):
    settings.GATE_UNDO_SECONDS = 4
    label = morning["Quiet Water"].label
    url = f"http://127.0.0.1:{receiver.server_port}/hook"
    webhook_delivery.create_endpoint(label, url, ["submission.rejected", "submission.approved"])
    ada = visit()
    ada.log_in("ada", scene.PASSWORD)
    page = ada.page
    page.keyboard.press("n")
    page.wait_for_selector(".claim.mine")
    page.keyboard.press("1")
    page.keyboard.type("Rights were shown.")
    page.keyboard.press("Control+Enter")
    page.wait_for_selector("[data-undo]")
    webhook_delivery.dispatch_due_deliveries()
    assert receiver.told == []
    page.click("[data-undo] button")
    page.wait_for_selector("h1:text-is('Quiet Water')")
    assert Submission.objects.get(pk=morning["Quiet Water"].pk).state == State.IN_REVIEW

    page.wait_for_selector(".claim.mine")
    page.keyboard.press("1")
    page.keyboard.type("Rights were shown, and seen twice.")
    page.keyboard.press("Control+Enter")
    page.wait_for_selector("[data-undo]")
    until(page, "!document.querySelector('[data-undo]')")
    deadline = time.monotonic() + 10
    while not receiver.told and time.monotonic() < deadline:
        webhook_delivery.dispatch_due_deliveries()
        time.sleep(0.2)
    assert receiver.told == ["submission.approved"]


def test_pictures_are_there_when_asked_for_and_each_look_is_on_record(morning, visit):
    ada = visit()
    ada.log_in("ada", scene.PASSWORD)
    review(ada, "Quiet Water")
    page = ada.page
    page.click("#tracks .picture summary")
    page.click(".ears .picture summary")
    seen = "[...document.querySelectorAll('.picture[open] img')].map((one) => one.complete && one.naturalWidth)"
    until(page, f"{seen}.length === 3 && {seen}.every((width) => width > 100)")
    looked = set(Viewing.objects.filter(actor="moderator:ada").values_list("what", flat=True))
    assert {"spectrogram 01.mp3", "average spectrum 01.mp3"} <= looked
    assert any(item.startswith("comparison with known recording") for item in looked)
    page.click("[data-do=play]")
    plays(page, "a")
    looked = set(Viewing.objects.values_list("what", flat=True))
    assert "audio 01.mp3" in looked
    assert any(entry.startswith("known recording") for entry in looked)


def test_keys_are_told_and_tabs_turn(morning, visit):
    ada = visit()
    ada.log_in("ada", scene.PASSWORD)
    review(ada, "Quiet Water")
    page = ada.page
    page.keyboard.press("?")
    assert page.is_visible("#help")
    page.keyboard.press("Escape")
    assert not page.is_visible("#help")
    page.keyboard.press("t")
    assert page.get_attribute("#tab-disclosure", "aria-selected") == "true"
    assert page.is_visible("#disclosure")
    assert not page.is_visible("#tracks")


def test_no_serious_fault_of_accessibility(morning, visit):
    for theme in ("light", "dark"):
        ada = visit(theme=theme)
        ada.log_in("ada", scene.PASSWORD)
        faults = {}
        for title in ("", "Quiet Water", "Evening Bells"):
            ada.open("/admin/")
            if title:
                review(ada, title)
                until(ada.page, "document.querySelectorAll('[role=tab]').length > 3")
            found = audit(ada.page)
            faults[title] = [item for item in found if item[1] in ("serious", "critical")]
        assert faults == {"": [], "Quiet Water": [], "Evening Bells": []}


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
