"""Keys can be added, rotated without a gap, and closed."""

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from intake.models import ApiKey
from intake.services.people import accounts

pytestmark = pytest.mark.django_db


def ask(*arguments: str) -> dict[str, Any]:
    out = StringIO()
    call_command("api_key", *arguments, "--json", stdout=out)
    return json.loads(out.getvalue())


def test_an_operator_rotates_a_key_without_a_gap():
    _, old = accounts.create_label("Harbour Records")
    new = ask("issue", "Harbour Records")["api_key"]
    assert accounts.authenticate_api_key(old)
    assert accounts.authenticate_api_key(new)
    closed = ask("revoke", old)["keys"][0]
    assert closed["usable"] is False
    assert accounts.authenticate_api_key(old) is None
    assert accounts.authenticate_api_key(new)
    assert [item["usable"] for item in ask("list")["keys"]] == [False, True]


def test_an_operator_chooses_scopes_and_an_end():
    accounts.create_label("Harbour Records")
    made = ask("issue", "Harbour Records", "--scope", "catalogue", "--days", "3")["keys"][0]
    assert made["scopes"] == ["catalogue"]
    assert made["expires_at"]


@pytest.mark.parametrize(
    "arguments", [("issue", "Nobody"), ("revoke", "abc"), ("issue", "Harbour Records", "--days", "0")]
)
def test_an_operator_who_asks_for_what_is_not_there_is_told(arguments: tuple[str, ...]):
    accounts.create_label("Harbour Records")
    with pytest.raises(CommandError):
        ask(*arguments)
    assert ApiKey.objects.count() == 1
