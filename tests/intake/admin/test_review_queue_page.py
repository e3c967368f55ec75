"""What waits, in which order, why, and in whose hands."""

import datetime as dt

import pytest
from django.urls import reverse
from django.utils import timezone

from checks.model.finding import Route, Severity
from checks.policy import Verdict
from intake.models import CheckRun, Claim, Finding, SavedFilter, Submission
from intake.services.review import decisions, review_queue
from tests.intake.admin.desk_rows import a_finding, in_review
from tests.intake.factories import a_label

pytestmark = pytest.mark.django_db

#: Session, user, two of rights; states, overdue, held, count, rows, findings, decisions, families, labels, kept views;
#: what can still be taken back.
QUERIES = 15


def queue(client, **query):
    response = client.get(reverse("admin:intake_submission_changelist"), query)
    assert response.status_code == 200
    return response


def titles(response):
    return [row.submission.title for row in response.context["screen"].rows]


def match():
    return a_finding(code="similarity.known_recording", message="120 s are the same as 'X'.")


def test_a_moderator_lands_on_the_queue(desk):
    assert desk.get("/admin/").url == reverse("admin:intake_submission_changelist")


def test_what_is_due_first_stands_first(desk):
    in_review(title="Later", due=dt.timedelta(hours=30))
    in_review(title="Overdue", due=-dt.timedelta(hours=2))
    in_review(title="Soon", due=dt.timedelta(hours=1))
    response = queue(desk)
    assert titles(response) == ["Overdue", "Soon", "Later"]
    html = response.content.decode()
    assert "2 h 0 min overdue" in html
    assert '<span class="due breach">' in html
    assert '<span class="due soon">' in html


def test_a_row_says_why_it_waits_worst_first(desk):
    in_review(
        a_finding(code="title.generic", severity=Severity.WARNING, message="A generic title."),
        a_finding(code="artist.lookalike", message="A look-alike."),
        match(),
        a_finding(code="isrc.year_future", route=Route.PASS, message="Not holding."),
    )
    row = queue(desk).context["screen"].rows[0]
    assert [reason.code for reason in row.reasons] == [
        "similarity.known_recording",
        "artist.lookalike",
        "title.generic",
    ]
    assert row.submission.track_count == 1


def test_families_are_counted_by_submission_and_filter(desk):
    in_review(match(), match(), title="Copied")
    in_review(title="Imitated")
    in_review(a_finding(code="credit.composer_missing"), title="Uncredited")
    response = queue(desk)
    counts = {family.family.key: family.count for family in response.context["screen"].families}
    assert counts == {"match": 1, "identity": 1, "ai": 0, "fraud": 0, "audio": 0, "metadata": 1, "system": 0}
    assert titles(queue(desk, family="match")) == ["Copied"]
    assert titles(queue(desk, family="metadata")) == ["Uncredited"]


@pytest.mark.parametrize("asked", ["copied in", "MARA", "SE-HBR", "036000", "harbour"])
def test_search_finds_words_and_identifiers(desk, asked):
    found, other = in_review(title="Copied in Parts"), in_review(title="Other", label=a_label("Blue Buoy"))
    Submission.objects.filter(pk=other.pk).update(artist="Idun Fall", upc="5901234123457")
    found.tracks.update(isrc="SEHBR2600001")
    other.tracks.update(isrc="NOBLB2600001")
    assert titles(queue(desk, q=asked)) == ["Copied in Parts"]


def test_labels_verdicts_and_states_filter(desk, ada):
    kept = in_review(title="Kept", label=a_label("Blue Buoy"))
    gone = in_review(title="Gone")
    decisions.decide_submission(gone, ada, Verdict.REJECT, "No rights.", code="infringement")
    assert titles(queue(desk)) == ["Kept"]
    assert titles(queue(desk, label="Blue Buoy")) == [kept.title]
    assert titles(queue(desk, label="Harbour Records")) == []
    assert titles(queue(desk, state="rejected")) == ["Gone"]
    assert titles(queue(desk, state="rejected", verdict="return")) == []
    assert titles(queue(desk, state="nonsense", family="nonsense", verdict="nonsense", p="nonsense")) == ["Kept"]


def test_a_claim_is_shown_while_it_lasts(desk, ben):
    submission = in_review()
    decisions.claim_submission(submission, ben)
    screen = queue(desk).context["screen"]
    assert screen.rows[0].claim.moderator == ben
    assert screen.unclaimed == 0
    decisions.release_claim(submission, ben)
    screen = queue(desk).context["screen"]
    assert screen.rows[0].claim is None
    assert screen.unclaimed == 1


def test_the_heaviest_can_stand_first_and_are_handed_out_first(desk):
    heavy = in_review(title="Heavy", due=dt.timedelta(hours=40))
    in_review(title="Light")
    in_review(title="Urgent", due=dt.timedelta(hours=1))
    for title, weight in (("Heavy", 80), ("Light", 10), ("Urgent", 0)):
        Submission.objects.filter(title=title).update(weight=weight)
    assert titles(queue(desk)) == ["Urgent", "Light", "Heavy"]
    response = queue(desk, order="weight")
    assert titles(response) == ["Heavy", "Light", "Urgent"]
    assert "weight 80" in response.content.decode()
    handed = desk.post(reverse("admin:intake_submission_next"), {"order": "weight"})
    assert str(heavy.pk) in handed.url
    assert queue(desk, state="approved", order="weight").context["screen"].wanted.order == ""


def test_what_was_put_off_has_a_room_of_its_own(desk):
    in_review(title="Here")
    tomorrow = timezone.now() + dt.timedelta(days=1)
    assert "Put off" not in queue(desk).content.decode()
    for title, days in (("Later", 3), ("Tomorrow", 1)):
        submission = in_review(match(), title=title)
        Submission.objects.filter(pk=submission.pk).update(snoozed_until=timezone.now() + dt.timedelta(days=days))
    screen = queue(desk).context["screen"]
    assert (screen.waiting, screen.unclaimed, screen.put_off) == (1, 1, 2)
    assert abs(screen.back - tomorrow) < dt.timedelta(minutes=1)
    assert not any(family.count for family in screen.families if family.family.key == "audio")
    response = queue(desk, off="1")
    assert titles(response) == ["Tomorrow", "Later"]
    html = response.content.decode()
    assert f"back {screen.back:%-d %b %H:%M}" in html
    assert 'id="next"' not in html
    assert 'class="pick"' not in html


def test_a_full_queue_costs_no_more_queries_than_a_short_one(desk, ben, django_assert_num_queries):
    for number in range(2):
        in_review(match(), title=f"Title {number}")
    with django_assert_num_queries(QUERIES):
        queue(desk)
    for number in range(12):
        decisions.claim_submission(in_review(match(), a_finding(), title=f"More {number}"), ben)
    with django_assert_num_queries(QUERIES):
        assert len(queue(desk).context["screen"].rows) == 14


def test_findings_of_other_submissions_do_not_leak_into_a_row(desk):
    first, second = in_review(match(), title="First"), in_review(title="Second")
    rows = {row.submission.pk: row for row in queue(desk).context["screen"].rows}
    assert [reason.code for reason in rows[first.pk].reasons] == ["similarity.known_recording"]
    assert [reason.code for reason in rows[second.pk].reasons] == ["artist.lookalike"]
    assert Finding.objects.count() == CheckRun.objects.count() == 2


def test_what_comes_out_in_these_days_goes_before_everything(desk):
    today = timezone.now().date()
    in_review(title="Overdue", due=-dt.timedelta(hours=2))
    near, past, far = in_review(title="Near"), in_review(title="Came out"), in_review(title="Next week")
    for submission, days in ((near, 3), (past, -1), (far, 8)):
        Submission.objects.filter(pk=submission.pk).update(release_date=today + dt.timedelta(days=days))
    assert titles(queue(desk)) == ["Near", "Came out", "Overdue", "Next week"]
    assert [row.near for row in queue(desk).context["screen"].rows] == [True, True, False, False]


def test_the_clock_of_a_row_fills_up(desk):
    now = timezone.now()
    submission = in_review(due=dt.timedelta(hours=12))
    Submission.objects.filter(pk=submission.pk).update(received_at=now - dt.timedelta(hours=36))
    assert queue(desk).context["screen"].rows[0].gone == 75
    Submission.objects.filter(pk=submission.pk).update(due_at=now - dt.timedelta(hours=1))
    assert queue(desk).context["screen"].rows[0].gone == 100


def test_each_queue_tells_its_count_its_oldest_and_what_is_overdue(desk):
    in_review(match(), title="Copied", due=-dt.timedelta(hours=1))
    in_review(match(), match(), title="Copied twice")
    families = {family.family.key: family for family in queue(desk).context["screen"].families}
    assert (families["match"].count, families["match"].overdue) == (2, 1)
    assert families["match"].oldest == min(Submission.objects.values_list("received_at", flat=True))
    assert families["ai"].oldest is None


def test_the_next_one_comes_from_the_queue_that_was_looked_at(desk, ada):
    for number in range(2):
        in_review(match(), title=f"Copied {number}", due=dt.timedelta(hours=30))
    in_review(title="Imitated", due=dt.timedelta(hours=1))
    first = desk.post(reverse("admin:intake_submission_next"), {"family": "match"})
    assert Claim.objects.get().submission.title == "Copied 0"
    submission = Claim.objects.get().submission
    assert first.url == reverse("admin:intake_submission_change", args=[submission.pk])
    answer = {"sequence": submission.sequence, "verdict": "approve", "reason": "Rights were shown."}
    desk.post(reverse("admin:intake_submission_decide", args=[submission.pk]), answer)
    assert Claim.objects.get().submission.title == "Copied 1"


def test_a_view_is_kept_by_name_for_its_moderator_alone(desk, other_desk, ada):
    in_review(match(), title="Copied")
    keep = reverse("admin:intake_submission_keep_filter")
    answer = desk.post(keep, {"name": "Copies", "family": "match", "q": "cop", "evil": "1"})
    assert answer.url.endswith("?family=match&q=cop")
    screen = desk.get(answer.url).context["screen"]
    assert (screen.title, [item.query for item in screen.saved]) == ("Copies", ["family=match&q=cop"])
    assert queue(other_desk).context["screen"].saved == ()
    desk.post(keep, {"name": "Copies", "family": "match"})
    kept = SavedFilter.objects.get()
    assert kept.query == "family=match"
    forget = reverse("admin:intake_submission_forget_filter", args=[kept.pk])
    other_desk.post(forget)
    assert SavedFilter.objects.count() == 1
    desk.post(forget)
    assert SavedFilter.objects.count() == 0


def test_a_moderator_keeps_so_many_views_and_no_more(desk, ada):
    for number in range(review_queue.MAX_FILTERS):
        review_queue.keep_filter(ada, f"View {number}", "family=match")
    response = desk.post(reverse("admin:intake_submission_keep_filter"), {"name": "One more", "q": "x"}, follow=True)
    assert "There can be 30 saved views" in response.content.decode()
    assert SavedFilter.objects.count() == review_queue.MAX_FILTERS
