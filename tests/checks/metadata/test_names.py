"""Famous names are odd, and real: none of them may stop a release."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import pytest

from checks.model.finding import Route
from checks.model.release import Release
from checks.rules.metadata import IDENTIFIERS, METADATA
from tests.checks.builders import a_context, a_contributor, a_delivery, a_release, a_track, an_artist

ROOT = Path(__file__).resolve().parents[3]
FOLDER = Path(os.environ.get("GATE_NAMES") or ROOT.parent / "shared" / "names")
LIST = FOLDER / "real_artists.csv"

#: Names that rules of thumb trip over, whether or not the list of famous artists is at hand.
ODD_NAMES = (
    "!!!", "*NSYNC", "A$AP Rocky", "AC/DC", "Beyoncé", "Björk", "Charli xcx", "Curren$y",
    "deadmau5", "Ke$ha", "k.d. lang", "M.I.A.", "Motörhead", "MGMT", "P!nk", "Salt-N-Pepa",
    "Sigur Rós", "Sleep", "SZA", "Sunn O)))", "t.A.T.u.", "The 1975", "The The",
    "Various Cruelties", "Yes", "will.i.am", "Ye", "10,000 Maniacs", "†††", "∆", "周杰倫", "방탄소년단",
    "Земфира", "فيروز", "עפרה חזה", "Ψ", "Ho99o9", "3OH!3", "blink-182", "Panic! at the Disco",
    "“Weird Al” Yankovic",
)  # fmt: skip
ODD_TITLES = (
    "4:44", "“Heroes”", "HUMBLE.", "ALL CAPS", "mad world", "!", "?", "÷", "=", "7", "99 Problems",
    "$$$", "Ms. Jackson", "Mr. Blue Sky", "The Cover of Rolling Stone", "Sounds Like a Melody",
    "Untitled", "Song 2", "Clean", "Tribute", "Out Now", "Money, Money, Money",
    "Eat, Sleep, Rave, Repeat", "Ft. Worth Blues", "Live and Let Die", "Paranoid Android",
    "(I Can't Get No) Satisfaction", "Who Are You?", "Love$ick", "50 Ways to Leave Your Lover",
    "#Selfie", "@ My Worst",
)  # fmt: skip


def stops(release: Release) -> set[str]:
    """The codes that would hold the release."""
    found = [f for check in (IDENTIFIERS, METADATA) for f in check.run(a_delivery(release), a_context())]
    return {f.code.id for f in found if f.code.route in (Route.REVIEW, Route.BLOCK)}


def by(name: str) -> Release:
    """An ordinary single by this artist, who also wrote and sang it."""
    return a_release(a_track(display_artists=(an_artist(name),), contributors=(a_contributor(name),)))


def stopped(names: list[str]) -> dict[str, set[str]]:
    return {name: codes for name in names if (codes := stops(by(name)))}


@pytest.mark.parametrize("name", ODD_NAMES)
def test_artist_with_an_odd_name_is_not_stopped(name: str) -> None:
    assert stops(by(name)) == set()


@pytest.mark.parametrize("title", ODD_TITLES)
def test_artist_with_an_odd_title_is_not_stopped(title: str) -> None:
    assert stops(a_release(a_track(title=title))) == set()


@pytest.mark.skipif(not LIST.exists(), reason="the list of famous names is not at hand (GATE_NAMES)")
def test_famous_artists_are_not_stopped() -> None:
    with LIST.open(encoding="utf-8", newline="") as file:
        names = [row["name"] for row in csv.DictReader(file)]
    assert len(names) > 200
    wrongly = stopped(names) | {f"title {n}": c for n in names if (c := stops(a_release(a_track(title=n))))}
    assert not wrongly, f"{len(wrongly)} of {2 * len(names)} ({len(wrongly) / len(names) / 2:.2%}) stopped: {wrongly}"
