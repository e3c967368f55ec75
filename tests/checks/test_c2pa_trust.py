"""Who is trusted is judged from the certificates in a credential, and comes out as the library would have it."""

import base64
import dataclasses
import datetime as dt
import hashlib
from pathlib import Path

import c2pa
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from checks.analysis import c2pa_trust
from checks.analysis.c2pa_trust import NotARoot, TrustList, judge_credential
from checks.model.release import Credential, CredentialState
from intake.demo import sounds
from tests import authority
from tests.authority import Identity
from tests.checks.analysis import files

TODAY = dt.datetime.now(dt.UTC).date()
ROOT = authority.root("Root")
BETWEEN = authority.authority("Between", ROOT)
BELOW = authority.authority("Below", BETWEEN)


def credential(*chain: Identity, state: str = "untrusted") -> Credential:
    return Credential(
        state,
        failures=("signingCredential.untrusted",),
        chain=tuple(base64.b64encode(item.der).decode() for item in chain),
    )


def state(found: Credential, *roots: Identity, on: dt.date = TODAY) -> str:
    return judge_credential(found, TrustList(tuple(root.der for root in roots)), on).state


SIGNER = authority.signer("Signer", ROOT)
SIGNER_BELOW = authority.signer("Signer below", BELOW)
NARROW = authority.root("Narrow", path_length=0)
UNDER_NARROW = authority.authority("Under narrow", NARROW)
NO_AUTHORITY = authority.signer("No authority", ROOT)
ODD = authority.root("Odd", extra=(x509.NameConstraints([x509.DNSName("example.org")], None), True))
STALE = authority.root("Stale", days=(-300, -1))
STALE_BETWEEN = authority.authority("Stale between", ROOT, days=(-300, -1))
IMPOSTOR = authority.root("Root")

CHAINS = [
    pytest.param((SIGNER,), (ROOT,), True, id="signed by a root's signer"),
    pytest.param((SIGNER, ROOT), (ROOT,), True, id="the root is in the chain"),
    pytest.param((SIGNER_BELOW, BELOW, BETWEEN), (ROOT,), True, id="two authorities between"),
    pytest.param((SIGNER_BELOW, BELOW, BETWEEN), (BETWEEN,), True, id="an authority in between is trusted"),
    pytest.param((SIGNER_BELOW, BELOW), (ROOT,), False, id="a link is missing"),
    pytest.param((SIGNER,), (IMPOSTOR,), False, id="another root of the same name"),
    pytest.param((SIGNER, IMPOSTOR), (ROOT,), False, id="a chain that is not one"),
    pytest.param((authority.signer("S", IMPOSTOR), IMPOSTOR), (ROOT,), False, id="a root that one brings along"),
    pytest.param((authority.signer("S", NARROW),), (NARROW,), True, id="a root for signers only"),
    pytest.param(
        (authority.signer("S", UNDER_NARROW), UNDER_NARROW), (NARROW,), False, id="too many links for the root"
    ),
    pytest.param((authority.signer("S", NO_AUTHORITY), NO_AUTHORITY), (ROOT,), False, id="issued by a mere signer"),
    pytest.param((authority.signer("S", ODD),), (ODD,), False, id="a critical extension that is not understood"),
    pytest.param((authority.signer("S", STALE_BETWEEN), STALE_BETWEEN), (ROOT,), False, id="an authority ran out"),
]


@pytest.mark.parametrize(("chain", "roots", "trusted"), CHAINS)
def test_a_credential_is_trusted_where_its_chain_leads_to_a_root(
    chain: tuple[Identity, ...], roots: tuple[Identity, ...], trusted: bool
) -> None:
    assert state(credential(*chain), *roots) == ("trusted" if trusted else "untrusted")


@pytest.mark.parametrize(("chain", "roots", "trusted"), CHAINS)
def test_the_library_with_the_same_roots_comes_to_no_harsher_judgement(
    chain: tuple[Identity, ...], roots: tuple[Identity, ...], trusted: bool, tmp_path: Path
) -> None:
    """Where we trust, the library does; where it does not, neither do we."""
    path = sounds.encode_demo_audio(files.music(0.5), 44100, tmp_path / "a.mp3")
    authority.sign(path, *chain)
    anchors = {"trust": {"trust_anchors": "".join(root.pem for root in roots)}}
    offline = {"verify": {"remote_manifest_fetch": False, "ocsp_fetch": False}}
    with c2pa.Context.from_dict({**offline, **anchors}) as context, c2pa.Reader(path, context=context) as found:
        theirs = found.get_validation_state() == "Trusted"
    assert theirs or not trusted


def test_a_root_that_ran_out_is_trusted_no_longer_than_it_said() -> None:
    found = credential(authority.signer("S", STALE, days=(-200, 100)))
    assert state(found, STALE, on=TODAY) == "untrusted"
    assert state(found, STALE, on=TODAY - dt.timedelta(days=100)) == "trusted"


def test_trust_comes_and_goes_with_the_list() -> None:
    found = credential(SIGNER)
    trusted = judge_credential(found, TrustList((ROOT.der,)), TODAY)
    assert (trusted.state, trusted.failures, trusted.trust_list) == ("trusted", (), TrustList((ROOT.der,)).digest)
    again = judge_credential(trusted, TrustList(), TODAY)
    assert (again.state, again.trust_list) == ("untrusted", TrustList().digest)


@pytest.mark.parametrize("other", ["none", "not_assessed", "unread", "invalid"])
def test_no_list_makes_hold_what_does_not_hold(other: str) -> None:
    found = credential(SIGNER, state=other)
    assert judge_credential(found, TrustList((ROOT.der,)), TODAY) == found


@pytest.mark.parametrize("chain", [(), ("AAAA",), ("not base64!",), (base64.b64encode(b"x" * 500).decode(),)])
def test_what_is_no_chain_is_not_trusted(chain: tuple[str, ...]) -> None:
    found = dataclasses.replace(credential(SIGNER), chain=chain)
    assert state(found, ROOT) == CredentialState.UNTRUSTED


def test_the_digest_is_of_the_roots_in_any_order() -> None:
    assert TrustList((ROOT.der, IMPOSTOR.der)).digest == TrustList((IMPOSTOR.der, ROOT.der, ROOT.der)).digest
    assert len({TrustList().digest, TrustList((ROOT.der,)).digest, TrustList((IMPOSTOR.der,)).digest}) == 3


def test_a_root_is_read_from_pem() -> None:
    found = c2pa_trust.parse_root_certificate(f"Some words before it.\n{ROOT.pem}")
    assert (found.der, found.fingerprint) == (ROOT.der, hashlib.sha256(ROOT.der).hexdigest())
    assert found.subject == "CN=Root,O=Root Ltd"
    assert found.not_before < dt.datetime.now(dt.UTC) < found.not_after


@pytest.mark.parametrize(
    ("pem", "why"),
    [
        ("", "holds 0 blocks"),
        ("hello", "holds 0 blocks"),
        (ROOT.pem + BETWEEN.pem, "holds 2 blocks"),
        (ROOT.key_pem, "private key"),
        (ROOT.pem + ROOT.key_pem, "private key"),
        (SIGNER.pem, "not a root"),
        (ODD.pem, "not a root"),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "cannot be read"),
        (ROOT.pem.replace("\n", "\n!", 3), "cannot be read"),
    ],
)
def test_what_is_no_root_is_refused_with_the_reason(pem: str, why: str) -> None:
    with pytest.raises(NotARoot, match=why):
        c2pa_trust.parse_root_certificate(pem)


def test_a_chain_in_a_circle_ends() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    one = authority.root("Circle", key=key)
    two = authority.authority("Circle", Identity(key, one.certificate))
    assert state(credential(authority.signer("S", two), two, one), ROOT) == "untrusted"
