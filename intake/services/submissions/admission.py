"""What is asked at the door, before anything is stored: refuse at once what can never be right."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import structlog
from django.conf import settings
from django.utils import timezone

import checks
from checks.model.consent_documents import document_name
from checks.model.finding import Code, Finding, Route, Severity
from checks.model.release import Delivery
from checks.policy import Policy, PolicyError, load_policy_file
from checks.rules.delivered_files import CODES as FILE_CODES
from checks.rules.delivered_files import DeclaredFile, DeliveredFile, judge_files, judge_names
from intake.models import Label, Submission
from intake.readers import check_context, release_mapping
from intake.services.checking import artwork
from intake.services.submissions.autofix import apply_document_fixes

log = structlog.get_logger(__name__)

SUPERSEDES_UNKNOWN = Code(
    "supersedes.unknown",
    "A superseded submission must be one of the label's own.",
    Severity.CRITICAL,
    Route.BLOCK,
    "the gate itself",
)
CODES = (*FILE_CODES, SUPERSEDES_UNKNOWN)


class Refused(Exception):
    """The release itself is at fault; nothing was stored."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        self.findings = findings
        super().__init__(", ".join(finding.code.id for finding in findings))


def policy_home() -> Path:
    """Where a policy is put that people put in force: the file that GATE_POLICY names, or one beside the state."""
    named = Path(settings.GATE_POLICY)
    return named if named != settings.GATE_POLICY_SHIPPED else Path(settings.GATE_DATA) / "policy.toml"


def policy_path() -> Path:
    """The policy file in force: the shipped one until another is put in force."""
    home = policy_home()
    return home if home.exists() or home == Path(settings.GATE_POLICY) else Path(settings.GATE_POLICY)


def current_policy() -> Policy:
    """The policy in force. A changed file is read at the next call; a broken one does not replace a good one.

    Raises PolicyError where this process has never read a good one.
    """
    path = policy_path()
    try:
        _in_force[path] = read_policy()
    except PolicyError as error:
        if path not in _in_force:
            raise
        log.warning("policy unreadable; the last good one stays in force", error=str(error))
    return _in_force[path]


def read_policy() -> Policy:
    """The policy as the file says it now. Raises PolicyError."""
    path = policy_path()
    try:
        return _load_cached_policy(path, path.stat().st_mtime_ns)
    except OSError as error:
        raise PolicyError(f"{path}: {error.strerror}") from error


#: The last good policy of each file.
_in_force: dict[Path, Policy] = {}


@functools.lru_cache(maxsize=2)
def _load_cached_policy(path: Path, _changed: int) -> Policy:
    return load_policy_file(path, known_codes=checks.CODES, known_checks=[check.name for check in checks.CHECKS])


def named_files(document: Mapping[str, Any]) -> dict[str, DeclaredFile]:
    """The files that a delivery document names, by name, with what is declared about each."""
    release = document["release"]
    tracks = release["tracks"]
    licences = (relation.get("licence_file") for track in tracks for relation in track.get("relations") or ())
    contributions = [item for track in tracks for item in (track.get("disclosure") or {}).get("contributions") or ()]
    proofs = (
        document_name(contribution.get(key)) for contribution in contributions for key in ("consent", "tool_licence")
    )
    cover = release.get("cover") or {}
    declared = document.get("files") or {}
    names = [*(track["file"] for track in tracks), cover.get("file"), *licences, *proofs, *declared]
    return {name: _declared_file(declared.get(name) or {}) for name in names if name}


def _declared_file(entry: Mapping[str, Any]) -> DeclaredFile:
    return DeclaredFile((entry.get("sha256") or "").lower(), entry.get("size"))


def find_superseded_submission(label: Label, document: Mapping[str, Any]) -> Submission | None:
    """The submission that this one replaces; another label's does not exist for this one."""
    wanted = document.get("supersedes")
    return Submission.objects.of(label).filter(pk=wanted).first() if wanted else None


def list_admission_findings(
    label: Label, document: Mapping[str, Any], draft: Submission | None = None
) -> list[Finding]:
    """Every finding that needs no audio: what ``POST validate`` answers, and what the door goes by.

    ``draft``: the stored one that the document is of; the artists' keys that it came with still count.
    """
    delivery = Delivery(
        release=release_mapping.map_release_document(document["release"]),
        account=release_mapping.map_label_account(label),
        received=timezone.now().date(),
    )
    findings = list(judge_names(named_files(document)))
    wanted, former = document.get("supersedes"), find_superseded_submission(label, document)
    if wanted and former is None:
        findings.append(Finding(SUPERSEDES_UNKNOWN, "release", f"There is no submission {wanted} to supersede."))
    # A correction comes under the same UPC: what it replaces does not count as delivered before.
    context = check_context.build_check_context(
        label, draft or Submission(label=label, supersedes=former), current_policy()
    )
    for check in checks.CHECKS:
        if not check.needs_audio:
            findings.extend(check.run(delivery, context))
    return findings


def judge_delivered(document: Mapping[str, Any], delivered: Mapping[str, DeliveredFile]) -> list[Finding]:
    """Every finding about the files that arrived, by name, that is known before they are stored."""
    findings = list(judge_files(named_files(document), delivered))
    name = str((document["release"].get("cover") or {}).get("file"))
    if cover := delivered.get(name):
        findings.extend(artwork.judge_before_storing(name, cover))
    return findings


def select_blocking_findings(findings: Sequence[Finding]) -> list[Finding]:
    """Those that refuse the release at once under the policy in force."""
    rules = current_policy()
    return [finding for finding in findings if rules.route(finding) is Route.BLOCK]


def mend_document(
    label: Label, document: dict[str, Any], unsafe: bool = False
) -> tuple[dict[str, Any], list[str], Sequence[Finding]]:
    """The document with every safe fix carried out, the codes of those, and what is found in it now; stores nothing.

    With ``unsafe`` also the fixes that only the label can be sure of, such as capitals that may be meant.
    """
    rules = current_policy()
    return apply_document_fixes(
        document,
        lambda changed: list_admission_findings(label, changed),
        refused=lambda finding: rules.route(finding) is Route.BLOCK,
        wanted=lambda finding: (finding.safe or unsafe) and is_shown_to_label(finding),
    )


def is_shown_to_label(finding: Finding) -> bool:
    """Whether a label is shown it: neither what is for moderators only, nor what is on trial (``note``)."""
    return not finding.code.private and current_policy().route(finding) is not Route.NOTE


def admit_release(
    label: Label,
    document: Mapping[str, Any],
    delivered: Mapping[str, DeliveredFile] | None = None,
    draft: Submission | None = None,
) -> None:
    """Let a release in, or raise Refused with every finding that blocks it.

    ``delivered``: the files that arrived, by name; None where they come later.
    """
    findings = list_admission_findings(label, document, draft)
    if delivered is not None:
        findings.extend(judge_delivered(document, delivered))
    if blocked := select_blocking_findings(findings):
        raise Refused(blocked)
