"""Whoever keeps the catalogue guards artists' names, and gives out the keys that open them."""

import re

import pytest

from checks.model.name_matching import search_keys
from intake.models import (
    ArtistIdentifier,
    ArtistKey,
    Authorisation,
    IdempotencyKey,
    NameKey,
    ProtectedArtist,
    ProtectedName,
)
from intake.readers.protected_names import Names
from intake.services.registry import protected_artists
from tests.intake.api.conftest import a_caller

pytestmark = pytest.mark.django_db

ISNI = "0000000121032683"


def known_as(name):
    return [Name.name for Name in Names().near_all([name]).get(name, ())]


@pytest.fixture
def artist(label):
    return protected_artists.protect_artist("Nora Castellane", ["N. Castellane"], [label], vouched_by=label.actor)[0]


def test_label_guards_a_name_with_its_aliases(caller, label):
    answer = caller.post("protected-artists", json={"name": "Nora Castellane", "aliases": ["N. Castellane"]})
    assert answer.status_code == 201
    assert (answer.json()["aliases"], answer.json()["yours"]) == (["N. Castellane"], True)
    assert answer.json()["authorised"]["vouched_by"] == label.actor
    assert ProtectedArtist.objects.get().may_deliver() == [label]
    assert known_as("Nora Castelane") == ["Nora Castellane"]


def test_label_tells_what_else_the_artist_is_called(caller):
    body = {
        "name": "Nora Castellane",
        "transliterations": ["Нора Кастеллан"],
        "identifiers": [{"scheme": "isni", "value": "0000 0001 2103 2683"}, {"scheme": "ipi", "value": "14107338"}],
    }
    said = caller.post("protected-artists", json=body).json()
    assert said["transliterations"] == ["Нора Кастеллан"]
    assert said["identifiers"] == [
        {"scheme": "isni", "value": ISNI},
        {"scheme": "ipi", "value": "00014107338"},
    ]
    assert caller.get(f"protected-artists/{said['id']}").json() == said


@pytest.mark.parametrize(
    ("scheme", "value"),
    [("isni", ISNI[:-1] + "4"), ("ipi", "00014107339"), ("ipi", "x"), ("No Scheme", "1"), ("s", " ")],
)
def test_identifier_that_cannot_be_one_is_refused(caller, scheme, value):
    body = {"name": "Nora", "identifiers": [{"scheme": scheme, "value": value}]}
    answer = caller.post("protected-artists", json=body)
    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/artist-refused")
    assert (ProtectedArtist.objects.count(), ArtistIdentifier.objects.count()) == (0, 0)


def test_guarded_name_is_not_opened_to_the_next_who_asks(caller, stranger, label):
    caller.post("protected-artists", json={"name": "Nora Castellane"})
    answer = stranger.post("protected-artists", json={"name": "Nora Castellane", "aliases": ["Nora C"]})
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/exists")
    artist = ProtectedArtist.objects.get()
    assert artist.may_deliver() == [label]
    assert [name.name for name in artist.protected_names.all()] == ["Nora Castellane"]


def test_registry_does_not_say_who_may_use_a_name(caller, stranger, artist):
    protected_artists.issue_artist_key(artist, "operator")
    for answer in (stranger.get("protected-artists"), stranger.get(f"protected-artists/{artist.pk}")):
        shown = answer.json().get("results", [answer.json()])[0]
        assert (shown["yours"], shown["authorised"], shown["keys"]) == (False, None, [])
        assert "Harbour" not in answer.content.decode()


@pytest.mark.parametrize(
    "wrong",
    [
        {}, [], {"name": ""}, {"name": " "}, {"name": None}, {"name": "x" * 201}, {"name": "a\0b"},
        {"name": "A", "aliases": [""]}, {"name": "A", "aliases": "B"}, {"name": "A", "mine": True},
        {"name": "A", "identifiers": [{"scheme": "isni"}]}, {"name": "A", "transliterations": [1]},
    ],
)  # fmt: skip
def test_wrong_name_is_refused(caller, wrong):
    assert caller.post("protected-artists", json=wrong).status_code == 422
    assert ProtectedArtist.objects.count() == 0


@pytest.mark.parametrize("name", ["Nora\u200bCastellane", "\u202eNora", "\u3164", "Nora\x00", "N\u00adora", "\u2800"])
def test_name_that_cannot_be_seen_is_refused_and_nothing_is_kept(caller, name):
    assert caller.post("protected-artists", json={"name": name}).status_code == 422
    assert caller.post("protected-artists", json={"name": "Nora", "aliases": [name]}).status_code == 422
    assert not ProtectedArtist.objects.exists()


def test_name_in_a_script_that_needs_its_joiners_is_kept(caller):
    assert caller.post("protected-artists", json={"name": "می\u200cخواهم", "aliases": ["!!!"]}).status_code == 201


def test_key_without_the_scope_guards_nothing(label):
    caller = a_caller(label, "submissions", "webhooks")
    assert caller.post("protected-artists", json={"name": "Nora Castellane"}).status_code == 403
    assert ProtectedArtist.objects.count() == 0


def test_label_changes_what_it_gives_and_nothing_else(caller, artist):
    said = caller.call("PATCH", f"protected-artists/{artist.pk}", json={"aliases": ["Norah"]}).json()
    assert (said["name"], said["aliases"]) == ("Nora Castellane", ["Norah"])
    assert (known_as("Norah"), known_as("N. Castellane")) == (["Norah"], [])
    said = caller.call("PATCH", f"protected-artists/{artist.pk}", json={"name": "Nora Vale"}).json()
    assert (said["name"], said["aliases"]) == ("Nora Vale", ["Norah"])
    assert known_as("Nora Castellane") == []
    assert NameKey.objects.count() == len(search_keys("Nora Vale")) + len(search_keys("Norah"))


def test_label_cannot_take_anothers_name_by_a_change(caller, artist):
    protected_artists.protect_artist("Mara Lindqvist")
    before = list(ProtectedName.objects.order_by("pk").values())
    answer = caller.call("PATCH", f"protected-artists/{artist.pk}", json={"name": "Mara Lindqvist"})
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/exists")
    assert list(ProtectedName.objects.order_by("pk").values()) == before


def test_retired_artist_is_free_and_its_past_stays(caller, artist):
    _, secret = protected_artists.issue_artist_key(artist, "operator")
    assert caller.call("DELETE", f"protected-artists/{artist.pk}").status_code == 204
    assert caller.get(f"protected-artists/{artist.pk}").status_code == 404
    assert caller.get("protected-artists").json()["results"] == []
    assert (known_as("Nora Castellane"), NameKey.objects.count()) == ([], 0)
    assert Names().opened_by(secret) is None
    ended = Authorisation.objects.get()
    assert (ended.vouched_by, ended.ended_by) == ("label:Harbour Records", "label:Harbour Records")
    assert caller.post("protected-artists", json={"name": "Nora Castellane"}).status_code == 201


def test_key_is_shown_once_and_kept_nowhere(caller, artist):
    answer = caller.post(f"protected-artists/{artist.pk}/keys", headers={"Idempotency-Key": "k1"})
    assert answer.status_code == 201
    key = answer.json()["key"]
    assert re.fullmatch(r"rak_[0-9a-f]{10}_[\w-]{43}", key)
    assert Names().opened_by(key).artist == str(artist.pk)
    again = caller.post(f"protected-artists/{artist.pk}/keys", headers={"Idempotency-Key": "k1"})
    assert (again.status_code, again.headers["Idempotency-Replayed"]) == (201, "true")
    assert again.json() == {**answer.json(), "key": None}
    secret = key.split("_", 2)[2]
    assert secret not in caller.get(f"protected-artists/{artist.pk}").content.decode()
    assert secret not in bytes(IdempotencyKey.objects.get().body).decode()
    assert secret not in str(list(ArtistKey.objects.values()))


def test_label_rotates_a_key_without_a_gap(caller, artist):
    old = caller.post(f"protected-artists/{artist.pk}/keys").json()
    new = caller.post(f"protected-artists/{artist.pk}/keys").json()
    assert Names().opened_by(old["key"])
    assert Names().opened_by(new["key"])
    assert caller.call("DELETE", f"protected-artists/{artist.pk}/keys/{old['id']}").status_code == 204
    assert Names().opened_by(old["key"]) is None
    assert Names().opened_by(new["key"])
    shown = caller.get(f"protected-artists/{artist.pk}").json()["keys"]
    assert {item["prefix"]: item["revoked_at"] is None for item in shown} == {old["prefix"]: False, new["prefix"]: True}


def test_keys_of_one_artist_come_to_an_end(caller, artist, monkeypatch):
    monkeypatch.setattr(protected_artists, "MOST_KEYS", 1)
    assert caller.post(f"protected-artists/{artist.pk}/keys").status_code == 201
    answer = caller.post(f"protected-artists/{artist.pk}/keys")
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/keys-exhausted")
    assert ArtistKey.objects.count() == 1


def test_key_of_another_artist_is_not_revoked_through_ones_own(caller, artist):
    other, _ = protected_artists.protect_artist("Mara Lindqvist")
    key, _ = protected_artists.issue_artist_key(other, "operator")
    assert caller.call("DELETE", f"protected-artists/{artist.pk}/keys/{key.pk}").status_code == 404
    key.refresh_from_db()
    assert key.revoked_at is None
