"""What submissions are compared with: known recordings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from django.db import models
from django.db.models import Exists, Q
from django.utils import timezone

from intake.models.accounts import Label


class KnownRecordingQuerySet(models.QuerySet):
    def current(self) -> Self:
        """In the catalogue: not forgotten."""
        return self.filter(forgotten_at__isnull=True)

    def settled(self) -> Self:
        """In the catalogue as an owner's recording: neither waiting for a decision nor rejected."""
        return self.current().exclude(source__in=(KnownRecording.Source.PENDING, KnownRecording.Source.REJECTED))

    def taught_by(self, label: Label) -> Self:
        """What a label has made known as its own, beside what it has delivered."""
        return self.settled().filter(label=label, source=KnownRecording.Source.LEARNED)

    def unlogged(self) -> Self:
        """Learned or forgotten, and the log of the catalogue does not say so yet."""
        return self.filter(KnownRecording.LEARNED_UNLOGGED | KnownRecording.FORGOTTEN_UNLOGGED)

    def pending(self) -> Self:
        """What submissions that are not decided have brought."""
        return self.current().filter(source=KnownRecording.Source.PENDING)


class KnownRecording(models.Model):
    """An entry of the reference catalogue. Its number is its document in the fingerprint index."""

    class Source(models.TextChoices):
        LEARNED = "learned"
        DELIVERED = "delivered"
        PENDING = "pending", "brought by a submission that is not decided"
        BLOCKED = "blocked", "known for being on the blocklist alone"
        REJECTED = "rejected", "brought by a submission that was rejected on a ground that stays down"

    id = models.BigAutoField(primary_key=True)
    sha256 = models.CharField(max_length=64, db_index=True, blank=True, default="")
    title = models.CharField(max_length=500)
    artist = models.CharField(max_length=500, blank=True, default="")
    isrc = models.CharField(max_length=12, blank=True, default="", db_index=True)
    owner = models.CharField(max_length=200, blank=True, default="", db_index=True)
    label = models.ForeignKey(Label, on_delete=models.PROTECT, null=True, blank=True, related_name="known_recordings")
    source = models.CharField(max_length=10, choices=Source.choices, default=Source.LEARNED)
    submission = models.ForeignKey(
        "intake.Submission",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="known_recordings",
        help_text="The one that brought it.",
    )
    duration = models.FloatField(default=0.0)
    fingerprint = models.BinaryField()
    #: By which the same fingerprint is known again; see ``services.catalogue.known_recordings``.
    fingerprint_digest = models.CharField(max_length=32, blank=True, default="", db_index=True, editable=False)
    #: Its number in the catalogue that it was learned from.
    external_id = models.CharField(max_length=100, blank=True, default="", db_index=True)
    learned_at = models.DateTimeField(default=timezone.now, editable=False)
    #: When the log took it in as known; null where the log does not know it, or has it as forgotten. Learning and
    #: forgetting leave it alone: ``forgotten_at`` says what is to be, this what the log says (see CatalogueChange).
    logged_at = models.DateTimeField(null=True, blank=True, editable=False)
    forgotten_at = models.DateTimeField(null=True, blank=True)

    LEARNED_UNLOGGED = Q(forgotten_at__isnull=True, logged_at__isnull=True)
    FORGOTTEN_UNLOGGED = Q(forgotten_at__isnull=False, logged_at__isnull=False)

    objects = KnownRecordingQuerySet.as_manager()

    class Meta:
        indexes = [
            # Both are empty most of the time, so that asking whether anything waits for the log costs nothing.
            models.Index(
                fields=["id"],
                condition=Q(forgotten_at__isnull=True, logged_at__isnull=True),
                name="known_recording_learned_new",
            ),
            models.Index(
                fields=["id"],
                condition=Q(forgotten_at__isnull=False, logged_at__isnull=False),
                name="known_recording_forgotten_new",
            ),
            models.Index(fields=["title"], name="known_recording_titled"),
            models.Index(fields=["artist"], name="known_recording_by"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["sha256", "owner", "isrc"],
                condition=models.Q(forgotten_at__isnull=True)
                & ~models.Q(sha256="")
                & ~models.Q(source__in=("pending", "rejected")),
                name="known_recording_once",
            ),
            models.UniqueConstraint(
                fields=["fingerprint_digest", "owner", "isrc"],
                condition=models.Q(forgotten_at__isnull=True) & models.Q(sha256="") & ~models.Q(fingerprint_digest=""),
                name="known_fingerprint_once",
            ),
            models.UniqueConstraint(
                fields=["submission", "sha256", "isrc"],
                condition=models.Q(forgotten_at__isnull=True, source="pending"),
                name="pending_recording_once",
            ),
            models.UniqueConstraint(
                fields=["submission", "sha256", "isrc"],
                condition=models.Q(forgotten_at__isnull=True, source="rejected"),
                name="rejected_recording_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.title} by {self.artist or 'unknown'}"


@dataclass(frozen=True, slots=True)
class Head:
    """Where the log of the catalogue ends."""

    position: int = 0
    token: int = 0
    count: int = 0
    digest: int = 0
    waiting: bool = False  # something was learned or forgotten that is not in the log yet


class CatalogueChangeQuerySet(models.QuerySet):
    def head(self) -> Head:
        """The end of the log, and whether something waits to be written to it: one statement, in constant time."""
        learned = KnownRecording.objects.filter(KnownRecording.LEARNED_UNLOGGED)
        forgotten = KnownRecording.objects.filter(KnownRecording.FORGOTTEN_UNLOGGED)
        last = self.order_by("-position").annotate(learned=Exists(learned), forgotten=Exists(forgotten))
        row = last.values_list("position", "token", "count", "digest", "learned", "forgotten").first()
        if row is None:  # nothing was ever written to it
            return Head(waiting=KnownRecording.objects.unlogged().exists())
        position, token, count, digest, waits_learned, waits_forgotten = row
        return Head(position, token, count, digest, waits_learned or waits_forgotten)


class CatalogueChange(models.Model):
    """One recording learned or forgotten, in the one order that every index applies: the log of the catalogue.

    ``intake.services.catalogue.index_log`` alone appends to it, under a lock, after the change was committed: so a
    position is never visible before a lower one, and none is left out. Rows are not changed, and deleted only all at
    once, where the log is begun anew.
    """

    position = models.BigIntegerField(primary_key=True)
    recording = models.ForeignKey(KnownRecording, on_delete=models.PROTECT, related_name="changes")
    known = models.BooleanField(help_text="Learned; else forgotten.")
    #: Drawn at random: tells this history from another that has a change at the same position.
    token = models.BigIntegerField()
    #: The set of all recordings known after this change: how many, and their digest (``store.digest_documents``).
    count = models.BigIntegerField()
    digest = models.BigIntegerField()
    logged_at = models.DateTimeField(default=timezone.now)

    objects = CatalogueChangeQuerySet.as_manager()

    def __str__(self) -> str:
        return f"{self.position}: {self.recording_id} {'learned' if self.known else 'forgotten'}"
