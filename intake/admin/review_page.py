"""The review page: everything about one submission that a moderator needs, read in a fixed number of queries."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.urls import reverse
from django.utils import timezone

from checks.analysis.c2pa_trust import TrustList, judge_credential
from checks.analysis.facts_json import credential_from_json, lattice_from_json
from checks.model.finding import Route
from checks.model.release import CredentialState, LatticeFacts
from checks.moderator_checklist import CHECKLIST, Item
from checks.rules.artefacts import generator_artefacts
from intake.admin import evidence_format, similar_cases
from intake.admin.ab_player import Panel, build_ab_panels
from intake.admin.review_queue_page import SEVERITIES
from intake.core.reason_groups import HOLDING, Family, code_in_words, family_of
from intake.core.states import CLEARED, REOPENING, State
from intake.models import CheckRun, Claim, Decision, Event, Finding, Resource, Status, Submission, Track, TrustRoot
from intake.readers.release_mapping import analysis_of

#: Sound that reaches so much of what its rate can carry ends nowhere.
FULL_BAND = 0.97
#: Which tab speaks to which family of reasons; to the others the tracks do.
_FIRST = {"ai": "disclosure", "metadata": "metadata", "identity": "parties", "fraud": "parties"}


@dataclass(frozen=True, slots=True)
class Shown:
    """A finding as the page shows it."""

    row: Finding
    subject: str  # in words
    evidence: tuple[evidence_format.Line, ...]
    matches: tuple[Mapping[str, Any], ...]
    panels: tuple[Panel, ...]
    rule: similar_cases.Rule | None

    @property
    def family(self) -> Family:
        return family_of(self.row.code)

    @property
    def holds(self) -> bool:
        return self.row.route in HOLDING

    @property
    def measured(self) -> str:
        return evidence_format.format_evidence_value(self.row.measured)

    @property
    def threshold(self) -> str:
        return evidence_format.format_evidence_value(self.row.threshold)

    @property
    def compared(self) -> bool:
        return self.row.measured is not None or self.row.threshold is not None

    @property
    def note(self) -> bool:
        """Recorded by a check in shadow: it never routes, and labels do not see it."""
        return self.row.route == Route.NOTE


@dataclass(frozen=True, slots=True)
class Heard:
    """A track of the release: what the label says, what the file measures, and where to hear it."""

    row: Track
    document: Mapping[str, Any]
    facts: Mapping[str, Any]
    resource: Resource

    @property
    def url(self) -> str:
        """Where to hear it; empty while it is not here."""
        return _resource_file_url(self.resource) if self.resource.blob_id else ""

    @property
    def waveform_url(self) -> str:
        return self._look("waveform")

    @property
    def spectrogram_url(self) -> str:
        return self._look("spectrogram")

    @property
    def spectrum_url(self) -> str:
        return self._look("spectrum")

    def _look(self, what: str) -> str:
        return reverse(f"admin:intake_submission_{what}", args=[self.resource.submission_id, self.resource.pk])

    @property
    def sound_end(self) -> float | None:
        """Where its sound ends, in hundredths of a spectrogram from the top; None where it fills the whole band."""
        end, rate = self.facts.get("bandwidth_hz"), self.facts.get("sample_rate")
        if not end or not rate or end >= FULL_BAND * rate / 2:
            return None
        return round(100 * (1 - end / (rate / 2)), 1)

    @property
    def lattice(self) -> Mapping[str, Any]:
        """Lines at multiples of one rate; empty where none were found."""
        found: Mapping[str, Any] = self.facts.get("lattice") or {}
        return found if found.get("strength") not in (None, "none") else {}

    @property
    def contributions(self) -> Sequence[Mapping[str, Any]]:
        return (self.document.get("disclosure") or {}).get("contributions") or ()

    @property
    def disclosure_status(self) -> str:
        return (self.document.get("disclosure") or {}).get("status") or "undeclared"

    @property
    def contributors(self) -> Sequence[Mapping[str, Any]]:
        return self.document.get("contributors") or ()

    @property
    def tags(self) -> list[tuple[str, str, str]]:
        """(value, where, patterns) of the tags that claim a generator, each told once."""
        told: dict[tuple[str, str], list[str]] = {}
        for facts in self.facts.get("tags") or ():
            told.setdefault((str(facts["value"]), str(facts["where"])), []).append(str(facts["pattern"]))
        return [(value, where, ", ".join(patterns)) for (value, where), patterns in told.items()]

    @property
    def credential(self) -> Mapping[str, Any]:
        """What signed provenance says; empty where the file carries none, or none that could be looked for."""
        found: Mapping[str, Any] = self.facts.get("credential") or {}
        return found if found.get("state", "none") not in ("none", "not_assessed") else {}

    @property
    def pictures(self) -> Sequence[Mapping[str, Any]]:
        """The same of the pictures in its tags, which speak of artwork alone."""
        return self.facts.get("pictures") or ()

    @property
    def traces(self) -> LatticeFacts | None:
        """Acoustic traces, where they were measured."""
        return lattice_from_json(self.facts.get("lattice"))

    @property
    def traces_text(self) -> str:
        """What the picture of the traces shows, in words."""
        return generator_artefacts.describe_artefact_plot(self.traces) if self.traces else ""

    @property
    def ordinary(self) -> bool:
        """Declared to be made by people, measured, and nothing found that says otherwise."""
        levels = {contribution.get("level") for contribution in self.contributions}
        machines = {contributor.get("ai_contribution") for contributor in self.contributors} - {
            "none",
            "undeclared",
            None,
        }
        told = self.disclosure_status == "declared" and levels <= {"none", "assistive_tool"} and not machines
        found = bool(self.traces and (self.traces.found or self.traces.holes))
        return told and bool(self.facts) and not self.tags and not self.credential and not found

    @property
    def format(self) -> str:
        """As an engineer writes it: FLAC 44.1 kHz 16 bit."""
        rate, bits = self.facts.get("sample_rate"), self.facts.get("bit_depth")
        parts = [str(self.facts.get("codec") or self.facts.get("container") or "").upper()]
        parts += [f"{rate / 1000:g} kHz"] if rate else []
        parts += [f"{bits} bit"] if bits else []
        parts += ["mono"] if self.facts.get("channels") == 1 else []
        return " ".join(parts).strip()


@dataclass(frozen=True, slots=True)
class Happening:
    """One line of history: an event, and the decision that came with it."""

    event: Event
    decision: Decision | None


@dataclass(frozen=True, slots=True)
class Difference:
    """A field that this submission says otherwise than the one it supersedes."""

    field: str
    was: str
    now: str


@dataclass(frozen=True, slots=True)
class Tab:
    """One of the places beside the reasons where more is told."""

    key: str
    title: str
    count: int = 0
    first: bool = False


@dataclass(frozen=True, slots=True)
class Review:
    """Everything the review page shows."""

    submission: Submission
    findings: tuple[Shown, ...]
    tracks: tuple[Heard, ...]
    cover: str
    checks: tuple[CheckRun, ...]
    history: tuple[Happening, ...]
    differences: tuple[Difference, ...]
    superseded_by: Submission | None
    claim: Claim | None
    like: tuple[similar_cases.Like, ...]
    past: similar_cases.Past
    served: tuple[similar_cases.Served, ...]
    documents: tuple[tuple[str, str], ...]  # name and address of each delivered licence, consent or proof
    proposed: frozenset[str]  # "key=value" of the labels that findings propose

    @property
    def checklist(self) -> tuple[Item, ...]:
        """What a person has to look at, because no check can."""
        return CHECKLIST

    @property
    def holding(self) -> list[Shown]:
        return [finding for finding in self.findings if finding.holds]

    @property
    def others(self) -> list[Shown]:
        return [finding for finding in self.findings if not finding.holds]

    @property
    def panels(self) -> list[Panel]:
        return [panel for finding in self.findings for panel in finding.panels]

    @property
    def speaking(self) -> list[Heard]:
        """Tracks with a disclosure or file that says something about AI, or that say nothing where they should."""
        return [track for track in self.tracks if not track.ordinary]

    @property
    def silent(self) -> list[Heard]:
        return [track for track in self.tracks if track.ordinary]

    @property
    def decision(self) -> Decision | None:
        """The decision that stands."""
        return next((item.decision for item in reversed(self.history) if item.decision), None)

    @property
    def because(self) -> list[str]:
        """What holds it, each kind once, worst first."""
        found = list(dict.fromkeys(code_in_words(item.row.code) for item in self.holding))
        return [*found, *(f"no result of {run.name}" for run in self.unfinished)]

    @property
    def reopened(self) -> Decision | None:
        """Why it is here again, where a human sent it back to the queue."""
        last = self.decision
        return last if last and self.waiting and last.actor.startswith("moderator:") else None

    @property
    def waiting(self) -> bool:
        return self.submission.state == State.IN_REVIEW

    @property
    def reopenable(self) -> bool:
        return self.submission.state in REOPENING

    @property
    def families(self) -> set[str]:
        return {item.family.key for item in self.holding}

    @property
    def context_tabs(self) -> tuple[Tab, ...]:
        """Beside the reasons; the one that speaks to the worst of them is open."""
        first = _FIRST.get(self.holding[0].family.key, "tracks") if self.holding else "tracks"
        tabs = (
            ("tracks", "Tracks", len(self.tracks)),
            ("disclosure", "Disclosure", len(self.speaking)),
            ("cases", "Cases", max((item.everywhere.total for item in self.like), default=0)),
            ("parties", "Past", 0),
            ("metadata", "Release", len(self.differences)),
            ("partners", "Partners", len(self.served)),
            ("history", "History", len(self.history)),
        )
        return tuple(Tab(key, title, count, key == first) for key, title, count in tabs)

    @property
    def unfinished(self) -> list[CheckRun]:
        """Checks without an answer."""
        return [run for run in self.checks if run.status != Status.DONE]


def load_review(submission: Submission) -> Review:
    """Read the review of a submission (loaded with its label, claim and superseded submission)."""
    resources = list(submission.resources.select_related("blob__analysis"))
    rows = list(submission.tracks.all())
    tracks = tuple(_iterate_audible_tracks(submission, rows, resources))
    findings = list(submission.findings.current().select_related("check_run"))
    heard = build_ab_panels(findings, {track.row.position: track for track in tracks})
    shown = tuple(_iterate_shown_findings(findings, rows, heard))
    history = tuple(_iterate_history(submission))
    standing = next((item.decision for item in reversed(history) if item.decision), None)
    proposed = dict.fromkeys((label["key"], label["value"]) for row in findings for label in row.labels)
    return Review(
        submission=submission,
        findings=shown,
        tracks=tracks,
        cover=next(
            (
                _resource_file_url(resource)
                for resource in resources
                if resource.kind == Resource.Kind.COVER and resource.blob_id
            ),
            "",
        ),
        checks=tuple(submission.check_runs.order_by("created_at", "pk")),
        history=history,
        differences=tuple(_iterate_differences(submission)),
        superseded_by=submission.superseded_by.order_by("-id").first(),
        claim=claim_of(submission),
        like=similar_cases.list_like_cases(
            list(dict.fromkeys(element.row.code for element in shown if element.holds)), submission
        ),
        past=similar_cases.describe_past_deliveries(submission),
        served=similar_cases.list_partner_outcomes(proposed, standing, submission.state in CLEARED),
        documents=tuple(
            (entry.name, _resource_file_url(entry))
            for entry in resources
            if entry.kind == Resource.Kind.DOCUMENT and entry.blob_id
        ),
        proposed=frozenset(f"{key}={value}" for key, value in proposed),
    )


def in_words(subject: str, titles: Mapping[int, str]) -> str:
    """What a finding speaks of: ``track:3`` is "Track 3, Slow Ferry"."""
    kind, _, which = subject.partition(":")
    if kind == "track" and which.isdigit():
        title = titles.get(int(which))
        return f"Track {which}, {title}" if title else f"Track {which}"
    return f"File {which}" if kind == "file" else subject.capitalize()


def _iterate_shown_findings(
    findings: Sequence[Finding], tracks: Sequence[Track], heard: Mapping[int, tuple[Panel, ...]]
) -> Iterator[Shown]:
    """What holds the release first, then by severity; among equals as the checks told it."""
    titles = {track.position: track.title for track in tracks}
    rules = similar_cases.rules_for(findings)
    for row in sorted(findings, key=lambda one: (one.route not in HOLDING, SEVERITIES.get(one.severity, 9), one.pk)):
        document = row.evidence if isinstance(row.evidence, Mapping) else {}
        matches = document.get("matches")
        yield Shown(
            row=row,
            subject=in_words(row.subject, titles),
            evidence=evidence_format.format_evidence(row.evidence),
            matches=tuple(item for item in matches if isinstance(item, Mapping)) if isinstance(matches, list) else (),
            panels=heard.get(row.pk, ()),
            rule=rules.get(row.pk),
        )


def _iterate_audible_tracks(
    submission: Submission, rows: Iterable[Track], resources: Iterable[Resource]
) -> Iterator[Heard]:
    documents = {item.get("position"): item for item in submission.metadata.get("tracks") or ()}
    by_id = {entry.pk: entry for entry in resources}
    trusted = functools.cache(TrustRoot.objects.trust_list)  # asked for where a file carries a credential
    for row in rows:
        resource = by_id[row.resource_id]
        analysis = analysis_of(resource)
        yield Heard(
            row=row,
            document=documents.get(row.position, {}),
            facts=_judge_shown_credentials((analysis.facts if analysis else None) or {}, trusted),
            resource=resource,
        )


def _judge_shown_credentials(facts: Mapping[str, Any], trusted: Callable[[], TrustList]) -> Mapping[str, Any]:
    """Stored facts with a credential that holds in the state that the trust list gives it today."""
    if (facts.get("credential") or {}).get("state") != CredentialState.UNTRUSTED:
        return facts
    credential = judge_credential(credential_from_json(facts["credential"]), trusted(), timezone.now().date())
    return {**facts, "credential": dataclasses.asdict(credential)}


def _resource_file_url(resource: Resource) -> str:
    return reverse("admin:intake_submission_file", args=[resource.submission_id, resource.pk])


def _iterate_history(submission: Submission) -> Iterator[Happening]:
    decisions = {str(decision.pk): decision for decision in submission.decisions.all()}
    for event in submission.events.all():
        yield Happening(event, decisions.get(str(event.data.get("decision"))))


def claim_of(submission: Submission) -> Claim | None:
    """The hold on a submission, while it lasts."""
    claim: Claim | None = getattr(submission, "claim", None)
    return claim if claim and claim.held(timezone.now()) else None


def _iterate_differences(submission: Submission) -> Iterator[Difference]:
    """Field by field, in the order of the new document."""
    if submission.supersedes is None:
        return
    was, now = (
        dict(_iterate_document_leaves(submission.supersedes.metadata)),
        dict(_iterate_document_leaves(submission.metadata)),
    )
    for field in dict.fromkeys((*now, *was)):
        if was.get(field) != now.get(field):
            yield Difference(
                field,
                evidence_format.format_evidence_value(was.get(field)),
                evidence_format.format_evidence_value(now.get(field)),
            )


def _iterate_document_leaves(document: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every single value of a document, named by its way from the top: "track 2 · title"."""
    if isinstance(document, Mapping):
        for key, inner in document.items():
            yield from _iterate_document_leaves(
                inner,
                f"{path} · {evidence_format.format_evidence_key(key)}"
                if path
                else evidence_format.format_evidence_key(key),
            )
    elif isinstance(document, list) and any(isinstance(item, Mapping) for item in document):
        for number, inner in enumerate(document, 1):
            yield from _iterate_document_leaves(inner, f"{path.removesuffix('s')} {number}")
    elif document not in (None, "", []):
        yield path, document
