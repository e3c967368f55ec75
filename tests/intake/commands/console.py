"""Management commands as a script meets them: what they say, where, and with what they end."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from typing import Any

from django.core.management import CommandError, call_command

from checks.model.release import AudioFacts
from tests.intake.factories import FakeAnalyser


@dataclass
class Said:
    out: str
    err: str
    code: int

    @property
    def json(self) -> Any:
        """The one document on standard output."""
        return json.loads(self.out)


def command(*words: object) -> Said:
    """Run a command; an error ends it with its code, as ``manage.py`` would."""
    out, err, code = io.StringIO(), io.StringIO(), 0
    try:
        call_command(*map(str, words), stdout=out, stderr=err)
    except CommandError as error:
        code = error.returncode
        err.write(str(error))
    except SystemExit as ending:
        code = int(ending.code or 0)
    return Said(out.getvalue(), err.getvalue(), code)


class Analysers:
    """Stands in for the class of analysers: all that are made of it are one, which counts what it is asked."""

    def __init__(self, **changes: Any) -> None:
        self.fake = FakeAnalyser(**changes)
        self.closed = 0

    def __call__(self) -> Analysers:
        return self

    def analyse(self, path: Any, sha256: str, *, name: str | None = None, lattice: bool = True) -> AudioFacts:
        return self.fake.analyse(path, sha256, name=name, lattice=lattice)

    def close(self) -> None:
        self.closed += 1
