"""What a message is sent for: only a new release is taken in, and its deals must not have ended."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator

from intake.ddex.parse_context import Gathering
from intake.ddex.tracked_xml import Node

#: How XML Schema writes a boolean that is true.
_TRUE = ("true", "1")
#: What ``MessageControlType`` and ``UpdateIndicator`` may say of a delivery that is taken in.
_DELIVERIES = ("LiveMessage", "TestMessage")
_ORIGINAL = "OriginalMessage"


def check_message_purpose(get: Gathering, root: Node) -> None:
    """Report a message that changes or removes an earlier delivery, whichever version of ERN says so."""
    header = root.one("MessageHeader")
    for owner in filter(None, (root, header)):
        for node in owner.all("UpdateIndicator"):
            if (value := node.text()) != _ORIGINAL:
                _refuse_update(get, node, value)
    for node in header.all("MessageControlType") if header else ():
        if (value := node.text()) not in _DELIVERIES:
            _refuse_update(get, node, value)
    for element in root.tree.root.iter("{*}TakeDown"):
        node = Node(root.tree, (element,))
        if (node.text() or "").lower() in _TRUE:
            message = "The deal has TakeDown: the message removes a release instead of delivering one."
            get.fault("ddex.takedown", message, node, "TakeDown")


def _refuse_update(get: Gathering, node: Node, value: str | None) -> None:
    message = (
        f"{node.name} is '{(value or '')[:80]}': the message changes an earlier delivery, and updates are not taken."
    )
    get.fault("ddex.update", message, node, value)


def has_deal_ended(deal: Node, now: dt.datetime) -> bool:
    """Whether every period of every one of the deal's terms is over. A deal without an end has not ended."""
    terms = deal.all("DealTerms")
    return bool(terms) and all(terms_ended(term, now) for term in terms)


def terms_ended(terms: Node, now: dt.datetime) -> bool:
    """Whether all periods of these terms are over. The day of an end date still counts, as DDEX has it."""
    periods = terms.all("ValidityPeriod")
    return bool(periods) and all(_is_over(period, now) for period in periods)


def _is_over(period: Node, now: dt.datetime) -> bool:
    node = period.one("EndDateTime", "EndDate")
    moment = _parse_end_moment(node.text() or "") if node else None
    return moment is not None and moment <= now


def _parse_end_moment(text: str) -> dt.datetime | None:
    """When a period is over: at a moment (UTC where no zone is named), or at the end of a day. None if unreadable."""
    try:
        if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(Z|[+-][0-9]{2}:[0-9]{2})?", text, re.ASCII):
            day = dt.datetime.combine(dt.date.fromisoformat(text[:10]), dt.time(), dt.UTC)
            # The last place on earth where it is still that day is twelve hours behind UTC.
            return day + dt.timedelta(days=1, hours=12)
        moment = dt.datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)


def check_deals(get: Gathering, own: list[Node], every: list[Node], now: dt.datetime) -> None:
    """Report a release with no current deal: ``own`` are the release's deals, ``every`` those of the message."""
    for deals in (own, every):
        if deals and all(has_deal_ended(deal, now) for deal in deals):
            place = next(_iterate_deal_terms(deals))
            message = f"All deals have ended ({place.text()}): there is nothing to deliver."
            get.fault("ddex.deals_ended", message, place, place.text())
            return


def _iterate_deal_terms(deals: list[Node]) -> Iterator[Node]:
    for deal in deals:
        for terms in deal.all("DealTerms"):
            for period in terms.all("ValidityPeriod"):
                if (node := period.one("EndDateTime", "EndDate")) is not None:
                    yield node
