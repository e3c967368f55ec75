"""Has a manifest written into copies of files, by a child that is shut in, and signs for it: the key never goes in."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, BinaryIO

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

from checks.analysis import known_samples, sandbox_run
from checks.analysis.sandbox import Limits

#: Containers in which a manifest can be written.
CONTAINERS = frozenset({"wav", "mp3", "flac", "mp4"})

#: Signing a track of three minutes takes a fifth of a second; hashing is what long files cost.
_CPU_SECONDS, _MEMORY_BYTES = 60, 512 << 20
#: A manifest takes some 13 kB; one that brings along the manifests of what it was made from takes more.
_GROWTH_BYTES = 16 << 20

_HASHES = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}
_CURVES = {"secp256r1": "es256", "secp384r1": "es384", "secp521r1": "es512"}


class Refusal(StrEnum):
    """Why a file was not marked."""

    CONTAINER = "container"  # manifests have no place in this kind of file
    SIGNING = "signing"  # the library would not sign it
    SOUND = "sound"  # the copy would not have had the same sound, so it was thrown away
    CREDENTIAL = "credential"  # the copy did not verify, so it was thrown away
    ENDED = "ended"  # signing took more time or memory than a file may


class CannotBeMarked(Exception):
    """The file stays as it is; says why."""

    def __init__(self, refusal: Refusal, detail: str = "") -> None:
        self.refusal, self.detail = refusal, detail
        super().__init__(f"{refusal.value} {detail}".strip())


class UnusableIdentity(ValueError):
    """The certificate or the key cannot sign; says why."""


@dataclass(frozen=True, slots=True)
class Marked:
    """What was proved of a marked file."""

    sound: str  # SHA-256 of its coded sound, which is that of the original
    source_types: tuple[str, ...]
    signer: str | None


class Identity:
    """The operator's key and its certificates, the signer's own first."""

    def __init__(self, certificates: str, key: bytes) -> None:
        """Raises UnusableIdentity."""
        try:
            self._chain = x509.load_pem_x509_certificates(certificates.encode())
            self._key: Any = load_pem_private_key(key, None)
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise UnusableIdentity(f"the certificate or the key cannot be read: {error}") from error
        if self._key.public_key() != self._chain[0].public_key():
            raise UnusableIdentity("the key is not the one of the first certificate")
        self.certificates = "".join(item.public_bytes(Encoding.PEM).decode() for item in self._chain)
        self.algorithm = self._algorithm()

    @classmethod
    def load(cls, certificate: Path, key: Path) -> Identity:
        """From two files in PEM. Raises UnusableIdentity."""
        try:
            return cls(certificate.read_text(encoding="ascii"), key.read_bytes())
        except (OSError, UnicodeDecodeError) as error:
            raise UnusableIdentity(str(error)) from error

    @property
    def leaf(self) -> x509.Certificate:
        """The signer's own certificate."""
        return self._chain[0]

    def sign(self, content: bytes) -> bytes:
        """As COSE wants it (RFC 9053): for elliptic curves the two numbers side by side."""
        if isinstance(self._key, ed25519.Ed25519PrivateKey):
            return self._key.sign(content)
        digest = _HASHES[self.algorithm[2:]]
        if isinstance(self._key, rsa.RSAPrivateKey):
            salted = padding.PSS(padding.MGF1(digest), digest.digest_size)
            return self._key.sign(content, salted, digest)
        size = (self._key.key_size + 7) // 8
        return b"".join(
            number.to_bytes(size, "big")
            for number in utils.decode_dss_signature(self._key.sign(content, ec.ECDSA(digest)))
        )

    def _algorithm(self) -> str:
        """As C2PA names it."""
        match self._key:
            case ed25519.Ed25519PrivateKey():
                return "ed25519"
            case rsa.RSAPrivateKey():
                return "ps256"
            case ec.EllipticCurvePrivateKey() if self._key.curve.name in _CURVES:
                return _CURVES[self._key.curve.name]
        raise UnusableIdentity("C2PA signs with keys of RSA, Ed25519, or the curves P-256, P-384 and P-521")


def write_signed_copy(source: BinaryIO, target: BinaryIO, manifest: Mapping[str, Any], identity: Identity) -> Marked:
    """Write a marked copy of an open file into another, which is of no use where this raises.

    Raises CannotBeMarked, OSError where the disk is full, and AnalysisError where our own code or this host failed.
    """
    request = {
        "manifest": dict(manifest),
        "certificates": identity.certificates,
        "algorithm": identity.algorithm,
        "leaf": base64.b64encode(identity.leaf.public_bytes(Encoding.DER)).decode(),
    }
    try:
        answer = _run_signing_child(source, target, request, identity)
    except sandbox_run.Ended as ended:
        blamed = sandbox_run.blame_file_or_gate(ended, lambda: _mark_known(request, identity))
        if not isinstance(blamed, sandbox_run.Ended):
            raise blamed from ended
        raise CannotBeMarked(Refusal.ENDED, str(ended)) from ended
    if "errno" in answer:
        raise OSError(answer["errno"], os.strerror(answer["errno"]))
    if "refusal" in answer:
        refusal, _, detail = str(answer["refusal"]).partition(": ")
        raise CannotBeMarked(Refusal(refusal), detail)
    return Marked(answer["sound"], tuple(answer["source_types"]), answer["signer"])


def _run_signing_child(
    source: BinaryIO, target: BinaryIO, request: Mapping[str, Any], identity: Identity
) -> dict[str, Any]:
    """Have one file marked by a sandboxed child. Raises confined.Ended where it gives no answer."""
    limits = Limits(_CPU_SECONDS, _MEMORY_BYTES, source.seek(0, 2) + _GROWTH_BYTES)
    said = sandbox_run.converse_sandboxed(
        "checks.analysis.c2pa_embed:embed_signed_manifest",
        source,
        target,
        json.dumps(request).encode(),
        identity.sign,
        limits=limits,
    )
    answer: dict[str, Any] = json.loads(said)
    return answer


def _mark_known(request: Mapping[str, Any], identity: Identity) -> None:
    """Mark a sample of the project's own, and throw the copy away."""
    with (
        known_samples.SOUNDS["wav"].open("rb") as sample,
        os.fdopen(os.memfd_create("marked-sample"), "w+b") as copy,
    ):
        _run_signing_child(sample, copy, request, identity)
