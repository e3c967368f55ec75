"""A label reads its submissions: one, many, what was found, what happened."""

import datetime as dt

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from checks.policy import Verdict
from intake.core.states import State
from intake.models import Analysis, CheckRun, Decision, Event, Finding, KnownRecording, Label, Partner, Submission
from intake.services.submissions import transitions
from tests.intake.api.conftest import a_caller, post_release
from tests.intake.factories import a_document, a_submission

pytestmark = pytest.mark.django_db


@pytest.fixture
def submission(label):
    return a_submission(label)


def found(submission, code="audio.clipping", **changes):
    """A stored finding."""
    run, _ = CheckRun.objects.get_or_create(
        submission=submission, name="audio", defaults={"version": 1, "needs_audio": True}
    )
    values = {"severity": "warning", "subject": "track:1", "message": "It clips.", "route": "pass"}
    return Finding.objects.create(check_run=run, submission=submission, code=code, **(values | changes))


def conclude(submission, verdict=Verdict.APPROVE, labels=(), reasons=()):
    """A decision by the policy, with the move that belongs to it."""
    state = {Verdict.APPROVE: "approved", Verdict.LABEL: "labelled", Verdict.REVIEW: "in_review"}[verdict]
    decision = Decision(
        verdict=verdict,
        actor="policy",
        reasons=list(reasons),
        labels=list(labels),
        policy_version="t",
        policy_digest="sha256:0",
    )
    if submission.state == "received":
        transitions.transition_submission(submission, State.CHECKING, "gate")
    transitions.transition_submission(
        submission, State(state), "policy", None, decision, verdict=verdict, concluded_at=timezone.now()
    )


AI_VOCALS = {"key": "ai:vocals", "value": "all", "basis": "declared", "code": "disclosure.declared", "set_by": "policy"}


def test_submission_is_told_as_the_contract_has_it(caller, submission):
    CheckRun.objects.create(submission=submission, name="similarity", version=3, needs_audio=True, status="done")
    found(submission)
    audio = submission.tracks.get().resource.blob
    Analysis.objects.create(blob=audio, name="01.flac", status="done", facts={"duration": 187.4})
    Partner.objects.create(slug="wave", profile="tidal")
    conclude(submission, Verdict.LABEL, [AI_VOCALS], ["disclosure.declared"])
    submission.tracks.update(verdict="label")
    body = caller.get(f"submissions/{submission.pk}").json()
    assert body["state"] == "labelled"
    assert body["verdict"] == "label"
    assert body["labels"] == [{key: AI_VOCALS[key] for key in ("key", "value", "basis", "code")}]
    assert body["reasons"] == ["disclosure.declared"]
    assert body["policy"] == {"version": "t", "digest": "sha256:0"}
    assert body["findings"] == {"critical": 0, "warning": 1, "information": 0}
    assert body["checks"][0] == {"name": "similarity", "version": 3, "status": "done"}
    isrc = submission.tracks.get().isrc
    assert body["tracks"] == [{"position": 1, "isrc": isrc, "verdict": "label", "duration": 187.4}]
    assert body["partners"] == [{"partner": "wave", "outcome": "no_monetise", "because": ["ai:vocals=all"]}]
    assert body["release"] == submission.metadata
    assert dt.datetime.fromisoformat(body["created_at"]).tzinfo is not None


def test_partners_are_told_of_only_once_it_is_cleared(caller, submission):
    Partner.objects.create(slug="wave")
    conclude(submission, Verdict.REVIEW)
    assert caller.get(f"submissions/{submission.pk}").json()["partners"] == []


def test_standing_decision_is_the_last(caller, submission):
    conclude(submission, Verdict.REVIEW, reasons=["similarity.known_recording"])
    decision = Decision(
        verdict="approve", actor="moderator:ada", reasons=["licence seen"], policy_version="t", policy_digest="d"
    )
    transitions.transition_submission(submission, State.APPROVED, "moderator:ada", None, decision, verdict="approve")
    assert caller.get(f"submissions/{submission.pk}").json()["reasons"] == ["licence seen"]


# --- ETags --------------------------------------------------------------------------------------------------------


def test_reader_that_has_it_gets_it_not_again(caller, submission):
    first = caller.get(f"submissions/{submission.pk}")
    tag = first.headers["ETag"]
    assert not tag.startswith("W/")
    for header in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        again = caller.get(f"submissions/{submission.pk}", headers={"If-None-Match": header})
        assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", tag)
    assert caller.get(f"submissions/{submission.pk}", headers={"If-None-Match": '"other"'}).content == first.content


def test_tag_changes_with_everything_that_is_shown(caller, submission):
    seen = {caller.get(f"submissions/{submission.pk}").headers["ETag"]}
    found(submission)
    seen.add(caller.get(f"submissions/{submission.pk}").headers["ETag"])
    transitions.transition_submission(submission, State.CHECKING, "gate")
    seen.add(caller.get(f"submissions/{submission.pk}").headers["ETag"])
    assert len(seen) == 3


# --- Lists --------------------------------------------------------------------------------------------------------


@pytest.fixture
def five(label):
    """Five submissions, oldest first."""
    return [a_submission(label, a_document(f"Song Number {n}", n)) for n in range(1, 6)]


def ids(answer):
    return [item["id"] for item in answer.json()["results"]]


def keys(rows):
    return [str(row.pk) for row in rows]


def test_list_is_newest_first_page_by_page(caller, five):
    first = caller.get("submissions?limit=2")
    assert ids(first) == keys(five)[:2:-1]
    second = caller.get(first.json()["next"])
    third = caller.get(second.json()["next"])
    assert ids(first) + ids(second) + ids(third) == keys(five)[::-1]
    assert third.json()["next"] is None
    assert ids(caller.get(third.json()["previous"])) == ids(second)


def test_page_holds_its_place_while_new_ones_arrive(caller, five, label):
    first = caller.get("submissions?limit=2")
    a_submission(label, a_document("Late One", 9))
    assert ids(caller.get(first.json()["next"])) == keys(five)[2:0:-1]


def test_list_is_filtered(caller, five):
    conclude(five[0])
    old = timezone.now() - dt.timedelta(days=30)
    Submission.objects.filter(pk=five[1].pk).update(created_at=old)
    week = (timezone.now() - dt.timedelta(days=7)).isoformat().replace("+00:00", "Z")
    assert ids(caller.get("submissions?state=approved")) == keys(five[:1])
    assert ids(caller.get("submissions?verdict=approve")) == keys(five[:1])
    assert ids(caller.get("submissions?state=approved&verdict=label")) == []
    assert ids(caller.get(f"submissions?created_before={week}")) == keys(five[1:2])
    assert str(five[1].pk) not in ids(caller.get(f"submissions?created_after={week}"))
    assert ids(caller.get(f"submissions?upc={five[2].upc}")) == keys(five[2:3])
    isrc = five[3].tracks.get().isrc
    assert ids(caller.get(f"submissions?isrc={isrc}")) == keys(five[3:4])
    assert ids(caller.get(f"submissions?isrc={isrc[:2].lower()}-{isrc[2:5]}-{isrc[5:7]}-{isrc[7:]}")) == keys(five[3:4])


@pytest.mark.parametrize(
    "query",
    [
        "state=done", "state=", "verdict=yes", "created_after=yesterday", "created_after=2026-13-01T00:00:00Z",
        "upc=" + "1" * 50, "upc=%00", "isrc=%00", "limit=0", "limit=101", "limit=x", "limit=null", "limit=", "limit=-1",
        "limit=1e3", "limit=%D9%A1", "cursor=x", "cursor=cD1hYmM%3D", "cursor=cD0lMDA%3D", "cursor=%00", "colour=red",
        "offset=3", "page=2",
    ],
)  # fmt: skip
def test_question_that_cannot_be_answered_is_refused(caller, five, query):
    answer = caller.get(f"submissions?{query}")
    assert (answer.status_code, answer.json()["type"]) == (400, "/problems/parameter-invalid")


def test_list_takes_the_same_few_queries_however_long_it_is(caller, label):
    Partner.objects.create(slug="wave")

    def queries():
        with CaptureQueriesContext(
            connection,
        ) as context:
            assert caller.get("submissions").status_code == 200
        return len(context)

    conclude(a_submission(label, a_document("Alone", 1)))
    queries()  # the first use of a key is noted
    one = queries()
    for number in range(2, 8):
        submission = a_submission(label, a_document(f"Song Number {number}", number, tracks=3))
        found(submission)
        conclude(submission)
    assert queries() == one
    assert one <= 10


#: The key with its label, the submission, its decisions, findings, checks, tracks, notes and appeals;
#: and the findings that hold it, of which some are for moderators alone.
QUERIES_OF_A_READ = 9


def test_reading_one_takes_one_query_for_each_kind_of_row(caller, label, django_assert_num_queries):
    submission = a_submission(label, a_document(tracks=3))
    found(submission)
    conclude(submission, Verdict.REVIEW, reasons=["audio.clipping"])
    caller.get("submissions")  # the first use of a key is noted
    with django_assert_num_queries(QUERIES_OF_A_READ):
        assert caller.get(f"submissions/{submission.pk}").status_code == 200


# --- Findings -----------------------------------------------------------------------------------------------------


def test_finding_is_told_with_its_evidence(caller, submission):
    found(submission, measured=0.02, threshold=0.01, evidence={"at": [1.5]}, fix="Lower the level.")
    (one,) = caller.get(f"submissions/{submission.pk}/findings").json()["results"]
    assert one == {
        "code": "audio.clipping", "severity": "warning", "subject": "track:1", "check": "audio", "check_version": 1,
        "message": "It clips.", "measured": 0.02, "threshold": 0.01, "evidence": {"at": [1.5]},
        "fix": "Lower the level.",
    }  # fmt: skip


def test_what_is_for_moderators_is_neither_told_nor_counted(caller, submission):
    found(submission, "upc.reused_elsewhere", private=True, severity="critical")
    found(submission, "audio.on_trial", route="note", severity="critical")
    conclude(submission, Verdict.REVIEW, reasons=["upc.reused_elsewhere", "audio.clipping"])
    assert caller.get(f"submissions/{submission.pk}/findings").json()["results"] == []
    body = caller.get(f"submissions/{submission.pk}").json()
    assert body["findings"]["critical"] == 0
    assert body["reasons"] == ["audio.clipping"]
    assert "elsewhere" not in caller.get(f"submissions/{submission.pk}/events").content.decode()
    assert "elsewhere" not in caller.get("events").content.decode()


def test_what_another_label_delivered_is_not_named(caller, submission, label):
    rival = Label.objects.create(name="Rival")

    def known(owner, source):
        return KnownRecording.objects.create(
            title="Secret Song", artist="Unknown Star", label=owner, owner="Rival", source=source, fingerprint=b""
        )

    def match(recording):
        return {
            "recording": str(recording.pk), "title": "Secret Song", "artist": "Unknown Star", "isrc": "SEXXX2600001",
            "owner": "Rival", "score": 0.9, "segments": [],
        }  # fmt: skip

    unreleased = known(rival, KnownRecording.Source.DELIVERED)
    catalogue = known(rival, KnownRecording.Source.LEARNED)
    message = "The same as 'Secret Song' by 'Unknown Star'."
    fix = "If you hold a licence, add it as a relation naming ISRC SEXXX2600001 with the licence file."
    evidence = {"matches": [match(unreleased)]}
    found(submission, "similarity.known_recording", message=message, evidence=evidence, fix=fix)
    (one,) = caller.get(f"submissions/{submission.pk}/findings").json()["results"]
    assert "Secret" not in str(one)
    assert "Star" not in str(one)
    assert "Rival" not in str(one)
    assert "SEXXX2600001" not in str(one)
    assert "licence" in one["fix"]
    assert one["evidence"]["matches"][0]["score"] == 0.9
    Finding.objects.all().delete()
    found(submission, "similarity.known_recording", message=message, evidence={"matches": [match(catalogue)]})
    (one,) = caller.get(f"submissions/{submission.pk}/findings").json()["results"]
    assert one["evidence"]["matches"][0]["title"] == "Secret Song"
    assert one["message"] == message


# --- History ------------------------------------------------------------------------------------------------------


def test_history_is_told_in_order_without_the_moderators_name(caller, submission):
    conclude(submission, Verdict.REVIEW, reasons=["isrc.malformed"])
    transitions.transition_submission(submission, State.REJECTED, "moderator:ada")
    events = caller.get(f"submissions/{submission.pk}/events").json()["results"]
    assert [event["sequence"] for event in events] == [1, 2, 3, 4]
    assert [item["type"].partition(".")[2] for item in events] == ["received", "checking", "in_review", "rejected"]
    assert [entry["actor"] for entry in events] == ["label:Harbour Records", "gate", "policy", "moderator"]
    assert events[2]["reasons"] == ["isrc.malformed"]


def test_feed_is_newest_first(caller, five):
    conclude(five[0])
    answer = caller.get("events?limit=3").json()
    assert [item["type"] for item in answer["results"]][:2] == ["submission.approved", "submission.checking"]
    assert answer["next"]


def test_feed_goes_on_after_the_last_event_seen(caller, five):
    Event.objects.update(created_at=timezone.now() - dt.timedelta(minutes=1))
    events = sorted(str(pk) for pk in Event.objects.values_list("pk", flat=True))
    answer = caller.get(f"events?after={events[1]}&limit=2").json()
    assert [item["id"] for item in answer["results"]] == events[2:4]
    assert [entry["id"] for entry in caller.get(answer["next"]).json()["results"]] == events[4:]


def test_feed_waits_until_no_earlier_event_can_still_appear(caller, five):
    first = min(str(pk) for pk in Event.objects.values_list("pk", flat=True))
    assert caller.get(f"events?after={first}").json()["results"] == []


@pytest.mark.parametrize("after", ["", "x", "7"])
def test_feed_goes_on_after_an_event_only(caller, five, after):
    assert caller.get(f"events?after={after}").status_code == 400


# --- Partners -----------------------------------------------------------------------------------------------------


def test_partner_reads_what_it_was_told_of(submission):
    Partner.objects.create(slug="other")
    wave = a_caller(Partner.objects.create(slug="wave", profile="tidal"))
    assert wave.get(f"submissions/{submission.pk}").status_code == 404
    conclude(submission, Verdict.LABEL, [AI_VOCALS], ["for the label alone"])
    body = wave.get(f"submissions/{submission.pk}").json()
    assert [item["partner"] for item in body["partners"]] == ["wave"]
    assert body["reasons"] == []


def test_partner_that_does_not_get_it_does_not_see_it(submission):
    shop = a_caller(Partner.objects.create(slug="shop", profile="bandcamp"))
    conclude(submission, Verdict.LABEL, [AI_VOCALS])
    assert shop.get(f"submissions/{submission.pk}").status_code == 404


def test_partner_delivers_nothing_and_reads_no_lists(submission):
    wave = a_caller(Partner.objects.create(slug="wave"))
    before = Submission.objects.count()
    assert post_release(wave, a_document("Slack Water", 2)).status_code == 403
    assert wave.get("submissions").status_code == 403
    assert wave.get("events").status_code == 403
    assert wave.get(f"submissions/{submission.pk}/findings").status_code == 403
    assert Submission.objects.count() == before
