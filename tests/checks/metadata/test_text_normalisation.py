"""How names and titles are read."""

from __future__ import annotations

import pytest

from checks.rules.metadata.identifiers import ipi_is_valid, isni_is_valid, iswc_is_valid, list_upc_spellings
from checks.rules.metadata.text_normalisation import fold_text, is_blank, list_title_asides, split_aside, without_unseen
from tests.checks.builders import a_track


@pytest.mark.parametrize(
    ("one", "other"), [("Mara", "MARA"), ("Ｍａｒａ", "Mara"), ("Mara  L", " mara l"), ("Straße", "STRASSE")]
)
def test_spellings_of_one_name_are_equal(one: str, other: str) -> None:
    assert fold_text(one) == fold_text(other)


@pytest.mark.parametrize(("one", "other"), [("Mara", "Márа"), ("A-ha", "Aha"), ("The The", "The")])
def test_other_names_stay_other(one: str, other: str) -> None:
    assert fold_text(one) != fold_text(other)


@pytest.mark.parametrize("text", [None, "", " \t", "\u3164", "\u2800", "\u200b\u200b", "\x00"])
def test_nothing_to_see_is_blank(text: str | None) -> None:
    assert is_blank(text)


@pytest.mark.parametrize(
    ("title", "parts"),
    [
        ("Low Tide (Live)", ("Low Tide", "Live")),
        ("Low Tide [Live] ", ("Low Tide", "Live")),
        ("Low - Tide - Live", ("Low - Tide", "Live")),
        ("Low Tide (A) (B)", ("Low Tide (A)", "B")),
        ("Low Tide (Live) Again", None),
        ("(Live)", None),
        ("Low-Tide", None),
        ("Low Tide )", None),
    ],
)
def test_title_is_split_from_what_is_said_beside_it(title: str, parts: tuple[str, str] | None) -> None:
    assert split_aside(title) == parts


def test_everything_said_beside_a_title_is_heard() -> None:
    track = a_track(title="Low Tide (Live) [Mono] - Remaster", version="Radio Edit")
    assert list_title_asides(track) == ["Live", "Mono", "Remaster", "Radio Edit"]


def test_what_cannot_be_seen_is_taken_out_and_what_must_stay_stays() -> None:
    assert without_unseen("می\u200cخواهم\u200b\nx") == "می\u200cخواهم x"


def test_check_digits_of_people_and_works() -> None:
    # From public registries: an ISNI, IPI name numbers, and the ISWC that ISO 15707 gives as its example.
    assert isni_is_valid("0000000121032683")
    assert ipi_is_valid("00014107338")
    assert ipi_is_valid("00052210040")
    assert iswc_is_valid("T-034.524.680-1")
    assert not any(iswc_is_valid(f"T034524680{digit}") for digit in "023456789")
    assert not any(ipi_is_valid(f"000141073{check:02}") for check in range(100) if check != 38)


def test_a_upc_is_the_same_with_leading_zeros() -> None:
    assert list_upc_spellings("036000291452") == ("036000291452", "0036000291452", "00036000291452")
    assert list_upc_spellings("4006381333931") == ("4006381333931", "04006381333931")
    assert list_upc_spellings("14006381333938") == ("14006381333938",)
