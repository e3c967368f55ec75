"""One label never sees, guesses or changes another label's things. Every address of the API is tried."""

import re
import uuid

import pytest
from django.urls import get_resolver

from intake.api.base_views import GateView
from intake.models import (
    ArtistKey,
    Authorisation,
    Block,
    Delivery,
    Endpoint,
    KnownRecording,
    Label,
    ProtectedArtist,
    ProtectedName,
    Submission,
)
from intake.services.catalogue import known_recordings
from intake.services.registry import protected_artists
from intake.services.review import blocklist
from tests.intake.api.conftest import stored
from tests.intake.factories import a_document, a_submission, facts_of

pytestmark = pytest.mark.django_db


def addresses():
    """Every address behind a key, from the URL conf: (route, method)."""
    for pattern in get_resolver().url_patterns:
        for inner in getattr(pattern, "url_patterns", [pattern]):
            view = getattr(inner.callback, "view_class", None)
            if view is not None and issubclass(view, GateView):
                yield from ((str(inner.pattern), method) for method in view().allowed_methods if method != "OPTIONS")


#: Addresses of one thing: how the other label asks for it. Whose thing does not exist for it: 404.
BY_ID = {
    ("api/v1/submissions/<uuid:pk>", "GET"): "submission",
    ("api/v1/submissions/<uuid:pk>/files/<str:name>", "PUT"): "submission",
    ("api/v1/submissions/<uuid:pk>/files/<str:name>", "POST"): "submission",
    ("api/v1/submissions/<uuid:pk>/files/<str:name>", "HEAD"): "submission",
    ("api/v1/submissions/<uuid:pk>/files/<str:name>", "PATCH"): "submission",
    ("api/v1/submissions/<uuid:pk>/files/<str:name>", "DELETE"): "submission",
    ("api/v1/submissions/<uuid:pk>/submit", "POST"): "submission",
    ("api/v1/submissions/<uuid:pk>/withdraw", "POST"): "submission",
    ("api/v1/submissions/<uuid:pk>/appeal", "GET"): "submission",
    ("api/v1/submissions/<uuid:pk>/appeal", "POST"): "submission",
    ("api/v1/submissions/<uuid:pk>/accept-partial", "POST"): "submission",
    ("api/v1/submissions/<uuid:pk>/findings", "GET"): "submission",
    ("api/v1/submissions/<uuid:pk>/events", "GET"): "submission",
    ("api/v1/submissions/<uuid:pk>/disclosure", "GET"): "submission",
    ("api/v1/submissions/<uuid:pk>/disclosure", "PUT"): "submission",
    ("api/v1/submissions/<uuid:pk>/disclosure/confirm", "POST"): "submission",
    ("api/v1/submissions/<uuid:pk>/ern", "GET"): "submission",
    ("api/v1/submissions/<uuid:pk>/marked-files", "GET"): "submission",
    ("api/v1/submissions/<uuid:pk>/marked-files/<str:name>", "GET"): "submission",
    ("api/v1/webhook-endpoints/<uuid:pk>", "GET"): "endpoint",
    ("api/v1/webhook-endpoints/<uuid:pk>", "PATCH"): "endpoint",
    ("api/v1/webhook-endpoints/<uuid:pk>", "DELETE"): "endpoint",
    ("api/v1/webhook-endpoints/<uuid:pk>/rotate-secret", "POST"): "endpoint",
    ("api/v1/webhook-endpoints/<uuid:pk>/test", "POST"): "endpoint",
    ("api/v1/webhook-endpoints/<uuid:pk>/deliveries", "GET"): "endpoint",
    ("api/v1/deliveries/<uuid:pk>/replay", "POST"): "delivery",
    ("api/v1/known-recordings/<int:pk>", "GET"): "recording",
    ("api/v1/known-recordings/<int:pk>", "DELETE"): "recording",
    ("api/v1/blocklist/<uuid:pk>", "DELETE"): "block",
    ("api/v1/protected-artists/<uuid:pk>", "PATCH"): "artist",
    ("api/v1/protected-artists/<uuid:pk>", "DELETE"): "artist",
    ("api/v1/protected-artists/<uuid:pk>/keys", "POST"): "artist",
    ("api/v1/protected-artists/<uuid:pk>/keys/<uuid:key>", "DELETE"): "artist",
}
#: Lists of a label's own things: another's are not among them.
LISTS = {
    ("api/v1/submissions", "GET"),
    ("api/v1/events", "GET"),
    ("api/v1/webhook-endpoints", "GET"),
    ("api/v1/known-recordings", "GET"),
    ("api/v1/blocklist", "GET"),
}
#: Addresses that name nothing of anybody, with the test that shows what they do tell.
ABOUT_NOTHING = {
    ("api/v1/ddex/ern", "POST"): "test_ddex.py::test_message_id_of_another_label_is_free",
    ("api/v1/submissions", "POST"): "test_deliver.py::test_nobody_supersedes_what_is_anothers",
    ("api/v1/validate", "POST"): "test_validate.py::test_what_another_label_delivered_is_not_told",
    ("api/v1/webhook-endpoints", "POST"): "test_endpoints.py",
    ("api/v1/protected-artists/<uuid:pk>", "GET"): "test_artists.py::test_registry_does_not_say_who_may_use_a_name",
    ("api/v1/protected-artists", "GET"): "test_artists.py::test_registry_does_not_say_who_may_use_a_name",
    ("api/v1/known-recordings", "POST"): "test_catalogue.py::test_somebody_elses_entry_is_not_opened",
    ("api/v1/blocklist", "POST"): "test_catalogue.py::test_label_blocks_a_recording_that_it_has_made_known",
    ("api/v1/protected-artists", "POST"): "test_artists.py::test_guarded_name_is_not_opened_to_the_next_who_asks",
}


def test_every_address_has_a_case():
    assert set(addresses()) == {*BY_ID, *LISTS, *ABOUT_NOTHING}


@pytest.fixture
def things(label):
    """One of each, of the label that is not asking."""
    submission = a_submission(label, a_document())
    endpoint = Endpoint.objects.create(
        label=label, url="https://example.org/x", types=["endpoint.test"], secret="whsec_"
    )
    delivery = Delivery.objects.create(endpoint=endpoint, type="endpoint.test", body="{}", status="failed")
    artist, _ = protected_artists.protect_artist("Nora Castellane", labels=[label])
    key, _ = protected_artists.issue_artist_key(artist, label)
    recording, _ = known_recordings.learn_recording(facts_of("aa"), title="Low Tide", owner=label.name, label=label)
    block, _ = blocklist.add_block("isrc", "SEABC2600001", "stolen", label.actor, label=label)
    return {"submission": submission, "endpoint": endpoint, "delivery": delivery, "artist": artist, "key": key,
            "recording": recording, "block": block}  # fmt: skip


KINDS = (
    Submission, Endpoint, Delivery, ProtectedArtist, ProtectedName, Authorisation, ArtistKey, KnownRecording, Block,
)  # fmt: skip


def standing():
    """Everything that somebody could have changed."""
    rows = [list(kind.objects.order_by("pk").values()) for kind in KINDS]
    return rows, stored()


def ask(who, case, pk):
    route, method = case
    path = "/" + re.sub(r"<(uuid|int):pk>", str(pk), route).replace("<str:name>", "01.flac")
    path = path.replace("<uuid:key>", str(ArtistKey.objects.get().pk))
    body = {"data": b"x", "content_type": "application/octet-stream"} if method == "PUT" else {"json": {}}
    return who.call(method, path, **(body if method in ("PUT", "PATCH") or route.endswith("/appeal") else {}))


def telling(answer):
    """What of an answer could tell one thing from another."""
    document = answer.json() if answer.content else {}  # HEAD has no body
    body = {key: value for key, value in document.items() if key not in ("instance", "request_id")}
    volatile = {"X-Request-Id", "RateLimit"}
    return answer.status_code, body, {k: v for k, v in answer.headers.items() if k not in volatile}


@pytest.mark.parametrize("case", sorted(BY_ID), ids=" ".join)
def test_anothers_thing_looks_like_no_thing_at_all(case, things, stranger):
    before = standing()
    theirs = ask(stranger, case, things[BY_ID[case]].pk)
    assert theirs.status_code == 404
    nothing = ask(stranger, case, 10**9 if "<int:pk>" in case[0] else uuid.uuid4())
    assert telling(theirs)[:2] == telling(nothing)[:2]
    assert set(theirs.headers) == set(nothing.headers)
    assert standing() == before


@pytest.mark.parametrize("case", sorted(BY_ID), ids=" ".join)
def test_own_thing_is_there(case, things, caller):
    assert ask(caller, case, things[BY_ID[case]].pk).status_code != 404


@pytest.mark.parametrize("case", sorted(LISTS), ids=" ".join)
def test_anothers_things_are_in_no_list(case, things, stranger, caller):
    path = "/" + case[0]
    assert stranger.get(path).json()["results"] == []
    assert len(caller.get(path).json()["results"]) == 1


def test_filters_find_nothing_of_anothers(things, stranger):
    submission = things["submission"]
    isrc = submission.tracks.get().isrc
    for query in (f"upc={submission.upc}", f"isrc={isrc}", "state=received"):
        assert stranger.get(f"submissions?{query}").json()["results"] == []


def test_event_of_anothers_is_a_place_to_begin_at_and_nothing_more(things, stranger):
    event = things["submission"].events.get()
    assert stranger.get(f"events?after={event.pk}").json()["results"] == []


def test_deleted_endpoint_is_gone(things, caller):
    endpoint = things["endpoint"]
    path = f"webhook-endpoints/{endpoint.pk}"
    assert caller.call("DELETE", path).status_code == 204
    assert caller.get(path).status_code == caller.get(f"{path}/deliveries").status_code == 404
    assert caller.post(f"deliveries/{things['delivery'].pk}/replay").status_code == 404


def test_registry_is_everybodys_who_keeps_the_catalogue(stranger, label):
    protected_artists.protect_artist("Nora Castellane", labels=[Label.objects.get(pk=label.pk)])
    assert ProtectedArtist.objects.count() == 1
    assert stranger.get("protected-artists").json()["results"][0]["yours"] is False
