"""A host that cannot measure is the operator's to repair: work waits, no file is blamed, and all goes on afterwards."""

import datetime as dt
import errno
import json
import uuid

import pytest
from django.test import Client
from django.utils import timezone

from checks.analysis import AnalysisFailed, AnalysisUnavailable, artwork_client, self_test, waveform
from checks.analysis.self_test import Part
from intake.core.states import State
from intake.models import Analysis, CheckRun, ImageMeasurement, Portrait, SelfTest
from intake.models.leased_work import Status
from intake.services.checking import artwork, pipeline
from intake.services.operations import health, reaper, self_tests
from intake.services.provenance import waveforms
from intake.services.storage.blobs import StorageUnavailable
from intake.services.submissions import submission_actions
from tests.intake.factories import a_blob, a_submission
from tests.intake.test_pipeline import run

pytestmark = pytest.mark.django_db

CAUSE = "the decoder does not start: TypeError: open() got an unexpected keyword argument 'metadata_errors'"


@pytest.fixture(autouse=True)
def _own_folder(settings, tmp_path):
    settings.GATE_TMP = tmp_path


@pytest.fixture
def host(monkeypatch):
    """What the self-test of this host finds, and how often it was run; all is well at first."""

    class Host:
        broken, asked = "", 0

        def examine(self):
            self.asked += 1
            return [Part("sound", not self.broken, self.broken or "7 formats"), Part("artwork", True, "2 formats")]

    found = Host()
    monkeypatch.setattr(self_test, "run_self_test", found.examine)
    monkeypatch.setattr(self_tests, "_read_message", lambda: "read")
    return found


@pytest.fixture
def later(monkeypatch):
    """Moves the clock on."""

    def move(by):
        now = timezone.now() + by
        monkeypatch.setattr(timezone, "now", lambda: now)

    return move


def tried(submission, rung, times=1):
    """Every piece of work attempted, as often as that, whether it is due or not."""
    for _ in range(times):
        for model in (Analysis, CheckRun):
            model.objects.resume()
            model.objects.filter(status=Status.PENDING).update(rung_at=None)
        submission_actions._dispatch_first_work(submission)
        run(rung)
    submission.refresh_from_db()
    return submission


def break_host(host, analyser):
    host.broken = CAUSE
    analyser.error = AnalysisUnavailable(CAUSE)


def repair(host, analyser):
    host.broken, analyser.error = "", None


def test_release_waits_while_the_decoder_is_broken_and_is_judged_after_the_repair(rung, analyser, host, later):
    break_host(host, analyser)
    submission = a_submission()
    run(rung)
    for _ in range(3 * pipeline.MAX_ATTEMPTS):
        tried(submission, rung)
        assert submission.state == State.CHECKING
        assert not submission.findings.filter(code__startswith="audio.").exists()
    analysis = Analysis.objects.get()
    assert (analysis.status, analysis.attempts, analysis.facts) == (Status.PENDING, 0, None)
    assert CAUSE in analysis.error
    repair(host, analyser)
    assert self_tests.run_host_self_test().ok
    analysis.refresh_from_db()
    assert analysis.next_attempt_at is None
    later(reaper.PATIENCE + dt.timedelta(seconds=1))
    reaper.enqueue_lost_work()
    run(rung)
    submission.refresh_from_db()
    assert submission.state == State.APPROVED


def test_sweep_leaves_what_was_postponed_until_it_is_due_and_then_takes_it_up(rung, analyser, host, later):
    break_host(host, analyser)
    a_submission()
    run(rung)
    started = timezone.now()
    assert Analysis.objects.get().next_attempt_at > started
    later(self_tests.WAIT - dt.timedelta(seconds=5))
    reaper.enqueue_lost_work()
    assert [name for name, _ in rung if name == "intake.analyse"] == []
    later(dt.timedelta(seconds=10))
    reaper.enqueue_lost_work()
    assert [name for name, _ in rung if name == "intake.analyse"] == ["intake.analyse"]


def test_sweep_takes_up_at_once_what_waited_for_the_repair(rung, analyser, host, later):
    break_host(host, analyser)
    a_submission()
    run(rung)
    later(reaper.PATIENCE + dt.timedelta(seconds=1))
    Analysis.objects.update(next_attempt_at=timezone.now() + dt.timedelta(hours=1))
    repair(host, analyser)
    self_tests.run_host_self_test()
    reaper.enqueue_lost_work()
    assert "intake.analyse" in [name for name, _ in rung]


def test_host_that_has_just_failed_is_not_tried_again_for_every_file(rung, analyser, host, later):
    break_host(host, analyser)
    submission = a_submission()
    run(rung)
    asked = len(analyser.asked), host.asked
    assert asked == (1, 1)
    tried(submission, rung, times=5)
    assert (len(analyser.asked), host.asked) == asked
    later(self_tests.INTERVAL_WHILE_BROKEN + dt.timedelta(seconds=1))
    tried(submission, rung)
    assert len(analyser.asked) == 2


def test_host_without_any_periodic_test_corrects_its_record_by_what_it_measures(rung, analyser, host, later):
    break_host(host, analyser)
    submission = a_submission()
    run(rung)
    repair(host, analyser)
    later(self_tests.WAIT + dt.timedelta(seconds=1))
    reaper.enqueue_lost_work()
    run(rung)
    submission.refresh_from_db()
    assert submission.state == State.APPROVED
    assert SelfTest.objects.get().ok


@pytest.mark.parametrize(
    "error",
    [
        AnalysisFailed("IndexError: a fault of our own"),
        AnalysisUnavailable("the decoder's process keeps dying"),  # while the self-test passes: it is this file
        TypeError("a fault of our own"),
        AttributeError("a fault of our own"),
        MemoryError("a fault of our own"),
        FileNotFoundError("the storage has lost it"),
    ],
)
def test_file_that_trips_the_gate_alone_has_a_few_attempts_and_then_a_person_looks(rung, analyser, host, error):
    analyser.error = error
    submission = a_submission()
    run(rung)
    tried(submission, rung, times=pipeline.MAX_ATTEMPTS)
    assert Analysis.objects.get().status == Status.DEAD
    assert submission.state == State.IN_REVIEW
    assert len(analyser.asked) == pipeline.MAX_ATTEMPTS
    told = submission.findings.get(code="audio.not_measured")
    private = submission.findings.get(code="audio.analysis_failed")
    assert (told.private, told.route, private.private) == (False, "review", True)
    assert type(error).__name__ not in told.message
    assert type(error).__name__ in private.message
    assert str(error) in private.message
    assert not submission.findings.filter(code="audio.undecodable").exists()
    assert "audio.not_measured" in submission.decision.reasons


@pytest.mark.parametrize(
    "error",
    [
        StorageUnavailable("EndpointConnectionError: no answer"),
        OSError(errno.ENOSPC, "No space left on device"),
        OSError(errno.EMFILE, "Too many open files"),
        OSError(errno.EIO, "Input/output error"),
    ],
)
def test_storage_or_disk_that_fails_is_no_finding_about_a_file(rung, analyser, host, error):
    analyser.error = error
    submission = a_submission()
    run(rung)
    tried(submission, rung, times=2 * pipeline.MAX_ATTEMPTS)
    assert (submission.state, Analysis.objects.get().attempts) == (State.CHECKING, 0)
    analyser.error = None
    tried(submission, rung)
    assert submission.state == State.APPROVED


def test_cover_waits_while_covers_cannot_be_measured(rung, analyser, host, monkeypatch):
    def unavailable(*_):
        raise AnalysisUnavailable("TypeError: a library changed")

    with monkeypatch.context() as patch:
        patch.setattr(artwork_client, "measure_artwork_file", unavailable)
        patch.setattr(self_tests, "broken_here", lambda part: "")  # sound is well
        host.broken = "TypeError: a library changed"
        submission = a_submission()
        run(rung)
        tried(submission, rung, times=2 * pipeline.MAX_ATTEMPTS)
        assert submission.state == State.CHECKING
        assert not ImageMeasurement.objects.exists()
        assert not submission.findings.filter(code__startswith="art.").exists()
    host.broken = ""
    tried(submission, rung)
    assert submission.state == State.APPROVED


def test_cover_that_trips_the_gate_alone_is_reviewed_without_blame(rung, analyser, host, monkeypatch):
    def failing(*_):
        raise AnalysisFailed("TypeError: on this cover")

    monkeypatch.setattr(artwork_client, "measure_artwork_file", failing)
    submission = a_submission()
    run(rung)
    tried(submission, rung, times=pipeline.MAX_ATTEMPTS)
    assert submission.state == State.IN_REVIEW
    assert "check.failed" in submission.findings.values_list("code", flat=True)
    assert not submission.findings.filter(code__startswith="art.").exists()
    assert not ImageMeasurement.objects.exists()


def test_waveform_that_could_not_be_drawn_here_is_not_kept_as_the_files_fault(monkeypatch):
    def unavailable(*_):
        raise AnalysisUnavailable(CAUSE)

    blob = a_blob(b"x")
    with monkeypatch.context() as patch:
        patch.setattr(waveform, "draw_waveform", unavailable)
        with pytest.raises(AnalysisUnavailable):
            waveforms.ensure_waveform(blob)
    assert not Portrait.objects.exists()


def test_work_whose_lease_has_passed_on_is_not_postponed(rung, analyser):
    a_submission()
    run(rung)
    analysis = Analysis.objects.get()
    Analysis.objects.update(status=Status.RUNNING, lease_token=uuid.uuid4(), attempts=2)
    assert not Analysis.objects.postpone(analysis.pk, uuid.uuid4(), "late", self_tests.WAIT)
    analysis.refresh_from_db()
    assert (analysis.status, analysis.attempts, analysis.next_attempt_at) == (Status.RUNNING, 2, None)


# --- What is told --------------------------------------------------------------------------------------------------


def a_result(host, ok, ago=dt.timedelta(0), detail=CAUSE):
    parts = [{"name": "sound", "ok": ok, "detail": "7 formats" if ok else detail}]
    return SelfTest.objects.create(host=host, ok=ok, ran_at=timezone.now() - ago, parts=parts)


def readyz():
    answer = Client().get("/readyz")
    return answer.status_code, answer.json()["parts"]["decoder"]


def named(name):
    return next(check for check in health.run_all_health_checks() if check.name == name)


@pytest.mark.parametrize(
    ("results", "status"),
    [
        ([], 200),
        ([("a", True, 0)], 200),
        ([("a", False, 0)], 503),
        ([("a", False, 0), ("b", False, 0)], 503),
        ([("a", False, 0), ("b", True, 0)], 200),  # another host does the work
        ([("a", False, 0), ("b", True, 60)], 503),  # which has gone
        ([("a", False, 60)], 200),  # it has gone as well
    ],
)
def test_load_balancer_hears_that_no_host_can_measure(results, status):
    for host, ok, minutes in results:
        a_result(host, ok, dt.timedelta(minutes=minutes))
    assert readyz()[0] == status


def test_cause_is_shown_to_everybody_by_its_kind_alone():
    a_result("db-7.internal", False, detail="TypeError: open('/srv/secret') failed")
    status, part = readyz()
    assert (status, part) == (503, {"ok": False, "detail": "no worker can measure files (TypeError)"})


def test_operator_is_told_the_cause_of_each_host_that_is_broken():
    a_result("a", True)
    a_result("b", False)
    answer = named("workers")
    assert (answer.ok, answer.detail) == (False, f"b: sound: {CAUSE}")


def test_doctor_tries_this_host_and_names_the_cause_and_the_versions(host, monkeypatch):
    assert named("decoder").ok
    monkeypatch.setattr(self_test, "run_self_test", lambda: [self_test.run_self_test_part("sound", lambda: 1 / 0)])
    answer = named("decoder")
    assert not answer.ok
    assert answer.detail.startswith("sound: ZeroDivisionError: division by zero (av ")
    assert "seccomp" not in answer.hint
    assert not SelfTest.objects.exists()


def test_doctor_does_not_blame_the_kernel_for_a_sandbox_that_does_not_start(monkeypatch):
    from checks.analysis import sandbox_escapes

    def unavailable():
        raise AnalysisUnavailable("ImportError: libfoo.so.1: cannot open shared object file")

    monkeypatch.setattr(sandbox_escapes, "run_escape_tests", unavailable)
    answer = named("sandbox")
    assert (answer.ok, "libfoo" in answer.detail, "seccomp" in answer.hint) == (False, True, False)


@pytest.mark.parametrize("production", [False, True])
def test_doctor_names_every_attempt_to_leave_that_succeeded(monkeypatch, settings, production):
    from checks.analysis import Level, sandbox_escapes

    settings.PRODUCTION = production
    open_ways = [
        sandbox_escapes.Result("end another process", False, ""),
        sandbox_escapes.Result("open a file", True, ""),
    ]
    monkeypatch.setattr(sandbox_escapes, "run_escape_tests", lambda: (Level.FILES, open_ways))
    answer = named("sandbox")
    assert (answer.ok, "not refused: end another process" in answer.detail) == (False, True)


def test_prometheus_reads_which_host_is_broken(rung, analyser, host):
    break_host(host, analyser)
    a_submission()
    run(rung)
    text = Client().get("/metrics").content.decode()
    assert f'gate_self_test_ok{{host="{self_tests.read_host_name()}"}} 0.0' in text
    assert "gate_analyses_postponed 1.0" in text


def test_health_check_of_the_worker_reads_a_file(host):
    self_tests.run_host_self_test()
    assert self_tests.status_file().read_text() == "ok\n"
    host.broken = CAUSE
    self_tests.run_host_self_test()
    assert self_tests.status_file().read_text() == f"sound: {CAUSE}\n"


def test_result_is_kept_although_the_status_file_cannot_be_written(host, settings, tmp_path):
    settings.GATE_TMP = tmp_path / "nowhere"
    assert self_tests.run_host_self_test().ok
    assert SelfTest.objects.get().ok


def test_hosts_that_have_gone_are_forgotten():
    a_result("gone", False, dt.timedelta(days=1))
    a_result("here", True)
    assert self_tests.delete_old_self_tests() == 1
    assert [item.host for item in SelfTest.objects.all()] == ["here"]


def test_operator_tests_a_host_by_a_command(host, capsys):
    from django.core.management import CommandError, call_command

    call_command("self_test", "--json")
    assert json.loads(capsys.readouterr().out)["ok"] is True
    host.broken = CAUSE
    with pytest.raises(CommandError, match="TypeError"):
        call_command("self_test")
    assert not SelfTest.objects.get().ok


def test_samples_are_measured_as_they_must_be_on_this_host():
    assert [part for part in self_tests.run_host_self_test().parts if not part["ok"]] == []


def test_cover_of_a_broken_host_gives_no_facts(tmp_path, monkeypatch):
    """Through the real child: a library that fails on every image blames none."""
    from checks.analysis import sandbox_run

    once = sandbox_run.run_sandboxed_once
    work = "tests.checks.analysis.broken_images:measure"
    monkeypatch.setattr(sandbox_run, "run_sandboxed_once", lambda _, *given, **named: once(work, *given, **named))
    path = tmp_path / "cover.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n damaged")
    with pytest.raises(AnalysisUnavailable, match="TypeError: a library changed"):
        artwork.facts_of(path, "")
