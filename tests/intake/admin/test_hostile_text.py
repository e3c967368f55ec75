"""What labels and files say is shown, and never run."""

import pytest
from django.test import Client
from django.urls import reverse

from intake.models import Submission
from tests.intake.admin.desk_rows import a_finding, in_review, measured

pytestmark = pytest.mark.django_db

HOSTILE = "<script>alert('x')</script><img src=x onerror=alert(1)>\"'--></style>"


@pytest.fixture
def submission(ada):
    """Hostile wherever a label, a file or a check can write."""
    match = {
        "recording": HOSTILE, "title": HOSTILE, "artist": HOSTILE, "owner": HOSTILE, "isrc": HOSTILE, "score": 0.5,
        "segments": [{"start": 1, "end": 2, "reference_start": 1, "reference_end": 2}],
    }  # fmt: skip
    made = in_review(
        a_finding(message=HOSTILE, fix=HOSTILE, subject="track:1", measured=HOSTILE, threshold=HOSTILE),
        a_finding(code="disclosure.generator_tag", evidence={HOSTILE: HOSTILE, "rows": [{HOSTILE: HOSTILE}]}),
        a_finding(code="similarity.known_recording", subject="track:1", evidence={"matches": [match]}),
    )
    tag = {"pattern": HOSTILE, "where": HOSTILE, "value": HOSTILE}
    credential = {"state": "trusted", "signer": HOSTILE, "source_types": [HOSTILE]}
    measured(made, tags=[tag], credential=credential, codec=HOSTILE, error=HOSTILE)
    metadata = made.metadata | {"genre": HOSTILE, "display_label": HOSTILE}
    metadata["tracks"][0]["contributors"][0]["name"] = HOSTILE
    Submission.objects.filter(pk=made.pk).update(title=HOSTILE, artist=HOSTILE, metadata=metadata)
    return made


@pytest.mark.parametrize("page", ["changelist", "change"])
def test_hostile_text_is_shown_as_text(desk, submission, page):
    arguments = [submission.pk] if page == "change" else []
    html = desk.get(reverse(f"admin:intake_submission_{page}", args=arguments)).content.decode()
    assert "<script>alert" not in html
    assert "<img src=x" not in html
    assert "&lt;script&gt;alert" in html


def test_hostile_input_comes_back_as_text(desk, submission):
    response = desk.post(
        reverse("admin:intake_submission_decide", args=[submission.pk]),
        {"sequence": submission.sequence, "verdict": "", "reason": HOSTILE, "note": HOSTILE},
    )
    html = response.content.decode()
    assert response.status_code == 400
    assert "<img src=x" not in html
    search = desk.get(reverse("admin:intake_submission_changelist"), {"q": HOSTILE, "label": HOSTILE}).content.decode()
    assert "<img src=x" not in search


def test_every_page_forbids_what_is_not_our_own(desk, submission):
    for address in ("/admin/login/", reverse("admin:intake_submission_change", args=[submission.pk])):
        response = (Client() if "login" in address else desk).get(address)
        policy = response["Content-Security-Policy"]
        assert "script-src 'self'" in policy
        assert "unsafe-inline" not in policy
        assert "http" not in policy
        assert response["X-Frame-Options"] == "DENY"


def test_our_pages_keep_to_that(desk, submission):
    """No script or style inside a page, and nothing from anywhere else."""
    addresses = [
        reverse("admin:intake_submission_changelist"),
        reverse("admin:intake_submission_change", args=[submission.pk]),
        reverse("admin:app_list", args=["intake"]),
    ]
    for address in addresses:
        html = desk.get(address).content.decode()
        assert " style=" not in html
        assert " onclick=" not in html
        assert "<style" not in html
        scripts = [part.split(">")[0] for part in html.split("<script")[1:]]
        assert all("src=" in script or 'type="application/json"' in script for script in scripts)
        assert 'src="http' not in html
        assert 'href="http' not in html
