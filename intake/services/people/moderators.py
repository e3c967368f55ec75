"""The people at the desk: who they are, and what role they have there."""

from __future__ import annotations

import secrets
from collections.abc import Iterable

from django.contrib.auth.models import User
from django.contrib.auth.password_validation import validate_password
from django.db import transaction

from intake.services.people import permissions
from intake.services.people.permissions import Role


def create_moderator(name: str, password: str = "", held: Iterable[Role] = (Role.MODERATOR,)) -> tuple[User, str, bool]:
    """A person with a role and a password (drawn where none is given); returns user, password, and if it is new.

    One who is there already is let in again, with these roles added, and keeps the password unless a new one is given:
    then "" is returned. Raises ValidationError for a password that is too weak.
    """
    with transaction.atomic():
        user, new = User.objects.get_or_create(username=name, defaults={"is_staff": True})
        chosen = password or (secrets.token_urlsafe(12) if new else "")
        if chosen:
            validate_password(chosen, user)
            user.set_password(chosen)
        user.is_staff = user.is_active = True
        user.save()
        user.groups.add(*(permissions.ensure_role_group(role) for role in held))
    return user, chosen, new
