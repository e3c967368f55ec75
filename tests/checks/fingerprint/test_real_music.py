"""Real recordings: their copies are found, and nothing is taken for what it is not. Skips where there is no music."""

from pathlib import Path

import pytest

from benchmarks import real_music
from benchmarks.real_music import Answer, Pair

#: Beside the files that stand in pairs, every so-many-th of the others: the benchmark takes them all.
EVERY = 4

MUSIC = real_music.folder()
pytestmark = pytest.mark.skipif(MUSIC is None, reason="no music (GATE_MUSIC)")


@pytest.fixture(scope="module")
def known() -> list[Pair]:
    assert MUSIC
    return real_music.pairs(MUSIC)


@pytest.fixture(scope="module")
def answers(known: list[Pair], tmp_path_factory: pytest.TempPathFactory) -> list[Answer]:
    assert MUSIC
    paired = {name for pair in known for name in (pair.copy, pair.original)}
    others = [name for name in real_music.files(MUSIC) if name not in paired]
    prints = real_music.fingerprints(MUSIC, sorted(paired) + others[::EVERY])
    store = real_music.LocalStore(Path(tmp_path_factory.mktemp("music")) / "index", flush=5)
    return real_music.ask(store, prints, known)


def test_catalogue_finds_copies_and_nothing_else(answers: list[Answer], known: list[Pair]):
    assert real_music.faults(answers, known) == []


def test_copy_is_found_from_its_first_second_to_its_last(answers: list[Answer], known: list[Pair]):
    by_file = {answer.file: answer.found for answer in answers}
    for pair in known:
        if pair.match:
            comparison = by_file[pair.copy][pair.original]
            assert comparison.bit_error_rate < 0.05
            assert comparison.coverage > 0.98
            assert comparison.segments[0].start == pytest.approx(comparison.segments[0].reference_start, abs=0.3)
