"""The account of a person in rows that outlive accounts."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models


def person_key(help_text: str) -> models.ForeignKey[Any, Any]:
    """Return a field for who did something: the account's id, which stays when the account is renamed or deleted.

    Ids are never given twice: an account made anew under an old name is another person. Read the id and never the row,
    which may be gone; show the name that the row keeps beside it.
    """
    return models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        null=True,
        blank=True,
        related_name="+",
        help_text=help_text,
    )
