"""An operator lets labels and partners in, and guards names."""

import pytest

from intake.models import ApiKey, Endpoint, Label, NameKey, Partner, ProtectedArtist
from intake.readers.webhook_payloads import PARTNER_TYPES
from intake.services.people import accounts
from tests.intake.commands.console import command

URL = "https://hooks.example/in"

pytestmark = pytest.mark.django_db


def test_operator_creates_a_label_whose_key_opens():
    made = command("create_label", "Harbour Records", "--json")
    key = accounts.authenticate_api_key(made.json["api_key"])
    assert made.code == 0
    assert key.label == Label.objects.get(name="Harbour Records", pk=made.json["id"])
    assert tuple(key.scopes) == accounts.LABEL_SCOPES
    assert made.json["api_key"] not in str(ApiKey.objects.values())  # shown once, and kept nowhere


def test_operator_chooses_what_a_key_may_do():
    made = command("create_label", "Harbour Records", "--scope", "catalogue", "--scope", "submissions")
    assert ApiKey.objects.get().scopes == ["catalogue", "submissions"]
    assert "rig_" in made.out


@pytest.mark.parametrize("words", [["Harbour Records"], [" "], ["x" * 201], ["Other", "--scope", "everything"]])
def test_operator_is_refused_a_label_that_cannot_be(words):
    Label.objects.create(name="Harbour Records")
    refused = command("create_label", *words, "--json")
    assert refused.code == 1
    assert refused.out == ""
    assert (Label.objects.count(), ApiKey.objects.count()) == (1, 0)


def test_operator_creates_a_partner_that_hears_what_concerns_it():
    made = command("create_partner", "streamer", "--url", URL, "--profile", "spotify", "--json").json
    partner, endpoint = Partner.objects.get(), Endpoint.objects.get()
    assert (partner.slug, partner.profile) == ("streamer", "spotify")
    assert (endpoint.partner, endpoint.url, made["webhook_secret"]) == (partner, URL, endpoint.secret)
    assert set(endpoint.types) == set(made["endpoint"]["types"]) == set(PARTNER_TYPES)
    assert accounts.authenticate_api_key(made["api_key"]).partner == partner


def test_operator_chooses_a_partner_s_events():
    said = command("create_partner", "streamer", "--url", URL, "--type", "submission.approved")
    endpoint = Endpoint.objects.get()
    assert endpoint.types == ["submission.approved"]
    assert endpoint.secret in said.out


@pytest.mark.parametrize(
    "words",
    [
        ["streamer", "--url", "http://hooks.example/"],
        ["streamer", "--url", "https://169.254.169.254/"],
        ["streamer", "--url", URL, "--profile", "nowhere"],
        ["not a slug", "--url", URL],
        ["taken", "--url", URL],
        ["streamer", "--url", URL, "--type", "submission.exploded"],
    ],
)
def test_operator_is_refused_a_partner_that_cannot_be(words, settings):
    settings.GATE_WEBHOOKS_ALLOW_LOCAL = False
    Partner.objects.create(slug="taken")
    refused = command("create_partner", *words, "--json")
    assert refused.code == 1
    assert refused.out == ""
    assert (Partner.objects.count(), Endpoint.objects.count(), ApiKey.objects.count()) == (1, 0, 0)


def test_operator_guards_a_name_and_adds_to_it():
    label = Label.objects.create(name="Harbour Records")
    first = command("protect", "Nora Castellane", "--alias", "N. Castellane", "--json").json
    again = command("protect", "Nora Castellane", "--alias", "Nora C.", "--label", "Harbour Records", "--json").json
    artist = ProtectedArtist.objects.get()
    assert (first["created"], again["created"]) == (True, False)
    assert again["names"] == ["Nora Castellane", "N. Castellane", "Nora C."]
    assert again["labels"] == ["Harbour Records"]
    assert artist.may_deliver() == [label]
    assert NameKey.objects.filter(name__artist=artist).exists()
    assert "Nora C." in command("protect", "Nora Castellane").out


@pytest.mark.parametrize("words", [["Nora", "--label", "nobody"], [""], ["Nora", "--alias", " "], ["x" * 201]])
def test_operator_is_refused_a_name_that_cannot_be_guarded(words):
    assert command("protect", *words).code == 1
    assert not ProtectedArtist.objects.exists()
