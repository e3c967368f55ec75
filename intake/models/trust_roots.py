"""Signers that this installation trusts."""

from __future__ import annotations

from typing import Self

from django.db import models
from django.utils import timezone

from checks.analysis import c2pa_trust
from checks.analysis.c2pa_trust import TrustList
from intake.core.uuid7 import uuid7


class TrustRootQuerySet(models.QuerySet):
    """What screens, commands and checks read."""

    def current(self) -> Self:
        """On the list: not withdrawn."""
        return self.filter(withdrawn_at__isnull=True)

    def trust_list(self) -> TrustList:
        """The list as it stands now, by which credentials are judged."""
        return TrustList(
            tuple(c2pa_trust.parse_root_certificate(pem).der for pem in self.current().values_list("pem", flat=True))
        )


class TrustRoot(models.Model):
    """A root certificate and who vouched for it. Rows are never deleted: a withdrawn one says who and when."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    fingerprint = models.CharField(max_length=64, editable=False, help_text="SHA-256 of the certificate.")
    subject = models.CharField(max_length=500, editable=False)
    pem = models.TextField("certificate", help_text="In PEM form: one block that begins with BEGIN CERTIFICATE.")
    not_before = models.DateTimeField(editable=False)
    not_after = models.DateTimeField(editable=False)
    note = models.CharField(max_length=500, help_text="Whose root it is, where it was published, how it was verified.")
    added_by = models.CharField(max_length=200, editable=False)
    added_at = models.DateTimeField(default=timezone.now, editable=False)
    withdrawn_by = models.CharField(max_length=200, blank=True, default="", editable=False)
    withdrawn_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = TrustRootQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["fingerprint"], condition=models.Q(withdrawn_at__isnull=True), name="trust_root_once"
            )
        ]

    def __str__(self) -> str:
        return self.subject
