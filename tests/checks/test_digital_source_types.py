"""What digital source types say about machines."""

import tomllib
from importlib import resources

import pytest

from checks.model.digital_source_types import Meaning, find_source_meaning, find_strongest_meaning, load_source_types

IPTC = "http://cv.iptc.org/newscodes/digitalsourcetype/"


@pytest.mark.parametrize(
    ("source_type", "means"),
    [
        ("trainedAlgorithmicMedia", Meaning.GENERATED),
        ("compositeWithTrainedAlgorithmicMedia", Meaning.PART),
        ("algorithmicMedia", Meaning.ASK),
        ("algorithmicallyEnhanced", Meaning.ASK),
        ("compositeSynthetic", Meaning.ASK),
        ("digitalCapture", Meaning.SILENT),
        ("digitalCreation", Meaning.SILENT),
        ("humanEdits", Meaning.SILENT),
        ("composite", Meaning.SILENT),
        ("compositeCapture", Meaning.SILENT),
        ("somethingNobodyHasSeen", Meaning.ASK),
    ],
)
def test_a_type_means_the_same_by_name_and_by_address(source_type: str, means: Meaning) -> None:
    assert (
        find_source_meaning(source_type)
        is find_source_meaning(IPTC + source_type)
        is find_source_meaning(f"{IPTC}{source_type}/")
        is means
    )


def test_the_strongest_statement_counts() -> None:
    assert find_strongest_meaning(()) is None
    assert find_strongest_meaning(["digitalCapture"]) is Meaning.SILENT
    assert find_strongest_meaning(["digitalCapture", "algorithmicMedia"]) is Meaning.ASK
    assert (
        find_strongest_meaning(["composite", IPTC + "compositeWithTrainedAlgorithmicMedia", "algorithmicMedia"])
        is Meaning.PART
    )
    assert (
        find_strongest_meaning(["trainedAlgorithmicMedia", "compositeWithTrainedAlgorithmicMedia"]) is Meaning.GENERATED
    )


def test_nothing_means_that_people_made_it() -> None:
    assert {item.value for item in Meaning} == {"silent", "ask", "part", "generated"}


def test_every_row_is_dated_and_has_a_source() -> None:
    rows = tomllib.loads(
        resources.files("checks").joinpath("data/digital_source_types.toml").read_text(encoding="utf-8")
    )["type"]
    assert len({row["type"] for row in rows}) == len(rows) == len(load_source_types())
    for row in rows:
        assert row["date"] >= "2026"
        assert len(row["source"]) > 20
