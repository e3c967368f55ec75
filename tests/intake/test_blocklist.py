"""What somebody has blocked: kept with a reason, found whoever delivers it, told to moderators alone."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.utils import timezone

from checks.policy import Verdict
from intake.core.states import State
from intake.models import Block, KnownRecording, Submission
from intake.readers import check_context
from intake.services.catalogue import known_recordings
from intake.services.review import blocklist, decisions
from tests.intake.factories import a_document, a_label, a_moderator, facts_of
from tests.intake.test_cross_label import delivered, seen_by
from tests.intake.test_pipeline import run

pytestmark = pytest.mark.django_db

CODE = "id.blocklisted"


def found(submission: Submission) -> list[tuple[str, str]]:
    submission.refresh_from_db()
    rows = submission.findings.filter(code=CODE).order_by("pk")
    return [(row.subject, row.evidence["kind"]) for row in rows]


def a_block(kind: str, value: str, reason: str = "taken down on 2026-03-01", **more: Any) -> Block:
    return blocklist.add_block(kind, value, reason, "operator", **more)[0]


def checked(rung, label="Harbour Records", title="Low Tide", number=1, **release: Any) -> Submission:
    submission = delivered(a_label(label), title, number, **release)
    run(rung)
    submission.refresh_from_db()
    return submission


def value_of(kind: str, document: dict[str, Any]) -> str:
    """What the document names of this kind, written in another way than there."""
    release = document["release"]
    isrc = release["tracks"][0]["isrc"]
    return {
        "isrc": f"{isrc[:2]}-{isrc[2:5]}-{isrc[5:7]}-{isrc[7:]}".lower(),
        "upc": f"00{release['upc']}",
        "party": "IPI: 00000000199",
        "file": "THE SAME",
    }[kind]


@pytest.mark.parametrize(
    ("kind", "subject"),
    [("isrc", "track:1"), ("upc", "release"), ("party", "track:1"), ("file", "file:01.flac")],
)
def test_release_with_something_on_the_list_is_looked_at_and_its_label_reads_nothing_of_it(
    rung, analyser, kind, subject
):
    document = a_document("Low Tide", 1)
    contributors = document["release"]["tracks"][0]["contributors"]
    contributors[0]["ipi"] = "00000000199"
    if kind == "file":
        from tests.intake.factories import a_blob

        value = a_blob(b"the same sound").pk.upper()
    else:
        value = value_of(kind, document)
    a_block(kind, value)
    submission = delivered(a_label(), "Low Tide", 1, tracks_changes={"contributors": contributors})
    run(rung)
    assert found(submission) == [(subject, kind)]
    assert submission.state == State.IN_REVIEW
    finding = submission.findings.get(code=CODE)
    assert finding.private
    assert "taken down on 2026-03-01" in finding.message
    shown = str(seen_by(submission))
    assert "taken down" not in shown
    assert CODE not in shown
    assert "blocklist" not in shown


def test_blocked_recording_is_found_by_its_sound_and_by_nothing_else(rung, analyser):
    first = checked(rung)
    decisions.reopen_submission(first, a_moderator(), "a claim")
    decisions.decide_submission(first, a_moderator("eva"), Verdict.REJECT, "not distributed", code="prohibited")
    gone = KnownRecording.objects.get(submission=first)
    assert gone.forgotten_at is not None
    sound = first.resources.get(name="01.flac").blob_id
    entry, new = blocklist.block_sound(facts_of(sound), "Low Tide", "Mara", "stolen", "moderator:eva")
    assert new
    assert blocklist.block_sound(facts_of(sound), "Low Tide", "Mara", "stolen", "moderator:eva") == (entry, False)
    again = checked(rung, "North Pier Music", "Another Name", 2)
    assert found(again) == [("track:1", "recording")]
    assert not again.findings.filter(code="similarity.known_recording").exists()
    assert "on the blocklist: stolen" in again.findings.get(code=CODE).message
    other = delivered(a_label("Pier"), "Other", 3, b"another sound")
    run(rung)
    assert found(other) == []


def test_own_recording_that_was_blocked_is_blocked_for_its_label_too(rung, analyser):
    first = checked(rung)
    assert first.state == State.APPROVED
    row = KnownRecording.objects.get(submission=first)
    a_block("recording", str(row.pk))
    second = delivered(first.label, "Low Tide", 1)
    run(rung)
    assert found(second) == [("track:1", "recording")]


def test_forgetting_unblocks_nothing(rung, analyser):
    row, _ = known_recordings.learn_recording(facts_of("aa"), title="Help!", owner="EMI")
    entry = a_block("recording", str(row.pk))
    assert known_recordings.forget_recordings([row]) == 0
    blocklist.lift_block(entry, "operator")
    assert known_recordings.forget_recordings([row]) == 1


def test_lifted_and_expired_blocks_hold_nothing(rung, analyser):
    one = a_block("isrc", "SEHBR2500101")
    two = a_block("upc", "036000291452", expires_at=timezone.now() + dt.timedelta(hours=1))
    assert blocklist.lift_block(one, "moderator:ada")
    assert not blocklist.lift_block(one, "moderator:eva")
    Block.objects.filter(pk=two.pk).update(expires_at=timezone.now() - dt.timedelta(seconds=1))
    blocks = check_context.Blocks()
    assert blocks.listed("isrc", ["SEHBR2500101"]) == blocks.listed("upc", ["36000291452"]) == {}
    again, new = blocklist.add_block("upc", "036000291452", "again", "operator")
    assert new
    assert again.pk != two.pk
    two.refresh_from_db()
    assert two.lifted_by == "expiry"


def test_blocking_twice_is_one_entry():
    one, new = blocklist.add_block("isrc", "se-hbr-25-00101", "a claim", "operator")
    two, again = blocklist.add_block("isrc", "SEHBR2500101", "another", "moderator:ada")
    assert (one.pk, new, again) == (two.pk, True, False)
    assert two.reason == "a claim"


@pytest.mark.parametrize(
    ("kind", "value", "reason"),
    [
        ("isrc", "SE123", "x"),
        ("upc", "0000", "x"),
        ("upc", "03600029145a", "x"),
        ("party", "ipi:123", "x"),
        ("party", "Mara", "x"),
        ("file", "abc", "x"),
        ("recording", "0", "x"),
        ("recording", "9" * 30, "x"),
        ("recording", "٣", "x"),
        ("song", "x", "x"),
        ("isrc", "SEHBR2500101", " "),
        ("isrc", "SEHBR2500101", "x" * 501),
    ],
)
def test_what_cannot_be_blocked_is_refused_and_nothing_stored(kind, value, reason):
    with pytest.raises(blocklist.Unusable):
        blocklist.add_block(kind, value, reason, "operator")
    assert not Block.objects.exists()


@pytest.mark.parametrize("kind", ["isrc", "upc", "file", "recording"])
def test_block_that_comes_later_finds_what_is_live_and_puts_it_before_a_human(rung, analyser, kind):
    live = checked(rung)
    stranger = delivered(a_label("Pier"), "Other", 7, b"another sound")
    run(rung)
    assert live.state == State.APPROVED
    row = KnownRecording.objects.get(submission=live)
    track = live.tracks.get()
    value = {"isrc": track.isrc, "upc": live.upc, "file": row.sha256, "recording": str(row.pk)}[kind]
    entry = a_block(kind, value)
    (one,) = blocklist.iterate_affected_submissions(entry)
    assert one.submission == live
    live.refresh_from_db()
    assert live.state == State.APPROVED, "looking changes nothing"
    assert blocklist.reopen_affected_submissions(entry, "moderator:ada") == [live]
    assert [kind for _, kind in found(live)] == [kind]
    assert live.state == State.IN_REVIEW
    assert live.decision.reasons == [CODE]
    assert live.reasons.filter(code=CODE, waiting=True).exists()
    assert blocklist.reopen_affected_submissions(entry, "moderator:ada") == []
    assert len(found(live)) == 1
    stranger.refresh_from_db()
    assert stranger.state == State.APPROVED
    assert CODE not in str(seen_by(live))


def told(capsys, *arguments: str) -> Any:
    call_command("block", *arguments, "--json")
    return json.loads(capsys.readouterr().out)


def test_operator_blocks_lists_reopens_and_lifts(rung, analyser, capsys):
    live = checked(rung)
    isrc = live.tracks.get().isrc
    (made,) = told(capsys, "--isrc", isrc, "--reason", "a takedown", "--until", "2099-01-01")
    assert (made["kind"], made["value"], made["new"], made["by"]) == ("isrc", isrc, True, "operator")
    assert [(item["id"], item["state"], item["told"]) for item in made["submissions"]] == [
        (str(live.pk), "approved", False)
    ]
    assert [entry["id"] for entry in told(capsys, "--list")] == [made["id"]]
    (reopened,) = told(capsys, "--live", made["id"], "--reopen")
    assert (reopened["state"], reopened["told"]) == ("in_review", True)
    assert told(capsys, "--lift", made["id"])[0]["lifted"] is True
    assert told(capsys, "--list") == []
    call_command("block", "--list")
    assert capsys.readouterr().out == "Nothing.\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ("--isrc", "nonsense", "--reason", "x"),
        ("--isrc", "SEHBR2500101"),
        ("--isrc", "SEHBR2500101", "--reason", "x", "--until", "tomorrow"),
        ("--isrc", "SEHBR2500101", "--reason", "x", "--until", "2020-01-01"),
        ("--audio", "/does/not/exist.flac", "--reason", "x"),
        ("--lift", "01a21320-2cc4-7d54-bc93-fb9ebae1d577"),
    ],
)
def test_operator_is_told_what_is_wrong(arguments):
    with pytest.raises(CommandError):
        call_command("block", *arguments)
    assert not Block.objects.exists()
