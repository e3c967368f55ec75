"""The trust list: add a root that a person vouches for, withdraw it, and say what that makes of the files on file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.db import IntegrityError, transaction
from django.utils import timezone

from checks.analysis import c2pa_trust
from checks.analysis.c2pa_trust import NotARoot, Root
from checks.model.release import Credential, CredentialState
from intake.models import Analysis, TrustRoot
from intake.readers import release_mapping

#: As much of a note as is kept, and no less than says something.
_NOTE = range(1, 501)
_MAX_SUBJECT = 500


@dataclass(frozen=True, slots=True)
class Carrier:
    """A measured file with a credential that holds, and whether the list as it stands trusts it."""

    sha256: str
    credential: Credential


def parse_trust_root(pem: str, note: str) -> Root:
    """The root in this text. Raises NotARoot, also where nothing is said of where it comes from."""
    if len(note.strip()) not in _NOTE:
        raise NotARoot(f"Say whose root it is and how it was verified, in at most {_NOTE[-1]} characters.")
    return c2pa_trust.parse_root_certificate(pem)


def add_trust_root(pem: str, note: str, actor: str) -> tuple[TrustRoot, bool]:
    """Trust a root from now on; returns its row, and whether it is new. Raises NotARoot, and then changes nothing."""
    root = parse_trust_root(pem, note)
    current = TrustRoot.objects.current().filter(fingerprint=root.fingerprint)
    known = current.first()
    if known is not None:
        return known, False
    try:
        with transaction.atomic():
            row = TrustRoot.objects.create(
                fingerprint=root.fingerprint,
                subject=root.subject[:_MAX_SUBJECT],
                pem=pem.strip(),
                not_before=root.not_before,
                not_after=root.not_after,
                note=note.strip(),
                added_by=actor,
            )
    except IntegrityError:  # another process added it at the same moment
        return current.get(), False
    return row, True


def withdraw_trust_root(row: TrustRoot, actor: str) -> bool:
    """Trust a root no longer; returns whether it was trusted until now."""
    current = TrustRoot.objects.current().filter(pk=row.pk)
    return bool(current.update(withdrawn_at=timezone.now(), withdrawn_by=actor))


def iterate_credential_carriers() -> Iterator[Carrier]:
    """Every measured file with a credential that holds, judged by the list as it stands. No audio is touched."""
    trusted, today = TrustRoot.objects.trust_list(), timezone.now().date()
    holds = Analysis.objects.filter(facts__credential__state=CredentialState.UNTRUSTED.value)
    for analysis in holds.defer("fingerprint").order_by("pk").iterator():
        facts = release_mapping.judge_fact_credentials(release_mapping.map_audio_facts(analysis), trusted, today)
        yield Carrier(facts.sha256, facts.credential)
