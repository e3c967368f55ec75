"""A moderator blocks something at the desk, lifts it, and puts what is live on the list into the queue."""

from __future__ import annotations

import pytest
from django.urls import reverse

from intake.core.states import State
from intake.models import Block
from tests.intake.factories import a_label
from tests.intake.test_cross_label import delivered
from tests.intake.test_pipeline import run

pytestmark = pytest.mark.django_db

LIST = "admin:intake_block_changelist"
FORM = {"kind": "isrc", "value": "SE-HBR-25-00101", "reason": "a takedown", "expires_at_0": "", "expires_at_1": ""}


def act(desk, action: str, block: Block):
    return desk.post(reverse(LIST), {"action": action, "_selected_action": [block.pk]}, follow=True)


def test_moderator_blocks_and_lifts(desk, ada):
    answer = desk.post(reverse("admin:intake_block_add"), FORM, follow=True)
    assert answer.status_code == 200
    block = Block.objects.get()
    assert (block.value, block.blocked_by) == ("SEHBR2500101", f"moderator:{ada.username}")
    assert "a takedown" in desk.get(reverse(LIST)).content.decode()
    assert "1 lifted" in act(desk, "lift", block).content.decode()
    block.refresh_from_db()
    assert block.lifted_by == f"moderator:{ada.username}"


@pytest.mark.parametrize("changes", [{"value": "nonsense"}, {"reason": ""}, {"kind": "song"}], ids=str)
def test_what_cannot_be_blocked_is_told_beside_the_form(desk, changes):
    answer = desk.post(reverse("admin:intake_block_add"), FORM | changes)
    assert answer.status_code == 200
    assert "errornote" in answer.content.decode()
    assert not Block.objects.exists()


def test_moderator_puts_live_releases_on_the_list_into_the_queue(desk, rung, analyser):
    live = delivered(a_label("Harbour Records"), "Low Tide", 1)
    run(rung)
    isrc = live.tracks.get().isrc
    desk.post(reverse("admin:intake_block_add"), FORM | {"value": isrc})
    assert "1 submissions heard of it" in act(desk, "reopen", Block.objects.get()).content.decode()
    live.refresh_from_db()
    assert live.state == State.IN_REVIEW


def test_stranger_blocks_nothing(client):
    assert client.post(reverse("admin:intake_block_add"), FORM).status_code == 302
    assert not Block.objects.exists()
