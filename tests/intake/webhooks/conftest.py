"""A partner and a label that listen.

Imports of rows wait for the fixtures: this file is read before Django is set up.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.intake.webhooks.receiver import Receiver, answer

if TYPE_CHECKING:
    from intake.models import Endpoint, Label, Partner

POLICY = """
version = "test"
[checks]
mandatory = ["metadata"]
[review]
hours = 24
release_lead_hours = 48
[profiles.default]
[profiles.human_only]
"ai:vocals=all" = "withhold"
"""


@pytest.fixture(autouse=True)
def _policy(tmp_path, settings) -> None:
    settings.GATE_POLICY = tmp_path / "policy.toml"
    settings.GATE_POLICY.write_text(POLICY)


@pytest.fixture(autouse=True)
def _no_leases_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    from intake.services.webhooks import webhook_delivery

    monkeypatch.setattr(webhook_delivery, "_watch", webhook_delivery.Watch())


@pytest.fixture
def label(db) -> Label:
    from intake.models import Label

    return Label.objects.create(name="Harbour Records")


@pytest.fixture
def partner(db) -> Partner:
    from intake.models import Partner

    return Partner.objects.create(slug="streamer")


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver([answer()]) as listening:
        yield listening


@pytest.fixture
def endpoint(label: Label, receiver: Receiver) -> Endpoint:
    """The label's own, subscribed to everything that happens to a submission."""
    from intake.readers import webhook_payloads
    from intake.services.webhooks import webhook_delivery

    types = [kind for kind in webhook_payloads.TYPES if kind.startswith("submission.")]
    return webhook_delivery.create_endpoint(label, receiver.url, types)
