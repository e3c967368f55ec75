"""Requests that may arrive twice, and the answer that the first one got."""

from django.db import models
from django.utils import timezone


class IdempotencyKey(models.Model):
    """One key of one principal: the digest of its body, and the stored answer, byte for byte."""

    principal = models.CharField(max_length=60)  # label:<id> or partner:<id>
    key = models.CharField(max_length=255)
    digest = models.CharField(max_length=64)
    running_until = models.DateTimeField(null=True, blank=True)
    status_code = models.PositiveSmallIntegerField(null=True, blank=True)
    headers = models.JSONField(default=dict)
    body = models.BinaryField(default=b"")
    created_at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["principal", "key"], name="idempotency_key_once")]

    def __str__(self) -> str:
        return f"{self.principal} {self.key}"
