"""What must hold before anything starts: told at boot, with what to do about it."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.core.exceptions import ImproperlyConfigured
from django.utils import timezone

from checks.analysis import sandbox
from checks.analysis.c2pa_sign import UnusableIdentity
from checks.policy import PolicyError
from intake.api.throttling import Limit
from intake.readers import check_context
from intake.services.provenance import signed_copies
from intake.services.submissions import admission

#: So long before a certificate runs out its operator is told.
MARKING_RENEWAL = dt.timedelta(days=30)


@register(Tags.files)
def state_can_be_written(**_: Any) -> Sequence[CheckMessage]:
    """All state lives below one folder."""
    if os.access(settings.GATE_DATA, os.W_OK):
        return []
    return [
        Error(
            f"{settings.GATE_DATA} cannot be written.",
            hint="Give this user the folder, or mend GATE_DATA.",
            id="gate.E001",
        )
    ]


@register()
def policy_can_be_read(**_: Any) -> Sequence[CheckMessage]:
    """A policy that names an unknown code would silently route nothing."""
    try:
        admission.current_policy()
    except (OSError, PolicyError) as fault:
        return [Error(f"The policy cannot be used: {fault}", hint="Mend the file, or GATE_POLICY.", id="gate.E002")]
    return []


@register(Tags.database)
def messages_outlive_their_tasks(**_: Any) -> Sequence[CheckMessage]:
    """A message that shows again while its task still runs has it done twice at the same time, every time."""
    visible_again = settings.CELERY_BROKER_TRANSPORT_OPTIONS["visibility_timeout"]
    if visible_again > settings.CELERY_TASK_TIME_LIMIT:
        return []
    return [
        Error(
            "The visibility timeout is not longer than the task time limit.",
            hint="Mend config/settings.py.",
            id="gate.E003",
        )
    ]


@register()
def rate_limit_can_be_read(**_: Any) -> Sequence[CheckMessage]:
    """A limit that cannot be read would make every request fail."""
    try:
        Limit.read(settings.GATE_RATE_LIMIT)
    except ImproperlyConfigured as fault:
        return [Error(str(fault), hint="Mend GATE_RATE_LIMIT.", id="gate.E004")]
    return []


@register()
def model_of_traces_can_be_used(**_: Any) -> Sequence[CheckMessage]:
    """Recordings would be judged without it, with no more than a note to moderators."""
    unusable = check_context.Lattice().model()[1]
    hint = "Train it again (manage.py ai_train), or mend GATE_LATTICE_MODEL."
    return [Error(f"The model of acoustic traces cannot be used: {unusable}.", hint=hint, id="gate.E005")] * bool(
        unusable
    )


@register()
def marks_can_be_signed(**_: Any) -> Sequence[CheckMessage]:
    """Cleared files would wait for ever to be marked."""
    if not signed_copies.is_signing_enabled():
        return []
    try:
        left = signed_copies.load_signing_identity().leaf.not_valid_after_utc - timezone.now()
    except UnusableIdentity as fault:
        hint = "Mend GATE_MARKING_CERTIFICATE and GATE_MARKING_KEY, or unset both to mark nothing."
        return [Error(f"Cleared files cannot be marked: {fault}", hint=hint, id="gate.E006")]
    if left > MARKING_RENEWAL:
        return []
    told = f"The certificate for marking runs out in {max(left.days, 0)} days."
    return [Warning(told, hint="Renew it; marks are checked against it.", id="gate.W003")]


@register(Tags.security)
def sandbox_user_can_be_used(**_: Any) -> Sequence[CheckMessage]:
    """No file would be measured: a sandbox that is weaker than the operator asks for is not used."""
    name = settings.GATE_SANDBOX_USER
    if not name or not (unusable := sandbox.unusable_user(name)):
        return []
    hint = "Make the user and give the gate the capabilities (docs/operations.md), or unset GATE_SANDBOX_USER."
    return [Error(f"GATE_SANDBOX_USER cannot be used: {unusable}.", hint=hint, id="gate.E007")]


@register(Tags.security, deploy=True)
def production_is_reached_over_https(**_: Any) -> Sequence[CheckMessage]:
    """Partners are told this address, with keys and release data behind it."""
    if settings.GATE_PUBLIC_URL.startswith("https://"):
        return []
    return [
        Warning(f"GATE_PUBLIC_URL is {settings.GATE_PUBLIC_URL}.", hint="Give it the https:// address.", id="gate.W001")
    ]


@register(Tags.security, deploy=True)
def production_has_servers(**_: Any) -> Sequence[CheckMessage]:
    """The embedded parts belong to one machine."""
    embedded = [
        name
        for name, used in (
            ("DATABASE_URL", settings.DATABASES["default"]["ENGINE"].endswith("sqlite3")),
            ("REDIS_URL", settings.GATE_BROKER_EMBEDDED),
        )
        if used
    ]
    return [
        Warning(
            f"{name} is not set: the embedded part is used.",
            hint="Fine on one machine; see docs/operations.md.",
            id="gate.W002",
        )
        for name in embedded
    ]
