"""What docs/api.md says is what the gate does."""

import json
import re
from pathlib import Path

import pytest
from django.urls import Resolver404, resolve

from intake.api import problems
from intake.core import document_schema

GUIDE = (Path(__file__).parents[3] / "docs" / "api.md").read_text()


def test_every_kind_of_problem_is_in_the_guide_as_it_is():
    table = re.findall(r"^\| `(/problems/[a-z-]+)` \| (\d+) \| (.+) \|$", GUIDE, re.M)
    assert table == [(kind.type, str(kind.status), kind.title) for kind in problems.KINDS]


def test_every_kind_of_problem_has_a_type_of_its_own():
    assert len({kind.type for kind in problems.KINDS}) == len(problems.KINDS)
    kinds = {value for value in vars(problems).values() if isinstance(value, problems.Kind)}
    assert kinds == set(problems.KINDS)


def test_every_code_of_the_shape_is_in_the_guide_as_it_is():
    table = re.findall(r"^\| `(metadata\.[a-z_]+)` \| (.+) \|$", GUIDE, re.M)
    assert table == [(code.id, code.rule) for code in document_schema.CODES]


def test_document_in_the_guide_is_taken():
    document = json.loads(re.search(r"```json\n(.+?)```", GUIDE, re.S)[1])
    document["files"]["01.flac"]["sha256"] = "0" * 64
    assert document_schema.parse_document(document)["release"]["title"] == "Low Tide"


@pytest.mark.parametrize("address", sorted(set(re.findall(r"\$GATE(/[^\s\"?]+)", GUIDE))))
def test_every_address_in_the_guide_exists(address):
    path = re.sub(r"\$[A-Z_]+", "01890a5d-ac96-774b-bcce-b302099a8057", address)
    try:
        resolve(path)
    except Resolver404:
        pytest.fail(f"{address} is no address of the gate")
