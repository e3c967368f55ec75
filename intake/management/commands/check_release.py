"""Every check on one release, on this machine alone: what the gate would say, before anything is delivered."""

from __future__ import annotations

import hashlib
import json
import math
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError, connection
from django.utils import timezone

import checks
from checks.analysis import Analyser, AnalysisError
from checks.analysis.c2pa_trust import TrustList
from checks.model.check import (
    CHECK_FAILED,
    Check,
    Context,
    Habits,
    Known,
    Match,
    OpenedArtist,
    ProtectedName,
    Refusal,
    RegistrantUse,
)
from checks.model.finding import Finding, Route
from checks.model.release import AudioFacts, Delivery, ImageFacts, Track
from checks.policy import LATTICE, Policy, Ruling, Verdict, judge_findings
from checks.rules.delivered_files import DeclaredFile, DeliveredFile, judge_names
from intake.core import document_schema
from intake.management.measuring import count_measuring_workers, iterate_with_progress, measure_in_parallel
from intake.models import KnownRecording, Label, TrustRoot
from intake.readers import check_context, release_mapping
from intake.services.catalogue import index_log
from intake.services.checking import artwork
from intake.services.submissions import admission

#: What the command ends with, by verdict; and where the release would be refused on admission.
EXITS = {Verdict.APPROVE: 0, Verdict.LABEL: 10, Verdict.REVIEW: 20}
BLOCKED = 30

_WORST_FIRST = (Route.BLOCK, Route.REVIEW, Route.LABEL, Route.PASS, Route.NOTE)


@dataclass
class Answers:
    """What the checks said, each with the check that said it (None: the door), and which had nothing to go by."""

    said: list[tuple[Check | None, Finding]] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    blocked: bool = False

    @property
    def findings(self) -> list[Finding]:
        return [finding for _, finding in self.said]

    def door(self, findings: Sequence[Finding], rules: Policy, check: Check | None = None) -> None:
        """Findings that are asked for before a release is taken in: these can refuse it."""
        self.said += [(check, finding) for finding in findings]
        self.blocked |= any(rules.route(finding) is Route.BLOCK for finding in findings)


class Command(BaseCommand):
    help = (
        "Run all checks on a release without saving anything. "
        "Exit code: 0 approve, 10 label, 20 review, 30 refused on admission."
    )
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("metadata", type=Path, metavar="METADATA.json", help="the delivery document")
        parser.add_argument(
            "--files", type=Path, metavar="DIR", help="its files; without them what needs audio is missing: review"
        )
        parser.add_argument("--label", metavar="NAME", help="who delivers (without it: the release's display label)")
        parser.add_argument("--json", action="store_true", help="one JSON document on standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        rules, document = admission.current_policy(), _load_release_document(options["metadata"])
        known = _catalogue_is_here()
        if not known:
            self.stderr.write("There is no catalogue here (no database): nothing is known, and no name is guarded.")
        answers, positions = Answers(), []
        try:
            delivery = document_schema.parse_document(document)
        except document_schema.ShapeError as error:
            answers.door([fault.finding() for fault in error.faults], rules)
        else:
            answers = _run_release_checks(delivery, options["files"], options["label"], rules, known)
            positions = [track["position"] for track in delivery["release"]["tracks"]]
        missing = sorted(set(answers.missing) & set(rules.mandatory))
        ruling = judge_findings(rules, answers.findings, missing, positions)
        if options["json"]:
            self.stdout.write(json.dumps(_build_check_report(answers, ruling, rules, known), ensure_ascii=False))
        else:
            self.stdout.write("\n".join(_iterate_report_lines(answers, ruling, rules)))
        sys.exit(BLOCKED if answers.blocked else EXITS[ruling.verdict])


def _load_release_document(path: Path) -> object:
    try:
        return json.loads(path.read_bytes())
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise CommandError(f"{path}: this is not JSON: {error}") from error


def _catalogue_is_here() -> bool:
    """Whether there is a database with our tables in it."""
    try:
        tables = connection.introspection.table_names()
    except DatabaseError:
        return False
    return {Label._meta.db_table, KnownRecording._meta.db_table, TrustRoot._meta.db_table} <= set(tables)


def _run_release_checks(
    document: dict[str, Any], folder: Path | None, name: str | None, rules: Policy, known: bool
) -> Answers:
    """Put the checks, first those that the door asks, then those that listen."""
    answers = Answers()
    named = admission.named_files(document)
    answers.door(list(judge_names(named)), rules)
    facts: Mapping[str, AudioFacts] = {}
    images: Mapping[str, ImageFacts] = {}
    if folder is not None and not answers.blocked:  # a name that is a path leads out of the folder
        answers.door(admission.judge_delivered(document, _find_delivered_files(named, folder)), rules)
        facts = _measure_release_audio(document, folder)
        images = _measure_release_artwork(document, folder)
    trusted, today = TrustRoot.objects.trust_list() if known else TrustList(), timezone.now().date()
    label = _find_or_build_label(name or document["release"].get("display_label") or "A label", known)
    delivery = Delivery(
        release=release_mapping.map_release_document(document["release"]),
        account=release_mapping.map_label_account(label),
        received=today,
        facts={one: release_mapping.judge_fact_credentials(found, trusted, today) for one, found in facts.items()},
        images={one: release_mapping.trusting_image(found, trusted, today) for one, found in images.items()},
    )
    nothing = NothingKnown()
    context = Context(nothing, nothing, nothing, nothing, nothing)
    if known:
        context = check_context.build_check_context(
            label, None, rules, index_log.catch_up_index(math.inf, None) if folder else None
        )
    for check in filter(lambda one: rules.asks(one.name), checks.CHECKS):
        if check.needs_audio and folder is None:
            answers.missing.append(check.name)
            continue
        try:
            found = list(check.run(delivery, context))
        except Exception as error:
            answers.missing.append(check.name)
            found = [Finding(CHECK_FAILED, "release", f"The check '{check.name}' failed: {error!r}")]
        if check.needs_audio:
            answers.said += [(check, finding) for finding in found]
        else:
            answers.door(found, rules, check)
    return answers


def _find_or_build_label(name: str, known: bool) -> Label:
    """The label of that name, or one that is not stored."""
    return (known and Label.objects.filter(name=name).first()) or Label(name=name)


def _find_delivered_files(named: Mapping[str, DeclaredFile], folder: Path) -> dict[str, DeliveredFile]:
    """The named files that are in the folder."""
    delivered = {}
    for name in named:
        path = folder / name
        if path.is_file():
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
                delivered[name] = DeliveredFile(digest, path.stat().st_size, path)
    return delivered


def _measure_release_audio(document: dict[str, Any], folder: Path) -> dict[str, AudioFacts]:
    names = list(dict.fromkeys(track["file"] for track in document["release"]["tracks"]))
    here = [name for name in names if (folder / name).is_file()]

    def measure(analyser: Analyser, name: str) -> AudioFacts:
        path = folder / name
        with path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        return analyser.analyse(path, sha256, name=name, lattice=admission.current_policy().asks(LATTICE))

    try:
        done = measure_in_parallel(measure, here, max(1, min(count_measuring_workers(), len(here))))
        return dict(iterate_with_progress(done, len(here), "Measuring", sys.stderr))
    except (OSError, AnalysisError) as error:
        raise CommandError(str(error)) from error


def _measure_release_artwork(document: dict[str, Any], folder: Path) -> dict[str, ImageFacts]:
    name = (document["release"].get("cover") or {}).get("file")
    if not name or not (folder / name).is_file():
        return {}
    try:
        return {name: artwork.facts_of(folder / name, "")}
    except AnalysisError as error:
        raise CommandError(str(error)) from error


class NothingKnown:
    """Instruments for a machine without a catalogue."""

    def matches(self, facts: AudioFacts, track: Track | None = None) -> Sequence[Match]:
        return ()

    def under_isrc(self, isrc: str) -> Sequence[Known]:
        return ()

    def titled(self, titles: Iterable[str]) -> Mapping[str, Sequence[Known]]:
        return {}

    def habits(self) -> Habits:
        return Habits()

    def refused_with(self, parties: Sequence[str]) -> Mapping[str, int]:
        return {}

    def listed(self, kind: str, values: Sequence[str]) -> Mapping[str, str]:
        return {}

    def named(self, kind: str, values: Sequence[str]) -> Mapping[str, Sequence[Refusal]]:
        return {}

    def near_all(self, names: Iterable[str]) -> Mapping[str, Sequence[ProtectedName]]:
        return {}

    def opened_by(self, text: str) -> OpenedArtist | None:
        return None

    def upc_seen(self, upcs: Sequence[str], title: str) -> bool:
        return False

    def cover_seen(self, dhash: str) -> bool:
        return False

    def upc_elsewhere(self, upcs: Sequence[str]) -> bool:
        return False

    def registrant(self, prefix: str) -> RegistrantUse:
        return RegistrantUse()

    def tracks_by(self, artist: str, days: int) -> int:
        return 0


def _build_check_report(answers: Answers, ruling: Ruling, rules: Policy, known: bool) -> dict[str, Any]:
    return {
        "verdict": None if answers.blocked else ruling.verdict.value,
        "blocking": answers.blocked,
        "reasons": list(ruling.reasons),
        "labels": [
            {"key": label.key, "value": label.value, "basis": str(label.basis), "code": code}
            for label, code in ruling.labels
        ],
        "checks_missing": answers.missing,
        "tracks": [{"position": position, "verdict": verdict.value} for position, verdict in ruling.tracks.items()],
        "policy": {"version": rules.version, "digest": rules.digest},
        "catalogue": known,
        "findings": [
            {
                "code": finding.code.id,
                "severity": finding.code.severity.value,
                "route": rules.route(finding).value,
                "subject": finding.subject,
                "check": check.name if check else None,
                "check_version": check.version if check else None,
                "message": finding.message,
                "measured": finding.measured,
                "threshold": finding.threshold,
                "evidence": finding.evidence,
                "fix": finding.fix,
            }
            for check, finding in answers.said
        ],
    }


def _iterate_report_lines(answers: Answers, ruling: Ruling, rules: Policy) -> Iterator[str]:
    yield "refused on admission" if answers.blocked else ruling.verdict.value
    if ruling.labels:
        yield "labels: " + ", ".join(f"{label.key}={label.value} ({label.basis})" for label, _ in ruling.labels)
    if answers.missing:
        yield f"not asked, for want of audio or by a fault: {', '.join(answers.missing)}"
    for finding in sorted(answers.findings, key=lambda finding: _WORST_FIRST.index(rules.route(finding))):
        yield ""
        yield f"{rules.route(finding).value:6} {finding.code}  {finding.subject}"
        yield f"       {finding.message}"
        if finding.fix:
            yield f"       → {finding.fix}"
