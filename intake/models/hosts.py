"""What each host says of itself."""

from __future__ import annotations

import datetime as dt
from typing import Self

from django.db import models
from django.utils import timezone


class SelfTestQuerySet(models.QuerySet):
    """Results that still count."""

    def recent(self) -> Self:
        """Of hosts that have tested themselves lately; the others have gone, or are not working."""
        return self.filter(ran_at__gte=timezone.now() - SelfTest.VALID_FOR)


class SelfTest(models.Model):
    """Whether a host that runs a worker can measure files: its latest self-test."""

    #: Three of the intervals at which a worker tests its host.
    VALID_FOR = dt.timedelta(minutes=15)

    host = models.CharField(primary_key=True, max_length=255)
    ran_at = models.DateTimeField()
    ok = models.BooleanField()
    parts = models.JSONField(help_text="What was measured: name, ok, and the cause of a failure.")

    objects = SelfTestQuerySet.as_manager()

    def __str__(self) -> str:
        return f"{self.host}: {'ok' if self.ok else self.cause}"

    @property
    def cause(self) -> str:
        """What is wrong, for the operator; empty where nothing is."""
        return "; ".join(f"{part['name']}: {part['detail']}" for part in self.parts if not part["ok"])
