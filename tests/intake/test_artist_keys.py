"""A key that an artist gives away opens the artist's name, is counted once a submission, and is kept nowhere."""

import logging
from pathlib import Path

import pytest
from django.apps import apps
from django.test import Client

from intake.core.states import State
from intake.models import ArtistKey, Authorisation, Finding, KeyUse, Label, Submission
from intake.readers.protected_names import Names
from intake.services.checking import pipeline
from intake.services.people import accounts
from intake.services.registry import protected_artists
from intake.services.submissions import admission, submission_actions
from intake.services.submissions.transitions import Conflict
from tests.intake.api.conftest import delivery_parts, multipart
from tests.intake.factories import a_blob, a_document, a_label, a_submission, files_of
from tests.intake.test_pipeline import run

pytestmark = pytest.mark.django_db

NAME = "Nora Castellane"


@pytest.fixture
def artist():
    return protected_artists.protect_artist(NAME)[0]


@pytest.fixture
def key(artist):
    return protected_artists.issue_artist_key(artist, "operator")[1]


def by(name, key=None, number=1):
    """A release of a display artist who carries a key on the release, and none on the track."""
    document = a_document(number=number)
    track = document["release"]["tracks"][0]
    track["display_artists"] = [{"name": name, "role": "main"}]
    track["contributors"][0]["name"] = name
    document["release"]["display_artists"] = [{"name": name, "role": "main", "artist_key": key}]
    return document


def judged(rung, document, label=None):
    submission = a_submission(label or a_label("North Pier Music"), document)
    run(rung)
    submission.refresh_from_db()
    return submission


def codes(submission):
    return {code for code in submission.findings.values_list("code", flat=True) if code.startswith("artist.")}


def test_stranger_with_the_artists_key_is_let_through_at_once(rung, analyser, artist, key):
    submission = judged(rung, by(NAME, key))
    assert submission.state == State.APPROVED
    finding = Finding.objects.get(submission=submission, code="artist.key_verified")
    assert finding.severity == "information"
    assert finding.evidence["trust"] == "artist_key_verified"
    assert finding.evidence["artist"] == str(artist.pk)
    assert finding.labels == []


def test_stranger_without_a_key_is_reviewed(rung, analyser, artist):
    submission = judged(rung, by(NAME))
    assert submission.state == State.IN_REVIEW
    assert codes(submission) == {"artist.exact_protected"}


@pytest.mark.parametrize("wrong", ["nonsense", "rak_0123456789_" + "x" * 43, "another's", "revoked", "cut"])
def test_key_that_does_not_open_the_name_changes_nothing(rung, analyser, artist, key, wrong):
    if wrong == "another's":
        wrong = protected_artists.issue_artist_key(protected_artists.protect_artist("Mara Quill")[0], "operator")[1]
    elif wrong == "revoked":
        wrong = key
        protected_artists.revoke_artist_key(ArtistKey.objects.get(), "operator")
    elif wrong == "cut":
        wrong = protected_artists.cut_key_secret(key)
    submission = judged(rung, by(NAME, wrong))
    assert submission.state == State.IN_REVIEW
    assert codes(submission) == {"artist.exact_protected", "artist.key_refused"}
    if len(wrong) > 20:
        assert wrong.split("_", 2)[-1] not in str(list(submission.findings.values()))


def test_key_opens_a_variant_of_the_name_and_no_other_artists(rung, analyser, artist, key):
    document = by("Nora Castelane", key)
    document["release"]["tracks"][0]["display_artists"].append({"name": "Mara Quill", "role": "featured"})
    protected_artists.protect_artist("Mara Quill")
    submission = judged(rung, document)
    assert submission.state == State.IN_REVIEW
    assert codes(submission) == {"artist.key_verified", "artist.exact_protected"}


def test_key_revoked_before_the_checks_opens_nothing(rung, analyser, artist, key):
    submission = a_submission(a_label("North Pier Music"), by(NAME, key))
    protected_artists.revoke_artist_key(ArtistKey.objects.get(), "operator")
    run(rung)
    submission.refresh_from_db()
    assert submission.state == State.IN_REVIEW


def test_use_is_counted_once_a_submission_and_only_when_it_is_decided(rung, analyser, artist, key):
    label = a_label("North Pier Music")
    waiting = a_submission(label, by(NAME, key))
    assert ArtistKey.objects.get().uses == 0
    run(rung)
    counted = ArtistKey.objects.get()
    assert counted.uses == 1
    assert counted.last_used_at is not None
    waiting.refresh_from_db()
    protected_artists.count_uses(waiting)
    assert ArtistKey.objects.get().uses == 1
    judged(rung, by(NAME, key, number=2), label)
    assert ArtistKey.objects.get().uses == 2


def test_use_is_not_counted_where_the_decision_comes_too_late(rung, analyser, artist, key):
    submission = a_submission(a_label("North Pier Music"), by(NAME, key))
    stale = Submission.objects.get(pk=submission.pk)
    submission_actions.withdraw_submission(submission)
    rules = admission.current_policy()
    with pytest.raises(Conflict):
        pipeline.commit_machine_decision(stale, pipeline.judge_submission(stale, rules), rules, [])
    assert ArtistKey.objects.get().uses == 0
    assert KeyUse.objects.get().counted_at is None


def test_draft_keeps_its_right_when_it_is_handed_over(rung, analyser, artist, key, settings, tmp_path):
    policy = tmp_path / "policy.toml"
    in_force = Path(settings.GATE_POLICY).read_text(encoding="utf-8")
    policy.write_text(in_force.replace("[routes]", '[routes]\n"artist.exact_protected" = "block"'), encoding="utf-8")
    settings.GATE_POLICY = policy
    label, document = a_label("North Pier Music"), by(NAME, key)
    draft = submission_actions.open_draft(label, document)
    for name, content in files_of(document).items():
        submission_actions.put_file(draft, name, a_blob(content))
    submission_actions.submit_draft(draft)
    run(rung)
    draft.refresh_from_db()
    assert draft.state == State.APPROVED
    with pytest.raises(admission.Refused):
        submission_actions.open_draft(label, by(NAME))


def everything_stored():
    """All rows of the app as one text, bytes included."""
    return "".join(str(row) for model in apps.get_app_config("intake").get_models() for row in model.objects.values())


def test_key_is_nowhere_after_a_delivery(rung, analyser, artist, key, caplog, capfd):
    caplog.set_level(logging.DEBUG)
    document = by(NAME, key)
    document["release"]["tracks"][0]["display_artists"][0]["artist_key"] = key
    client = Client(headers={"Authorization": f"Bearer {accounts.create_label('North Pier Music')[1]}"})
    body = multipart(delivery_parts(document, files_of(document)))
    said = [client.post("/api/v1/validate", document, content_type="application/json")]
    said += [client.generic("POST", "/api/v1/submissions", **body, headers={"Idempotency-Key": "k"}) for _ in range(2)]
    assert [answer.status_code for answer in said] == [200, 202, 202]
    run(rung)
    path = said[1].headers["Location"]
    said += [client.get(path), client.get(f"{path}/findings"), client.get(f"{path}/events")]
    secret = key.split("_", 2)[2]  # which may have underscores of its own
    for place in (*(answer.content.decode() for answer in said), everything_stored(), caplog.text, *capfd.readouterr()):
        assert secret not in place
    shown = said[3].json()["release"]
    assert (
        shown["display_artists"][0]["artist_key"]
        == protected_artists.cut_key_secret(key)
        == f"rak_{ArtistKey.objects.get().prefix}_…"
    )
    assert shown["tracks"][0]["display_artists"][0]["artist_key"] == protected_artists.cut_key_secret(key)


def test_secret_of_another_kind_is_not_kept_at_all(rung):
    submission = a_submission(a_label(), by("Mara Quill", "rig_0123456789_someone-elses-api-key"))
    assert submission.metadata["display_artists"][0]["artist_key"] == "…"
    assert "someone" not in everything_stored()


# --- A key that a label issued is vouched for with that label ---------------------------------------------------------


@pytest.fixture
def issuer(artist):
    label = a_label("Harbour Records")
    Authorisation.objects.create(artist=artist, label=label, vouched_by="operator")
    return label


def test_renamed_label_still_vouches_for_the_keys_that_it_issued(artist, issuer):
    key = protected_artists.issue_artist_key(artist, issuer)[1]
    assert Names().opened_by(key).vouched
    Label.objects.filter(pk=issuer.pk).update(name="Quay Records")
    assert Names().opened_by(key).vouched


def test_another_label_under_the_old_name_vouches_for_nothing(artist, issuer):
    key = protected_artists.issue_artist_key(artist, issuer)[1]
    protected_artists.end_authorisation(artist, issuer, "operator")
    Label.objects.filter(pk=issuer.pk).update(name="Quay Records")
    Authorisation.objects.create(artist=artist, label=a_label("Harbour Records"), vouched_by="operator")
    assert not Names().opened_by(key).vouched
