"""One warm child for all tests of this folder: starting it is the slow part."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from checks.analysis import Analyser
from checks.model.release import AudioFacts

Measure = Callable[[Path], AudioFacts]


@pytest.fixture(scope="session")
def analyser() -> Iterator[Analyser]:
    with Analyser() as shared:
        yield shared


@pytest.fixture
def measure(analyser: Analyser) -> Measure:
    return lambda path: analyser.analyse(path, "ab" * 32, name=path.name)
