"""How many webhooks may be under way at a time: to one endpoint, to those of one owner, and to all that are failing.

A receiver that hangs occupies a thread of the courier until the deadline. It is not known beforehand which one will, so
the limit is on the owner: whatever a label does with its endpoints, it occupies its own share and no other owner waits.
"""

from __future__ import annotations

import uuid
from collections import Counter

from django.db.models import QuerySet

from intake.models import Delivery, Endpoint, Label, Partner

#: Attempts at a time to one endpoint. A receiver that takes half a second for each webhook gets four a second.
ENDPOINT_AT_ONCE = 2
#: Attempts at a time to all endpoints of one label or partner: an eighth of the courier's 32 threads.
OWNER_AT_ONCE = 4
#: Of these, attempts to endpoints with a failed last attempt, one each: the owner's other endpoints keep a share.
OWNER_FAILING_AT_ONCE = 2
#: Attempts at a time to failing endpoints of all owners: half of the courier's threads, the other half is for those
#: that work. It takes eight owners with hanging endpoints before a ninth has to wait for its turn.
FAILING_AT_ONCE = 16


def list_held_deliveries() -> QuerySet[Delivery]:
    """Deliveries that a worker is sending."""
    return Delivery.objects.filter(status=Delivery.Status.PENDING, lease_token__isnull=False)


def lock_owner(endpoint: Endpoint) -> None:
    """Keep others from counting the attempts of this endpoint's owner until the transaction ends."""
    owner = Label if endpoint.label_id else Partner
    owner._default_manager.select_for_update(no_key=True).filter(pk=endpoint.owner_id).values_list("pk").first()


class Slots:
    """The attempts that are under way as this is made, and which others may begin."""

    def __init__(self) -> None:
        self._by_endpoint: Counter[uuid.UUID] = Counter()
        self._by_owner: Counter[uuid.UUID] = Counter()
        self._failing_by_owner: Counter[uuid.UUID] = Counter()
        self._failing = 0
        needed = ("endpoint__label", "endpoint__partner", "endpoint__failing_since")
        for delivery in list_held_deliveries().select_related("endpoint").only(*needed):
            self._count(delivery.endpoint)

    def take(self, endpoint: Endpoint, wanted: int = 1) -> int:
        """Count up to ``wanted`` more attempts to an endpoint as under way; returns how many may begin."""
        free = min(wanted, self._free(endpoint))
        for _ in range(free):
            self._count(endpoint)
        return free

    def _free(self, endpoint: Endpoint) -> int:
        free = [
            ENDPOINT_AT_ONCE - self._by_endpoint[endpoint.pk],
            OWNER_AT_ONCE - self._by_owner[endpoint.owner_id],
        ]
        if endpoint.failing_since is not None:
            free += [
                1 - self._by_endpoint[endpoint.pk],
                OWNER_FAILING_AT_ONCE - self._failing_by_owner[endpoint.owner_id],
                FAILING_AT_ONCE - self._failing,
            ]
        return max(0, min(free))

    def _count(self, endpoint: Endpoint) -> None:
        self._by_endpoint[endpoint.pk] += 1
        self._by_owner[endpoint.owner_id] += 1
        if endpoint.failing_since is not None:
            self._failing_by_owner[endpoint.owner_id] += 1
            self._failing += 1
