"""One bad track need not sink the release: tracks are judged apart, and the label may take the part that is good."""

import datetime as dt
import threading

import pytest
from django.db import connections

from checks.model.finding import Route
from checks.policy import Verdict
from intake.core.states import State
from intake.models import KeyUse, Submission, Track
from intake.services.operations.invariants import find_invariant_violations
from intake.services.registry import protected_artists
from intake.services.review import decisions, partial_acceptance
from intake.services.review.decisions import InvalidDecision, UndoExpired
from intake.services.review.partial_acceptance import NothingOffered
from intake.services.submissions import submission_actions
from tests.intake.factories import a_document, a_label, a_moderator, a_submission
from tests.intake.test_pipeline import run
from tests.intake.waiting import declared, everything, found, verdicts, waiting

pytestmark = pytest.mark.django_db


def returned(*findings, verdicts=None, **more):
    """A release of three tracks, of which the second may not go out."""
    submission = waiting(*(findings or (found("similarity.known_recording", "track:2"),)), tracks=3)
    tracks = verdicts or {1: Verdict.APPROVE, 2: Verdict.RETURN, 3: Verdict.APPROVE}
    decision = decisions.decide_submission(
        submission, a_moderator(), Verdict.RETURN, "the second is not yours", tracks=tracks, **more
    )
    return submission, decision


def test_tracks_are_judged_apart_and_the_good_ones_offered(rung):
    submission, decision = returned()
    assert submission.state == State.RETURNED
    assert verdicts(submission) == {1: "approve", 2: "return", 3: "approve"}
    assert decision.offer == {"tracks": [1, 3], "labels": []}
    assert partial_acceptance.find_partial_offer(submission) == decision


@pytest.mark.parametrize(
    ("verdict", "tracks", "more"),
    [
        (Verdict.APPROVE, {2: Verdict.REJECT}, {}),
        (Verdict.REJECT, {1: Verdict.APPROVE}, {"code": "infringement"}),
        (Verdict.RETURN, {1: Verdict.APPROVE, 2: Verdict.APPROVE, 3: Verdict.APPROVE}, {}),
        (Verdict.RETURN, {7: Verdict.APPROVE}, {}),
        (Verdict.RETURN, {1: Verdict.LABEL}, {}),
        (Verdict.RETURN, {1: Verdict.REVIEW}, {}),
    ],
)
def test_tracks_differ_only_where_that_leads_somewhere(rung, verdict, tracks, more):
    submission, ada = waiting(tracks=3), a_moderator()
    before = everything()
    with pytest.raises(InvalidDecision):
        decisions.decide_submission(submission, ada, verdict, "for this reason", tracks=tracks, **more)
    assert everything() == before


def test_a_labelled_release_tells_which_tracks_carry_the_labels(rung):
    submission = waiting(found(), tracks=2)
    tracks = {1: Verdict.APPROVE}
    decisions.decide_submission(
        submission, a_moderator(), Verdict.LABEL, "one of them", labels=[("ai:vocals", "all")], tracks=tracks
    )
    assert verdicts(submission) == {1: "approve", 2: "label"}


def test_a_declaration_is_not_dropped_with_a_part(rung):
    submission, ada = waiting(found(), declared("track:1"), tracks=2), a_moderator()
    before = everything()
    with pytest.raises(InvalidDecision, match="carried on"):
        decisions.decide_submission(submission, ada, Verdict.RETURN, "not the second", tracks={1: Verdict.APPROVE})
    assert everything() == before
    tracks = {1: Verdict.LABEL}
    given = decisions.decide_submission(
        submission, ada, Verdict.RETURN, "not the second", labels=[("ai:lyrics", "all")], tracks=tracks
    )
    assert given.labels == []
    assert {(item["key"], item["basis"]) for item in given.offer["labels"]} == {
        ("ai:vocals", "declared"),
        ("ai:lyrics", "verified_by_human"),
    }


def test_a_declaration_on_the_track_that_stays_behind_stays_there(rung):
    submission = waiting(found(), declared("track:2"), tracks=2)
    given = decisions.decide_submission(submission, a_moderator(), Verdict.RETURN, "no", tracks={1: Verdict.APPROVE})
    assert given.offer == {"tracks": [1], "labels": []}


def test_accepted_part_is_a_submission_of_its_own_that_supersedes(rung):
    submission, decision = returned()
    taken = partial_acceptance.accept_partial_release(submission)
    assert (taken.state, taken.supersedes, taken.accepts) == (State.RECEIVED, submission, decision)
    titles = [track["title"] for track in submission.metadata["tracks"]]
    assert [(item.position, item.title) for item in taken.tracks.all()] == [(1, titles[0]), (2, titles[2])]
    assert set(taken.resources.values_list("blob", flat=True)) < set(
        submission.resources.values_list("blob", flat=True)
    )
    submission.refresh_from_db()
    assert submission.state == State.RETURNED


def test_a_part_of_one_track_is_a_single(rung):
    submission, _ = returned(verdicts={1: Verdict.APPROVE})
    assert partial_acceptance.accept_partial_release(submission).metadata["type"] == "single"


def test_part_is_accepted_once(rung):
    submission, _ = returned()
    partial_acceptance.accept_partial_release(submission)
    before = everything()
    with pytest.raises(NothingOffered):
        partial_acceptance.accept_partial_release(submission)
    assert everything() == before


def test_nothing_is_accepted_that_was_not_offered(rung):
    for verdict, more in ((Verdict.RETURN, {}), (Verdict.REJECT, {"code": "infringement"}), (Verdict.APPROVE, {})):
        submission = waiting(tracks=2)
        decisions.decide_submission(submission, a_moderator(f"m-{verdict}"), verdict, "for this reason", **more)
        before = everything()
        with pytest.raises(NothingOffered):
            partial_acceptance.accept_partial_release(submission)
        assert everything() == before


def test_what_was_accepted_is_not_taken_back(rung):
    submission, decision = returned()
    partial_acceptance.accept_partial_release(submission)
    before = everything()
    ada = type(a_moderator("zoe")).objects.get(username="ada")
    with pytest.raises(UndoExpired):
        decisions.undo_decision(decision, ada)
    assert everything().count("zoe") == before.count("zoe")
    submission.refresh_from_db()
    assert submission.state == State.RETURNED


def whole(rung, analyser, label=None):
    """A release of two tracks that came the whole way: its disclosure contradicts itself on the second."""
    document = a_document("Slack Water", 1, 2)
    document["release"]["tracks"][1]["disclosure"]["contributions"] = [
        {"element": "lead_vocals", "level": "fully_generated", "imitates": "no"}
    ]
    submission = a_submission(label or a_label(), document)
    run(rung)
    submission.refresh_from_db()
    assert submission.state == State.IN_REVIEW
    return submission


def test_part_is_checked_and_then_stands_as_the_moderator_said(rung, analyser):
    submission = whole(rung, analyser)
    given = decisions.decide_submission(
        submission, a_moderator(), Verdict.RETURN, "state it", tracks={1: Verdict.APPROVE}
    )
    taken = partial_acceptance.accept_partial_release(submission)
    run(rung)
    taken.refresh_from_db()
    assert (taken.state, taken.verdict) == (State.APPROVED, Verdict.APPROVE)
    assert [(decision.actor, decision.verdict) for decision in taken.decisions.all()] == [
        ("policy", "review"),
        ("moderator:ada", "approve"),
    ]
    assert taken.decision.carries_on == given
    assert list(find_invariant_violations(dt.timedelta(minutes=15))) == []
    partial_acceptance.carry_on(taken.pk)
    assert taken.decisions.count() == 2


def test_labels_that_the_moderator_chose_go_out_with_the_part(rung, analyser):
    submission = whole(rung, analyser)
    labels = [("content:remix", "yes")]
    decisions.decide_submission(
        submission, a_moderator(), Verdict.RETURN, "state it", labels=labels, tracks={1: Verdict.LABEL}
    )
    taken = partial_acceptance.accept_partial_release(submission)
    run(rung)
    taken.refresh_from_db()
    assert taken.state == State.LABELLED
    assert [(label["key"], label["basis"]) for label in taken.decision.labels] == [
        ("content:remix", "verified_by_human")
    ]
    assert Track.objects.get(submission=taken).verdict == "label"


def test_part_with_something_new_waits_for_a_person(rung, analyser):
    submission = whole(rung, analyser)
    decisions.decide_submission(submission, a_moderator(), Verdict.RETURN, "state it", tracks={1: Verdict.APPROVE})
    protected_artists.protect_artist("Mara Lindqvist")
    taken = partial_acceptance.accept_partial_release(submission)
    run(rung)
    taken.refresh_from_db()
    assert taken.findings.filter(route=Route.REVIEW).exists()
    assert (taken.state, taken.decision.actor) == (State.IN_REVIEW, "policy")


def test_part_keeps_the_artists_keys_that_came_with_the_whole(rung):
    submission, _ = returned()
    artist, _ = protected_artists.protect_artist("Nora Castellane", labels=[submission.label])
    key, _ = protected_artists.issue_artist_key(artist, "operator")
    KeyUse.objects.create(key=key, submission=submission)
    assert partial_acceptance.accept_partial_release(submission).artist_keys.get().key == key


def test_part_whose_bell_was_lost_is_found_by_the_sweep(rung, analyser):
    from intake.models import Decision
    from intake.services.operations import reaper

    submission = whole(rung, analyser)
    decisions.decide_submission(submission, a_moderator(), Verdict.RETURN, "state it", tracks={1: Verdict.APPROVE})
    taken = partial_acceptance.accept_partial_release(submission)
    while rung:
        name, arguments = rung.pop(0)
        if name not in ("intake.carry_on", "intake.deliver"):
            from intake import tasks

            getattr(tasks, name.removeprefix("intake.")).run(*arguments)
    taken.refresh_from_db()
    assert taken.state == State.IN_REVIEW
    standing = taken.decision
    Decision.objects.filter(pk=standing.pk).update(created_at=standing.created_at - 2 * reaper.PATIENCE)
    Submission.objects.filter(pk=taken.pk).update(rung_at=standing.created_at - 2 * reaper.PATIENCE)
    reaper.enqueue_lost_work()
    assert ("intake.carry_on", (str(taken.pk),)) in rung


@pytest.mark.django_db(transaction=True)
def test_of_two_acceptances_at_once_exactly_one_wins(rung):
    submission, _ = returned()
    together, outcomes = threading.Barrier(4), []

    def accept() -> None:
        mine = Submission.objects.get(pk=submission.pk)
        together.wait()
        try:
            partial_acceptance.accept_partial_release(mine)
            outcomes.append("accepted")
        except NothingOffered:
            outcomes.append("refused")
        finally:
            connections.close_all()

    threads = [threading.Thread(target=accept) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["accepted", "refused", "refused", "refused"]
    assert Submission.objects.filter(supersedes=submission).count() == 1


def test_a_label_that_rather_delivers_anew_does_so(rung):
    submission, _ = returned()
    document = {**a_document("Low Tides", 9), "supersedes": str(submission.pk)}
    files = {resource.name: resource.blob for resource in submission.resources.all()}
    needed = {name: next(iter(files.values())) for name in ("01.flac", "cover.jpg")}
    assert submission_actions.take_in(submission.label, document, needed).supersedes == submission
