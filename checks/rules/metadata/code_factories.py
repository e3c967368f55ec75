"""The four grades of a rule: what is refused, what a person looks at, what is pointed out, what is only noted."""

from __future__ import annotations

from checks.model.finding import Code, Route, Severity


def blocking_code(code: str, rule: str, source: str) -> Code:
    """Wrong whatever the context: only for what can be known for certain from the metadata alone."""
    return Code(code, rule, Severity.CRITICAL, Route.BLOCK, source)


def reviewing_code(code: str, rule: str, source: str) -> Code:
    """Often wrong, sometimes right: a person must look."""
    return Code(code, rule, Severity.WARNING, Route.REVIEW, source)


def warning_code(code: str, rule: str, source: str) -> Code:
    """Passes; the label is told, because partners may change or refuse it."""
    return Code(code, rule, Severity.WARNING, Route.PASS, source)


def information_code(code: str, rule: str, source: str) -> Code:
    """Passes; good to know."""
    return Code(code, rule, Severity.INFORMATION, Route.PASS, source)
