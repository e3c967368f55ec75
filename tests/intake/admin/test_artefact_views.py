"""Acoustic traces at the desk: a picture and a test, for moderators, on record, and with no effect on anything."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from django.test import Client
from django.urls import reverse
from PIL import Image

from checks.analysis import facts_to_json
from checks.analysis.artefact_lines import FEATURE_VERSION
from checks.model.release import LatticeFacts
from intake.demo import sounds
from intake.models import Analysis, CheckRun, Event, Finding, Resource, SpeedTest, Viewing
from intake.models.leased_work import Status
from tests.checks.analysis import decoders
from tests.intake.admin.desk_rows import in_review
from tests.intake.factories import a_blob, facts_of

pytestmark = pytest.mark.django_db

KIND = "codec at 24 kHz, 75 frames a second"
CLEAR = LatticeFacts(
    FEATURE_VERSION, True, seconds=12.0, lower_hz=4000.0, upper_hz=11_800.0, z=21.0, rate_hz=75.0, strength="strong",
    rates=((75.0, 21.0),), bands=(9.0, 9.0, 9.0), segments=(9.0, 9.0), ppm=3.0, low_high_ratio=0.5, holes_z=-0.5,
)  # fmt: skip


@pytest.fixture(scope="module")
def bytes_of_a_decoder(tmp_path_factory):
    rate = decoders.STRIDES[KIND][0]
    sound = decoders.under(decoders.music(rate, 12), decoders.decoded(KIND, 12), 3)
    faster = np.interp(np.arange(0, len(sound) - 1, 1.02), np.arange(len(sound)), sound).astype(np.float32)
    return sounds.encode_demo_audio(faster, rate, tmp_path_factory.mktemp("sound") / "a.flac").read_bytes()


@pytest.fixture
def sound(ada, bytes_of_a_decoder):
    return with_bytes(bytes_of_a_decoder, CLEAR)


def with_bytes(content, lattice) -> Resource:
    resource = in_review().resources.filter(kind=Resource.Kind.AUDIO).first()
    resource.blob = a_blob(content)
    resource.save()
    facts = facts_to_json(facts_of(resource.blob.pk, lattice=lattice))
    Analysis.objects.update_or_create(
        blob=resource.blob, defaults={"name": resource.name, "status": Status.DONE, "version": 3, "facts": facts}
    )
    return resource


def picture(client, resource, **query):
    return client.get(reverse("admin:intake_submission_traces", args=[resource.submission_id, resource.pk]), query)


def ask_speed(client, resource, **headers):
    address = reverse("admin:intake_submission_speed", args=[resource.submission_id, resource.pk])
    return client.post(address, headers=headers)


def page(client, resource) -> str:
    return client.get(reverse("admin:intake_submission_change", args=[resource.submission_id])).content.decode()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_moderator_sees_the_picture_and_the_look_is_on_record(desk, sound, theme):
    response = picture(desk, sound, theme=theme)
    assert response.status_code == 200
    assert Image.open(io.BytesIO(response.content)).size == (1000, 460)
    assert response["Content-Type"] == "image/png"
    assert response["Cache-Control"].startswith("private, no-store")
    (viewing,) = Viewing.objects.all()
    assert viewing.actor == "moderator:ada"
    assert "traces" in viewing.what


def test_page_shows_the_traces_in_words_with_their_innocent_causes(desk, sound):
    shown = page(desk, sound)
    assert "Acoustic traces of synthesis" in shown
    assert "The rate that stands out most is 75 Hz with z 21.0 (strong)" in shown
    assert "Innocent causes" in shown
    assert "No AI evidence found" not in shown
    assert reverse("admin:intake_submission_traces", args=[sound.submission_id, sound.pk]) in shown
    assert "Test for speed change" in shown


def test_absence_is_not_shown_as_proof(desk, ada):
    nothing = LatticeFacts(FEATURE_VERSION, True, z=1.5, rate_hz=75.0, strength="none", bands=(1.0,), segments=(1.0,))
    shown = page(desk, with_bytes(b"x", nothing))
    assert "none found" in shown
    assert "that proves nothing" in shown
    assert "No AI evidence found. That proves nothing about how it was made." in shown
    assert "human-made" not in shown
    short = page(desk, with_bytes(b"y", LatticeFacts(FEATURE_VERSION, False, "too_short")))
    assert "not assessed (too short)" in short


def test_a_changed_speed_is_found_on_demand_kept_and_routes_nothing(desk, sound):
    before = (Event.objects.count(), Finding.objects.count(), CheckRun.objects.count(), sound.submission.state)
    answer = ask_speed(desk, sound, accept="application/json").json()
    assert answer["found"]
    assert any(item["speed"] == pytest.approx(1.02, abs=5e-4) for item in answer["readings"])
    assert "one in five" in answer["warning"]
    kept = SpeedTest.objects.get()
    assert (kept.sha256, kept.asked_by, kept.answer) == (sound.blob_id, "moderator:ada", answer)
    sound.submission.refresh_from_db()
    assert (Event.objects.count(), Finding.objects.count(), CheckRun.objects.count(), sound.submission.state) == before
    shown = page(desk, sound)
    assert answer["words"] in shown
    assert "one in five" in shown


def test_a_plain_form_comes_back_to_the_page(desk, sound):
    response = ask_speed(desk, sound)
    assert response.status_code == 302
    assert response["Location"] == reverse("admin:intake_submission_change", args=[sound.submission_id])


def test_strangers_and_readers_see_and_do_nothing(sound, django_user_model):
    stranger = Client()
    assert picture(stranger, sound).status_code == 302
    assert ask_speed(stranger, sound).status_code == 302
    reader = Client()
    reader.force_login(django_user_model.objects.create_user("clerk", password="x", is_staff=True))
    assert picture(reader, sound).status_code == 403
    assert ask_speed(reader, sound).status_code == 403
    assert not SpeedTest.objects.exists()
    assert not Viewing.objects.exists()


def test_a_test_is_no_link(desk, sound):
    assert desk.get(reverse("admin:intake_submission_speed", args=[sound.submission_id, sound.pk])).status_code == 405


def test_what_cannot_be_looked_at_is_told(desk, ada):
    resource = with_bytes(b"no audio at all", CLEAR)
    assert picture(desk, resource).status_code == 404
    answer = ask_speed(desk, resource, accept="application/json")
    assert (answer.status_code, answer.json()) == (422, {"error": "not_audio"})
    assert not SpeedTest.objects.exists()


def test_nothing_is_looked_at_where_traces_are_off(desk, sound, settings, tmp_path):
    text = Path(settings.GATE_POLICY).read_text(encoding="utf-8")
    path = tmp_path / "off.toml"
    path.write_text(text.replace('lattice = "note"', 'lattice = "off"'), encoding="utf-8")
    settings.GATE_POLICY = path
    assert picture(desk, sound).status_code == 404
    assert ask_speed(desk, sound).status_code == 404


def test_a_cover_has_no_traces(desk, sound):
    cover = sound.submission.resources.get(kind=Resource.Kind.COVER)
    assert picture(desk, cover).status_code == 404
