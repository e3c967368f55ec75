"""How the gate is doing: for load balancers, and for Prometheus."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import structlog
from django.conf import settings
from django.db.models import Count, Min, QuerySet
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from intake.api.problems import NOT_FOUND, UNAVAILABLE, Problem, build_problem_document
from intake.core.states import State
from intake.models import Analysis, CheckRun, Delivery, KnownRecording, SelfTest, Status, Submission
from intake.readers import statistics
from intake.services.catalogue import index_log
from intake.services.operations import health

log = structlog.get_logger(__name__)


@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """A web process that answers is alive; nothing else is asked."""
    return HttpResponse("ok\n", content_type="text/plain")


@require_safe
def readyz(request: HttpRequest) -> HttpResponse:
    """Whether requests should be sent here: 503, with the parts that fail, where not."""
    answers = health.check_readiness()
    parts = {
        answer.name: {"ok": answer.ok, "detail": "ok" if answer.ok else answer.public or "unavailable"}
        for answer in answers
    }
    if all(answer.ok for answer in answers):
        return JsonResponse({"ready": True, "parts": parts})
    failing = ", ".join(answer.name for answer in answers if not answer.ok)
    body = build_problem_document(Problem(UNAVAILABLE, f"Not working: {failing}."), request)
    return JsonResponse(body | {"parts": parts}, status=503, content_type="application/problem+json")


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Figures of the whole installation, counted from its rows: the same whichever process is asked."""
    registry = CollectorRegistry()
    registry.register(Rows())
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


@require_safe
def transparency(request: HttpRequest) -> HttpResponse:
    """What this gate does to those who deliver, for the public, where the operator publishes it."""
    if not settings.GATE_TRANSPARENCY:
        return JsonResponse(
            build_problem_document(Problem(NOT_FOUND), request), status=404, content_type="application/problem+json"
        )
    answer = JsonResponse(statistics.build_transparency_report(statistics.cached_statistics()))
    answer.headers["Cache-Control"] = "public, max-age=3600"
    return answer


class Rows(Collector):
    """Counts rows at the moment of the scrape."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """One short grouped query a figure, on indexed columns."""
        yield self._by("gate_submissions", "Submissions by state.", "state", Submission.objects.all(), State)
        yield self._by("gate_check_runs", "Check runs by status.", "status", CheckRun.objects.all(), Status.values)
        yield self._by(
            "gate_analyses", "Measurements of files by status.", "status", Analysis.objects.all(), Status.values
        )
        yield self._by(
            "gate_deliveries", "Webhook deliveries by status.", "status", Delivery.objects.all(), Delivery.Status.values
        )
        yield self._age("gate_checking_age_seconds", "Since the oldest submission not judged yet was handed over.",
            Submission.objects.filter(state__in=(State.RECEIVED, State.CHECKING)), "received_at")  # fmt: skip
        yield self._age("gate_delivery_age_seconds", "Since the oldest webhook still to be sent was written.",
            Delivery.objects.filter(status=Delivery.Status.PENDING), "created_at")  # fmt: skip
        now = timezone.now()
        overdue = Submission.objects.filter(state=State.IN_REVIEW, due_at__lt=now).count()
        yield GaugeMetricFamily("gate_reviews_overdue", "Submissions in review past their due date.", overdue)
        known = KnownRecording.objects.current().count()
        yield GaugeMetricFamily("gate_known_recordings", "Recordings in the reference catalogue.", known)
        yield from self._hosts()
        yield from self._index()
        yield from self._fairness()

    @staticmethod
    def _hosts() -> Iterator[GaugeMetricFamily]:
        """What each host with a worker found when it last tested itself."""
        passed = GaugeMetricFamily("gate_self_test_ok", "Whether a host can measure files.", labels=["host"])
        age = GaugeMetricFamily("gate_self_test_age_seconds", "Since a host tested itself.", labels=["host"])
        for item in SelfTest.objects.order_by("host"):
            passed.add_metric([item.host], float(item.ok))
            age.add_metric([item.host], max(0.0, (timezone.now() - item.ran_at).total_seconds()))
        yield passed
        yield age
        postponed = Analysis.objects.filter(status=Status.PENDING, next_attempt_at__isnull=False).count()
        yield GaugeMetricFamily("gate_analyses_postponed", "Files that wait for a host to be repaired.", postponed)

    @staticmethod
    def _index() -> Iterator[GaugeMetricFamily]:
        """The index of the host that answers, unlike everything else here."""
        waiting = KnownRecording.objects.unlogged().count()
        yield GaugeMetricFamily(
            "gate_catalogue_changes_waiting", "Recordings learned or forgotten that no index can know of yet.", waiting
        )
        current, behind = (
            GaugeMetricFamily(
                "gate_index_current", "1 where this host's index takes questions, 0 where it lags or is not right."
            ),
            GaugeMetricFamily("gate_index_behind_changes", "Changes of the catalogue that this host's index lacks."),
        )
        try:
            found = index_log.compare_index_with_log()
        except Exception as error:  # a damaged index must not take the other figures away
            log.warning("index.unreadable", error=str(error))
            current.add_metric([], 0)
        else:
            current.add_metric([], found.current)
            behind.add_metric([], found.behind)
        yield current
        yield behind

    @staticmethod
    def _fairness() -> Iterator[GaugeMetricFamily]:
        """The figures of the last 30 days, counted at most once a minute."""
        found = statistics.cached_statistics()
        waited = GaugeMetricFamily(
            "gate_decision_seconds", "From delivery to decision, over 30 days.", labels=["by", "quantile"]
        )
        for by, one in (("machine", found.machine), ("people", found.people)):
            for quantile, seconds in (("0.5", one.p50), ("0.95", one.p95)):
                if seconds is not None:
                    waited.add_metric([by, quantile], seconds)
        yield waited
        in_time = GaugeMetricFamily(
            "gate_decided_in_time_ratio", "Share that people decided before it was due.", labels=[]
        )
        if found.sla is not None:
            in_time.add_metric([], found.sla)
        yield in_time
        borne_out = GaugeMetricFamily(
            "gate_borne_out_ratio",
            "Share of what a code sent to people that they did not just approve.",
            labels=["code"],
        )
        for row in found.precision:
            if row.share is not None:
                borne_out.add_metric([row.code], row.share)
        yield borne_out
        overturned = GaugeMetricFamily(
            "gate_overturned_ratio", "Share of concluded decisions overturned.", labels=["by"]
        )
        for again in found.overturned:
            if again.rate is not None:
                overturned.add_metric([again.by], again.rate)
        yield overturned

    @staticmethod
    def _by(name: str, help_text: str, column: str, rows: QuerySet, values: Any) -> GaugeMetricFamily:
        counts = dict(rows.order_by().values_list(column).annotate(Count("pk")))
        family = GaugeMetricFamily(name, help_text, labels=[column])
        for value in values:
            family.add_metric([str(value)], counts.get(str(value), 0))
        return family

    @staticmethod
    def _age(name: str, help_text: str, rows: QuerySet, column: str) -> GaugeMetricFamily:
        oldest = rows.aggregate(oldest=Min(column))["oldest"]
        age = max(0.0, (timezone.now() - oldest).total_seconds()) if oldest else 0.0
        return GaugeMetricFamily(name, help_text, age)
