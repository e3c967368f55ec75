"""What was rejected stays down: from the label's request to what it reads, with real sound and the real checks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from checks.fingerprint.acoustid_codec import encode_acoustid
from checks.policy import Verdict
from intake.core.states import State
from intake.demo import covers, sounds
from intake.models import KnownRecording, StayDown, Submission
from intake.services.people import accounts
from intake.services.review import appeals, decisions
from intake.services.submissions import submission_actions
from tests.intake.api.conftest import Caller, a_caller, post_release
from tests.intake.factories import a_document, a_moderator
from tests.intake.test_pipeline import run

pytestmark = pytest.mark.django_db

RATE, SECONDS = 44_100, 40
IMPOSTOR, OWNER, THIRD = "North Pier Music", "Harbour Records", "Quick Vinyl"
ISRC = "SEHBR2600001"
QUESTION = "staydown.recording"


def _recode(samples: Any, folder: Path, name: str, **options: Any) -> bytes:
    return sounds.encode_demo_audio(samples, options.pop("rate", RATE), folder / name, **options).read_bytes()


@pytest.fixture(scope="module")
def bytes_of(tmp_path_factory) -> dict[str, bytes]:
    """The rejected recording, what can be made of it, another recording, and a cover."""
    folder: Path = tmp_path_factory.mktemp("sound")
    piece, stranger = sounds.compose_demo_piece(31, SECONDS), sounds.compose_demo_piece(32, SECONDS)
    covers.paint_demo_cover(31, folder / "cover.png")
    return {
        "the same bytes": _recode(piece, folder, "piece.flac"),
        "re-encoded": _recode(piece * 0.8, folder, "piece.mp3", codec="mp3", bitrate=128_000),
        "3 % faster": _recode(piece, folder, "faster.flac", rate=round(RATE * 1.03)),
        "cut": _recode(piece[5 * RATE : 30 * RATE], folder, "cut.flac"),
        "in another track": _recode(np.concatenate([stranger, piece[: 20 * RATE]]), folder, "inside.flac"),
        "another recording": _recode(stranger, folder, "stranger.flac"),
        "cover": (folder / "cover.png").read_bytes(),
    }


@pytest.fixture
def world(rung, bytes_of):
    return World(rung, bytes_of)


class World:
    """Labels that deliver through the API, and a moderator."""

    def __init__(self, rung, bytes_of: dict[str, bytes]) -> None:
        self._rung, self._bytes = rung, bytes_of
        self._callers: dict[str, Caller] = {}
        self.moderators = [a_moderator(name) for name in ("ada", "eva", "jo")]

    def caller(self, label: str) -> Caller:
        if label not in self._callers:
            self._callers[label] = a_caller(accounts.create_label(label)[0])
        return self._callers[label]

    def deliver(
        self, label: str, sound: str, title: str = "Low Tide", artist: str = "Mara Lindqvist", isrc: str = ISRC
    ) -> Submission:
        """Deliver a single and let the gate conclude."""
        lines = {line: {"year": 2026, "owner": label} for line in ("p_line", "c_line")}
        document = a_document(title, 1, display_label=label, **lines)
        people = [{"name": artist, "role": "main"}]
        suffix = "mp3" if self._bytes[sound][:3] == b"ID3" else "flac"
        document["release"]["display_artists"] = people
        document["release"]["tracks"][0].update(isrc=isrc, display_artists=people, file=f"01.{suffix}")
        files = {f"01.{suffix}": self._bytes[sound], "cover.png": self._bytes["cover"]}
        answer = post_release(self.caller(label), document, files)
        assert answer.status_code == 202, answer.content
        run(self._rung)
        return Submission.objects.get(pk=answer.json()["id"])

    def reject(self, submission: Submission, ground: str = "impersonation", by: int = 0) -> Submission:
        submission.refresh_from_db()
        if submission.state != State.IN_REVIEW:
            decisions.reopen_submission(submission, self.moderators[by], "somebody else claims it")
        decisions.decide_submission(submission, self.moderators[by], Verdict.REJECT, "It is not yours.", code=ground)
        if submission.proposals.filter(ended_at__isnull=True).exists():
            decisions.second_rejection(submission, self.moderators[by + 1])
        submission.refresh_from_db()
        assert submission.state == State.REJECTED
        return submission

    def accept(self, submission: Submission, by: int = 1) -> None:
        decisions.decide_submission(submission, self.moderators[by], Verdict.APPROVE, "The contract was read.")

    def read(self, label: str, submission: Submission) -> dict[str, Any]:
        """Everything that the label can read of its submission."""
        caller = self.caller(label)
        paths = ("", "/findings", "/events")
        return {path: caller.get(f"submissions/{submission.pk}{path}").json() for path in paths}


def codes(submission: Submission) -> set[str]:
    """What was found of the sound."""
    return set(submission.findings.filter(check_run__name="similarity").values_list("code", flat=True))


@pytest.fixture
def rejected(world) -> Submission:
    """An impostor's delivery that nothing was known against, until a person rejected it."""
    submission = world.deliver(IMPOSTOR, "the same bytes")
    assert submission.state == State.APPROVED
    return world.reject(submission)


DISGUISES = [
    ("the same bytes", {}),
    ("the same bytes", {"title": "Orchid Nights", "artist": "DJ Borrow", "isrc": "SEHBR2600002"}),
    ("re-encoded", {"title": "Orchid Nights", "isrc": "SEHBR2600003"}),
    ("3 % faster", {"title": "Orchid Nights", "artist": "DJ Borrow", "isrc": "SEHBR2600004"}),
    ("cut", {"isrc": "SEHBR2600005"}),
    ("in another track", {"title": "Orchid Nights", "isrc": "SEHBR2600006"}),
]


def test_rejected_recording_is_asked_about_however_it_comes_back_and_whoever_delivers_it(world, rejected):
    for number, (sound, names) in enumerate(DISGUISES):
        for label in (THIRD, IMPOSTOR):
            again = world.deliver(label, sound, **names)
            assert again.state == State.IN_REVIEW, (sound, label)
            assert QUESTION in codes(again), (sound, label)
            assert "similarity.known_recording" not in codes(again), "what was rejected is nobody's reference"
            assert QUESTION in again.decision.reasons
            submission_actions.withdraw_submission(again)
        assert StayDown.objects.standing().count() == 3, number
    other = world.deliver(THIRD, "another recording", "Slack Water", isrc="SEHBR2600009")
    assert (other.state, codes(other)) == (State.APPROVED, set())


def test_label_reads_that_it_was_refused_before_and_moderators_read_by_whom(world, rejected):
    again = world.deliver(THIRD, "3 % faster", "Orchid Nights", "DJ Borrow", "SEHBR2600004")
    shown = world.read(THIRD, again)
    (finding,) = shown["/findings"]["results"]
    assert finding["code"] == QUESTION
    assert finding["message"].startswith("This sound was refused here before.")
    assert shown[""]["reasons"] == [QUESTION]
    secret = [IMPOSTOR, "Low Tide", ISRC, "impersonation", "moderator:ada", str(rejected.pk), "staydown.earlier"]
    assert [word for word in secret if word in str(shown)] == []
    earlier = again.findings.get(code="staydown.earlier_decision")
    assert earlier.private
    assert "played 3.0 % faster" in earlier.message
    assert "(impersonation), when 'North Pier Music' delivered it as 'Low Tide' by 'Mara Lindqvist'" in earlier.message
    (refusal,) = earlier.evidence["refusals"]
    assert (refusal["submission"], refusal["decided_by"]) == (str(rejected.pk), "moderator:ada")


def test_true_owner_is_asked_about_once_and_the_impostor_for_ever(world, rejected):
    owners = world.deliver(OWNER, "the same bytes")
    assert owners.state == State.IN_REVIEW
    assert codes(owners) == {QUESTION, "staydown.earlier_decision"}
    shown = str(world.read(OWNER, owners))
    assert "known recording" not in shown
    assert IMPOSTOR not in shown
    world.accept(owners)
    for sound in ("the same bytes", "re-encoded"):
        again = world.deliver(OWNER, sound)
        assert (again.state, codes(again)) == (State.APPROVED, {"similarity.own_recording"}), sound
    for label in (IMPOSTOR, THIRD):
        copy = world.deliver(label, "the same bytes")
        assert copy.state == State.IN_REVIEW
        assert QUESTION in codes(copy)


@pytest.mark.parametrize("ground", ["infringement", "voice", "fraud"])
def test_grounds_about_the_content_stay_down(world, ground):
    world.reject(world.deliver(IMPOSTOR, "the same bytes"), ground)
    again = world.deliver(THIRD, "the same bytes", "Orchid Nights", isrc="SEHBR2600002")
    assert (again.state, QUESTION in codes(again)) == (State.IN_REVIEW, True)


def test_other_grounds_do_not(world):
    world.reject(world.deliver(IMPOSTOR, "the same bytes"), "prohibited")
    assert not StayDown.objects.exists()
    again = world.deliver(THIRD, "the same bytes")
    assert (again.state, codes(again)) == (State.APPROVED, set())


def test_open_or_withdrawn_appeal_lifts_nothing_and_an_overturned_rejection_passes_again(world, rejected):
    appeals.open_appeal(rejected, "We have the contract.")
    under_appeal = world.deliver(IMPOSTOR, "the same bytes")
    assert (under_appeal.state, QUESTION in codes(under_appeal)) == (State.IN_REVIEW, True)
    submission_actions.withdraw_submission(under_appeal)
    rejected.refresh_from_db()
    world.accept(rejected)
    assert not StayDown.objects.standing().exists()
    again = world.deliver(IMPOSTOR, "the same bytes")
    assert (again.state, codes(again)) == (State.APPROVED, {"similarity.own_recording"})
    copy = world.deliver(THIRD, "the same bytes", "Orchid Nights")
    assert "similarity.known_recording" in codes(copy)
    assert QUESTION not in codes(copy)


def test_withdrawing_what_is_under_appeal_lifts_nothing(world, rejected):
    appeals.open_appeal(rejected, "We have the contract.")
    rejected.refresh_from_db()
    submission_actions.withdraw_submission(rejected)
    row = KnownRecording.objects.current().get(submission=rejected)
    assert row.source == KnownRecording.Source.REJECTED
    again = world.deliver(THIRD, "the same bytes")
    assert (again.state, QUESTION in codes(again)) == (State.IN_REVIEW, True)


def test_rejection_that_is_taken_back_blocks_nothing_and_the_one_before_it_stands_again(world, settings):
    settings.GATE_UNDO_SECONDS = 600
    first = world.deliver(IMPOSTOR, "the same bytes")
    world.reject(first)
    decisions.undo_decision(first.decision, world.moderators[0])
    assert not StayDown.objects.standing().exists()
    first.refresh_from_db()
    world.reject(first)
    appeals.open_appeal(first, "We have the contract.")
    first.refresh_from_db()
    world.accept(first)
    assert not StayDown.objects.standing().exists()
    decisions.undo_decision(first.decision, world.moderators[1])
    assert StayDown.objects.standing().count() == 3
    again = world.deliver(THIRD, "the same bytes", "Orchid Nights", isrc="SEHBR2600002")
    assert (again.state, QUESTION in codes(again)) == (State.IN_REVIEW, True)


def test_isrc_of_what_was_rejected_is_asked_about_with_another_sound(world, rejected):
    again = world.deliver(THIRD, "another recording", "Orchid Nights")
    assert again.state == State.IN_REVIEW
    assert codes(again) == {"staydown.isrc", "staydown.earlier_decision"}, "and the rejected sound is no reference"
    world.accept(again)
    assert world.deliver(THIRD, "another recording", "Orchid Nights").state == State.APPROVED


def test_teaching_the_gate_the_rejected_sound_makes_nobody_its_owner(world, rejected):
    row = KnownRecording.objects.get(submission=rejected)
    for label in (IMPOSTOR, THIRD):
        caller = world.caller(label)
        body = {"title": "Low Tide", "artist": "Mara", "isrc": ISRC, "duration": row.duration}
        answer = caller.post("known-recordings", json={**body, "fingerprint": encode_acoustid(bytes(row.fingerprint))})
        assert answer.status_code == 201
        again = world.deliver(label, "the same bytes")
        assert (again.state, QUESTION in codes(again)) == (State.IN_REVIEW, True), label


def test_other_live_release_of_the_rejected_account_is_no_reference_against_the_owner(world):
    kept = world.deliver(IMPOSTOR, "the same bytes")
    world.reject(world.deliver(IMPOSTOR, "the same bytes"))
    kept.refresh_from_db()
    assert kept.state == State.APPROVED
    owners = world.deliver(OWNER, "the same bytes")
    assert owners.state == State.IN_REVIEW
    assert codes(owners) == {QUESTION, "staydown.earlier_decision"}


def test_owner_who_was_here_before_the_copy_is_not_asked(world):
    assert world.deliver(OWNER, "the same bytes").state == State.APPROVED
    copy = world.deliver(IMPOSTOR, "3 % faster", "Orchid Nights", "DJ Borrow", "SEHBR2600002")
    assert "similarity.known_recording" in codes(copy)
    world.reject(copy, "infringement")
    again = world.deliver(OWNER, "the same bytes")
    assert (again.state, codes(again)) == (State.APPROVED, {"similarity.own_recording"})
