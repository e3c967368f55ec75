"""What protects the log-in of the desk: counters of failed attempts, and recovery codes."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone


class LoginThrottle(models.Model):
    """Failed attempts to log in, to give a one-time password, or to confirm a password: one row for each counter.

    A counter counts a name, a client, or a name as tried by one client (``intake/services/people/login_throttle.py``).
    """

    scope = models.CharField(max_length=20)
    name = models.CharField(max_length=200, blank=True, help_text="The user name, folded; empty for all names.")
    client = models.CharField(
        max_length=60, blank=True, help_text="Network address or known device; empty for all clients."
    )
    failures = models.PositiveIntegerField(default=0)
    failed_at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["scope", "name", "client"], name="login_throttle_once")]

    def __str__(self) -> str:
        return f"{self.scope} {self.name} {self.client}: {self.failures}"


class RecoveryCode(models.Model):
    """A code that stands in for a one-time password, once. Only its hash is kept."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="recovery_codes")
    digest = models.CharField(max_length=64)
    used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "digest"], name="recovery_code_once")]

    def __str__(self) -> str:
        return f"of {self.user}"
