"""Send one message for each piece of work, and note in its row that it was sent."""

from __future__ import annotations

from typing import TypeVar

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from intake.core import enqueue
from intake.models.leased_work import Enqueued

Row = TypeVar("Row", bound=Enqueued)


def send_work_messages(task: str, rows: QuerySet[Row]) -> int:
    """Enqueue a task for each of these rows for which none was enqueued yet; returns how many.

    Of several processes that do this at once, one sends the message: the rows are locked, and noted as enqueued in the
    same transaction. A process that dies between its commit and the message leaves a row that the sweep finds.
    """
    with transaction.atomic():
        fresh = rows.filter(rung_at__isnull=True).select_for_update(of=("self",))
        keys = [row.pk for row in fresh.order_by("pk").only("pk")]
        if keys:
            rows.model._default_manager.filter(pk__in=keys).update(rung_at=timezone.now(), enqueue_count=0)
        for key in keys:
            enqueue.enqueue_task(task, str(key))
    return len(keys)
