"""Who may do what at the desk: one table, asked by every service before it changes anything."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from django.contrib.auth.models import Group, Permission, User
from django.core.exceptions import PermissionDenied
from django.db.models import Q


class Action(StrEnum):
    """What a person can do."""

    READ = "read"  # queue, review pages and the rows behind them
    LISTEN = "listen"  # hear and see what was delivered in confidence
    DECIDE = "decide"  # claim, decide, second, take back, put off, escalate, note, open again
    DECIDE_ESCALATED = "decide escalated"  # what a moderator handed upwards
    REPLAY = "replay"  # send a delivery again
    KEYS = "keys"  # close an API key
    POLICY = "policy"  # put another policy in force
    TRUST = "trust"  # add and withdraw roots of the trust list
    AUDIT = "audit"  # read who heard and saw what


class Role(StrEnum):
    """A group of people; the value is the group's name."""

    MODERATOR = "moderators"
    SENIOR = "seniors"
    POLICY_OWNER = "policy owners"
    OPERATOR = "operators"
    AUDITOR = "auditors"


#: The right of the framework that stands for each action; reading is a right for each kind of row.
RIGHTS: Mapping[Action, str] = MappingProxyType(
    {
        Action.READ: "view_submission",
        Action.LISTEN: "listen_submission",
        Action.DECIDE: "change_submission",
        Action.DECIDE_ESCALATED: "decide_escalated_submission",
        Action.REPLAY: "change_delivery",
        Action.KEYS: "change_apikey",
        Action.POLICY: "switch_policy",
        Action.TRUST: "change_trustroot",
        Action.AUDIT: "view_viewing",
    }
)

#: What each role may do. No role both decides and writes the policy; auditors change nothing.
ROLES: Mapping[Role, frozenset[Action]] = MappingProxyType(
    {
        Role.MODERATOR: frozenset({Action.READ, Action.LISTEN, Action.DECIDE, Action.REPLAY}),
        Role.SENIOR: frozenset({Action.READ, Action.LISTEN, Action.DECIDE, Action.DECIDE_ESCALATED, Action.REPLAY}),
        Role.POLICY_OWNER: frozenset({Action.READ, Action.POLICY}),
        Role.OPERATOR: frozenset({Action.READ, Action.REPLAY, Action.KEYS, Action.TRUST}),
        Role.AUDITOR: frozenset({Action.READ, Action.AUDIT}),
    }
)

#: The rows that every role may read; a table that is not named here is not readable.
READABLE = (
    "label", "partner", "apikey", "blob", "analysis", "submission", "resource", "track", "checkrun", "finding",
    "decision", "event", "knownrecording", "block", "protectedartist", "protectedname", "artistidentifier",
    "authorisation", "artistkey", "keyuse", "acceptedconsent", "note", "proposal", "appeal", "appealfile", "markedfile",
    "staydown", "trustroot", "endpoint", "delivery", "attempt",
)  # fmt: skip


class Forbidden(PermissionDenied):
    """This person may not do that."""

    def __init__(self, person: User, action: Action) -> None:
        self.action = action
        super().__init__(f"{person.get_username()} may not {action}")


def name_moderator_actor(person: User) -> str:
    """How history names a person at the desk."""
    return f"moderator:{person.get_username()}"


def is_permitted(person: User, action: Action) -> bool:
    """Whether the person is let do it: by a group, or as a superuser; only while active and of the staff."""
    return person.is_active and person.is_staff and person.has_perm(f"intake.{RIGHTS[action]}")


def require_permission(person: User, action: Action) -> None:
    """Raise Forbidden unless the person may."""
    if not is_permitted(person, action):
        raise Forbidden(person, action)


def filter_role_rights(role: Role) -> Q:
    """The rights of a role, as a condition on the framework's permissions."""
    does = [RIGHTS[action] for action in ROLES[role]]
    wanted = Q(codename__in=does)
    if Action.READ in ROLES[role]:
        wanted |= Q(codename__in=[f"view_{model}" for model in READABLE])
    return wanted & Q(content_type__app_label="intake")


def ensure_role_group(role: Role) -> Group:
    """The role's group, with exactly its rights."""
    found, _ = Group.objects.get_or_create(name=role.value)
    found.permissions.set(Permission.objects.filter(filter_role_rights(role)))
    return found
