"""Every look at something private is on record, with who looked."""

import pytest

from intake.models import Viewing
from intake.services.people.access_log import log_view
from tests.intake.factories import a_moderator, a_submission

pytestmark = pytest.mark.django_db


def test_a_look_is_on_record_with_who_and_what(rung):
    submission = a_submission()
    log_view(a_moderator("ada"), submission, "audio 01.flac")
    log_view("moderator:ben", None, "known recording 17")
    told = list(Viewing.objects.order_by("pk").values_list("actor", "submission", "what"))
    assert told == [("moderator:ada", submission.pk, "audio 01.flac"), ("moderator:ben", None, "known recording 17")]


def test_a_name_of_any_length_can_be_put_on_record(rung):
    assert len(log_view("moderator:ben", None, "audio " + "x" * 5000).what) == 300
