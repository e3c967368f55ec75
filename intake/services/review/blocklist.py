"""The blocklist: put on it, take off it, and put before a human what is live and on it."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from checks.model import match_description
from checks.model.check import Match
from checks.model.finding import Finding as FindingValue
from checks.model.release import AudioFacts
from checks.policy import Verdict
from checks.rules.metadata.identifiers import ipi_is_valid, isni_is_valid
from checks.rules.similarity import blocklist_matches as judging
from checks.rules.similarity import recording_matches
from intake.core.states import CLEARED, State
from intake.models import Analysis, Block, CheckRun, Decision, Finding, KnownRecording, Label, Submission
from intake.readers import check_context, release_mapping
from intake.services.catalogue import index_log, known_recordings
from intake.services.checking import pipeline
from intake.services.review import review_queue
from intake.services.submissions import admission
from intake.services.submissions.transitions import transition_submission

Kind = Block.Kind
_FORMS = {
    Kind.ISRC: re.compile(r"[A-Z]{2}[A-Z0-9]{3}[0-9]{7}"),
    Kind.UPC: re.compile(r"[1-9][0-9]{6,13}"),
    Kind.FILE: re.compile(r"[0-9a-f]{64}"),
}
_PARTIES = {"isni": isni_is_valid, "ipi": ipi_is_valid}
#: As long as a reason is kept.
LONGEST_REASON = 500


class Unusable(ValueError):
    """This cannot be put on the list; says why."""


@dataclass(frozen=True, slots=True)
class Affected:
    """A live submission that is on the list, and what a check would say of it."""

    submission: Submission
    findings: tuple[FindingValue, ...]


def add_block(
    kind: str,
    value: str,
    reason: str,
    by: str,
    *,
    label: Label | None = None,
    expires_at: dt.datetime | None = None,
) -> tuple[Block, bool]:
    """Put something on the list; returns the entry, and whether it is new. A recording is named by its number.

    Raises Unusable.
    """
    canonical, recording = _require_canonical_value(kind, value), None
    if not reason.strip() or len(reason.strip()) > LONGEST_REASON:
        raise Unusable(f"a block needs a reason of at most {LONGEST_REASON} characters")
    if expires_at is not None and expires_at <= timezone.now():
        raise Unusable("that time has passed")
    if kind == Kind.RECORDING:
        recording = KnownRecording.objects.current().filter(pk=int(canonical)).first()
        if recording is None:
            raise Unusable(f"there is no known recording {canonical}")
        recording = _keep_blocked_recording(recording)
        canonical = str(recording.pk)
    while True:
        standing = Block.objects.filter(kind=kind, value=canonical, lifted_at__isnull=True).first()
        if standing and standing.stands(timezone.now()):
            return standing, False
        if standing:
            lift_block(standing, "expiry")
        try:
            with transaction.atomic():
                return Block.objects.create(
                    kind=kind,
                    value=canonical,
                    recording=recording,
                    reason=reason.strip(),
                    label=label,
                    blocked_by=by,
                    expires_at=expires_at,
                ), True
        except IntegrityError:  # another process blocked it this very moment
            continue


def block_sound(facts: AudioFacts, title: str, artist: str, reason: str, by: str, **more: Any) -> tuple[Block, bool]:
    """Block a recording by its sound, whether the catalogue has it or not. Raises Unusable."""
    known = KnownRecording.objects.current().filter(sha256=facts.sha256, source=KnownRecording.Source.BLOCKED).first()
    if known is None:
        try:
            known, _ = known_recordings.learn_recording(
                facts, title=title, artist=artist, owner=_OWNER, source=KnownRecording.Source.BLOCKED
            )
        except known_recordings.NothingToLearn as error:
            raise Unusable(str(error)) from error
    return add_block(Kind.RECORDING, str(known.pk), reason, by, **more)


#: The owner of what is known for being blocked alone: never a label's own, and never another recording's row.
_OWNER = "the blocklist"


def lift_block(entry: Block, by: str) -> bool:
    """Take something off the list; returns whether it was still on it."""
    now = timezone.now()
    lifted = Block.objects.filter(pk=entry.pk, lifted_at__isnull=True).update(lifted_at=now, lifted_by=by)
    return bool(lifted)


def iterate_affected_submissions(entry: Block) -> Iterator[Affected]:
    """Every live submission that the entry speaks of, the newest last."""
    if entry.kind == Kind.RECORDING:
        yield from _iterate_similar_submissions(entry)
        return
    live = Submission.objects.live().select_related("label").order_by("pk")
    match entry.kind:
        case Kind.ISRC:
            live = live.filter(tracks__isrc=entry.value).distinct()
        case Kind.UPC:
            live = live.filter(upc__endswith=entry.value)
        case Kind.FILE:
            live = live.filter(resources__blob_id=entry.value).distinct()
    for submission in live.iterator(chunk_size=200):
        context = check_context.build_check_context(submission.label, submission, admission.current_policy())
        said = judging.find_blocked_names(release_mapping.map_submission(submission), context)
        about = tuple(item for item in said if item.measured == entry.value and _blocked_kind(item) == entry.kind)
        if about:
            yield Affected(submission, about)


def reopen_affected_submissions(entry: Block, by: str) -> list[Submission]:
    """Write into every live submission that it is on the list, and put those that are cleared before a human.

    Doing it again changes nothing. Returns the submissions that heard of it for the first time.
    """
    told = []
    for item in iterate_affected_submissions(entry):
        with transaction.atomic():
            submission = Submission.objects.select_for_update().get(pk=item.submission.pk)
            run = CheckRun.objects.filter(submission=submission, name=recording_matches.CHECK.name).first()
            new = [finding for finding in item.findings if run and not _on_file(submission, finding)]
            if run is None or not new:
                continue  # what is not checked yet will be, against the list as it is then
            pipeline.store_check_findings(run, new)
            if submission.state in CLEARED:
                _reopen_for_block(submission, by)
            elif submission.state == State.IN_REVIEW:
                review_queue.renew_hold_reasons(submission)
        told.append(submission)
    return told


def _reopen_for_block(submission: Submission, by: str) -> None:
    now, rules = timezone.now(), admission.current_policy()
    decision = Decision(
        verdict=Verdict.REVIEW,
        actor=by,
        reasons=[judging.BLOCKLISTED.id],
        policy_version=rules.version,
        policy_digest=rules.digest,
    )
    due = pipeline.due_at(submission, rules, now)
    transition_submission(
        submission, State.IN_REVIEW, by, None, decision, verdict=Verdict.REVIEW, concluded_at=None, due_at=due
    )


def _on_file(submission: Submission, finding: FindingValue) -> bool:
    rows = Finding.objects.current().filter(submission=submission, code=finding.code.id, subject=finding.subject)
    return rows.filter(message=finding.message).exists()


def _blocked_kind(finding: FindingValue) -> str:
    return str((finding.evidence or {}).get("kind"))


def _iterate_similar_submissions(entry: Block) -> Iterator[Affected]:
    """The live submissions that sound like a blocked recording, as the index has them."""
    blocked = entry.recording
    assert blocked is not None, "the database holds that a blocked recording is named"
    analysis = Analysis.objects.filter(pk=blocked.sha256).first()
    facts = AudioFacts(
        sha256=blocked.sha256,
        version=analysis.version if analysis else 0,
        ok=True,
        duration=blocked.duration,
        fingerprint=bytes(blocked.fingerprint),
    )
    position = index_log.catch_up_index()
    found: dict[Submission, list[FindingValue]] = {}
    for match in check_context.Recordings(position=position).matches(facts):
        row = KnownRecording.objects.get(pk=match.recording)
        if row.source == KnownRecording.Source.BLOCKED:
            continue  # the blocked recording itself
        live = Submission.objects.live().filter(resources__blob_id=row.sha256).distinct()
        for submission in live.select_related("label").order_by("pk"):
            told = found.setdefault(submission, [])
            told += _build_block_findings(
                submission,
                row,
                match_description.swap_match_sides(match, _describe_blocked_recording(blocked, entry.reason)),
            )
    for submission, findings in found.items():
        if findings:
            yield Affected(submission, tuple(findings))


def _build_block_findings(submission: Submission, row: KnownRecording, match: Match) -> list[FindingValue]:
    """What the check would say of each track with this sound."""
    tracks = {track.position: track for track in release_mapping.map_release_document(submission.metadata).tracks}
    positions = submission.tracks.filter(resource__blob_id=row.sha256).values_list("position", flat=True)
    facts = AudioFacts(sha256=row.sha256, version=0, ok=True, duration=row.duration)
    return [
        recording
        for position in positions
        for recording in judging.find_blocked_recordings(tracks[position], facts, [match])
    ]


def _describe_blocked_recording(blocked: KnownRecording, reason: str) -> dict[str, Any]:
    return {
        "recording": str(blocked.pk),
        "title": blocked.title,
        "artist": blocked.artist,
        "isrc": blocked.isrc or None,
        "owner": blocked.owner,
        "owner_account": None,
        "duration": blocked.duration,
        "blocked": reason,
        "pending": None,
    }


def _keep_blocked_recording(recording: KnownRecording) -> KnownRecording:
    """A row that outlives the submission that brought the recording: that one's goes when it is refused."""
    if recording.submission_id is None:
        return recording
    facts = AudioFacts(
        sha256=recording.sha256,
        version=0,
        ok=True,
        duration=recording.duration,
        fingerprint=bytes(recording.fingerprint),
    )
    kept, _ = known_recordings.learn_recording(
        facts,
        title=recording.title,
        artist=recording.artist,
        isrc=recording.isrc,
        owner=_OWNER,
        source=KnownRecording.Source.BLOCKED,
    )
    return kept


def _require_canonical_value(kind: str, value: str) -> str:
    """The value in canonical form. Raises Unusable where it cannot be one of its kind."""
    if kind not in Kind.values:
        raise Unusable(f"what can be blocked is {', '.join(Kind.values)}")
    if kind == Kind.RECORDING:
        if not (value.isascii() and value.isdigit() and len(value) < 19):
            raise Unusable("a recording is named by its number in the catalogue")
        return str(int(value))
    canonical = judging.canonical_block_value(kind, value)
    if kind == Kind.PARTY:
        scheme, _, number = canonical.partition(":")
        if scheme not in _PARTIES or not _PARTIES[scheme](number):
            raise Unusable("a party is named as isni:… or ipi:…, with a number that can be one")
    elif not _FORMS[Kind(kind)].fullmatch(canonical):
        raise Unusable(f"'{value[:80]}' is no {Kind(kind).label}")
    return canonical
