"""What a match means, by whose the recording is, how it is used and what the label declares; and how it is told."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from checks.model import match_description
from checks.model.check import Match, Refusal, Segment
from checks.model.finding import Finding, Route
from checks.model.release import Relation
from checks.rules.similarity import recording_matches
from tests.checks.builders import FakeRecordings, a_context, a_delivery, a_release, a_track

DURATION = 187.4
ISRC = "NOXYZ2400007"

#: How the known recording was used: what is measured of it.
USES: dict[str, dict[str, Any]] = {
    "same": {"segments": (Segment(0.0, 187.4, 0.0, 187.4),)},
    "faster": {"segments": (Segment(0.0, 187.4, 0.0, 198.6),), "duration": 198.6, "speed": 1.06},
    "slower": {"segments": (Segment(0.0, 187.4, 0.0, 176.2),), "duration": 176.2, "speed": 0.94},
    "higher": {"segments": (Segment(0.0, 187.4, 0.0, 187.4),), "pitch": 2.0},
    "filtered": {"segments": (Segment(0.0, 187.4, 0.0, 187.4),), "filtered": True},
    "passage": {"segments": (Segment(60.0, 85.0, 10.0, 35.0),), "score": 0.13},
    "padded": {"segments": (Segment(40.0, 140.0, 0.0, 100.0),), "duration": 101.0, "score": 0.93},
    "unsure": {"segments": (Segment(0.0, 187.4, 0.0, 187.4),), "certain": False, "bit_error_rate": 0.33},
}
REFUSAL = Refusal(
    "0190-decision", "0190-other", "fjord", "Fjord Music", "Long Way Down", "Ole Strand", "impersonation",
    "moderator:ada", dt.datetime(2026, 3, 2, tzinfo=dt.UTC), dt.datetime(2026, 3, 1, tzinfo=dt.UTC),
)  # fmt: skip
#: Whose it is: who is known for it, and under which title and ISRC.
OWNERS: dict[str, dict[str, Any]] = {
    "own": {"owner_account": "harbour", "title": "Low Tide", "artist": "Mara Lindqvist", "isrc": "SEABC2600001"},
    "own, renamed": {"owner_account": "harbour", "isrc": "SEABC2600001"},
    "a stranger's": {},
    "a stranger's, same ISRC": {"isrc": "SEABC2600001"},
    "another account's": {"owner_account": "fjord"},
    "another account's, same ISRC": {"owner_account": "fjord", "isrc": "SEABC2600001"},
    "everything copied": {"title": "Low Tide", "artist": "Mara Lindqvist", "isrc": "SEABC2600001"},
    "everything copied, elsewhere": {
        "owner_account": "fjord",
        "title": "Low Tide",
        "artist": "Mara Lindqvist",
        "isrc": "SEABC2600001",
    },
    "rejected before": {"owner_account": "fjord", "refusals": (REFUSAL,)},
    "pending elsewhere": {"owner_account": "fjord", "pending": "0190-other"},
    "blocked": {"blocked": "taken down on 2026-03-01"},
}

#: owner × use → code (without its room), where nothing is declared.
UNDECLARED = """
                              same               faster           slower           higher           passage          padded           unsure
own                           own_recording      own_recording    own_recording    own_recording    own_recording    own_recording    own_recording
own, renamed                  own_other_title    own_version_renamed own_version_renamed own_version_renamed own_recording    own_recording    own_recording
a stranger's                  known_recording    known_recording  known_recording  known_recording  known_recording  known_recording  possible_match
a stranger's, same ISRC       known_recording    known_recording  known_recording  known_recording  known_recording  known_recording  possible_match
another account's             known_recording    known_recording  known_recording  known_recording  known_recording  known_recording  possible_match
another account's, same ISRC  known_recording    known_recording  known_recording  known_recording  known_recording  known_recording  possible_match
everything copied             owner_unconfirmed  known_recording  known_recording  known_recording  known_recording  known_recording  possible_match
everything copied, elsewhere  owner_unconfirmed  known_recording  known_recording  known_recording  known_recording  known_recording  possible_match
rejected before               recording          recording        recording        recording        recording        recording        recording
pending elsewhere             pending_elsewhere  pending_elsewhere pending_elsewhere pending_elsewhere pending_elsewhere pending_elsewhere pending_elsewhere
blocked                       blocklisted        blocklisted      blocklisted      blocklisted      blocklisted      blocklisted      blocklisted
"""  # noqa: E501

#: relation × use → code, for a stranger's recording, with the licence file.
LICENSED = """
                 same             faster           slower           higher           passage          padded           unsure
cover_of         known_recording  known_recording  known_recording  known_recording  known_recording  known_recording  possible_match
live_version_of  known_recording  known_recording  known_recording  known_recording  known_recording  known_recording  possible_match
remix_of         used_otherwise   licensed         licensed         licensed         licensed         licensed         licensed
samples          used_otherwise   licensed         licensed         licensed         licensed         licensed         licensed
edit_of          licensed         licensed         licensed         licensed         licensed         licensed         licensed
sped_up_of       used_otherwise   licensed         used_otherwise   used_otherwise   used_otherwise   used_otherwise   licensed
slowed_of        used_otherwise   used_otherwise   licensed         used_otherwise   used_otherwise   used_otherwise   licensed
remaster_of      licensed         used_otherwise   used_otherwise   licensed         used_otherwise   used_otherwise   licensed
"""  # noqa: E501

ROUTES = {
    "own_recording": Route.PASS,
    "own_other_title": Route.REVIEW,
    "own_version_renamed": Route.REVIEW,
    "owner_unconfirmed": Route.REVIEW,
    "recording": Route.REVIEW,
    "known_recording": Route.REVIEW,
    "possible_match": Route.REVIEW,
    "licensed": Route.REVIEW,
    "used_otherwise": Route.REVIEW,
    "pending_elsewhere": Route.REVIEW,
    "blocklisted": Route.REVIEW,
}


def cells(table: str) -> list[tuple[str, str, str]]:
    """(row, column, content) of a table."""
    head, *rows = (line for line in table.splitlines() if line.strip())
    columns = head.split()
    found = []
    for row in rows:
        name, *values = [row[: row.index("  ")], *row[row.index("  ") :].split()]
        found += [(name, column, value) for column, value in zip(columns, values, strict=True)]
    return found


def a_match(use: str, **changes: Any) -> Match:
    ordinary: dict[str, Any] = {
        "recording": "7", "title": "Long Way Down", "artist": "Ole Strand", "isrc": ISRC, "owner": "Fjord Music",
        "owner_account": None, "score": 0.93, "bit_error_rate": 0.03, "duration": 187.4,
    }  # fmt: skip
    return Match(**(ordinary | USES[use] | changes))


def judged(match: Match, *relations: Relation) -> Finding:
    delivery = a_delivery(a_release(a_track(relations=relations)))
    (facts,) = delivery.facts.values()
    found = recording_matches.CHECK.run(delivery, a_context(FakeRecordings({facts.sha256: [match]})))
    aside = ("isrc.", "staydown.earlier_decision")
    (finding,) = (item for item in found if not item.code.id.startswith(aside))
    return finding


@pytest.mark.parametrize(("owner", "use", "code"), cells(UNDECLARED))
def test_match_means_this_by_whose_it_is_and_how_it_is_used(owner: str, use: str, code: str):
    finding = judged(a_match(use, **OWNERS[owner]))
    assert finding.code.id.partition(".")[2] == code
    assert finding.code.route is ROUTES[code]
    assert finding.code.private == (code in ("pending_elsewhere", "blocklisted"))


@pytest.mark.parametrize(("relation", "use", "code"), cells(LICENSED))
def test_licence_covers_the_use_that_it_is_for(relation: str, use: str, code: str):
    finding = judged(a_match(use), Relation(relation, isrc=ISRC, licence_file="licence.pdf"))
    assert finding.code.id == f"similarity.{code}"
    assert finding.code.route is Route.REVIEW


@pytest.mark.parametrize(("relation", "use", "code"), cells(LICENSED))
def test_relation_without_a_licence_changes_only_what_is_said(relation: str, use: str, code: str):
    finding = judged(a_match(use), Relation(relation, isrc=ISRC))
    assert finding.code.id == f"similarity.{'possible_match' if use == 'unsure' else 'known_recording'}"
    assert f"It was declared as {relation}" in finding.message


@pytest.mark.parametrize("relation", sorted(recording_matches.USES_THE_SOUND))
@pytest.mark.parametrize("owner", ["pending elsewhere", "blocked"])
def test_no_licence_hides_what_is_pending_or_blocked(relation: str, owner: str):
    finding = judged(a_match("same", **OWNERS[owner]), Relation(relation, isrc=ISRC, licence_file="licence.pdf"))
    assert finding.code.private


@pytest.mark.parametrize(
    ("settled", "codes"),
    [
        (OWNERS["own"], {"own_recording"}),
        ({"owner": "Fjord Music"}, {"known_recording"}),  # the same party, taught by the operator
        ({"owner": "Another Party"}, {"known_recording", "pending_elsewhere"}),
        (OWNERS["own"] | USES["passage"], {"own_recording", "pending_elsewhere"}),  # not as much as what is pending
        (OWNERS["own"] | {"certain": False}, {"own_recording", "pending_elsewhere"}),
        (OWNERS["own"] | {"pending": "0190-third"}, {"own_recording", "pending_elsewhere"}),
    ],
    ids=["own", "the other's", "a third's", "a passage", "unsure", "itself pending"],
)
def test_what_is_pending_is_no_news_where_it_was_settled_whose_it_is(settled: dict[str, Any], codes: set[str]):
    delivery = a_delivery(a_release(a_track()))
    (facts,) = delivery.facts.values()
    matches = [a_match("same", **settled), a_match("same", recording="9", **OWNERS["pending elsewhere"])]
    found = recording_matches.CHECK.run(delivery, a_context(FakeRecordings({facts.sha256: matches})))
    assert {item.code.id.partition(".")[2] for item in found if item.code.id.startswith("similarity.")} == codes


@pytest.mark.parametrize(
    ("use", "changes", "words"),
    [
        ("same", [], "187.4 s of this recording are the same as 'Long Way Down' by 'Ole Strand' (ISRC NOXYZ2400007)."),
        ("faster", ["faster"], "(ISRC NOXYZ2400007), played 6.0 % faster."),
        ("slower", ["slower"], "(ISRC NOXYZ2400007), played 6.0 % slower."),
        ("higher", ["higher"], "(ISRC NOXYZ2400007), pitched up by 2.0 semitones."),
        ("filtered", ["filtered"], "(ISRC NOXYZ2400007), its bass and treble changed as by a filter or an equaliser."),
        ("passage", ["passage"], "It is a part of 187.4 s, at 1:00-1:25, as with a sample or an excerpt."),
        ("padded", ["padded"], "All of it is here, at 0:40-2:20 of 3:07, with 40 s before it and 47 s after it."),
    ],
)
def test_change_is_told_in_words_and_for_programs(use: str, changes: list[str], words: str):
    finding = judged(a_match(use))
    assert finding.message.endswith(words)
    assert (finding.evidence or {}).get("changes", []) == changes


def test_loop_is_told_as_one():
    loop = tuple(Segment(8.0 * n, 8.0 * n + 8.0, 30.0, 38.0) for n in range(20))
    finding = judged(a_match("passage", segments=loop))
    assert finding.message.endswith(" What it has at 0:30-0:38 comes 20 times.")
    assert (finding.evidence or {})["changes"] == ["repeated"]


def test_recording_of_unknown_length_is_never_all_here():
    assert not match_description.contains_whole_reference(a_match("padded", duration=0.0))
    assert match_description.list_match_changes(a_match("padded", duration=0.0), DURATION) == ["passage"]


def test_own_recording_in_another_version_is_not_renamed():
    own = {"owner_account": "harbour", "isrc": None, "artist": "Mara Lindqvist, Jonas Ek"}
    assert judged(a_match("same", title="Low Tide (2011 Remaster)", **own)).code.id == "similarity.own_recording"
    renamed = judged(a_match("same", title="Harbour Lights", **own))
    assert renamed.code.id == "similarity.own_other_title"
    assert renamed.fix == (
        "Deliver it as 'Harbour Lights' by 'Mara Lindqvist, Jonas Ek', or the recording that belongs to this title."
    )
