"""The registry that guards artists' identities: the names, who may use them, and their keys."""

from __future__ import annotations

from typing import Self

from django.db import models
from django.db.models import Q
from django.utils import timezone

from intake.core.uuid7 import uuid7
from intake.models.accounts import Label
from intake.models.submissions import Submission


class ProtectedArtistQuerySet(models.QuerySet):
    """What screens and endpoints read."""

    def current(self) -> Self:
        """On guard: not retired."""
        return self.filter(retired_at__isnull=True)

    def of(self, label: Label) -> Self:
        """Those that a label may deliver for."""
        return self.current().filter(
            pk__in=Authorisation.objects.filter(label=label, ended_at__isnull=True).values("artist")
        )

    def whole(self) -> Self:
        """With everything that a reader is shown of an artist, in a fixed number of queries."""
        return self.prefetch_related("protected_names", "identifiers", "authorisations__label", "artist_keys")


class ProtectedArtist(models.Model):
    """An artist with an identity that the registry guards."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    name = models.CharField(max_length=200)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    retired_at = models.DateTimeField(null=True, blank=True)
    retired_by = models.CharField(max_length=200, blank=True, default="")

    objects = ProtectedArtistQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["name"], condition=Q(retired_at__isnull=True), name="protected_artist_once")
        ]

    def __str__(self) -> str:
        return self.name

    def may_deliver(self) -> list[Label]:
        """The labels that may use the names."""
        return [authorisation.label for authorisation in self.authorisations.all() if authorisation.ended_at is None]


class ProtectedName(models.Model):
    """A name of a protected artist."""

    class Kind(models.TextChoices):
        NAME = "name"
        ALIAS = "alias"
        TRANSLITERATION = "transliteration"

    artist = models.ForeignKey(ProtectedArtist, on_delete=models.PROTECT, related_name="protected_names")
    name = models.CharField(max_length=200)
    kind = models.CharField(max_length=15, choices=Kind.choices, default=Kind.ALIAS)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["artist", "name"], name="protected_name_once")]

    def __str__(self) -> str:
        return self.name


class NameKey(models.Model):
    """A key under which a protected name is searched (see ``checks.model.name_matching.build_index_entries``).

    Some twenty of them a name: three numbers in one index, and nothing else. A key of a removed name finds nothing.
    """

    pk = models.CompositePrimaryKey("key", "name_id", "sketch")
    key = models.BigIntegerField()
    sketch = models.BigIntegerField(help_text="Of the picture that has this key; 0 where the key says enough.")
    name = models.ForeignKey(
        ProtectedName, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="keys"
    )

    def __str__(self) -> str:
        return str(self.key)


class ArtistIdentifier(models.Model):
    """What an artist is called by a registry or a partner: an ISNI, an IPI, a profile."""

    artist = models.ForeignKey(ProtectedArtist, on_delete=models.PROTECT, related_name="identifiers")
    scheme = models.CharField(max_length=40, help_text='"isni", "ipi", or the partner whose profile it is.')
    value = models.CharField(max_length=200)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["artist", "scheme", "value"], name="artist_identifier_once"),
        ]
        indexes = [models.Index(fields=["scheme", "value"], name="artist_identifier")]

    def __str__(self) -> str:
        return f"{self.scheme}:{self.value}"


class Authorisation(models.Model):
    """That a label may deliver for an artist, and who vouched for it. One that has ended stays as evidence."""

    artist = models.ForeignKey(ProtectedArtist, on_delete=models.PROTECT, related_name="authorisations")
    label = models.ForeignKey(Label, on_delete=models.PROTECT, related_name="authorisations")
    vouched_by = models.CharField(max_length=200, help_text="The actor on whose word it was given.")
    vouched_at = models.DateTimeField(default=timezone.now, editable=False)
    ended_by = models.CharField(max_length=200, blank=True, default="")
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["artist", "label"], condition=Q(ended_at__isnull=True), name="authorisation_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.label} for {self.artist}, vouched for by {self.vouched_by}"


class ArtistKey(models.Model):
    """A secret that an artist gives to its distributors; only its hash is kept."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    artist = models.ForeignKey(ProtectedArtist, on_delete=models.PROTECT, related_name="artist_keys")
    prefix = models.CharField(max_length=16, unique=True)
    digest = models.CharField(max_length=64)
    issued_by = models.CharField(max_length=200, help_text="The actor who issued it, as named then.")
    issuing_label = models.ForeignKey(
        Label,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="The label that issued it, whatever it is called today; none where an operator did.",
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    revoked_at = models.DateTimeField(null=True, blank=True)
    revoked_by = models.CharField(max_length=200, blank=True, default="")
    uses = models.PositiveIntegerField(default=0, help_text="Decided submissions that carried it.")
    last_used_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.prefix}… of {self.artist}"


class KeyUse(models.Model):
    """That a submission came with an artist's key: from then on the key itself is nowhere."""

    key = models.ForeignKey(ArtistKey, on_delete=models.PROTECT, related_name="presented")
    submission = models.ForeignKey(Submission, on_delete=models.PROTECT, related_name="artist_keys")
    presented_at = models.DateTimeField(default=timezone.now, editable=False)
    counted_at = models.DateTimeField(null=True, blank=True, help_text="When the submission was decided.")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["key", "submission"], name="key_use_once")]

    def __str__(self) -> str:
        return f"{self.key} in {self.submission_id}"
