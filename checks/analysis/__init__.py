"""From an audio file to everything measured about it: decoded once, in a sandboxed child process.

Importing this package loads no decoder: a process with broken decoders still starts, and can say so.
"""

from __future__ import annotations

import atexit
import functools

from checks.analysis.analyser import Analyser
from checks.analysis.errors import AnalysisError, AnalysisFailed, AnalysisUnavailable
from checks.analysis.facts_json import ANALYSIS_VERSION, Failure, Note, facts_from_json, facts_to_json
from checks.analysis.sandbox import Level, demand_isolation

__all__ = [
    "ANALYSIS_VERSION",
    "Analyser",
    "AnalysisError",
    "AnalysisFailed",
    "AnalysisUnavailable",
    "Failure",
    "Level",
    "Note",
    "default_analyser",
    "demand_isolation",
    "facts_from_json",
    "facts_to_json",
    "fingerprint_backend",
]


@functools.cache
def default_analyser() -> Analyser:
    """This process's own analyser, started with the first file; a fork of this process starts one of its own."""
    analyser = Analyser()
    atexit.register(analyser.close)
    return analyser


def fingerprint_backend() -> str:
    """Which implementation of Chromaprint is used here, with its version."""
    from checks.fingerprint import chromaprint

    return chromaprint.describe_backend()
