"""One delivery of one release by one label, and everything that was found and decided about it."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from typing import Any, Self

from django.conf import settings
from django.db import models
from django.db.models import Case, Exists, OuterRef, Q, Value, When
from django.utils import timezone

from checks.model.finding import Route
from checks.policy import Verdict
from checks.rules.delivered_files import DeclaredFile
from intake.core.states import CLEARED, State
from intake.core.uuid7 import uuid7
from intake.models.accounts import Label, Partner
from intake.models.files import Analysis, Blob
from intake.models.leased_work import Enqueued, Work, WorkQuerySet
from intake.models.person_keys import person_key

#: A release with a date so near, or just past, goes before all others in the queue.
THESE_DAYS = dt.timedelta(days=3)

#: States in which a submission stands for no release: not handed over yet, or refused, or taken back.
NOT_LIVE = (State.DRAFT, State.REJECTED, State.RETURNED, State.WITHDRAWN)


class SubmissionQuerySet(models.QuerySet):
    """What screens and endpoints read."""

    def of(self, owner: Label | Partner) -> Self:
        """What one principal may see: a label its own, a partner what is cleared for delivery."""
        if isinstance(owner, Label):
            return self.filter(label=owner)
        return self.filter(state__in=CLEARED)

    def live(self) -> Self:
        """Submissions that stand for a release: handed over, and neither refused nor taken back."""
        return self.exclude(state__in=NOT_LIVE)

    def queue(self) -> Self:
        """What waits for a moderator, most urgent first: what comes out in these days, then by due date."""
        today = timezone.now().date()
        these_days = Q(release_date__range=(today - THESE_DAYS, today + THESE_DAYS))
        return self.filter(state=State.IN_REVIEW).order_by(
            Case(When(these_days, then=Value(0)), default=Value(1)), "due_at", "id"
        )

    def awake(self, now: dt.datetime) -> Self:
        """Not put off to a later day. What was put off comes back by itself: nothing has to run for it."""
        return self.exclude(snoozed_until__gt=now)


class Submission(Enqueued):
    """One delivery of one release by one label. Its state changes through ``services.move`` only."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    label = models.ForeignKey(Label, on_delete=models.PROTECT, related_name="submissions")
    state = models.CharField(max_length=12, choices=[(s.value, s.value) for s in State], default=State.DRAFT)
    verdict = models.CharField(max_length=8, choices=[(v.value, v.value) for v in Verdict], blank=True, default="")
    metadata = models.JSONField(help_text="The release as accepted.")
    title = models.CharField(max_length=500)
    artist = models.CharField(max_length=500)
    upc = models.CharField(max_length=14, blank=True, default="", db_index=True)
    release_date = models.DateField(null=True, blank=True)
    supersedes = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="superseded_by"
    )
    weight = models.PositiveSmallIntegerField(
        default=0, help_text="0-100: the order in review; it decides nothing, and labels never see it."
    )
    sequence = models.PositiveIntegerField(default=0, help_text="Number of its last event.")
    statement = models.PositiveSmallIntegerField(default=1, help_text="Number of the declaration about AI that stands.")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    received_at = models.DateTimeField(null=True, blank=True)
    concluded_at = models.DateTimeField(null=True, blank=True)
    due_at = models.DateTimeField(null=True, blank=True)
    snoozed_until = models.DateTimeField(null=True, blank=True, help_text="Until then no moderator is handed it.")
    escalated_at = models.DateTimeField(null=True, blank=True, help_text="Since then it waits for a senior moderator.")
    accepts = models.OneToOneField(
        "Decision",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="accepted_by",
        help_text="The decision whose partial release the label took with this submission.",
    )

    objects = SubmissionQuerySet.as_manager()

    class Meta:
        permissions = [
            ("listen_submission", "Can hear and see what was delivered"),
            ("decide_escalated_submission", "Can decide what was escalated"),
            ("switch_policy", "Can put another policy in force"),
        ]
        indexes = [
            models.Index(fields=["label", "-id"], name="submission_of_label"),
            models.Index(fields=["state", "due_at", "release_date"], name="submission_urgent"),
            models.Index(fields=["label", "state"], name="submission_label_state"),
            models.Index(fields=["state", "-id"], name="submission_newest"),
            models.Index(fields=["artist", "-id"], name="submission_of_artist"),
        ]

    def __str__(self) -> str:
        return f"{self.title} by {self.artist}"

    @property
    def decision(self) -> Decision | None:
        """The decision that stands."""
        return self.decisions.order_by("-number").first()


class Resource(models.Model):
    """A file named by the release, and the bytes once they are here."""

    class Kind(models.TextChoices):
        AUDIO = "audio"
        COVER = "cover"
        DOCUMENT = "document"

    submission = models.ForeignKey(Submission, on_delete=models.PROTECT, related_name="resources")
    name = models.CharField(max_length=255)
    kind = models.CharField(max_length=8, choices=Kind.choices)
    declared_sha256 = models.CharField(max_length=64, blank=True, default="")
    declared_size = models.PositiveBigIntegerField(null=True, blank=True, help_text="In bytes.")
    blob = models.ForeignKey(Blob, on_delete=models.PROTECT, null=True, blank=True, related_name="resources")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["submission", "name"], name="resource_once")]

    def __str__(self) -> str:
        return self.name

    @property
    def declared(self) -> DeclaredFile:
        """What the release declares about the file."""
        return DeclaredFile(self.declared_sha256, self.declared_size)


class Track(models.Model):
    """A position on the release, as rows so that ISRCs can be searched."""

    submission = models.ForeignKey(Submission, on_delete=models.PROTECT, related_name="tracks")
    position = models.PositiveSmallIntegerField()
    title = models.CharField(max_length=500)
    artist = models.CharField(max_length=500)
    isrc = models.CharField(max_length=12, blank=True, default="", db_index=True)
    resource = models.ForeignKey(Resource, on_delete=models.PROTECT, related_name="tracks")
    verdict = models.CharField(max_length=8, blank=True, default="")

    class Meta:
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["submission", "position"], name="track_once")]

    def __str__(self) -> str:
        return f"{self.position}. {self.title}"


class CheckRunQuerySet(WorkQuerySet):
    """Which checks can be carried out."""

    def measured(self) -> Self:
        """Check runs of submissions being checked for which no file is still to be measured."""
        measuring = Analysis.objects.open().filter(blob__resources__submission=OuterRef("submission"))
        return self.filter(Q(needs_audio=False) | ~Exists(measuring), submission__state=State.CHECKING)


class CheckRun(Work):
    """One check on one submission."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    submission = models.ForeignKey(Submission, on_delete=models.PROTECT, related_name="check_runs")
    name = models.CharField(max_length=40)
    version = models.PositiveSmallIntegerField()
    needs_audio = models.BooleanField()

    objects = CheckRunQuerySet.as_manager()  # type: ignore[misc]

    class Meta:
        constraints = [models.UniqueConstraint(fields=["submission", "name"], name="check_run_once")]
        indexes = [models.Index(fields=["status", "lease_until"], name="check_run_open")]

    def __str__(self) -> str:
        return f"{self.name} ({self.status})"


class FindingQuerySet(models.QuerySet):
    """What screens and endpoints read."""

    def current(self) -> Self:
        """Return those that no newer AI declaration has superseded."""
        return self.filter(ended_by__isnull=True)

    def told(self) -> Self:
        """Return those that labels see: neither those for moderators only, nor those on trial (``note``)."""
        return self.filter(private=False).exclude(route=Route.NOTE)


class Finding(models.Model):
    """One piece of evidence, as the check reported it; never changed afterwards.

    A newer AI declaration supersedes the findings of the one before; ``objects.current()`` leaves those out.
    """

    check_run = models.ForeignKey(CheckRun, on_delete=models.PROTECT, related_name="findings")
    submission = models.ForeignKey(Submission, on_delete=models.PROTECT, related_name="findings")
    code = models.CharField(max_length=60, db_index=True)
    severity = models.CharField(max_length=12)
    subject = models.CharField(max_length=300)
    message = models.TextField()
    measured = models.JSONField(null=True)
    threshold = models.JSONField(null=True)
    evidence = models.JSONField(null=True)
    fix = models.TextField(blank=True, default="")
    labels = models.JSONField(default=list)
    patch = models.JSONField(default=list, blank=True, help_text="The fix as RFC 6902 operations.")
    route = models.CharField(max_length=8, help_text="What it asked for under the policy of the day.")
    private = models.BooleanField(default=False, help_text="For moderators only.")
    ended_by = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="Number of the later declaration that it does not speak of any more."
    )

    objects = FindingQuerySet.as_manager()

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"


class DecisionQuerySet(models.QuerySet):
    """What screens, endpoints and figures read."""

    def kept(self) -> Self:
        """Those that were not taken back within the moment that a moderator has for it."""
        return self.filter(undone_by__isnull=True, undoes__isnull=True)

    def human(self) -> Self:
        """Verdicts that people gave."""
        given = (Verdict.APPROVE, Verdict.LABEL, Verdict.REJECT, Verdict.RETURN)
        return self.kept().filter(actor__startswith="moderator:", verdict__in=given)


class Decision(models.Model):
    """A verdict given by an actor at a time for a reason. Append-only: the last one stands."""

    #: The actor of the machine's own decisions; one of a human stands.
    MACHINE = "policy"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    submission = models.ForeignKey(Submission, on_delete=models.PROTECT, related_name="decisions")
    number = models.PositiveSmallIntegerField()
    verdict = models.CharField(max_length=8, choices=[(v.value, v.value) for v in Verdict])
    actor = models.CharField(max_length=200, help_text="The name as it was at the time.")
    moderator = person_key("The account of the moderator who gave it; the name may change.")
    reasons = models.JSONField(default=list)
    note = models.TextField(blank=True, default="")
    labels = models.JSONField(default=list)
    policy_version = models.CharField(max_length=40)
    policy_digest = models.CharField(max_length=80)
    code = models.CharField(max_length=40, blank=True, default="", help_text="The policy's reason for a rejection.")
    four_eyes = models.BooleanField(default=False, help_text="The policy of the day asked for a second moderator.")
    seconded_by = models.CharField(max_length=200, blank=True, default="", help_text="The second moderator's name.")
    second_moderator = person_key("The account of the second moderator.")
    language = models.CharField(max_length=8, blank=True, default="", help_text="Of the reasons.")
    tracks = models.JSONField(default=dict, blank=True, help_text="Verdicts by position, where tracks differ.")
    to_fix = models.JSONField(default=list, blank=True, help_text="The findings that the label is asked to mend.")
    offer = models.JSONField(default=dict, blank=True, help_text="The part that may go out: tracks, and their labels.")
    undoes = models.OneToOneField(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="undone_by", help_text="Taken back."
    )
    carries_on = models.ForeignKey(
        "self",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="carried_on_by",
        help_text="The decision on the whole release that holds for this part of it as well.",
    )
    due_at = models.DateTimeField(null=True, blank=True, help_text="When it was due, where it waited for a person.")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = DecisionQuerySet.as_manager()

    class Meta:
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["submission", "number"], name="decision_once")]

    def __str__(self) -> str:
        return f"{self.verdict} by {self.actor}"


class Claim(models.Model):
    """A moderator's hold on a submission in review; it ends by itself."""

    submission = models.OneToOneField(Submission, primary_key=True, on_delete=models.PROTECT, related_name="claim")
    moderator = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="claims")
    until = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.moderator} until {self.until:%H:%M:%S}"

    def held(self, now: dt.datetime) -> bool:
        return now < self.until


class EventQuerySet(models.QuerySet):
    """What endpoints read."""

    def told(self) -> Self:
        """What labels and partners are shown: how moderators share their work out stays with them."""
        return self.exclude(type__startswith="review.")


class Event(models.Model):
    """One state change or happening; history and outbox at once. Each carries the digest of the one before."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    submission = models.ForeignKey(Submission, on_delete=models.PROTECT, related_name="events")
    sequence = models.PositiveIntegerField()
    type = models.CharField(max_length=40)
    actor = models.CharField(max_length=200)
    data = models.JSONField(default=dict)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    digest = models.CharField(max_length=64)

    objects = EventQuerySet.as_manager()

    class Meta:
        ordering = ["submission", "sequence"]
        constraints = [models.UniqueConstraint(fields=["submission", "sequence"], name="event_once")]

    def __str__(self) -> str:
        return f"{self.sequence} {self.type}"

    def chained(self, previous: str) -> str:
        """The digest that this event must carry after one with the digest ``previous`` ('' for the first)."""
        content: list[Any] = [
            previous,
            str(self.submission_id),
            self.sequence,
            self.type,
            self.actor,
            self.data,
            self.created_at.astimezone(dt.UTC).isoformat(),
        ]
        return hashlib.sha256(json.dumps(content, sort_keys=True, ensure_ascii=False).encode()).hexdigest()
