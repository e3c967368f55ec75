"""A closer look at one recording's lines, asked for by a person: a picture of them, and whether its speed was changed.

Both decode the file once more, in a child of their own that is shut in (``lattice_work``).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from checks.analysis import known_samples, sandbox_run
from checks.analysis.errors import AnalysisError

_WORK = "checks.analysis.artefact_worker"
#: Three minutes decode in half a second; this lets slow codecs and busy machines through.
_CPU_SECONDS, _MEMORY_BYTES = 20, 1 << 30
#: How an answer begins, and a refusal with its reason.
OK, REFUSED = b"+", b"-"


class Unreadable(ValueError):
    """There is nothing to look at, and why."""


def plot_file_artefacts(path: Path, *, dark: bool = False) -> bytes:
    """A PNG of a file's lines. Raises Unreadable."""
    return _run_artefact_work("dark_picture_of" if dark else "picture_of", path)


def analyse_speed_explanation(path: Path) -> dict[str, Any]:
    """Whether a file has lines at a rate that another speed explains: what was found, as JSON. Raises Unreadable."""
    answer: dict[str, Any] = json.loads(_run_artefact_work("speed_of", path))
    return answer


def _run_artefact_work(work: str, path: Path) -> bytes:
    with path.open("rb") as file:
        try:
            said = sandbox_run.run_sandboxed(
                f"{_WORK}:{work}",
                file,
                known_samples.SOUNDS["wav"],
                cpu_seconds=_CPU_SECONDS,
                memory_bytes=_MEMORY_BYTES,
            )
        except sandbox_run.Ended as error:
            raise Unreadable(f"the decoder ended: {error}") from error
        except AnalysisError as error:
            raise Unreadable(f"the gate cannot measure it at the moment: {error}") from error
    if said[:1] != OK:
        raise Unreadable(said[1:200].decode(errors="replace"))
    return said[1:]
