"""A label declares its use of AI, completes the declaration when a file asks, and reads it in partners' words."""

import pytest

from checks.model.release import Credential, TagClaim
from intake.models import Claim, Event, Finding, Statement, Submission
from intake.services.operations import invariants
from intake.services.review import decisions
from intake.services.submissions import disclosures
from intake.services.submissions.transitions import Conflict
from tests.intake.api.conftest import post_release
from tests.intake.factories import a_document, a_moderator
from tests.intake.test_pipeline import run

pytestmark = pytest.mark.django_db

SUNO = (TagClaim("suno.comment", "COMM", "made with suno; created=2026-10-01T10:00:00Z"),)
GENERATED = Credential("untrusted", ("trainedAlgorithmicMedia",), "Some Generator")


def an_instrumental(number: int = 1, **disclosure):
    """A release on which nobody sings, declared as made without AI unless said otherwise."""
    document = a_document("Tide Tables", number)
    track = document["release"]["tracks"][0]
    track.update(vocals="instrumental", language="zxx", lyrics=None)
    track["contributors"] = [
        {"name": "Mara Lindqvist", "roles": ["composer"], "ai_contribution": "none"},
        {"name": "Ilse Varga", "roles": ["pianist"], "ai_contribution": "none"},
    ]
    track["disclosure"] = {"status": "declared", "contributions": [], **disclosure}
    document["release"]["language"] = "zxx"
    return document


def delivered(caller, rung, document):
    answer = post_release(caller, document)
    assert answer.status_code == 202, answer.content
    run(rung)
    return Submission.objects.get(pk=answer.json()["id"])


@pytest.fixture
def asked(caller, rung, analyser):
    """A submission that waits because its file says more than its label."""
    analyser.changes = {"credential": GENERATED}
    submission = delivered(caller, rung, an_instrumental())
    assert submission.state == "in_review"
    assert submission.decision.reasons == ["disclosure.credential_undisclosed"]
    return submission


def put(caller, submission, body, **options):
    return caller.put(f"submissions/{submission.pk}/disclosure", json=body, **options)


def declaring(level, element="instruments", position=1):
    contribution = {"element": element, "level": level}
    return {"tracks": [{"position": position, "disclosure": {"status": "declared", "contributions": [contribution]}}]}


def record(caller, submission):
    return caller.get(f"submissions/{submission.pk}/disclosure?format=record").json()


def test_confirming_what_the_file_says_concludes_without_a_human(caller, asked):
    answer = caller.post(f"submissions/{asked.pk}/disclosure/confirm")
    assert answer.status_code == 200, answer.content
    told = answer.json()
    assert (told["state"], told["verdict"]) == ("labelled", "label")
    assert {(item["key"], item["value"], item["basis"]) for item in told["labels"]} == {
        ("ai:recording", "all", "declared"),
        ("ai:instruments", "all", "declared"),
    }
    assert [decision.actor for decision in asked.decisions.all()] == ["policy", "policy"]
    kinds = list(Event.objects.filter(submission=asked).values_list("type", flat=True))
    assert kinds[-3:] == ["submission.in_review", "disclosure.declared", "submission.labelled"]
    assert list(invariants.find_invariant_violations(patience=invariants.SAME_MOMENT)) == []


def test_every_version_of_a_declaration_is_kept(caller, asked):
    first = record(caller, asked)
    assert (first["statement_version"], len(first["versions"])) == (1, 1)
    caller.post(f"submissions/{asked.pk}/disclosure/confirm")
    second = record(caller, asked)
    assert (second["statement_version"], [item["confirmed"] for item in second["versions"]]) == (2, [False, True])
    assert second["versions"][0]["tracks"][0]["disclosure"]["contributions"] == []
    assert second["tracks"][0]["disclosure"]["contains_ai"] == "all"
    assert second["tracks"][0]["contributors"] == [
        {"name": "Mara Lindqvist", "ai_contribution": "none"},
        {"name": "Ilse Varga", "ai_contribution": "undeclared"},
    ]


def test_what_was_found_of_an_earlier_declaration_is_kept_and_counts_no_more(caller, asked):
    caller.post(f"submissions/{asked.pk}/disclosure/confirm")
    codes = [item["code"] for item in caller.get(f"submissions/{asked.pk}/findings").json()["results"]]
    assert "disclosure.credential_undisclosed" not in codes
    assert {"disclosure.confirmed_by_file", "disclosure.declared"} <= set(codes)
    ended = Finding.objects.get(submission=asked, code="disclosure.credential_undisclosed")
    assert ended.ended_by == 2


def test_confirming_twice_asks_nothing_the_second_time(caller, asked):
    caller.post(f"submissions/{asked.pk}/disclosure/confirm")
    answer = caller.post(f"submissions/{asked.pk}/disclosure/confirm")
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/state-conflict")
    assert Statement.objects.filter(submission=asked).count() == 2


def test_a_retried_confirmation_gets_the_same_answer(caller, asked):
    sent = {"HTTP_IDEMPOTENCY_KEY": "confirm-1"}
    first = caller.post(f"submissions/{asked.pk}/disclosure/confirm", **sent)
    again = caller.post(f"submissions/{asked.pk}/disclosure/confirm", **sent)
    assert first.content == again.content
    assert again.headers["Idempotency-Replayed"] == "true"


def test_nothing_can_be_confirmed_where_no_file_asks(caller, rung, analyser):
    document = an_instrumental()
    document["release"]["tracks"][0]["disclosure"]["contributions"] = [
        {"element": "lead_vocals", "level": "fully_generated"}
    ]  # on an instrumental: a contradiction, and no file's question
    submission = delivered(caller, rung, document)
    assert submission.state == "in_review"
    answer = caller.post(f"submissions/{submission.pk}/disclosure/confirm")
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/nothing-asked")
    assert submission.statements.count() == 1


def test_an_answer_in_the_labels_own_words_concludes_as_well(caller, asked):
    body = declaring("partly_generated")
    answer = put(caller, asked, body)
    assert answer.status_code == 200, answer.content
    assert answer.json()["state"] == "labelled"
    assert {(item["key"], item["value"]) for item in answer.json()["labels"]} == {
        ("ai:recording", "partly"),
        ("ai:instruments", "partly"),
    }
    assert [statement.confirmed for statement in asked.statements.all()] == [False, False]


def test_an_answer_that_contradicts_the_credits_waits_for_a_human(caller, asked):
    answer = put(caller, asked, declaring("fully_generated"))
    assert answer.json()["state"] == "in_review", "a pianist is credited for it with AI contribution 'none'"
    codes = [item["code"] for item in caller.get(f"submissions/{asked.pk}/findings").json()["results"]]
    assert "disclosure.contradictory" in codes
    assert set(asked.reasons.filter(waiting=True).values_list("code", flat=True)) == {"disclosure.contradictory"}
    assert asked.statements.count() == 2


def test_an_answer_that_says_less_changes_nothing_about_the_question(caller, asked):
    answer = put(caller, asked, declaring("assistive_tool"))
    assert answer.json()["state"] == "in_review"
    codes = [item["code"] for item in caller.get(f"submissions/{asked.pk}/findings").json()["results"]]
    assert "disclosure.credential_undisclosed" in codes


def test_saying_the_same_again_changes_nothing(caller, asked):
    put(caller, asked, declaring("assistive_tool"))
    before = Event.objects.count(), Statement.objects.count()
    assert put(caller, asked, declaring("assistive_tool")).status_code == 200
    assert (Event.objects.count(), Statement.objects.count()) == before


def test_what_a_person_reopened_is_not_concluded_by_the_machine(caller, rung, analyser):
    submission = delivered(caller, rung, an_instrumental())
    assert submission.state == "approved"
    decisions.reopen_submission(submission, a_moderator(), "a listener wrote")
    answer = put(caller, submission, declaring("fully_generated", "lyrics"))
    assert answer.status_code == 200, answer.content
    assert answer.json()["state"] == "in_review"


def test_a_claim_ends_with_the_conclusion(caller, asked):
    decisions.claim_submission(asked, a_moderator())
    assert caller.post(f"submissions/{asked.pk}/disclosure/confirm").json()["state"] == "labelled"
    assert not Claim.objects.filter(submission=asked).exists()


def test_of_two_answers_at_once_one_is_refused(asked):
    late = Submission.objects.get(pk=asked.pk)
    disclosures.confirm_disclosure(asked)
    assert asked.state == "labelled"
    with pytest.raises(Conflict):
        disclosures.restate_disclosure(late, declaring("assistive_tool"))
    asked.refresh_from_db()
    assert (asked.state, asked.statements.count()) == ("labelled", 2)
    assert asked.metadata["tracks"][0]["disclosure"]["contains_ai"] == "all"


def test_a_draft_is_declared_anew_until_it_is_handed_over(caller, rung, analyser):
    draft = Submission.objects.get(pk=caller.post("submissions", json=an_instrumental()).json()["id"])
    answer = put(caller, draft, declaring("fully_generated", "lyrics"))
    assert answer.status_code == 200, answer.content
    draft.refresh_from_db()
    assert draft.metadata["tracks"][0]["disclosure"]["contributions"][0]["element"] == "lyrics"
    told = record(caller, draft)
    assert (told["editable"], told["statement_version"], told["versions"]) == (True, None, [])


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        (declaring("fully_generated", position=9), "/tracks/0/position"),
        (declaring("somewhat"), "/tracks/0/disclosure/contributions/0/level"),
        ({"cover": {"contains_ai": "perhaps"}}, "/cover/contains_ai"),
        ({"mood": "calm"}, "/mood"),
    ],
)
def test_a_declaration_of_another_shape_is_refused_and_changes_nothing(caller, asked, body, pointer):
    before = Event.objects.count(), Statement.objects.count(), asked.metadata
    answer = put(caller, asked, body)
    assert answer.status_code == 422
    assert pointer in [item["pointer"] for item in answer.json()["errors"]]
    asked.refresh_from_db()
    assert (Event.objects.count(), Statement.objects.count(), asked.metadata) == before


def test_what_is_decided_is_not_declared_anew(caller, rung, analyser):
    submission = delivered(caller, rung, an_instrumental())
    answer = put(caller, submission, declaring("fully_generated"))
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/state-conflict")


def test_a_declaration_honours_if_match(caller, asked):
    assert put(caller, asked, declaring("assistive_tool"), HTTP_IF_MATCH='"1-abc"').status_code == 412


def test_a_cover_is_declared_with_the_tracks(caller, asked):
    assert put(caller, asked, {"cover": {"contains_ai": "all"}}).status_code == 200
    codes = [item["message"] for item in caller.get(f"submissions/{asked.pk}/findings").json()["results"]]
    assert "Declared as made with AI: artwork (all)." in codes


def test_a_tag_asks_as_a_credential_does(caller, rung, analyser):
    analyser.changes = {"tags": SUNO}
    submission = delivered(caller, rung, an_instrumental())
    assert caller.post(f"submissions/{submission.pk}/disclosure/confirm").json()["state"] == "labelled"


@pytest.mark.parametrize("form", ["apple", "spotify", "c2pa"])
def test_each_partner_takes_the_disclosure_in_its_own_form(caller, rung, analyser, form):
    document = an_instrumental(contains_ai="all")
    document["release"]["tracks"][0]["contributors"].pop()
    submission = delivered(caller, rung, document)
    assert submission.state == "labelled"
    told = caller.get(f"submissions/{submission.pk}/disclosure?format={form}").json()
    (track,) = told["tracks"]
    assert (told["format"], track["isrc"]) == (form, submission.metadata["tracks"][0]["isrc"])
    expected = {
        "apple": ["track"],
        "spotify": [{"role": "Instruments", "element": "instruments", "tool": None}],
        "c2pa": "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia",
    }
    said = {"apple": track.get("tags"), "spotify": track.get("credits")}
    said["c2pa"] = track["assertion"]["data"]["actions"][0]["digitalSourceType"] if form == "c2pa" else None
    assert said[form] == expected[form]


def test_an_unknown_form_is_named(caller, asked):
    answer = caller.get(f"submissions/{asked.pk}/disclosure?format=tidal")
    assert (answer.status_code, answer.json()["type"]) == (400, "/problems/parameter-invalid")
