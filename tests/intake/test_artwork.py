"""Covers are measured once, and recognised at other labels."""

import io

import pytest
from PIL import Image

from checks.analysis import artwork_client
from intake.models import ImageMeasurement
from intake.readers import check_context, release_mapping
from intake.services.checking import artwork
from intake.services.submissions import admission, submission_actions
from tests.checks.test_artwork import encoded, picture
from tests.intake.factories import a_blob, a_document, a_label, files_of

pytestmark = pytest.mark.django_db


def delivered(label, cover, number=1):
    document = a_document(title=f"Tide {number}", number=number)
    files = files_of(document) | {document["release"]["cover"]["file"]: cover}
    return submission_actions.submit_delivery(
        label, document, {name: a_blob(content) for name, content in files.items()}
    )


@pytest.fixture(autouse=True)
def _quiet(rung):
    """Nobody is rung for the work that follows."""


def smaller(content):
    return encoded(Image.open(io.BytesIO(content)).resize((700, 700)))


def test_cover_is_measured_once(monkeypatch):
    submission = delivered(a_label(), encoded(picture(900)))
    artwork.measure_submission_artwork(submission)
    monkeypatch.setattr(artwork_client, "measure_artwork_file", None)
    artwork.measure_submission_artwork(submission)
    (facts,) = release_mapping.map_submission(submission).images.values()
    assert (facts.ok, facts.width, facts.sha256) == (True, 900, ImageMeasurement.objects.get().pk)


def test_cover_of_another_label_is_recognised_in_another_size():
    cover = encoded(picture(900))
    harbour, pier = a_label(), a_label("North Pier Music")
    artwork.measure_submission_artwork(delivered(harbour, cover))
    copy = delivered(pier, smaller(cover), number=2)
    artwork.measure_submission_artwork(copy)
    (facts,) = release_mapping.map_submission(copy).images.values()
    assert check_context.build_check_context(pier, copy, admission.current_policy()).history.cover_seen(facts.dhash)
    assert check_context.build_check_context(harbour, None, admission.current_policy()).history.cover_seen(facts.dhash)


def test_own_cover_may_be_used_again():
    label, cover = a_label(), encoded(picture(900))
    artwork.measure_submission_artwork(delivered(label, cover))
    again = delivered(label, smaller(cover), number=2)
    artwork.measure_submission_artwork(again)
    (facts,) = release_mapping.map_submission(again).images.values()
    assert not check_context.build_check_context(label, again, admission.current_policy()).history.cover_seen(
        facts.dhash
    )
