"""What tests of submissions share. Imports wait for the fixtures: this file is read before Django is set up."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.intake.factories import FakeAnalyser


@pytest.fixture
def analyser(monkeypatch: pytest.MonkeyPatch) -> FakeAnalyser:
    """Stands in for the decoder: the tests here are about what follows from facts."""
    from tests.intake.factories import FakeAnalyser

    fake = FakeAnalyser()
    monkeypatch.setattr("intake.services.checking.default_analyser", lambda: fake)
    return fake


@pytest.fixture(autouse=True)
def _own_index(tmp_path: Path, settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test starts with an empty fingerprint index."""
    from intake import reference

    settings.GATE_INDEX = tmp_path / "index"
    reference._open.cache_clear()
