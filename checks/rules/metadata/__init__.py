"""Two checks that read what the label says about its release: its identifiers, and all the rest."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain

from checks.model.check import Check, Context
from checks.model.finding import Finding
from checks.model.release import Delivery
from checks.rules.metadata import (
    artist_names,
    credits,
    dates,
    identifiers,
    languages,
    release_structure,
    rights,
    seo_titles,
    title_redundancy,
    title_style,
    titles,
)

#: The subjects of the metadata check, in the order a label reads them.
SUBJECTS = (
    release_structure,
    titles,
    title_redundancy,
    title_style,
    seo_titles,
    artist_names,
    credits,
    rights,
    dates,
    languages,
)

Rule = Callable[[Delivery, Context], Iterator[Finding]]


def _combine_rules(rules: tuple[Rule, ...]) -> Rule:
    def run(delivery: Delivery, context: Context) -> Iterator[Finding]:
        return chain.from_iterable(rule(delivery, context) for rule in rules)

    return run


IDENTIFIERS = Check(
    name="identifiers",
    version=2,
    title="Identifiers",
    codes=identifiers.CODES,
    run=_combine_rules(identifiers.RULES),
)

METADATA = Check(
    name="metadata",
    version=4,
    title="Metadata and rights",
    codes=tuple(chain.from_iterable(subject.CODES for subject in SUBJECTS)),
    run=_combine_rules(tuple(chain.from_iterable(subject.RULES for subject in SUBJECTS))),
    hears_declaration=True,
)
