"""What tests of submissions share. Imports wait for the fixtures: this file is read before Django is set up."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone

if TYPE_CHECKING:
    from tests.intake.factories import FakeAnalyser


@pytest.fixture
def analyser(monkeypatch: pytest.MonkeyPatch) -> FakeAnalyser:
    """Stands in for the decoder: the tests here are about what follows from facts."""
    from tests.intake.factories import FakeAnalyser

    fake = FakeAnalyser()
    monkeypatch.setattr("intake.services.checking.pipeline.default_analyser", lambda: fake)
    return fake


@pytest.fixture(autouse=True)
def _own_index(tmp_path: Path, settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test starts with an empty fingerprint index."""
    from intake.readers import check_context

    settings.GATE_INDEX = tmp_path / "index"
    check_context._open_cached_store.cache_clear()


@dataclass
class Clock:
    """The wall clock, as far off as a test wants."""

    off: dt.timedelta = dt.timedelta()

    def forward(self, **by: float) -> None:
        self.off += dt.timedelta(**by)

    def back(self, **by: float) -> None:
        self.off -= dt.timedelta(**by)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made, true_now = Clock(), timezone.now
    monkeypatch.setattr(timezone, "now", lambda: true_now() + made.off)
    return made
