"""What tests of submissions share."""

import pytest
from django.conf import settings

from intake import reference
from tests.intake.factories import FakeAnalyser


@pytest.fixture
def analyser(monkeypatch: pytest.MonkeyPatch) -> FakeAnalyser:
    """Stands in for the decoder: the tests here are about what follows from facts."""
    fake = FakeAnalyser()
    monkeypatch.setattr("intake.services.checking.default_analyser", lambda: fake)
    return fake


@pytest.fixture(autouse=True)
def own_index(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test starts with an empty fingerprint index and an empty storage."""
    monkeypatch.setattr(settings, "GATE_INDEX", tmp_path / "index")
    reference._open.cache_clear()
