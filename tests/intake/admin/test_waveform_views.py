"""Pictures of what was delivered: for moderators only, kept by nobody on the way, every look on record."""

import base64

import numpy as np
import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

from intake.demo import sounds
from intake.models import Analysis, KnownRecording, Portrait, Resource, Viewing
from intake.services.provenance import waveforms
from tests.intake.admin.desk_rows import a_finding, in_review, measured
from tests.intake.factories import a_blob

pytestmark = pytest.mark.django_db

KINDS = {"waveform": "application/json", "spectrogram": "image/png", "spectrum": "image/svg+xml"}


@pytest.fixture
def audio(tmp_path):
    """A delivered recording that has a sound."""
    path = tmp_path / "01.flac"
    sounds.encode_demo_audio(sounds.compose_demo_piece(5, 8.0), 44100, path)
    submission = in_review()
    resource = submission.resources.get(kind=Resource.Kind.AUDIO)
    resource.blob = a_blob(path.read_bytes())
    resource.save()
    measured(submission, bandwidth_hz=16000.0, sample_rate=44100)
    return resource


def at(what, resource):
    return reverse(f"admin:intake_submission_{what}", args=[resource.submission_id, resource.pk])


@pytest.mark.parametrize("what", KINDS)
def test_a_picture_is_private_and_drawn_once(desk, audio, what, monkeypatch):
    answer = desk.get(at(what, audio))
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, KINDS[what])
    assert answer.headers["Cache-Control"].startswith("private, no-store")
    monkeypatch.setattr("checks.analysis.waveform.draw_waveform", None)  # a second drawing would fail
    assert desk.get(at(what, audio)).status_code == 200
    assert Portrait.objects.count() == 1


@pytest.mark.parametrize("what", KINDS)
def test_nobody_else_sees_it(audio, what):
    assert Client().get(at(what, audio)).status_code == 302
    somebody = Client()
    somebody.force_login(User.objects.create_user("eve", is_staff=True))
    assert somebody.get(at(what, audio)).status_code == 403
    assert Portrait.objects.count() == Viewing.objects.count() == 0


def test_each_look_is_on_record_once_while_it_lasts(desk, audio):
    for what in ("spectrogram", "spectrogram", "spectrum"):
        desk.get(at(what, audio))
    desk.get(at("file", audio), headers={"Range": "bytes=0-9"})
    desk.get(at("file", audio), headers={"Range": "bytes=10-19"})
    looks = list(Viewing.objects.order_by("pk").values_list("actor", "what", "submission"))
    assert looks == [
        ("moderator:ada", f"{what} {audio.name}", audio.submission_id)
        for what in ("spectrogram", "average spectrum", "audio")
    ]


def test_a_waveform_has_a_duration_a_level_and_its_stretches(desk, audio):
    told = desk.get(at("waveform", audio)).json()
    assert told["duration"] == pytest.approx(8, abs=0.1)
    assert -40 < told["rms_db"] < 0
    assert len(base64.b64decode(told["peaks"])) % 2 == 0


def test_the_end_of_the_sound_and_the_lines_of_a_lattice_are_marked(desk, audio):
    assert 'stroke-dasharray="4 3"' in desk.get(at("spectrum", audio)).content.decode()
    lattice = {"strength": "strong", "rate_hz": 2000.0, "lower_hz": 4500.0, "upper_hz": 15000.0}
    Analysis.objects.update(facts={"bandwidth_hz": 22000.0, "sample_rate": 44100, "lattice": lattice})
    plot = desk.get(at("spectrum", audio)).content.decode()
    assert "stroke-dasharray" not in plot
    assert plot.count('stroke="#d9822b"') == len((6, 8, 10, 12, 14))


def test_what_cannot_be_drawn_is_not_there(desk, audio):
    audio.blob = a_blob(b"no sound at all")
    audio.save()
    assert desk.get(at("waveform", audio)).status_code == 404
    assert Portrait.objects.get().error == "undecodable"


def test_two_recordings_side_by_side(desk, audio):
    fingerprint = np.random.default_rng(3).integers(0, 2**32, 300, dtype=np.uint32).tobytes()
    Analysis.objects.update(fingerprint=fingerprint)
    known = KnownRecording.objects.create(title="X", fingerprint=fingerprint)
    segment = {"start": 1.0, "end": 9.0, "reference_start": 1.0, "reference_end": 9.0}
    evidence = {"matches": [{"recording": str(known.pk), "segments": [segment]}]}
    finding = audio.submission.findings.get()
    type(finding).objects.filter(pk=finding.pk).update(subject="track:1", evidence=evidence)
    address = reverse("admin:intake_submission_alike", args=[audio.submission_id, finding.pk, 0])
    answer = desk.get(address)
    assert answer.content.startswith(b"\x89PNG")
    assert Viewing.objects.get().what == f"comparison with known recording {known.pk}"
    assert desk.get(address.replace("/0.png", "/7.png")).status_code == 404
    other = in_review(a_finding(subject="track:1", evidence=evidence))
    assert desk.get(reverse("admin:intake_submission_alike", args=[other.pk, finding.pk, 0])).status_code == 404


def test_what_matches_is_drawn_before_anybody_asks(audio):
    sound = audio.blob
    known = KnownRecording.objects.create(title="X", fingerprint=b"", sha256=sound.pk)
    evidence = {"matches": [{"recording": str(known.pk), "segments": []}]}
    audio.submission.findings.update(subject="track:1", evidence=evidence)
    assert waveforms.prepare_waveforms(audio.submission) == 1
    assert Portrait.objects.get().pk == sound.pk
    assert waveforms.prepare_waveforms(in_review()) == 0


def test_who_reads_only_is_shown_no_way_to_listen_and_may_not(audio):
    auditor = Client()
    person = User.objects.create_user("olga", is_staff=True)
    person.user_permissions.add(Permission.objects.get(codename="view_submission"))
    auditor.force_login(person)
    page = auditor.get(reverse("admin:intake_submission_change", args=[audio.submission_id]))
    assert page.status_code == 200
    assert "/files/" not in page.content.decode()
    for what in ("file", *KINDS):
        assert auditor.get(at(what, audio)).status_code == 403
