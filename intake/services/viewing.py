"""Who heard and saw what was delivered in confidence: every look is on record."""

from __future__ import annotations

from django.contrib.auth.models import User

from intake.models import Submission, Viewing
from intake.models.desk import WHAT_LENGTH
from intake.services import roles


def log_view(actor: User | str, submission: Submission | None, what: str) -> Viewing:
    """Put on record that ``actor`` heard or saw ``what`` of a submission (of none: the catalogue's own sound)."""
    who = actor if isinstance(actor, str) else roles.actor(actor)
    return Viewing.objects.create(actor=who, submission=submission, what=what[:WHAT_LENGTH])
