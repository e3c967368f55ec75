"""Marked files are listed and fetched by whom they are for, and by nobody else."""

from __future__ import annotations

import base64
import hashlib

import pytest

from checks.policy import Verdict
from intake.models import MarkedFile
from intake.models.leased_work import Status
from intake.services.people import accounts, moderators
from intake.services.review import decisions
from tests.intake.admin.desk_rows import in_review
from tests.intake.api.conftest import Caller
from tests.intake.factories import a_blob

pytestmark = pytest.mark.django_db

MARKED = b"the sound, and a manifest"


@pytest.fixture
def submission(label, rung):
    """Labelled by a moderator; its one track is marked."""
    row = in_review(label=label)
    moderator, _, _ = moderators.create_moderator("ada", "low-tide-at-seven")
    decisions.decide_submission(row, moderator, Verdict.LABEL, "heard it", labels=[("ai:recording", "all")])
    row.refresh_from_db()
    MarkedFile.objects.create(
        submission=row,
        decision=row.decision,
        resource=row.tracks.get().resource,
        source_type="trainedAlgorithmicMedia",
        labels=[{"key": "ai:recording", "value": "all", "basis": "verified_by_human"}],
    )
    return row


def mark(submission, **values):
    MarkedFile.objects.filter(submission=submission).update(
        **{"status": Status.DONE, "outcome": "marked", "blob": a_blob(MARKED), "signer": "Operator", **values}
    )


def test_a_label_sees_what_will_be_marked_and_then_fetches_it(submission, caller):
    (one,) = caller.get(f"submissions/{submission.pk}/marked-files").json()["results"]
    assert (one["status"], one["url"], one["sha256"]) == ("pending", None, None)
    assert caller.get(f"submissions/{submission.pk}/marked-files/{one['file']}").status_code == 404
    mark(submission)
    (one,) = caller.get(f"submissions/{submission.pk}/marked-files").json()["results"]
    digest = hashlib.sha256(MARKED)
    assert (one["status"], one["source_type"]) == ("marked", "trainedAlgorithmicMedia")
    assert (one["sha256"], one["size"], one["signer"]) == (digest.hexdigest(), len(MARKED), "Operator")
    assert one["source_sha256"] == submission.tracks.get().resource.blob_id
    answer = caller.get(one["url"])
    assert b"".join(answer.streaming_content) == MARKED
    assert answer.headers["Content-Digest"] == f"sha-256=:{base64.b64encode(digest.digest()).decode()}:"
    assert answer.headers["Content-Disposition"] == f'attachment; filename="{one["file"]}"'
    assert answer.headers["Content-Length"] == str(len(MARKED))


def test_what_cannot_be_marked_says_so(submission, caller):
    mark(submission, blob=None, outcome="refused", because="container ogg")
    (one,) = caller.get(f"submissions/{submission.pk}/marked-files").json()["results"]
    assert (one["status"], one["because"], one["url"]) == ("refused", "container ogg", None)
    assert caller.get(f"submissions/{submission.pk}/marked-files/{one['file']}").status_code == 404
    MarkedFile.objects.update(status=Status.DEAD, outcome="")
    assert caller.get(f"submissions/{submission.pk}/marked-files").json()["results"][0]["status"] == "failed"


def test_another_label_finds_none_of_it(submission, stranger):
    mark(submission)
    name = submission.tracks.get().resource.name
    for address in ("marked-files", f"marked-files/{name}"):
        assert stranger.get(f"submissions/{submission.pk}/{address}").status_code == 404


def test_a_partner_fetches_what_it_gets_and_no_more(submission):
    mark(submission)
    name = submission.tracks.get().resource.name
    for profile, gets in (("default", True), ("bandcamp", False)):
        partner, _ = accounts.create_partner(profile, profile)
        caller = Caller(accounts.issue_key(partner, ("submissions",)))
        assert caller.get(f"submissions/{submission.pk}").status_code == (200 if gets else 404)
        for address in ("marked-files", f"marked-files/{name}"):
            answer = caller.get(f"submissions/{submission.pk}/{address}")
            assert answer.status_code == (200 if gets else 404), address


def test_while_it_is_looked_at_again_nothing_is_given(submission, caller):
    mark(submission)
    name = submission.tracks.get().resource.name
    moderator, _, _ = moderators.create_moderator("ben", "low-tide-at-seven")
    decisions.reopen_submission(submission, moderator, "a claim came in")
    for address in ("marked-files", f"marked-files/{name}"):
        assert caller.get(f"submissions/{submission.pk}/{address}").status_code == 409
    submission.refresh_from_db()
    decisions.decide_submission(submission, moderator, Verdict.LABEL, "other labels", labels=[("ai:vocals", "partly")])
    assert caller.get(f"submissions/{submission.pk}/marked-files").json()["results"] == []
    assert caller.get(f"submissions/{submission.pk}/marked-files/{name}").status_code == 404


@pytest.mark.parametrize("name", ["../secret", "%00", "absent.flac"])
def test_a_name_that_is_none_of_its_files_is_not_there(submission, caller, name):
    mark(submission)
    assert caller.get(f"submissions/{submission.pk}/marked-files/{name}").status_code == 404
