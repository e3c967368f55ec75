"""Carry out the fixes that findings bring, on a delivery document, until there is nothing left to fix."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import jsonpatch
import jsonpointer

from checks.model.finding import Finding

#: What one fix uncovers the next round fixes; nothing that a label has written needed more than five.
MOST_ROUNDS = 10
#: The second pass finds what the first had given up too early; no document was seen that needed a fourth.
MOST_PASSES = 6

Examine = Callable[[dict[str, Any]], Sequence[Finding]]


def apply_document_fixes(
    document: dict[str, Any],
    examine: Examine,
    refused: Callable[[Finding], bool],
    wanted: Callable[[Finding], bool],
) -> tuple[dict[str, Any], list[str], Sequence[Finding]]:
    """The document with every wanted patch carried out, the codes of those patches, and what is found in it now.

    ``examine`` finds; ``refused`` tells which findings refuse a release; ``wanted`` which patches to carry out. A patch
    that would bring a new reason to refuse the release is left alone. Mending what was mended changes nothing.
    """
    applied: dict[str, None] = {}
    findings = examine(document)
    # A patch that was given up may do no harm once others are in: a pass in which nothing happens is the last.
    for _ in range(MOST_PASSES):
        document, done, findings = _apply_fix_rounds(document, findings, examine, refused, wanted)
        applied |= dict.fromkeys(done)
        if not done:
            break
    return document, list(applied), findings


def _apply_fix_rounds(
    document: dict[str, Any],
    findings: Sequence[Finding],
    examine: Examine,
    refused: Callable[[Finding], bool],
    wanted: Callable[[Finding], bool],
) -> tuple[dict[str, Any], list[str], Sequence[Finding]]:
    """Rounds of patches until none is left but those that were given up in this pass."""
    applied: dict[str, None] = {}
    spoilt: set[str] = set()
    for _ in range(MOST_ROUNDS):
        usable = [
            finding
            for finding in findings
            if finding.patch and wanted(finding) and _name_finding(finding) not in spoilt
        ]
        changed, done = _apply_patches(document, usable)
        if not done:
            break
        found = examine(changed)
        before = {(item.code.id, item.subject) for item in findings if refused(item)}
        worse = [entry for entry in found if refused(entry) and (entry.code.id, entry.subject) not in before]
        if worse:
            # The round is tried again without the patches that had to do with it; each is given up once for all.
            guilty = _select_involved_findings(worse, done)
            spoilt |= {_name_finding(element) for element in guilty or done}
            continue
        document, findings = changed, found
        applied |= dict.fromkeys(candidate.code.id for candidate in done)
    return document, list(applied), findings


def _apply_patches(document: dict[str, Any], findings: Iterable[Finding]) -> tuple[dict[str, Any], list[Finding]]:
    """A copy with each patch carried out that still passes its tests, and the findings that these came from."""
    changed, done = copy.deepcopy(document), []
    for finding in findings:
        try:
            # Every patch begins with its tests, so that one of which a test fails has changed nothing.
            jsonpatch.apply_patch(changed, list(finding.patch), in_place=True)
        except (jsonpatch.JsonPatchException, jsonpointer.JsonPointerException):
            continue  # another patch of this round was first: the next round looks again
        done.append(finding)
    return changed, done


def _select_involved_findings(worse: Sequence[Finding], done: Sequence[Finding]) -> list[Finding]:
    """The carried-out findings that speak of what is worse now, or of what that is compared with."""
    subjects = {entry.subject for entry in worse} | {str((element.evidence or {}).get("other")) for element in worse}
    return [item for item in done if item.subject in subjects]


def _name_finding(finding: Finding) -> str:
    return f"{finding.code.id} {finding.subject} {finding.patch}"
