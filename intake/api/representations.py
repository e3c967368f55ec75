"""From rows to the documents that labels and partners read, and to what of them each may see."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, prefetch_related_objects
from django.urls import reverse

import checks
from checks.model.check import OWN_REASONS, PERSON_REQUIRED
from checks.model.finding import Basis, Route
from checks.model.finding import Finding as FindingValue
from checks.model.finding import Label as AiLabel
from checks.policy import HOLDING, Outcome, Verdict, decide_partner_outcome
from intake import models
from intake.core.states import CLEARED, State
from intake.models import Label, Partner
from intake.services.submissions import admission

#: How a file is sent to its upload address.
UPLOAD_METHODS = ["tus", "PUT"]


#: What is told of a check on a submission.
_TOLD_OF_A_RUN = ("name", "version", "status")
#: The gate's own reasons: they have no finding on file, and are read with one that is made of their rule.
_OWN_REASONS = {code.id: code for code in OWN_REASONS}
_OWN_PLACES = dict.fromkeys(_OWN_REASONS, "gate")
#: What a label can do about each of them.
_OWN_FIXES = {PERSON_REQUIRED.id: "Nothing has to be corrected. A moderator looks at it, at the latest at `due_at`."}
_FIX_OF_REFUSAL = "Ask the operator of this gate, and quote the `request_id` of this answer."
#: The verdicts that the machine gives on a track.
_BY_MACHINE = (Verdict.APPROVE, Verdict.LABEL, Verdict.REVIEW)
_PLACES = {check.name: place for place, check in enumerate(checks.CHECKS)}


@dataclass(frozen=True, slots=True)
class _Parts:
    """What belongs to the submissions of one page, by their ids; whatever has none of it is left out."""

    standing: Mapping[Any, models.Decision]
    counts: Mapping[Any, Counter[str]]
    runs: Mapping[Any, list[dict[str, Any]]]
    tracks: Mapping[Any, list[dict[str, Any]]]
    asked: Mapping[Any, Sequence[tuple[str, str, bool]]]  # only of what waits for a person
    uploads: Mapping[Any, list[dict[str, Any]]]
    partners: Sequence[Partner]


class Viewer:
    """One principal's view of submissions. Reads what a page needs in a fixed number of queries."""

    def __init__(self, who: Label | Partner, absolute: Any) -> None:
        self._who = who
        self._absolute = absolute  # makes an address whole: ``request.build_absolute_uri``

    @property
    def _is_label(self) -> bool:
        return isinstance(self._who, Label)

    def submissions(self, rows: Sequence[models.Submission]) -> list[dict[str, Any]]:
        """Submissions as the contract has them; whatever belongs to them is read here."""
        begun = [row.pk for row in rows if row.state != State.DRAFT]  # of a draft nothing is said yet
        parts = _Parts(
            standing=self._standing(begun),
            counts=self._counts(begun),
            runs=_represent_check_runs(begun),
            tracks=_represent_tracks([row.pk for row in rows]),
            asked=_load_asked_findings([row.pk for row in rows if row.state == State.IN_REVIEW])
            if self._is_label
            else {},
            uploads=self._uploads([row for row in rows if row.state == State.DRAFT]),
            partners=self._partners() if any(row.state in CLEARED for row in rows) else [],
        )
        desk = self._from_the_desk([row.pk for row in rows], begun, parts.standing)
        return [self._submission(row, parts) | desk[row.pk] for row in rows]

    def submission(self, row: models.Submission) -> dict[str, Any]:
        """One of them."""
        return self.submissions([row])[0]

    def _submission(self, row: models.Submission, parts: _Parts) -> dict[str, Any]:
        decision, counts = parts.standing.get(row.pk), parts.counts.get(row.pk, Counter())
        if self._is_label:
            counts = counts + Counter(finding.code.severity.value for finding in own_findings(row, decision))
        document = {
            "id": row.pk,
            "state": row.state,
            "verdict": row.verdict or None,
            "created_at": row.created_at,
            "concluded_at": row.concluded_at,
            "due_at": row.due_at,
            "labels": [_represent_ai_label(label) for label in decision.labels] if decision else [],
            "reasons": told_reasons(decision.reasons) if decision and self._is_label else [],
            "policy": {"version": decision.policy_version, "digest": decision.policy_digest} if decision else None,
            "findings": {severity: counts.get(severity, 0) for severity in ("critical", "warning", "information")},
            "checks": parts.runs.get(row.pk, []),
            "tracks": [_told_track(track, parts.asked.get(row.pk, ())) for track in parts.tracks.get(row.pk, [])],
            "partners": [_represent_partner(partner, decision) for partner in parts.partners]
            if row.state in CLEARED
            else [],
            "release": row.metadata,
            "supersedes": row.supersedes_id,
        }
        if row.state == State.DRAFT:
            document["uploads"] = parts.uploads.get(row.pk, [])
        return document

    def _from_the_desk(
        self, rows: Sequence[Any], begun: Sequence[Any], standing: Mapping[Any, models.Decision]
    ) -> dict[Any, dict[str, Any]]:
        """What people at the desk say to the label, and what it can do about it; nothing of that is a partner's."""
        given = {pk: one for pk, one in standing.items() if one.verdict != Verdict.REVIEW and self._is_label}
        notes, last = self._notes(begun), self._appeals(begun)
        asked = [pk for item in given.values() for pk in item.to_fix]
        to_mend = self._to_mend(asked) if asked else {}
        offers = [entry.pk for entry in given.values() if entry.offer]
        taken = models.Submission.objects.filter(accepts__in=offers).values_list("accepts", "pk") if offers else ()
        accepted = dict(taken)
        return {
            pk: {
                "explanation": _represent_explanation(given.get(pk)),
                "to_mend": [
                    to_mend[element] for element in (given[pk].to_fix if pk in given else ()) if element in to_mend
                ],
                "partial": _represent_offer(given.get(pk), accepted),
                "appeal": represent_appeal(last[pk]) if pk in last else None,
                "notes": notes.get(pk, []),
            }
            for pk in rows
        }

    def _to_mend(self, asked: Sequence[int]) -> dict[int, dict[str, Any]]:
        """Findings in the words in which the label is told them anyway."""
        rows = list(models.Finding.objects.current().told().filter(pk__in=asked).select_related("check_run"))
        kept = ("code", "subject", "message", "fix")
        told = [{key: finding[key] for key in kept} for finding in self.findings(rows)]
        return {row.pk: one for row, one in zip(rows, told, strict=True)}

    def _notes(self, rows: Sequence[Any]) -> Mapping[Any, list[dict[str, Any]]]:
        notes: defaultdict[Any, list[dict[str, Any]]] = defaultdict(list)
        if rows and self._is_label:
            public = models.Note.objects.filter(submission__in=rows, public=True)
            for submission, text, at in public.values_list("submission_id", "text", "created_at"):
                notes[submission].append({"text": text, "at": at})
        return notes

    def _appeals(self, rows: Sequence[Any]) -> dict[Any, models.Appeal]:
        """The last appeal of each. Few have one: what belongs to it is read only where there is one."""
        if not rows or not self._is_label:
            return {}
        last = {item.submission_id: item for item in models.Appeal.objects.filter(submission__in=rows)}
        prefetch_related_objects(list(last.values()), "against", "decision", "files__blob")
        return last

    def _uploads(self, drafts: Sequence[models.Submission]) -> Mapping[Any, list[dict[str, Any]]]:
        uploads: defaultdict[Any, list[dict[str, Any]]] = defaultdict(list)
        if drafts:
            named = models.Resource.objects.filter(submission__in=[row.pk for row in drafts])
            for submission, name, blob in named.values_list("submission_id", "name", "blob_id"):
                url = self._absolute(file_path(submission, name))
                upload = {"name": name, "url": url, "methods": UPLOAD_METHODS, "received": blob is not None}
                uploads[submission].append(upload)
        return uploads

    @staticmethod
    def _standing(rows: Sequence[Any]) -> Mapping[Any, models.Decision]:
        """The last decision of each."""
        given = models.Decision.objects.filter(submission__in=rows).order_by("number") if rows else ()
        return {item.submission_id: item for item in given}

    @staticmethod
    def _counts(rows: Sequence[Any]) -> Mapping[Any, Counter[str]]:
        counts: defaultdict[Any, Counter[str]] = defaultdict(Counter)
        if rows:
            told = models.Finding.objects.current().told().filter(submission__in=rows)
            for submission, severity, number in told.values_list("submission_id", "severity").annotate(Count("pk")):
                counts[submission][severity] = number
        return counts

    def _partners(self) -> Sequence[Partner]:
        """The outcomes that this principal may read: a label's are all, a partner's is its own."""
        return list(Partner.objects.order_by("slug")) if self._is_label else [self._who]  # type: ignore[list-item]

    def findings(self, rows: Sequence[models.Finding]) -> list[dict[str, Any]]:
        """Findings without what is another label's business."""
        ids = {str(match.get("recording")) for row in rows for match in _list_evidence_matches(row)}
        numbers = [int(item) for item in ids if item.isascii() and item.isdigit()]
        learned = models.KnownRecording.Source.LEARNED
        delivered = models.KnownRecording.objects.filter(pk__in=numbers).exclude(source=learned)
        foreign = {str(pk) for pk in delivered.exclude(label_id=self._who.pk).values_list("pk", flat=True)}
        return [_represent_stored_finding(row, foreign) for row in rows]

    def own_findings(self, row: models.Submission) -> list[dict[str, Any]]:
        """The findings that the gate's own reasons are read with; they belong to no check, and are not stored."""
        return [represent_new_finding(finding) for finding in own_findings(row, row.decision)]

    def events(self, rows: Sequence[models.Event]) -> list[dict[str, Any]]:
        """History, without the names of the people who decide.

        What the gate reopens looks like what they reopen: why it does so may be another label's business.
        """
        return [
            {
                "id": row.pk,
                "submission": row.submission_id,
                "sequence": row.sequence,
                "type": row.type,
                "actor": "moderator" if _by_the_desk(row) else row.actor,
                "created_at": row.created_at,
                "reasons": told_reasons(row.data.get("reasons", [])),
            }
            for row in rows
        ]


def _by_the_desk(row: models.Event) -> bool:
    reopened = row.type == "submission.reopened" and not row.actor.startswith("label:")
    return reopened or row.actor.startswith("moderator:")


def represent_appeal(row: models.Appeal) -> dict[str, Any]:
    """A label's objection, and what came of it."""
    return {
        "id": row.pk,
        "state": row.outcome or "open",
        "statement": row.statement,
        "files": [{"name": file.name, "sha256": file.blob.pk, "size": file.blob.size} for file in row.files.all()],
        "opened_at": row.opened_at,
        "due_at": row.due_at,
        "against": row.against.verdict,
        "decided_at": row.decided_at,
        "reasons": told_reasons(row.decision.reasons) if row.decision else [],
    }


def _represent_explanation(decision: models.Decision | None) -> dict[str, Any] | None:
    if decision is None or not decision.actor.startswith("moderator:"):
        return None
    return {
        "text": " ".join(told_reasons(decision.reasons)),
        "language": decision.language or models.Language.ENGLISH.value,
        "code": decision.code or None,
    }


def _represent_offer(decision: models.Decision | None, accepted: Mapping[Any, Any]) -> dict[str, Any] | None:
    if decision is None or not decision.offer:
        return None
    return {
        "tracks": decision.offer["tracks"],
        "labels": [_represent_ai_label(item) for item in decision.offer["labels"]],
        "accepted": accepted.get(decision.pk),
    }


def file_path(submission: Any, name: str) -> str:
    """Where a draft's file is sent."""
    return reverse("file", args=[submission, name])


def told_reasons(reasons: Iterable[str]) -> list[str]:
    """Reasons without the codes that are for moderators only.

    Where none is left, one stands for all of them, whatever they are: the label is told what it waits for.
    """
    reasons = list(reasons)
    told = [reason for reason in reasons if not _is_private(reason)]
    return told or [PERSON_REQUIRED.id] * bool(reasons)


def _is_private(reason: str) -> bool:
    return reason in checks.CODES and checks.CODES[reason].private


def own_findings(row: models.Submission, decision: models.Decision | None) -> list[FindingValue]:
    """The findings that the gate's own reasons are read with, while the release waits for a person."""
    if decision is None or row.state != State.IN_REVIEW:
        return []
    codes = [_OWN_REASONS[reason] for reason in told_reasons(decision.reasons) if reason in _OWN_REASONS]
    return [FindingValue(code, "release", code.rule, fix=_OWN_FIXES.get(code.id)) for code in codes]


def told_refusal(findings: Iterable[FindingValue]) -> list[FindingValue]:
    """What a label reads of the findings that refuse its release: never nothing, and nothing that is private."""
    told = [finding for finding in findings if not finding.code.private]
    return told or [FindingValue(PERSON_REQUIRED, "release", PERSON_REQUIRED.rule, fix=_FIX_OF_REFUSAL)]


def represent_new_finding(value: FindingValue) -> dict[str, Any]:
    """A finding that was just made and is not stored: at the door."""
    check = next((item for item in checks.CHECKS if value.code in item.codes), None)
    return {
        "code": value.code.id,
        "severity": value.code.severity,
        "subject": value.subject,
        "check": check.name if check else _OWN_PLACES.get(value.code.id, "door"),
        "check_version": check.version if check else 1,
        "message": value.message,
        "measured": value.measured,
        "threshold": value.threshold,
        "evidence": value.evidence,
        "fix": value.fix,
    } | _represent_patch(value.patch)


def represent_endpoint(row: models.Endpoint, secret: bool = False) -> dict[str, Any]:
    """A webhook endpoint; its secret only when it is new."""
    document = {
        "id": row.pk,
        "url": row.url,
        "types": row.types,
        "enabled": row.active,
        "disabled_because": row.disabled_because or None,
        "failing_since": row.failing_since,
        "created_at": row.created_at,
    }
    return document | {"secret": row.secret} if secret else document


def represent_delivery(row: models.Delivery) -> dict[str, Any]:
    """One event on its way to one endpoint, with every attempt."""
    return {
        "id": row.pk,
        "endpoint": row.endpoint_id,
        "type": row.type,
        "event": row.event_id,
        "status": row.status,
        "next_attempt_at": row.next_attempt_at,
        "created_at": row.created_at,
        "delivered_at": row.delivered_at,
        "attempts": [
            {
                "number": attempt.number,
                "at": attempt.at,
                "milliseconds": attempt.milliseconds,
                "status_code": attempt.status_code,
                "error": attempt.error or None,
                "response": attempt.response,
            }
            for attempt in row.attempts.all()
        ],
    }


def protected_artist(row: models.ProtectedArtist, who: Label | Partner) -> dict[str, Any]:
    """An entry of the registry; of who may use the name, only whether the reader may, and who vouched."""
    names = sorted(row.protected_names.all(), key=lambda one: one.name)
    standing = (authorisation for authorisation in row.authorisations.all() if authorisation.ended_at is None)
    mine = next((item for item in standing if item.label_id == who.pk), None)
    kinds = models.ProtectedName.Kind
    return {
        "id": row.pk,
        "name": row.name,
        "aliases": [name.name for name in names if name.kind == kinds.ALIAS],
        "transliterations": [entry.name for entry in names if entry.kind == kinds.TRANSLITERATION],
        "identifiers": [
            {"scheme": identifier.scheme, "value": identifier.value}
            for identifier in sorted(row.identifiers.all(), key=_plain_number)
        ],
        "yours": mine is not None,
        "authorised": {"vouched_by": mine.vouched_by, "vouched_at": mine.vouched_at} if mine else None,
        "keys": [artist_key(key) for key in sorted(row.artist_keys.all(), key=_plain_number)] if mine else [],
        "created_at": row.created_at,
    }


def known_recording(row: models.KnownRecording) -> dict[str, Any]:
    """A recording that the reader has made known."""
    return {
        "id": row.pk,
        "title": row.title,
        "artist": row.artist,
        "isrc": row.isrc or None,
        "owner": row.owner,
        "duration": round(row.duration, 3),
        "learned_at": row.learned_at,
    }


def represent_block(row: models.Block) -> dict[str, Any]:
    """An entry of the blocklist that the reader has made."""
    return {
        "id": row.pk,
        "kind": row.kind,
        "value": row.value,
        "reason": row.reason,
        "blocked_at": row.blocked_at,
        "expires_at": row.expires_at,
        "lifted_at": row.lifted_at,
    }


def _plain_number(row: Any) -> Any:
    return row.pk


def artist_key(row: models.ArtistKey) -> dict[str, Any]:
    """An artist's key, without its secret."""
    return {
        "id": row.pk,
        "prefix": row.prefix,
        "issued_by": row.issued_by,
        "created_at": row.created_at,
        "revoked_at": row.revoked_at,
        "uses": row.uses,
        "last_used_at": row.last_used_at,
    }


def _represent_ai_label(stored: Mapping[str, Any]) -> dict[str, Any]:
    return {key: stored[key] for key in ("key", "value", "basis", "code")}


def _represent_tracks(rows: Sequence[Any]) -> Mapping[Any, list[dict[str, Any]]]:
    """The tracks, each with its measured seconds, which are read without the rest of the facts."""
    tracks: defaultdict[Any, list[dict[str, Any]]] = defaultdict(list)
    found = models.Track.objects.filter(submission__in=rows).order_by("position")
    for submission, position, isrc, verdict, seconds in found.values_list(
        "submission_id", "position", "isrc", "verdict", "resource__blob__analysis__facts__duration"
    ):
        track = {"position": position, "isrc": isrc or None, "verdict": verdict or None, "duration": seconds or None}
        tracks[submission].append(track)
    return tracks


def _load_asked_findings(rows: Sequence[Any]) -> Mapping[Any, Sequence[tuple[str, str, bool]]]:
    """What the findings of submissions ask for: for each its subject, its route, and whether it is private."""
    asked: defaultdict[Any, list[tuple[str, str, bool]]] = defaultdict(list)
    if rows:
        found = models.Finding.objects.current().filter(submission__in=rows, route__in=(*HOLDING, Route.LABEL))
        for submission, subject, route, private in found.values_list("submission_id", "subject", "route", "private"):
            asked[submission].append((subject, route, private))
    return asked


def _told_track(track: dict[str, Any], asked: Sequence[tuple[str, str, bool]]) -> dict[str, Any]:
    """A track with the verdict that follows from what its label reads, while the release waits for a person.

    Which track a private finding is about is for moderators only: where nothing else holds the release, every track is
    in review, and otherwise the track is judged without that finding.
    """
    private = any(route in HOLDING for _, route, hidden in asked if hidden)
    if not private or track["verdict"] not in _BY_MACHINE:
        return track
    told = [(subject, route) for subject, route, hidden in asked if not hidden]
    mine = {route for subject, route in told if subject in (f"track:{track['position']}", "release")}
    if not mine.isdisjoint(HOLDING) or not any(route in HOLDING for _, route in told):
        return {**track, "verdict": Verdict.REVIEW}
    return {**track, "verdict": Verdict.LABEL if Route.LABEL in mine else Verdict.APPROVE}


def _represent_check_runs(rows: Sequence[Any]) -> Mapping[Any, list[dict[str, Any]]]:
    """How far the checks are, in the order of the catalogue."""
    runs: defaultdict[Any, list[dict[str, Any]]] = defaultdict(list)
    found = models.CheckRun.objects.filter(submission__in=rows) if rows else models.CheckRun.objects.none()
    for submission, *told in sorted(found.values_list("submission_id", *_TOLD_OF_A_RUN), key=_catalogue_order):
        runs[submission].append(dict(zip(_TOLD_OF_A_RUN, told, strict=True)))
    return runs


def _represent_partner(partner: Partner, decision: models.Decision | None) -> dict[str, Any]:
    """What this partner gets of a cleared release."""
    if decision is None:
        return {"partner": partner.slug, "outcome": Outcome.WITHHOLD, "because": []}
    labels = [AiLabel(label["key"], label["value"], Basis(label["basis"])) for label in decision.labels]
    chosen, because = decide_partner_outcome(
        admission.current_policy().profiles.get(partner.profile), Verdict(decision.verdict), labels
    )
    return {"partner": partner.slug, "outcome": chosen, "because": list(because)}


def _catalogue_order(run: Sequence[Any]) -> tuple[int, str]:
    name = run[1]
    return (_PLACES.get(name, len(_PLACES)), name)


def _list_evidence_matches(row: models.Finding) -> list[dict[str, Any]]:
    matches = (row.evidence or {}).get("matches", [])
    return [item for item in matches if isinstance(item, dict)]


def _represent_stored_finding(row: models.Finding, foreign: set[str]) -> dict[str, Any]:
    evidence, message, fix = row.evidence, row.message, row.fix
    if any(str(item.get("recording")) in foreign for item in _list_evidence_matches(row)):
        # What another label has delivered may be unreleased: that it matches is told, what it is, is not.
        evidence = {
            **(row.evidence or {}),
            "matches": [_anonymise_match(entry, foreign) for entry in _list_evidence_matches(row)],
        }
        message = "This recording shares sound with one that another label has delivered."
        if any(
            str(element[key]) in fix
            for element in _list_evidence_matches(row)
            for key in ("isrc", "title")
            if element.get(key)
        ):
            fix = "If you hold a licence, add it as a relation that uses the sound, with the licence file."
    return {
        "code": row.code,
        "severity": row.severity,
        "subject": row.subject,
        "check": row.check_run.name,
        "check_version": row.check_run.version,
        "message": message,
        "measured": row.measured,
        "threshold": row.threshold,
        "evidence": evidence,
        "fix": fix or None,
    } | _represent_patch(row.patch)


def _represent_patch(operations: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The fix for machines, present only where there is one."""
    return {"patch": list(operations)} if operations else {}


def _anonymise_match(match: dict[str, Any], foreign: set[str]) -> dict[str, Any]:
    if str(match.get("recording")) not in foreign:
        return match
    told = ("score", "speed", "pitch", "segments")
    return {key: match[key] if key in told else None for key in match}
