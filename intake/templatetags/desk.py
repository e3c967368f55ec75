"""How times, levels and codes are written at the desk."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

from django import template
from django.utils import timezone

from intake.admin import evidence_format
from intake.admin.review_queue_page import SOON
from intake.core.reason_groups import code_in_words, family_of

register = template.Library()


@register.filter
def clock(seconds: Any) -> str:
    """Seconds as a player shows them, with tenths: 125.36 is 2:05.4."""
    return evidence_format.format_evidence_time(seconds) if isinstance(seconds, int | float) else "—"


@register.filter
def at(table: Any, key: Any) -> Any:
    """What a table has under a key that a template only knows as a variable; None where it has nothing."""
    return table.get(key) if isinstance(table, dict) else None


@register.filter
def left(due: dt.datetime | None) -> str:
    """How long until (or since) a moment, in its two largest units."""
    if due is None:
        return "no due date"
    gap = due - timezone.now()
    words = span(abs(gap))
    return f"{words} overdue" if gap < dt.timedelta() else f"{words} left"


@register.filter
def since(moment: dt.datetime | None) -> str:
    """How long ago."""
    return "—" if moment is None else f"{span(timezone.now() - moment)} ago"


@register.filter
def age(moment: dt.datetime | None) -> str:
    """For how long something has been, in its largest unit."""
    if moment is None:
        return "—"
    minutes = int((timezone.now() - moment).total_seconds() // 60)
    if minutes >= 2880:
        return f"{minutes // 1440} days"
    return f"{minutes // 60} h" if minutes >= 60 else f"{minutes} min"


@register.filter
def days(day: dt.date | None) -> str:
    """How far away a day is."""
    if day is None:
        return ""
    away = (day - timezone.now().date()).days
    if away == 0:
        return "today"
    if abs(away) > 365:
        return f"{abs(away) // 365} year{'s' if abs(away) >= 730 else ''} {'ago' if away < 0 else 'ahead'}"
    return f"in {away} day{'s' if away > 1 else ''}" if away > 0 else f"{-away} day{'s' if away < -1 else ''} ago"


@register.filter
def urgency(due: dt.datetime | None) -> str:
    """breach, soon or calm."""
    gap = (due - timezone.now()) if due else SOON
    return "breach" if gap < dt.timedelta() else "soon" if gap < SOON else "calm"


_DID = {"approve": "approved", "label": "labelled", "return": "returned", "reject": "rejected"}


@register.filter
def did(verdict: str) -> str:
    """What a verdict made of a release."""
    return _DID.get(str(verdict), str(verdict))


@register.filter
def khz(hz: Any) -> str:
    """A frequency as engineers say it."""
    return f"{hz / 1000:.1f} kHz" if isinstance(hz, int | float) else "—"


@register.filter
def nyquist(rate: Any) -> str:
    """The highest frequency that a sample rate carries."""
    return khz(rate / 2) if isinstance(rate, int | float) else "—"


@register.filter
def words(code: str) -> str:
    """A code as a short phrase."""
    return code_in_words(code)


@register.filter
def family_key(code: str) -> str:
    """The key of the family that a code belongs to."""
    return family_of(code).key


@register.filter
def plain(identifier: str) -> str:
    """An identifier of ours as words: ``lead_vocals`` is "lead vocals"."""
    return str(identifier).replace("_", " ")


@register.filter
def member(key: str) -> str:
    """A label's key without its group: ``ai:persona_artist`` is "persona artist"."""
    return plain(key.partition(":")[2])


@register.filter
def pretty(document: Any) -> str:
    """A document as indented JSON."""
    return json.dumps(document, indent=2, ensure_ascii=False)


def span(gap: dt.timedelta) -> str:
    """A stretch of time in its two largest units."""
    minutes = int(gap.total_seconds() // 60)
    days, hours = divmod(minutes // 60, 24)
    if days:
        return f"{days} d {hours} h"
    return f"{hours} h {minutes % 60} min" if hours else f"{minutes} min"


@register.filter
def unlocalized(number: float) -> str:
    """A coordinate, with a point whatever the reader's language, and no more digits than a screen has."""
    return f"{number:.2f}".rstrip("0").rstrip(".")


@register.filter
def percent(share: float) -> str:
    """A share from 0 to 1."""
    return f"{100 * share:.0f} %"


@register.filter
def waited(seconds: float | None) -> str:
    """How long a person waited, in its largest unit."""
    if seconds is None:
        return "—"
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
