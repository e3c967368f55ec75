"""Who heard and saw what was delivered in confidence: every look is on record."""

from __future__ import annotations

import datetime as dt

from django.contrib.auth.models import User
from django.utils import timezone

from intake.models import Submission, Viewing
from intake.models.review import WHAT_LENGTH
from intake.services.people import permissions

#: A recording is played in many requests, one for each stretch; within this long they are one look.
ONE_LOOK = dt.timedelta(minutes=10)


def shorten_viewed_name(what: str) -> str:
    """What was looked at, as it is kept on record."""
    return what[:WHAT_LENGTH]


def log_view(viewer: User | str, submission: Submission | None, what: str) -> Viewing:
    """Put on record that ``viewer`` heard or saw ``what`` of a submission (of none: the catalogue's own sound)."""
    person, name = (viewer, permissions.name_moderator_actor(viewer)) if isinstance(viewer, User) else (None, viewer)
    return Viewing.objects.create(actor=name, viewer=person, submission=submission, what=shorten_viewed_name(what))


def record_view_once(viewer: User, submission: Submission | None, what: str) -> None:
    """Put it on record, unless the same person's look at the same thing is on record a moment ago."""
    same = Viewing.objects.filter(viewer=viewer, submission=submission, what=shorten_viewed_name(what))
    if not same.filter(at__gt=timezone.now() - ONE_LOOK).exists():
        log_view(viewer, submission, what)
