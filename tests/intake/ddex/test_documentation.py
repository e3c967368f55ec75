"""Whoever reads the page about DDEX reads what the code does."""

from checks.docs_page import ROUTES
from intake.ddex.codes import CODES
from tests.intake.ddex.conftest import ROOT


def test_every_code_of_messages_is_documented_as_it_is():
    page = (ROOT / "docs" / "ddex.md").read_text()
    rows = [f"| `{item.id}` | {item.severity.value} | {ROUTES[item.route]} | {item.rule} |" for item in CODES]
    assert [row for row in page.splitlines() if row.startswith("| `ddex.")] == rows
