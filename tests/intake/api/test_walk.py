"""The walk in the guide for labels: a messy release in, findings, mended, accepted. The page says what happens."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from intake.core import document_schema
from tests.intake.api.conftest import post_release
from tests.intake.factories import a_document

pytestmark = pytest.mark.django_db

PAGE = Path(__file__).parents[3] / "docs" / "labels.md"


def told(part: str) -> str:
    """The block of the page that follows a mark."""
    found = re.search(rf"<!-- walk: {part} -->\n```\w+\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert found, part
    return found[1]


def messy() -> dict[str, Any]:
    """A good release with the fields of the page."""
    fields = json.loads(told("messy"))
    document = a_document()
    (track,) = fields.pop("tracks")
    document["release"].update(fields)
    document["release"]["tracks"][0].update(track)
    return document


def changed(mended: dict[str, Any], document: dict[str, Any]) -> dict[str, Any]:
    """The fields that are otherwise after mending, as the page shows them: without what is null."""
    was, now = document_schema.parse_document(document)["release"], dict(mended)
    (before,), (after,) = was.pop("tracks"), now.pop("tracks")
    fields = {key: value for key, value in now.items() if was[key] != value}
    fields["tracks"] = [{key: value for key, value in after.items() if before[key] != value}]
    shown: dict[str, Any] = json.loads(json.dumps(fields), object_hook=_given)
    return shown


def _given(values: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}


def test_label_walks_from_a_messy_release_to_an_accepted_one(caller) -> None:
    document = messy()
    first = caller.post("validate", json=document).json()
    assert first["blocking"] is True
    assert sorted({entry["code"] for entry in first["findings"]}) == told("findings").split()

    mended = caller.post("validate?apply=safe", json=document).json()
    assert (mended["blocking"], mended["findings"]) == (False, [])
    assert set(mended["applied"]) <= {item["code"] for item in first["findings"]}
    assert changed(mended["release"], document) == json.loads(told("mended"))

    again = caller.post("validate?apply=safe", json=document | {"release": mended["release"]}).json()
    assert (again["release"], again["applied"]) == (mended["release"], [])

    assert post_release(caller, document | {"release": mended["release"]}).status_code == 202
