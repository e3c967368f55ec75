"""From an audio file to everything measured about it: decoded once, in a child process that is shut in."""

from __future__ import annotations

import atexit
import functools

from checks.analysis.analyser import Analyser, SandboxError
from checks.analysis.chromaprint import backend as fingerprint_backend
from checks.analysis.confine import Level
from checks.analysis.facts import ANALYSIS_VERSION, Failure, Note, facts_from_json, facts_to_json

__all__ = [
    "ANALYSIS_VERSION",
    "Analyser",
    "Failure",
    "Level",
    "Note",
    "SandboxError",
    "default_analyser",
    "facts_from_json",
    "facts_to_json",
    "fingerprint_backend",
    "sandbox_level",
    "self_test",
]


@functools.cache
def default_analyser() -> Analyser:
    """This process's own analyser, started with the first file; a fork of this process starts one of its own."""
    analyser = Analyser()
    atexit.register(analyser.close)
    return analyser


def sandbox_level() -> Level:
    """How well this machine shuts the child in; see ``Level``. Production wants ``Level.SYSCALLS`` or better."""
    return default_analyser().probe()[0]


def self_test() -> list[tuple[str, bool, str]]:
    """What a shut-in child tried in order to get out: (what is refused, whether it was, what happened)."""
    return default_analyser().probe()[1]
