"""Private sound: any stretch of it, for moderators only, kept by nobody, and every request on record."""

import pytest
import structlog
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from intake.admin import file_streaming
from intake.models import KnownRecording, Resource
from tests.intake.admin.desk_rows import a_finding, in_review, measured
from tests.intake.factories import a_blob

pytestmark = pytest.mark.django_db

FLAC = b"fLaC" + bytes(range(256)) * 400
PNG = b"\x89PNG\r\n\x1a\n" + bytes(50)


@pytest.fixture
def sound(ada):
    """A delivered audio file of 102,404 bytes."""
    return with_bytes(Resource.Kind.AUDIO, FLAC)


def with_bytes(kind, content):
    resource = in_review().resources.filter(kind=kind).first()
    resource.blob = a_blob(content)
    resource.save()
    return resource


def hear(client, resource, **headers):
    address = reverse("admin:intake_submission_file", args=[resource.submission_id, resource.pk])
    return client.get(address, headers={name.replace("_", "-"): value for name, value in headers.items()})


def body(response):
    return b"".join(response.streaming_content)


def test_the_whole_file_comes_without_a_range(desk, sound):
    response = hear(desk, sound)
    assert response.status_code == 200
    assert body(response) == FLAC
    assert response["Content-Length"] == str(len(FLAC))
    assert response["Accept-Ranges"] == "bytes"
    assert "Content-Range" not in response


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=100-199", 100, 200),
        ("bytes=102400-", 102400, 102404),
        ("bytes=-4", 102400, 102404),
        ("bytes=-999999", 0, 102404),
        ("bytes=102000-999999", 102000, 102404),
        (" bytes=5-9 ", 5, 10),
    ],
)
def test_a_range_is_answered_with_just_those_bytes(desk, sound, asked, start, end):
    response = hear(desk, sound, range=asked)
    assert response.status_code == 206
    assert response["Content-Range"] == f"bytes {start}-{end - 1}/102404"
    assert response["Content-Length"] == str(end - start)
    assert body(response) == FLAC[start:end]


@pytest.mark.parametrize("asked", ["bytes=102404-", "bytes=999999-1000000", "bytes=-0"])
def test_a_range_beyond_the_end_is_refused_with_the_size(desk, sound, asked):
    response = hear(desk, sound, range=asked)
    assert response.status_code == 416
    assert response["Content-Range"] == "bytes */102404"
    assert {"private", "no-store"} <= set(response["Cache-Control"].split(", "))


@pytest.mark.parametrize("asked", ["bytes=9-5", "bytes=-", "bytes=0-1,5-6", "items=0-1", "bytes=a-b", "", "bytes=1"])
def test_what_is_no_single_range_is_ignored(desk, sound, asked):
    response = hear(desk, sound, range=asked)
    assert response.status_code == 200
    assert len(body(response)) == len(FLAC)


def test_a_range_of_other_bytes_is_not_mixed_in(desk, sound):
    tag = hear(desk, sound)["ETag"]
    assert hear(desk, sound, range="bytes=0-9", if_range=tag).status_code == 206
    assert hear(desk, sound, range="bytes=0-9", if_range='"other"').status_code == 200


def test_head_says_the_same_without_a_body(desk, sound):
    address = reverse("admin:intake_submission_file", args=[sound.submission_id, sound.pk])
    response = desk.head(address)
    assert response["Content-Length"] == str(len(FLAC))
    assert not b"".join(response)


@given(size=st.integers(0, 50), first=st.integers(0, 60), last=st.integers(0, 60))
def test_a_span_is_always_within_the_file(size, first, last):
    for asked in (f"bytes={first}-{last}", f"bytes={first}-", f"bytes=-{last}"):
        try:
            span = file_streaming.parse_range_header(asked, size)
        except file_streaming.Unsatisfiable:
            assert first >= size or last == 0
        else:
            assert span is None or 0 <= span[0] < span[1] <= size


def test_nothing_is_kept_by_caches_or_guessed_by_browsers(desk, sound):
    response = hear(desk, sound)
    assert {"private", "no-store"} <= set(response["Cache-Control"].split(", "))
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Content-Type"] == "audio/flac"
    assert response["Content-Disposition"].startswith("inline")


@pytest.mark.parametrize(
    ("kind", "content", "shown"),
    [
        (Resource.Kind.AUDIO, b"ID3\x04" + bytes(20), "audio/mpeg"),
        (Resource.Kind.AUDIO, b"RIFF\x00\x00\x00\x00WAVEfmt ", "audio/wav"),
        (Resource.Kind.COVER, PNG, "image/png"),
        (Resource.Kind.COVER, b"\xff\xd8\xff\xe0" + bytes(20), "image/jpeg"),
        (Resource.Kind.COVER, b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", None),
        (Resource.Kind.COVER, b"<!doctype html><script>alert(1)</script>", None),
        (Resource.Kind.AUDIO, b"<!doctype html><script>alert(1)</script>", None),
        (Resource.Kind.AUDIO, PNG, None),
        (Resource.Kind.COVER, FLAC, None),
    ],
)
def test_only_sound_is_played_and_only_pictures_are_shown(desk, ada, kind, content, shown):
    response = hear(desk, with_bytes(kind, content))
    assert response["Content-Type"] == (shown or "application/octet-stream")
    assert response["Content-Disposition"].split(";")[0] == ("inline" if shown else "attachment")


def test_every_listening_is_on_record(desk, sound):
    with structlog.testing.capture_logs() as lines:
        hear(desk, sound, range="bytes=0-9")
    heard = [line for line in lines if line["event"] == "file.heard"]
    assert len(heard) == 1
    assert heard[0]["who"] == "ada"
    assert heard[0]["sha256"] == sound.blob_id
    assert heard[0]["submission"] == str(sound.submission_id)
    assert heard[0]["range"] == "bytes=0-9"


def test_a_file_of_another_submission_is_not_reached_through_this_one(desk, sound):
    other = in_review(title="Other")
    assert desk.get(reverse("admin:intake_submission_file", args=[other.pk, sound.pk])).status_code == 404


def test_lost_bytes_are_not_found(desk, sound):
    from django.core.files.storage import default_storage

    default_storage.delete(sound.blob.path)
    assert hear(desk, sound).status_code == 404


def a_match(recording, *segments):
    places = segments or ((3.0, 60.0, 10.0, 67.0),)
    names = ("start", "end", "reference_start", "reference_end")
    match = {
        "recording": str(recording.pk), "title": recording.title, "artist": "Ilse Varga", "owner": "North Pier",
        "isrc": "SENPM2500017", "score": 0.93, "speed": 1.06,
        "segments": [dict(zip(names, place, strict=True)) for place in places],
    }  # fmt: skip
    return a_finding(code="similarity.known_recording", subject="track:1", evidence={"matches": [match]})


def test_both_recordings_stand_side_by_side_where_they_match(desk):
    blob = a_blob(FLAC + b"known")
    known = KnownRecording.objects.create(title="Glass Harbour", sha256=blob.pk, duration=120.0, fingerprint=b"")
    submission = in_review(a_match(known, (3.0, 60.0, 10.0, 67.0), (70.0, 90.5, 80.0, 100.5)))
    measured(submission)
    response = desk.get(reverse("admin:intake_submission_change", args=[submission.pk]))
    (panel,) = response.context["review"].panels
    assert panel.reference_url == reverse("admin:intake_knownrecording_audio", args=[known.pk])
    assert panel.island["segments"][1] == {"start": 70.0, "end": 90.5, "bStart": 80.0, "bEnd": 100.5}
    html = response.content.decode()
    assert "1:10.0–1:30.5" in html
    assert "× 1.060" in html
    heard = desk.get(panel.reference_url, headers={"range": "bytes=0-3"})
    assert (heard.status_code, body(heard)) == (206, b"fLaC")


def test_a_known_recording_without_bytes_says_so(desk):
    known = KnownRecording.objects.create(title="Glass Harbour", sha256="0" * 64, fingerprint=b"")
    submission = in_review(a_match(known))
    response = desk.get(reverse("admin:intake_submission_change", args=[submission.pk]))
    (panel,) = response.context["review"].panels
    assert panel.reference_url == ""
    assert "no audio on file" in response.content.decode()
    assert desk.get(reverse("admin:intake_knownrecording_audio", args=[known.pk])).status_code == 404
