"""What guards the desk's door: failed log-ins, and the codes that open it where a telephone is lost."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone


class SignIn(models.Model):
    """How often in a row somebody failed to prove to be this person, so that guessing takes longer and longer."""

    name = models.CharField(primary_key=True, max_length=200, help_text="The user name, folded.")
    failures = models.PositiveIntegerField(default=0)
    failed_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"{self.name}: {self.failures}"


class RecoveryCode(models.Model):
    """A code that stands in for a one-time password, once. Only its hash is kept."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="recovery_codes")
    digest = models.CharField(max_length=64)
    used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "digest"], name="recovery_code_once")]

    def __str__(self) -> str:
        return f"of {self.user}"
