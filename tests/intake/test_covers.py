"""Covers are measured once, and recognised at other labels."""

import io

import pytest
from PIL import Image

from checks.analysis import imagery
from intake import reference, snapshot
from intake.models import ImageMeasurement
from intake.services import covers, door, submissions
from tests.checks.test_artwork import encoded, picture
from tests.intake.factories import a_blob, a_document, a_label, files_of

pytestmark = pytest.mark.django_db


def delivered(label, cover, number=1):
    document = a_document(title=f"Tide {number}", number=number)
    files = files_of(document) | {document["release"]["cover"]["file"]: cover}
    return submissions.deliver(label, document, {name: a_blob(content) for name, content in files.items()})


@pytest.fixture(autouse=True)
def _quiet(rung):
    """Nobody is rung for the work that follows."""


def smaller(content):
    return encoded(Image.open(io.BytesIO(content)).resize((700, 700)))


def test_cover_is_measured_once(monkeypatch):
    submission = delivered(a_label(), encoded(picture(900)))
    covers.measure(submission)
    monkeypatch.setattr(imagery, "measured", None)
    covers.measure(submission)
    (facts,) = snapshot.delivery(submission).images.values()
    assert (facts.ok, facts.width, facts.sha256) == (True, 900, ImageMeasurement.objects.get().pk)


def test_cover_of_another_label_is_recognised_in_another_size():
    cover = encoded(picture(900))
    harbour, pier = a_label(), a_label("North Pier Music")
    covers.measure(delivered(harbour, cover))
    copy = delivered(pier, smaller(cover), number=2)
    covers.measure(copy)
    (facts,) = snapshot.delivery(copy).images.values()
    assert reference.context(pier, copy, door.policy()).history.cover_seen(facts.dhash)
    assert reference.context(harbour, None, door.policy()).history.cover_seen(facts.dhash)


def test_own_cover_may_be_used_again():
    label, cover = a_label(), encoded(picture(900))
    covers.measure(delivered(label, cover))
    again = delivered(label, smaller(cover), number=2)
    covers.measure(again)
    (facts,) = snapshot.delivery(again).images.values()
    assert not reference.context(label, again, door.policy()).history.cover_seen(facts.dhash)
