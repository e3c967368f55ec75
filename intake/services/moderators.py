"""The people at the desk: who they are, and what they may do there."""

from __future__ import annotations

import secrets

from django.contrib.auth.models import Group, Permission, User
from django.contrib.auth.password_validation import validate_password
from django.db import transaction
from django.db.models import Q

#: Who belongs to it may read the desk, decide submissions and send deliveries again.
MODERATORS = "moderators"
#: Django's own right to change stands for what the desk can do to a row: decide a submission, replay a delivery.
DOES = ("change_submission", "change_delivery")
#: What holds answers to requests, work in progress or the likeness of a sound is no reading.
UNREAD = (
    "view_idempotencykey",
    "view_claim",
    "view_namekey",
    "view_ddexmessage",
    "view_imagemeasurement",
    "view_imageband",
    "view_picture",
    "view_viewing",
    "view_reason",
    "view_presence",
    "view_savedfilter",
    "view_portrait",
    "view_verifiedrecording",
    "view_speedtest",
    "view_statement",
)


def create(name: str, password: str = "") -> tuple[User, str, bool]:
    """A moderator with a password (drawn where none is given); returns whom, the password, and whether it is new.

    One who is there already is let in again, and keeps the password unless a new one is given: then "" is returned.
    Raises ValidationError for a password that is too weak.
    """
    with transaction.atomic():
        user, new = User.objects.get_or_create(username=name, defaults={"is_staff": True})
        chosen = password or (secrets.token_urlsafe(12) if new else "")
        if chosen:
            validate_password(chosen, user)
            user.set_password(chosen)
        user.is_staff = user.is_active = True
        user.save()
        user.groups.add(group())
    return user, chosen, new


def group() -> Group:
    """The moderators' group, with exactly its rights."""
    moderators, _ = Group.objects.get_or_create(name=MODERATORS)
    rights = Q(codename__startswith="view_") | Q(codename__in=DOES)
    moderators.permissions.set(
        Permission.objects.filter(rights, content_type__app_label="intake").exclude(codename__in=UNREAD)
    )
    return moderators
