"""When it appears: dates that can be, in an order that can be, with time enough."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator

from checks.model.check import Context
from checks.model.finding import Finding
from checks.model.release import Delivery
from checks.rules.metadata.code_factories import blocking_code, warning_code
from checks.rules.metadata.text_normalisation import fold_text, list_title_asides, make_printable

RELEASE_MISSING = blocking_code(
    "date.release_missing", "Every release has a release date.", "partners' delivery guides"
)
IMPOSSIBLE = blocking_code("date.impossible", "No date lies before the first recording of sound.", "our inference")
ORIGINAL_AFTER_RELEASE = blocking_code(
    "date.original_after_release",
    "The original release date is not later than the release date.",
    "DDEX (OriginalReleaseDateLaterThanReleaseDate)",
)
PREORDER_ORDER = blocking_code("date.preorder_order", "Pre-orders begin before the release date.", "our inference")
SHORT_LEAD = warning_code(
    "date.short_lead",
    "A release is delivered at least five days before it appears.",
    "Spotify metadata guide",
)
ORIGINAL_BY_TYPE = warning_code(
    "date.original_by_type",
    "A remaster has the original release date of its recording; a remix or a karaoke or instrumental version its own.",
    "Apple Music style guide 5.1",
)

CODES = (ORIGINAL_BY_TYPE, RELEASE_MISSING, IMPOSSIBLE, ORIGINAL_AFTER_RELEASE, PREORDER_ORDER, SHORT_LEAD)

_REMASTER = re.compile(r"\bremaster(?:ed)?\b")
_NEW_RECORDING = re.compile(r"\b(?:remix|karaoke|instrumental)\b")

#: "Au clair de la lune" on Scott's phonautograph, the oldest recording that can be played.
EARLIEST_YEAR = 1860

#: Spotify's guide asks for so many days before a release.
LEAD_DAYS = 5


def check_dates_possible(delivery: Delivery, context: Context) -> Iterator[Finding]:
    """There is a release date, and every date lies in the time of recordings."""
    release = delivery.release
    if release.release_date is None:
        yield Finding(RELEASE_MISSING, release.subject, "This release has no release date.")
    for name, date in (
        ("release", release.release_date),
        ("original release", release.original_release_date),
        ("pre-order", release.preorder_date),
    ):
        if date and date.year < EARLIEST_YEAR:
            yield Finding(
                IMPOSSIBLE,
                release.subject,
                f"The {name} date is {date.isoformat()}.",
                measured=date.isoformat(),
                threshold=EARLIEST_YEAR,
            )


def check_date_order(delivery: Delivery, context: Context) -> Iterator[Finding]:
    """Original release, pre-order and release follow each other."""
    release = delivery.release
    date, original, preorder = release.release_date, release.original_release_date, release.preorder_date
    if date and original and original > date:
        yield Finding(
            ORIGINAL_AFTER_RELEASE,
            release.subject,
            f"The original release date {original.isoformat()} is later than the release date {date.isoformat()}.",
            measured=original.isoformat(),
            threshold=date.isoformat(),
            fix="Leave the original release date out if the music has not appeared before.",
        )
    if date and preorder and preorder >= date:
        yield Finding(
            PREORDER_ORDER,
            release.subject,
            f"Pre-orders would begin on {preorder.isoformat()}, but the release date is {date.isoformat()}.",
            measured=preorder.isoformat(),
            threshold=date.isoformat(),
        )


def check_lead_time(delivery: Delivery, context: Context) -> Iterator[Finding]:
    """Partners need some days; what is out already may be delivered all the same."""
    release = delivery.release
    if release.release_date is None:
        return
    days = (release.release_date - delivery.received).days
    if days < LEAD_DAYS:
        when = f"{days} days away" if days > 1 else "tomorrow" if days == 1 else "today" if days == 0 else "in the past"
        yield Finding(
            SHORT_LEAD,
            release.subject,
            f"The release date {release.release_date.isoformat()} is {when}; partners may show it later.",
            measured=days,
            threshold=LEAD_DAYS,
            fix=_suggest_later_date(delivery.received),
        )


def _suggest_later_date(received: dt.date) -> str | None:
    if received > dt.date.max - dt.timedelta(days=LEAD_DAYS):
        return None
    return f"For a new release, choose {(received + dt.timedelta(days=LEAD_DAYS)).isoformat()} or later."


def original_by_type(delivery: Delivery, context: Context) -> Iterator[Finding]:
    """Whether the original date is that of this recording or of another one."""
    release = delivery.release
    said = [fold_text(aside) for aside in list_title_asides(release)]
    if len(release.tracks) == 1:
        said += [fold_text(aside) for aside in list_title_asides(release.tracks[0])]
    original = release.original_release_date
    if original is None and any(_REMASTER.search(aside) for aside in said):
        yield Finding(
            ORIGINAL_BY_TYPE,
            release.subject,
            "This is a remaster, and the original release date is missing.",
            fix="Add the date on which the recording first appeared.",
        )
    elif original and release.p_line and original.year < release.p_line.year and any(map(_NEW_RECORDING.search, said)):
        yield Finding(
            ORIGINAL_BY_TYPE,
            release.subject,
            f"The original release date {original.isoformat()} lies before the ℗ year of this version.",
            measured=original.isoformat(),
            threshold=make_printable(str(release.p_line.year)),
            fix="Leave out the date of the other version; this one has its own.",
        )


RULES = (check_dates_possible, check_date_order, check_lead_time, original_by_type)
