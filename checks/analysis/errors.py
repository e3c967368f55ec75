"""Failures of our own: what the operator must repair, never a property of the file that was being measured.

What is wrong with a file is a value (``AudioFacts.error``, ``ImageFacts.error``); these are exceptions. Nothing may be
stored about a file, and no finding made of it, where one of them was raised.
"""

from __future__ import annotations


class AnalysisError(RuntimeError):
    """The analysis failed, and not because of what the file holds. The message is for the operator."""


class AnalysisUnavailable(AnalysisError):
    """Nothing of this kind can be measured on this host until it is repaired.

    The sandbox does not start, or a sample that the project made itself fails as well. Work waits and is repeated.
    """


class AnalysisFailed(AnalysisError):
    """Our own code fails on this file, although it measures a known sample as it should: a defect to be reported."""


#: Of a cause that is stored and shown. It may come from a process that a file has taken over.
_MAX_CAUSE = 300


def cause_of(traceback: str) -> str:
    """Return the exception with its message, from the end of a traceback; of any other text the last line."""
    lines = [line.strip() for line in traceback.splitlines() if line.strip()]
    return "".join(letter for letter in lines[-1] if letter.isprintable())[:_MAX_CAUSE] if lines else ""
