"""Whoever keeps the catalogue guards artists' names."""

import pytest

from intake.models import NameKey, ProtectedArtist
from tests.intake.api.conftest import a_caller

pytestmark = pytest.mark.django_db


def test_label_guards_a_name_with_its_aliases(caller, label):
    answer = caller.post("protected-artists", json={"name": "Nora Castellane", "aliases": ["N. Castellane"]})
    assert answer.status_code == 201
    assert (answer.json()["aliases"], answer.json()["yours"]) == (["N. Castellane"], True)
    artist = ProtectedArtist.objects.get()
    assert list(artist.labels.all()) == [label]
    assert NameKey.objects.filter(name__artist=artist).exists()


def test_guarded_name_is_not_opened_to_the_next_who_asks(caller, stranger, label):
    caller.post("protected-artists", json={"name": "Nora Castellane"})
    answer = stranger.post("protected-artists", json={"name": "Nora Castellane", "aliases": ["Nora C"]})
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/exists")
    artist = ProtectedArtist.objects.get()
    assert list(artist.labels.all()) == [label]
    assert [one.name for one in artist.protected_names.all()] == ["Nora Castellane"]


def test_registry_does_not_say_who_may_use_a_name(caller, stranger):
    caller.post("protected-artists", json={"name": "Nora Castellane"})
    answer = stranger.get("protected-artists")
    assert answer.json()["results"][0]["yours"] is False
    assert "Harbour" not in answer.content.decode()


@pytest.mark.parametrize(
    "wrong",
    [
        {}, [], {"name": ""}, {"name": " "}, {"name": None}, {"name": "x" * 201}, {"name": "a\0b"},
        {"name": "A", "aliases": [""]}, {"name": "A", "aliases": "B"}, {"name": "A", "mine": True},
    ],
)  # fmt: skip
def test_wrong_name_is_refused(caller, wrong):
    assert caller.post("protected-artists", json=wrong).status_code == 422
    assert ProtectedArtist.objects.count() == 0


def test_key_without_the_scope_guards_nothing(label):
    caller = a_caller(label, "submissions", "webhooks")
    assert caller.post("protected-artists", json={"name": "Nora Castellane"}).status_code == 403
    assert ProtectedArtist.objects.count() == 0
