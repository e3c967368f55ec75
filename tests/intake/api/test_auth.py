"""A key opens what its scopes name, and nothing else opens anything."""

import datetime as dt

import pytest
from django.utils import timezone

from intake.models import ApiKey
from intake.services.people import accounts
from tests.intake.api.conftest import Caller, a_caller

pytestmark = pytest.mark.django_db


def refused(key):
    answer = Caller(key).get("submissions")
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="gate"'
    assert answer.json()["type"] == "/problems/key-missing"


def test_nobody_comes_in_without_a_key(label):
    refused(None)


@pytest.mark.parametrize(
    "made_up", ["x", "rig_", "rig__", "rig_0000000000_secret", "r\u00e9g_a_b", "a b", "a\0b", "x" * 5000]
)
def test_made_up_key_opens_nothing(label, made_up):
    refused(made_up)


def test_key_opens_only_whole(label):
    key = accounts.issue_key(label, ("submissions",))
    assert Caller(key).get("submissions").status_code == 200
    refused(key[:-1])
    refused(key.replace("rig_", "gir_"))


@pytest.mark.parametrize("scheme", ["Basic", "Token", ""])
def test_other_schemes_open_nothing(label, scheme):
    caller = Caller(None)
    key = accounts.issue_key(label, ("submissions",))
    assert caller.get("submissions", headers={"Authorization": f"{scheme} {key}"}).status_code == 401


def test_scheme_may_be_written_as_one_likes(label):
    key = accounts.issue_key(label, ("submissions",))
    assert Caller(None).get("submissions", headers={"Authorization": f"bearer {key}"}).status_code == 200


def test_revoked_and_expired_keys_open_nothing(label):
    key = accounts.issue_key(label, ("submissions",))
    accounts.revoke_api_key(ApiKey.objects.get(prefix=key.split("_")[1]))
    refused(key)
    refused(accounts.issue_key(label, ("submissions",), timezone.now() - dt.timedelta(seconds=1)))


def test_key_opens_what_its_scopes_name(label):
    reader = a_caller(label, "submissions")
    assert reader.get("submissions").status_code == 200
    for path in ("webhook-endpoints", "protected-artists"):
        answer = reader.get(path)
        assert (answer.status_code, answer.json()["type"]) == (403, "/problems/forbidden")
    assert a_caller(label, "catalogue").get("submissions").status_code == 403


def test_old_key_stays_while_a_label_rotates(label):
    first, second = accounts.issue_key(label, ("submissions",)), accounts.issue_key(label, ("submissions",))
    assert Caller(first).get("submissions").status_code == Caller(second).get("submissions").status_code == 200


def test_view_that_names_no_scope_is_closed(label, rf):
    from intake.api.base_views import GateView

    class Forgotten(GateView):
        def get(self, request):
            raise AssertionError("nobody gets here")

    key = accounts.issue_key(label, accounts.SCOPES)
    assert (
        Forgotten.as_view()(rf.get("/api/v1/forgotten", headers={"Authorization": f"Bearer {key}"})).status_code == 403
    )
