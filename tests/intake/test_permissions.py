"""Who may do what: every action by every role, from the table; refused, it changes nothing."""

import datetime as dt

import pytest
from django.contrib.auth.models import Group, Permission
from django.utils import timezone

from checks.policy import Verdict
from intake.models import Decision, Delivery
from intake.services.people import permissions
from intake.services.people.permissions import RIGHTS, ROLES, Action, Forbidden, Role
from intake.services.review import decisions, review_actions
from tests.intake.factories import a_moderator
from tests.intake.waiting import everything, waiting

pytestmark = pytest.mark.django_db

#: What each service asks for, and how it is called.
ACTS = {
    "claim": (Action.DECIDE, lambda who, one: decisions.claim_submission(one, who)),
    "approve": (Action.DECIDE, lambda who, one: decisions.decide_submission(one, who, Verdict.APPROVE, "in order")),
    "reject": (
        Action.DECIDE,
        lambda who, one: decisions.decide_submission(one, who, Verdict.REJECT, "not theirs", code="infringement"),
    ),
    "propose": (
        Action.DECIDE,
        lambda who, one: decisions.decide_submission(one, who, Verdict.REJECT, "made up", code="fraud"),
    ),
    "decide together": (
        Action.DECIDE,
        lambda who, one: review_actions.decide_all([(one.pk, one.sequence)], who, Verdict.APPROVE, "in order"),
    ),
    "preview": (Action.DECIDE, lambda who, one: review_actions.preview_joint_decision([one.pk], who)),
    "note": (Action.DECIDE, lambda who, one: review_actions.write_review_note(one, who, "Called the label.")),
    "escalate": (Action.DECIDE, lambda who, one: review_actions.escalate_submission(one, who, "They threaten to sue.")),
    "snooze": (
        Action.DECIDE,
        lambda who, one: review_actions.snooze_submission(
            one, who, timezone.now() + dt.timedelta(hours=1), "Tomorrow."
        ),
    ),
    "second": (Action.DECIDE, lambda who, one: decisions.second_rejection(proposed(one), who)),
    "decline": (Action.DECIDE, lambda who, one: decisions.decline_rejection(proposed(one), who, "It is genuine.")),
    "reopen": (Action.DECIDE, lambda who, one: decisions.reopen_submission(approved(one), who, "A claim came in.")),
    "undo": (Action.DECIDE, lambda who, one: undo(one, who)),
    "decide escalated": (
        Action.DECIDE_ESCALATED,
        lambda who, one: decisions.decide_submission(escalated(one), who, Verdict.APPROVE, "in order"),
    ),
}


def somebody():
    from django.contrib.auth.models import User

    return User.objects.filter(username="somebody").first() or a_moderator("somebody")


def proposed(one):
    decisions.decide_submission(one, somebody(), Verdict.REJECT, "made up", code="fraud")
    return one


def approved(one):
    decisions.decide_submission(one, somebody(), Verdict.APPROVE, "in order")
    return one


def escalated(one):
    review_actions.escalate_submission(one, somebody(), "They threaten to sue.")
    return one


def undo(one, who):
    decision = decisions.decide_submission(one, somebody(), Verdict.APPROVE, "in order")
    Decision.objects.filter(pk=decision.pk).update(moderator=who)  # as if it were theirs
    return decisions.undo_decision(decision, who)


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("act", ACTS)
def test_every_act_by_every_role_is_as_the_table_says(rung, role, act):
    action, carry_out = ACTS[act]
    one, who = waiting(), a_moderator("who", role)
    if action in ROLES[role]:
        carry_out(who, one)
        return
    refused = (Forbidden, decisions.NotAllowedToDecide)
    with pytest.raises(refused):
        carry_out(who, one)
    assert "who" not in {name.partition(":")[2] for name in one.events.values_list("actor", flat=True)}
    assert not one.decisions.filter(actor="moderator:who").exists()
    assert not one.notes.filter(actor="moderator:who").exists()


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("action", Action)
def test_groups_hold_what_the_table_says(role, action):
    assert permissions.is_permitted(a_moderator("who", role), action) is (action in ROLES[role])


def test_every_action_has_a_right_that_exists():
    known = set(Permission.objects.filter(content_type__app_label="intake").values_list("codename", flat=True))
    assert set(RIGHTS) == set(Action)
    assert set(RIGHTS.values()) <= known


@pytest.mark.parametrize("role", Role)
def test_groups_are_there_from_the_first_migration_on(role):
    fresh = set(Group.objects.get(name=role.value).permissions.values_list("codename", flat=True))
    assert fresh == set(permissions.ensure_role_group(role).permissions.values_list("codename", flat=True))
    assert not {item for item in fresh if item.startswith(("delete_", "add_"))}


def test_nobody_both_decides_and_writes_the_policy_and_auditors_change_nothing():
    for role, actions in ROLES.items():
        assert not {Action.DECIDE, Action.POLICY} <= actions, role
    assert ROLES[Role.AUDITOR] <= {Action.READ, Action.AUDIT}


def test_who_left_may_do_nothing(rung):
    who, one = a_moderator("who", Role.SENIOR), waiting()
    for name in ("is_active", "is_staff"):
        setattr(who, name, False)
        before = everything()
        with pytest.raises(Forbidden):
            decisions.decide_submission(one, who, Verdict.APPROVE, "in order")
        assert everything() == before
        setattr(who, name, True)


def test_refused_acts_leave_no_message_behind(rung):
    one, who = waiting(), a_moderator("who", Role.AUDITOR)
    with pytest.raises(Forbidden):
        decisions.decide_submission(one, who, Verdict.APPROVE, "in order")
    assert not Delivery.objects.exists()
