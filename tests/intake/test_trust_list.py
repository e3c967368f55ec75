"""The trust list: a root is trusted from when it is added, by files measured before as well, and none is read again."""

from __future__ import annotations

import base64
import json
from io import StringIO
from pathlib import Path

import pytest
from django.contrib.auth.models import Permission, User
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from checks.analysis import facts_to_json
from checks.analysis.c2pa_trust import NotARoot, TrustList
from checks.model.release import AudioFacts, Credential, Source
from intake.models import Analysis, TrustRoot
from intake.readers import release_mapping
from intake.services.people import moderators
from intake.services.provenance import trust_roots
from tests import authority
from tests.intake.admin.conftest import sit_down
from tests.intake.admin.desk_rows import in_review, measured

pytestmark = pytest.mark.django_db

ROOT = authority.root("Root")
SIGNER = authority.signer("Signer", ROOT)
NOTE = "published on example.org, read out over the telephone"
SIGNED = Credential(
    "untrusted",
    ("trainedAlgorithmicMedia",),
    "Signer, Signer Ltd",
    sources=(Source("trainedAlgorithmicMedia", "action:c2pa.created"),),
    failures=("signingCredential.untrusted",),
    chain=(base64.b64encode(SIGNER.der).decode(),),
)


def said(*arguments: str) -> str:
    out = StringIO()
    call_command("trust_root", *arguments, stdout=out)
    return out.getvalue()


@pytest.fixture
def signed(rung: list[tuple[str, tuple[str, ...]]]):  # type: ignore[no-untyped-def]
    """A submission whose file carries a credential, as it was measured."""
    submission = in_review()
    measured(submission)
    for analysis in Analysis.objects.all():
        facts = AudioFacts(sha256=analysis.pk, version=analysis.version, ok=True, credential=SIGNED)
        Analysis.objects.filter(pk=analysis.pk).update(facts=facts_to_json(facts), status="done")
    return submission


def test_the_list_is_empty_to_begin_with() -> None:
    assert TrustRoot.objects.trust_list() == TrustList()


def test_adding_a_root_trusts_files_that_were_measured_before(signed) -> None:  # type: ignore[no-untyped-def]
    def states() -> set[tuple[str, str | None]]:
        facts = release_mapping.map_submission(signed).facts.values()
        return {(item.credential.state, item.credential.trust_list) for item in facts}

    before = Analysis.objects.values_list("facts", flat=True)[0]
    assert states() == {("untrusted", TrustList().digest)}
    row, new = trust_roots.add_trust_root(ROOT.pem, NOTE, "operator")
    assert new
    assert states() == {("trusted", TrustList((ROOT.der,)).digest)}
    assert [carrier.credential.state for carrier in trust_roots.iterate_credential_carriers()] == [
        "trusted"
    ] * Analysis.objects.count()
    assert trust_roots.withdraw_trust_root(row, "moderator:ada")
    assert states() == {("untrusted", TrustList().digest)}
    assert Analysis.objects.values_list("facts", flat=True)[0] == before


def test_a_root_is_on_the_list_once_and_comes_back_as_a_new_row() -> None:
    first, _ = trust_roots.add_trust_root(ROOT.pem, NOTE, "operator")
    assert trust_roots.add_trust_root(ROOT.pem, "another note", "moderator:ada") == (first, False)
    assert trust_roots.withdraw_trust_root(first, "moderator:ada")
    assert not trust_roots.withdraw_trust_root(first, "moderator:ben")
    again, new = trust_roots.add_trust_root(ROOT.pem, NOTE, "operator")
    assert new
    first.refresh_from_db()
    assert (first.withdrawn_by, again.pk != first.pk, TrustRoot.objects.count()) == ("moderator:ada", True, 2)


@pytest.mark.parametrize(
    ("pem", "note"), [(SIGNER.pem, NOTE), (ROOT.key_pem, NOTE), ("", NOTE), (ROOT.pem, "  "), (ROOT.pem, "x" * 501)]
)
def test_what_cannot_be_trusted_changes_nothing(pem: str, note: str) -> None:
    with pytest.raises(NotARoot):
        trust_roots.add_trust_root(pem, note, "operator")
    assert not TrustRoot.objects.exists()


# --- On the command line -------------------------------------------------------------------------------------------


def test_an_operator_adds_lists_and_withdraws(tmp_path: Path, signed) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "root.pem"
    path.write_text(ROOT.pem)
    added = said("add", str(path), "--note", NOTE)
    fingerprint = TrustRoot.objects.get().fingerprint
    assert fingerprint in added
    assert f"{Analysis.objects.count()} measured files" in added
    assert "already" in said("add", str(path), "--note", NOTE)
    listed = json.loads(said("list", "--json"))
    assert listed["digest"] == TrustList((ROOT.der,)).digest
    assert [(item["fingerprint"], item["withdrawn_at"]) for item in listed["roots"]] == [(fingerprint, None)]
    assert {load["state"] for load in json.loads(said("files", "--json"))["files"]} == {"trusted"}
    assert "no longer" in said("withdraw", fingerprint[:12].upper())
    assert "0 roots are trusted" in said("list")
    assert "untrusted" in said("files")


def test_the_command_refuses_with_the_reason(tmp_path: Path) -> None:
    path = tmp_path / "root.pem"
    for content, why in ((ROOT.key_pem, "private key"), (SIGNER.pem, "not a root"), ("é", "ascii")):
        path.write_text(content)
        with pytest.raises(CommandError, match=why):
            said("add", str(path), "--note", NOTE)
    with pytest.raises(CommandError, match="No such file"):
        said("add", str(tmp_path / "absent.pem"), "--note", NOTE)
    for beginning in ("abc", ""):
        with pytest.raises(CommandError, match="no such root"):
            said("withdraw", beginning)
    assert not TrustRoot.objects.exists()


# --- At the desk ---------------------------------------------------------------------------------------------------

ADD, LIST = "admin:intake_trustroot_add", "admin:intake_trustroot_changelist"


@pytest.fixture
def browser() -> Client:
    """Of a moderator to whom the right was given."""
    user, _, _ = moderators.create_moderator("ada", "low-tide-at-seven")
    user.user_permissions.add(*Permission.objects.filter(codename="change_trustroot"))
    client = Client()
    client.force_login(user)
    sit_down(client)
    return client


def test_the_password_is_asked_for_before_anybody_is_trusted(browser: Client) -> None:
    session = browser.session
    del session["desk.proved"]
    session.save()
    row, _ = trust_roots.add_trust_root(authority.root("Other").pem, NOTE, "operator")
    for answer in (
        browser.get(reverse(ADD)),
        browser.post(reverse(ADD), {"pem": ROOT.pem, "note": NOTE}),
        browser.post(reverse(LIST), {"action": "withdraw", "_selected_action": [row.pk]}),
    ):
        assert answer.url.startswith(reverse("admin:prove"))
    row.refresh_from_db()
    assert (row.withdrawn_at, TrustRoot.objects.count()) == (None, 1)


def test_whoever_has_the_right_adds_and_withdraws(browser: Client) -> None:
    assert browser.post(reverse(ADD), {"pem": ROOT.pem, "note": NOTE}).status_code == 302
    row = TrustRoot.objects.get()
    assert (row.added_by, row.subject, row.note) == ("moderator:ada", "CN=Root,O=Root Ltd", NOTE)
    assert b"CN=Root,O=Root Ltd" in browser.get(reverse(LIST)).content
    browser.post(reverse(LIST), {"action": "withdraw", "_selected_action": [row.pk]})
    row.refresh_from_db()
    assert row.withdrawn_by == "moderator:ada"


def test_the_form_says_what_is_wrong_and_changes_nothing(browser: Client) -> None:
    trust_roots.add_trust_root(ROOT.pem, NOTE, "operator")
    for pem, note, why in ((SIGNER.pem, NOTE, b"not a root"), (ROOT.pem, NOTE, b"on the list"), (ROOT.pem, "", b"")):
        answer = browser.post(reverse(ADD), {"pem": pem, "note": note})
        assert answer.status_code == 200
        assert why in answer.content
    assert TrustRoot.objects.count() == 1


def test_a_moderator_without_the_right_only_looks(rung: object) -> None:
    row, _ = trust_roots.add_trust_root(ROOT.pem, NOTE, "operator")
    user, _, _ = moderators.create_moderator("ben", "low-tide-at-seven")
    client = Client()
    client.force_login(User.objects.get(pk=user.pk))
    assert client.get(reverse(LIST)).status_code == 200
    assert client.post(reverse(ADD), {"pem": authority.root("Other").pem, "note": NOTE}).status_code == 403
    client.post(reverse(LIST), {"action": "withdraw", "_selected_action": [row.pk]})
    row.refresh_from_db()
    assert (row.withdrawn_at, TrustRoot.objects.count()) == (None, 1)


def test_the_review_page_judges_by_the_list_of_today(browser: Client, signed) -> None:  # type: ignore[no-untyped-def]
    address = reverse("admin:intake_submission_change", args=[signed.pk])
    assert b"<b>untrusted</b>, signed by Signer, Signer Ltd" in browser.get(address).content
    trust_roots.add_trust_root(ROOT.pem, NOTE, "operator")
    assert b"<b>trusted</b>, signed by Signer, Signer Ltd" in browser.get(address).content
