"""Trust in signatures: judge a credential by its certificates and the roots on the trust list."""

from __future__ import annotations

import base64
import dataclasses
import datetime as dt
import hashlib
import itertools
import re
from dataclasses import dataclass

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import dsa, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from checks.model.release import Credential, CredentialState

#: A signer, two or three authorities, a root: longer chains exist in no list that is published.
_MAX_LINKS = 6
#: Below this an RSA key counts as broken (C2PA 2.2, section 14.5); above, it only costs the verifier.
_MIN_RSA_BITS, _MAX_RSA_BITS = 2048, 8192
#: Critical extensions that are understood here. A certificate with another one must not be relied on (RFC 5280, 4.2).
_UNDERSTOOD = (x509.BasicConstraints, x509.KeyUsage, x509.ExtendedKeyUsage)

#: How C2PA calls what the trust list overrules.
_UNTRUSTED = "signingCredential.untrusted"

_PEM = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----")
_CERTIFICATE = "CERTIFICATE"

#: What the certificate library raises over certificates that are malformed or use what it does not know.
_UNUSABLE = (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm, x509.ExtensionNotFound)


class NotARoot(ValueError):
    """What was offered as a root is none; the message says why."""


@dataclass(frozen=True, slots=True)
class Root:
    """A root certificate, and what a person would like to know of it."""

    der: bytes
    fingerprint: str  # SHA-256, lower-case hexadecimal
    subject: str
    not_before: dt.datetime
    not_after: dt.datetime


@dataclass(frozen=True, slots=True)
class TrustList:
    """The roots that are trusted. The empty list trusts no root, and has a digest like any other."""

    roots: tuple[bytes, ...] = ()  # DER

    @property
    def digest(self) -> str:
        prints = sorted(hashlib.sha256(root).hexdigest() for root in set(self.roots))
        return f"sha256:{hashlib.sha256(chr(10).join(prints).encode()).hexdigest()}"


def parse_root_certificate(pem: str) -> Root:
    """Read a root certificate. Raises NotARoot where it is none that could be one."""
    kinds = _PEM.findall(pem)
    if any("PRIVATE KEY" in kind for kind in kinds):
        raise NotARoot("This holds a private key. Keep it to yourself; only the certificate is asked for.")
    if kinds != [_CERTIFICATE]:
        raise NotARoot(f"Exactly one certificate in PEM form is asked for; this holds {len(kinds)} blocks.")
    try:
        certificate = x509.load_pem_x509_certificate(pem.encode())
        authority = _is_authority(certificate)
        subject = certificate.subject.rfc4514_string()
    except _UNUSABLE as error:
        raise NotARoot(f"This certificate cannot be read, or is not one of an authority: {error}") from error
    if not authority:
        raise NotARoot("This certificate may not issue others: it is a signer's, not a root.")
    der = certificate.public_bytes(Encoding.DER)
    fingerprint = hashlib.sha256(der).hexdigest()
    return Root(der, fingerprint, subject, certificate.not_valid_before_utc, certificate.not_valid_after_utc)


def judge_credential(credential: Credential, trusted: TrustList, on: dt.date) -> Credential:
    """The credential with the state that this trust list gives it. One that does not hold, no list makes hold."""
    if credential.state not in (CredentialState.UNTRUSTED, CredentialState.TRUSTED):
        return credential
    if not _leads_to_a_root(credential.chain, trusted, on):
        return dataclasses.replace(credential, state=CredentialState.UNTRUSTED.value, trust_list=trusted.digest)
    return dataclasses.replace(
        credential,
        state=CredentialState.TRUSTED.value,
        failures=tuple(code for code in credential.failures if code != _UNTRUSTED),
        trust_list=trusted.digest,
    )


def _leads_to_a_root(chain: tuple[str, ...], trusted: TrustList, on: dt.date) -> bool:
    """Whether the signer's certificate was issued by a trusted root, directly or through authorities in the chain.

    The signer's own certificate was measured to be valid when the file was read; all above must be on this day.
    """
    if not 0 < len(chain) <= _MAX_LINKS or not trusted.roots:
        return False
    try:
        links = [x509.load_der_x509_certificate(base64.b64decode(item)) for item in chain]
        roots = [x509.load_der_x509_certificate(entry) for entry in trusted.roots]
    except _UNUSABLE:
        return False
    pairs = itertools.pairwise(links)  # C2PA asks for them in order, each issued by the next
    in_order = all(_was_issued_by(issuer, one, on, below) for below, (one, issuer) in enumerate(pairs))
    return in_order and any(_was_issued_by(root, one, on, below) for below, one in enumerate(links) for root in roots)


def _was_issued_by(issuer: x509.Certificate, certificate: x509.Certificate, on: dt.date, below: int) -> bool:
    """Whether one certificate was issued by the other, with so many authorities below the issuer."""
    if certificate.issuer != issuer.subject:
        return False
    try:
        if not (
            _is_authority(issuer)
            and _is_valid(issuer, on)
            and _permits_authorities_below(issuer, below)
            and _is_verifiable(issuer)
        ):
            return False
        certificate.verify_directly_issued_by(issuer)
    except _UNUSABLE:
        return False
    return True


def _is_authority(certificate: x509.Certificate) -> bool:
    """Whether a certificate may issue others, and says nothing critical that is not understood."""
    extensions = certificate.extensions
    if any(item.critical and not isinstance(item.value, _UNDERSTOOD) for item in extensions):
        return False
    if not extensions.get_extension_for_class(x509.BasicConstraints).value.ca:
        return False
    usages = [extension.value for extension in extensions if isinstance(extension.value, x509.KeyUsage)]
    return all(usage.key_cert_sign for usage in usages)


def _permits_authorities_below(issuer: x509.Certificate, below: int) -> bool:
    """Whether so many authorities may stand below this one."""
    most = issuer.extensions.get_extension_for_class(x509.BasicConstraints).value.path_length
    return most is None or below <= most


def _is_valid(certificate: x509.Certificate, on: dt.date) -> bool:
    return certificate.not_valid_before_utc.date() <= on <= certificate.not_valid_after_utc.date()


def _is_verifiable(certificate: x509.Certificate) -> bool:
    """Whether its key is neither broken nor made to cost."""
    key = certificate.public_key()
    if isinstance(key, rsa.RSAPublicKey):
        return _MIN_RSA_BITS <= key.key_size <= _MAX_RSA_BITS
    return not isinstance(key, dsa.DSAPublicKey)
