"""A certificate authority of the tests' own, and files that it has signed."""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import c2pa
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

IPTC = "http://cv.iptc.org/newscodes/digitalsourcetype/"
GENERATED = IPTC + "trainedAlgorithmicMedia"
MIME_TYPES = {
    ".wav": "audio/wav",
    ".mp3": "audio/mpeg",
    ".flac": "audio/flac",
    ".m4a": "audio/mp4",
    ".jpg": "image/jpeg",
    ".png": "image/png",
}
_NOW = dt.datetime.now(dt.UTC).replace(microsecond=0)
_DAY = dt.timedelta(days=1)


@dataclass(frozen=True)
class Identity:
    """A key and the certificate that says whose it is."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(Encoding.PEM).decode()

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def key_pem(self) -> str:
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def root(name: str, **settings: Any) -> Identity:
    """A root of its own."""
    return _issued(name, None, ca=True, **settings)


def authority(name: str, issuer: Identity, **settings: Any) -> Identity:
    """An authority below another."""
    return _issued(name, issuer, ca=True, **settings)


def signer(name: str, issuer: Identity, **settings: Any) -> Identity:
    """Someone who may sign files and nothing else."""
    return _issued(name, issuer, ca=False, **settings)


def _issued(
    name: str,
    issuer: Identity | None,
    *,
    ca: bool,
    days: tuple[int, int] = (-2, 300),
    path_length: int | None = None,
    extra: tuple[x509.ExtensionType, bool] | None = None,
    key: ec.EllipticCurvePrivateKey | None = None,
) -> Identity:
    key = key or ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name(
        [x509.NameAttribute(NameOID.ORGANIZATION_NAME, f"{name} Ltd"), x509.NameAttribute(NameOID.COMMON_NAME, name)]
    )
    above = issuer or Identity(key, None)  # type: ignore[arg-type]
    built = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(_NOW + days[0] * _DAY)
        .not_valid_after(_NOW + days[1] * _DAY)
        .add_extension(x509.BasicConstraints(ca, path_length), critical=True)
        .add_extension(x509.KeyUsage(not ca, False, False, False, False, ca, ca, False, False), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(above.key.public_key()), critical=False)
    )
    if not ca:
        built = built.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False)
    if extra:
        built = built.add_extension(*extra)
    return Identity(key, built.sign(above.key, hashes.SHA256()))


def action(kind: str = "c2pa.created", source: str | None = GENERATED) -> dict[str, Any]:
    return {"action": kind} | ({"digitalSourceType": source} if source else {})


def sign(
    path: Path,
    by: Identity,
    *between: Identity,
    actions: tuple[Mapping[str, Any], ...] = (action(),),
    assertions: tuple[Mapping[str, Any], ...] = (),
    ingredient: Path | None = None,
    address: str | None = None,
) -> Path:
    """Sign a file in its place. With an ``address`` the manifest is left out, and the file only points to it."""
    mime = MIME_TYPES[path.suffix]
    told = [{"label": "c2pa.actions.v2", "data": {"actions": list(actions)}}, *assertions]
    builder = c2pa.Builder({"claim_generator_info": [{"name": "Test Generator", "version": "2.1"}], "assertions": told})
    if ingredient:
        builder.set_intent(c2pa.C2paBuilderIntent.EDIT)
        builder.add_ingredient(
            {"relationship": "parentOf"}, MIME_TYPES[ingredient.suffix], io.BytesIO(ingredient.read_bytes())
        )
    if address:
        builder.set_no_embed()
        builder.set_remote_url(address)
    chain = "".join(item.pem for item in (by, *between))
    info = c2pa.C2paSignerInfo(b"es256", chain.encode(), by.key_pem.encode(), None)
    signed = io.BytesIO()
    builder.sign(c2pa.Signer.from_info(info), mime, io.BytesIO(path.read_bytes()), signed)
    path.write_bytes(signed.getvalue())
    return path
