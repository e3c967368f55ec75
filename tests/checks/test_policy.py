"""The policy file is read strictly, and the most cautious finding decides."""

import datetime as dt
import hashlib
import itertools
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.model import ai_declaration
from checks.model.check import CHECK_MISSING
from checks.model.finding import Basis, Code, Finding, Label, Route, Severity
from checks.policy import (
    Outcome,
    Policy,
    PolicyError,
    Profile,
    Ruling,
    Verdict,
    decide_partner_outcome,
    judge_findings,
    load_policy_file,
)
from checks.rules import audio, disclosure, identity

SHIPPED = Path(__file__).parents[2] / "config" / "policy.toml"

WHOLE = """
version = "7"
[checks]
mandatory = ["audio", "identity"]
[routes]
"audio.silence" = "review"
[review]
hours = 24
release_lead_hours = 48
[profiles.strict]
"ai:recording=all" = "withhold"
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "policy.toml"
    path.write_text(text, encoding="utf-8")
    return path


def a_policy(routes: dict[str, Route] | None = None) -> Policy:
    return Policy("7", "sha256:0", ("audio",), routes or {}, 24, 48, {})


def a_finding(route: Route, subject: str = "track:1", labels: tuple[Label, ...] = (), code: str = "") -> Finding:
    return Finding(Code(code or f"test.{route}", "", Severity.WARNING, route, "test"), subject, "found", labels=labels)


def ruled(*findings: Finding, policy: Policy | None = None, missing: Sequence[str] = ()) -> Ruling:
    return judge_findings(policy or a_policy(), findings, missing, [1, 2])


VOCALS = Label("ai:vocals", "all", Basis.DECLARED)
RECORDING = Label("ai:recording", "all", Basis.DECLARED)
ARTWORK = Label("ai:artwork", "all", Basis.DECLARED)


# Reading the file


def test_a_file_is_read_as_written(tmp_path: Path) -> None:
    path = written(tmp_path, WHOLE)
    policy = load_policy_file(path)
    assert policy.version == "7"
    assert policy.digest == "sha256:" + hashlib.sha256(path.read_bytes()).hexdigest()
    assert policy.mandatory == ("audio", "identity")
    assert policy.routes == {"audio.silence": Route.REVIEW}
    assert (policy.review_hours, policy.release_lead_hours) == (24, 48)
    assert policy.profiles["strict"].rules == {"ai:recording=all": Outcome.WITHHOLD}


def test_any_change_to_the_file_changes_its_digest(tmp_path: Path) -> None:
    before = load_policy_file(written(tmp_path, WHOLE)).digest
    assert load_policy_file(written(tmp_path, WHOLE + "# a word\n")).digest != before


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ('version = "7"', "", "version"),
        ('version = "7"', "version = 7", "version must be a text"),
        ("[checks]\n", "[cheques]\n", "unknown section: cheques"),
        ('mandatory = ["audio", "identity"]', "", "mandatory"),
        ('mandatory = ["audio", "identity"]', 'mandatory = "audio"', "mandatory must be a list"),
        ('mandatory = ["audio", "identity"]', "mandatory = []", "mandatory must be a list"),
        ('"audio.silence" = "review"', '"audio.silence" = "reject"', "reject"),
        ("[routes]\n", "[route]\n", "unknown section: route"),
        ("hours = 24", "hours = 0", "hours must be a whole number"),
        ("hours = 24", "hours = true", "hours must be a whole number"),
        ("release_lead_hours = 48", "", "release_lead_hours"),
        ('= "withhold"', '= "burn"', "burn"),
        ('"ai:recording=all"', '"ai:recording"', "key=value"),
        ("[profiles.strict]", "[profiles.strict", "policy.toml"),
        ("[routes]", 'other_speeds = "sometimes"\n[routes]', "sometimes"),
        ("[routes]", "other_speeds = true\n[routes]", "True"),
        ("[routes]", 'other_spedes = "never"\n[routes]', "unknown line in [checks]: other_spedes"),
        ("[routes]", "new_label_days = 0\n[routes]", "new_label_days must be a whole number"),
    ],
)
def test_a_file_that_is_not_understood_is_refused_with_the_place(
    tmp_path: Path, old: str, new: str, complaint: str
) -> None:
    assert old in WHOLE
    with pytest.raises(PolicyError, match=r"policy\.toml") as refused:
        load_policy_file(written(tmp_path, WHOLE.replace(old, new, 1)))
    assert complaint in str(refused.value)


@pytest.mark.parametrize(
    "text", ['version = "7"\nchecks = 1\n', 'version = "7"\nroutes = "x"\n[checks]\nmandatory = ["a"]\n']
)
def test_a_value_where_a_table_belongs_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(PolicyError, match="must be a table"):
        load_policy_file(written(tmp_path, text))


def test_a_file_that_is_not_there_or_no_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PolicyError):
        load_policy_file(tmp_path / "absent.toml")
    broken = tmp_path / "broken.toml"
    broken.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(PolicyError):
        load_policy_file(broken)


def test_a_misspelt_code_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match=r"unknown code: audio\.silence"):
        load_policy_file(written(tmp_path, WHOLE), known_codes=["audio.silent"])


def test_a_misspelt_check_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match="unknown check: identity"):
        load_policy_file(written(tmp_path, WHOLE), known_codes=["audio.silence"], known_checks=["audio"])


def test_a_policy_that_is_refused_says_the_place_once(tmp_path: Path) -> None:
    path = written(tmp_path, WHOLE.replace("[routes]", 'other_spedes = "never"\n[routes]'))
    with pytest.raises(PolicyError) as refused:
        load_policy_file(path)
    assert str(refused.value) == f"{path}: unknown line in [checks]: other_spedes"


# Looking for copies at other speeds

DAYS = dt.timedelta(days=30)


@pytest.mark.parametrize(
    ("line", "new", "known", "rejected"),
    [
        ("", True, True, True),
        ('other_speeds = "always"', True, True, True),
        ('other_speeds = "new"\nnew_label_days = 30', True, False, True),
        ('other_speeds = "new"', True, True, True),  # 90 days
        ('other_speeds = "never"', False, False, False),
    ],
)
def test_whose_recordings_are_searched_at_other_speeds(
    tmp_path: Path, line: str, new: bool, known: bool, rejected: bool
) -> None:
    policy = load_policy_file(written(tmp_path, WHOLE.replace("[routes]", f"{line}\n[routes]")))
    assert policy.undoes_changes(DAYS - dt.timedelta(seconds=1), lambda: False) is new
    assert policy.undoes_changes(DAYS, lambda: False) is known
    assert policy.undoes_changes(DAYS, lambda: True) is rejected


def test_rejections_are_asked_for_only_where_they_matter(tmp_path: Path) -> None:
    def unasked() -> bool:
        raise AssertionError

    for line in ('other_speeds = "always"', 'other_speeds = "never"'):
        load_policy_file(written(tmp_path, WHOLE.replace("[routes]", f"{line}\n[routes]"))).undoes_changes(
            DAYS, unasked
        )
    policy = load_policy_file(written(tmp_path, WHOLE.replace("[routes]", 'other_speeds = "new"\n[routes]')))
    assert policy.undoes_changes(DAYS, unasked)


# Deciding


def test_nothing_found_is_approved() -> None:
    assert ruled() == Ruling(Verdict.APPROVE, (), (), {1: Verdict.APPROVE, 2: Verdict.APPROVE})


@pytest.mark.parametrize("route", [Route.NOTE, Route.PASS])
def test_a_finding_that_does_not_route_is_no_reason(route: Route) -> None:
    assert ruled(a_finding(route, labels=(VOCALS,))) == ruled()


def test_a_declaration_is_labelled_and_each_label_names_its_code() -> None:
    ruling = ruled(a_finding(Route.LABEL, labels=(RECORDING, VOCALS), code="disclosure.declared"))
    assert ruling.verdict is Verdict.LABEL
    assert ruling.reasons == ("disclosure.declared",)
    assert ruling.labels == ((RECORDING, "disclosure.declared"), (VOCALS, "disclosure.declared"))
    assert ruling.tracks == {1: Verdict.LABEL, 2: Verdict.APPROVE}


@pytest.mark.parametrize("route", [Route.REVIEW, Route.BLOCK])
def test_after_intake_what_would_block_is_looked_at(route: Route) -> None:
    ruling = ruled(a_finding(route))
    assert ruling.verdict is Verdict.REVIEW
    assert ruling.tracks == {1: Verdict.REVIEW, 2: Verdict.APPROVE}


def test_a_finding_on_the_release_concerns_every_track() -> None:
    assert ruled(a_finding(Route.REVIEW, "release")).tracks == {1: Verdict.REVIEW, 2: Verdict.REVIEW}


def test_the_most_cautious_finding_wins_and_its_codes_are_the_reasons() -> None:
    findings = [a_finding(Route.LABEL, labels=(VOCALS,)), a_finding(Route.REVIEW), a_finding(Route.PASS)]
    for order in itertools.permutations(findings):
        ruling = ruled(*order)
        assert ruling.verdict is Verdict.REVIEW
        assert ruling.reasons == ("test.review",)
        assert ruling.labels == (), "what waits for a human has no labels yet"


def test_a_missing_check_means_review_for_every_track() -> None:
    ruling = ruled(missing=["similarity"])
    assert ruling.verdict is Verdict.REVIEW
    assert ruling.reasons == (CHECK_MISSING.id,)
    assert set(ruling.tracks.values()) == {Verdict.REVIEW}


def test_a_code_found_twice_is_one_reason() -> None:
    assert ruled(a_finding(Route.REVIEW), a_finding(Route.REVIEW, "track:2")).reasons == ("test.review",)


@pytest.mark.parametrize(("route", "verdict"), [(Route.PASS, Verdict.APPROVE), (Route.BLOCK, Verdict.REVIEW)])
def test_the_policy_has_the_last_word_on_a_code(route: Route, verdict: Verdict) -> None:
    found = a_finding(Route.LABEL, code="audio.length")
    assert ruled(found, policy=a_policy({"audio.length": route})).verdict is verdict


FINDINGS = st.lists(st.builds(a_finding, st.sampled_from(Route), st.sampled_from(["release", "track:1", "track:2"])))
CAUTION = [Verdict.APPROVE, Verdict.LABEL, Verdict.REVIEW]


@given(FINDINGS, FINDINGS, st.booleans())
def test_more_findings_never_make_a_verdict_bolder(some: list[Finding], more: list[Finding], missing: bool) -> None:
    before, after = ruled(*some), ruled(*some, *more, missing=["audio"] * missing)
    assert CAUTION.index(after.verdict) >= CAUTION.index(before.verdict)
    assert all(CAUTION.index(after.tracks[n]) >= CAUTION.index(before.tracks[n]) for n in (1, 2))


@given(FINDINGS)
def test_a_machine_neither_rejects_nor_returns(findings: list[Finding]) -> None:
    ruling = ruled(*findings)
    assert {ruling.verdict, *ruling.tracks.values()} <= set(CAUTION)
    assert bool(ruling.reasons) is (ruling.verdict is not Verdict.APPROVE)


# Partners


STRICT = Profile("strict", {"ai:recording=all": Outcome.WITHHOLD, "ai:artwork=all": Outcome.DELIVER})


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ([], (Outcome.DELIVER, ())),
        ([ARTWORK], (Outcome.DELIVER, ("ai:artwork=all",))),
        ([VOCALS], (Outcome.DELIVER_LABELLED, ("ai:vocals=all",))),
        ([ARTWORK, VOCALS], (Outcome.DELIVER_LABELLED, ("ai:vocals=all",))),
        ([VOCALS, RECORDING, ARTWORK], (Outcome.WITHHOLD, ("ai:recording=all",))),
    ],
)
def test_the_strictest_rule_decides_for_a_partner(
    labels: list[Label], expected: tuple[Outcome, tuple[str, ...]]
) -> None:
    assert decide_partner_outcome(STRICT, Verdict.LABEL, labels) == expected


@pytest.mark.parametrize("verdict", [Verdict.REVIEW, Verdict.REJECT, Verdict.RETURN])
def test_what_is_not_cleared_is_withheld_from_everyone(verdict: Verdict) -> None:
    assert decide_partner_outcome(STRICT, verdict, []) == (Outcome.WITHHOLD, ())
    assert decide_partner_outcome(None, verdict, [ARTWORK]) == (Outcome.WITHHOLD, ())


def test_a_partner_without_a_profile_gets_every_label() -> None:
    assert decide_partner_outcome(None, Verdict.LABEL, [RECORDING]) == (Outcome.DELIVER_LABELLED, ("ai:recording=all",))
    assert decide_partner_outcome(None, Verdict.APPROVE, []) == (Outcome.DELIVER, ())


# The file that ships


def test_the_shipped_policy_is_understood() -> None:
    policy = load_policy_file(SHIPPED)
    assert policy.version == "2026.3"
    assert set(policy.mandatory) == {"audio", "identifiers", "metadata", "similarity", "identity", "disclosure"}


def test_the_shipped_policy_routes_no_unknown_code_of_these_checks() -> None:
    routed = {
        code for code in load_policy_file(SHIPPED).routes if code.partition(".")[0] in {"audio", "artist", "disclosure"}
    }
    known = {code.id for check in (audio.CHECK, identity.CHECK, disclosure.CHECK) for code in check.codes}
    assert routed <= known


def test_every_shipped_rule_speaks_of_a_label_that_can_be_declared() -> None:
    keys = {"ai:recording", "ai:artwork", "ai:voice_replica_consented", *ai_declaration.LABELLED}
    for profile in load_policy_file(SHIPPED).profiles.values():
        for rule in profile.rules:
            key, _, value = rule.partition("=")
            assert key in keys
            assert value in {"all", "partly"}


@pytest.mark.parametrize(
    ("profile", "labels", "expected"),
    [
        ("default", [RECORDING], Outcome.DELIVER_LABELLED),
        ("spotify", [VOCALS], Outcome.DELIVER_LABELLED),
        ("spotify", [ARTWORK], Outcome.DELIVER),
        ("apple", [ARTWORK], Outcome.DELIVER_LABELLED),
        ("deezer", [RECORDING], Outcome.DELIVER_LABELLED),
        ("tidal", [RECORDING], Outcome.NO_MONETISE),
        ("bandcamp", [VOCALS], Outcome.WITHHOLD),
        ("traxsource", [VOCALS], Outcome.DELIVER_LABELLED),
        ("traxsource", [RECORDING], Outcome.WITHHOLD),
    ],
)
def test_each_partner_gets_ai_music_as_it_takes_it(profile: str, labels: list[Label], expected: Outcome) -> None:
    assert decide_partner_outcome(load_policy_file(SHIPPED).profiles[profile], Verdict.LABEL, labels)[0] is expected


@pytest.mark.parametrize(
    ("key", "line", "stays"),
    [
        ("infringement", "", True),
        ("impersonation", "", True),
        ("voice", "", True),
        ("fraud", "", True),
        ("fraud", "stay_down = false", False),
        ("bad_audio", "", False),
        ("prohibited", "stay_down = true", True),
    ],
)
def test_policy_says_on_which_grounds_rejected_content_stays_down(tmp_path: Path, key: str, line: str, stays: bool):
    rules = load_policy_file(written(tmp_path, f'{WHOLE}\n[reasons.{key}]\ntitle = "A ground"\n{line}\n'))
    assert rules.stays_down(key) is stays
    assert not rules.stays_down("another")


def test_ground_that_is_neither_kept_nor_not_is_refused(tmp_path: Path):
    with pytest.raises(PolicyError, match=r"reasons\.fraud: stay_down must be true or false"):
        load_policy_file(written(tmp_path, f'{WHOLE}\n[reasons.fraud]\ntitle = "A ground"\nstay_down = "yes"\n'))
