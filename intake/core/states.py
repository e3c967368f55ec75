"""Where a submission can stand, and what may follow what."""

from enum import StrEnum
from types import MappingProxyType


class State(StrEnum):
    """Where the submission stands."""

    DRAFT = "draft"
    RECEIVED = "received"
    CHECKING = "checking"
    APPROVED = "approved"
    LABELLED = "labelled"
    IN_REVIEW = "in_review"
    REJECTED = "rejected"
    RETURNED = "returned"
    WITHDRAWN = "withdrawn"


#: A correction is a new submission with ``supersedes``; nothing walks backwards.
TRANSITIONS = MappingProxyType(
    {
        State.DRAFT: frozenset({State.RECEIVED, State.WITHDRAWN}),
        State.RECEIVED: frozenset({State.CHECKING, State.WITHDRAWN}),
        State.CHECKING: frozenset({State.APPROVED, State.LABELLED, State.IN_REVIEW, State.WITHDRAWN}),
        State.IN_REVIEW: frozenset({State.APPROVED, State.LABELLED, State.REJECTED, State.RETURNED, State.WITHDRAWN}),
        State.APPROVED: frozenset({State.IN_REVIEW}),
        State.LABELLED: frozenset({State.IN_REVIEW}),
        State.REJECTED: frozenset({State.IN_REVIEW}),
        State.RETURNED: frozenset(),
        State.WITHDRAWN: frozenset(),
    }
)

#: Cleared for delivery to partners.
CLEARED = frozenset({State.APPROVED, State.LABELLED})

#: Reopening is its own event: partners must hear that a clearance is suspended.
REOPENING = frozenset({State.APPROVED, State.LABELLED, State.REJECTED})

#: Taken back or refused: it stands for no release, and is compared with none.
REFUSED = frozenset({State.WITHDRAWN, State.REJECTED, State.RETURNED})

#: A moderator may take a decision back for a moment, before webhooks are sent: then it is in review as before.
#: That is no way of the table: it leads back to where the submission stood, with an event of its own.
UNDOING = frozenset({State.APPROVED, State.LABELLED, State.REJECTED, State.RETURNED})
