"""Who delivers, who receives, and the keys by which the gate knows them."""

from __future__ import annotations

import datetime as dt

from django.db import models
from django.utils import timezone

from intake.core.uuid7 import uuid7


class Language(models.TextChoices):
    """A language that the gate can write to labels in."""

    ENGLISH = "en"
    GERMAN = "de"
    FRENCH = "fr"
    SPANISH = "es"
    PORTUGUESE = "pt"
    ITALIAN = "it"
    SWEDISH = "sv"


class Label(models.Model):
    """The submitting organisation: the tenant that every submission belongs to."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    name = models.CharField(max_length=200, unique=True)
    names = models.JSONField(default=list, blank=True, help_text="Imprints and former names it may deliver under.")
    language = models.CharField(
        max_length=8, choices=Language.choices, default=Language.ENGLISH, help_text="In which moderators write to it."
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    def __str__(self) -> str:
        return self.name

    @property
    def actor(self) -> str:
        return f"label:{self.name}"


class Partner(models.Model):
    """Who receives cleared releases (DSP)."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    slug = models.SlugField(max_length=60, unique=True)
    profile = models.CharField(max_length=60, default="default", help_text="Profile of the policy file.")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    def __str__(self) -> str:
        return self.slug


class ApiKey(models.Model):
    """A credential of one label, or of one partner; only its hash is kept."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    label = models.ForeignKey(Label, on_delete=models.PROTECT, null=True, blank=True, related_name="api_keys")
    partner = models.ForeignKey(Partner, on_delete=models.PROTECT, null=True, blank=True, related_name="api_keys")
    prefix = models.CharField(max_length=16, unique=True)
    digest = models.CharField(max_length=64)
    scopes = models.JSONField(default=list)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="api_key_has_one_owner",
                condition=models.Q(label__isnull=False) ^ models.Q(partner__isnull=False),
            )
        ]

    def __str__(self) -> str:
        return f"{self.prefix}… of {self.label or self.partner}"

    def usable(self, now: dt.datetime) -> bool:
        """Whether the key opens anything at this moment."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)
