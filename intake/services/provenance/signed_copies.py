"""Mark what is delivered: copies of cleared files that say in a manifest, signed by the operator, what was decided."""

from __future__ import annotations

import datetime as dt
import functools
import importlib.metadata
import tempfile
import uuid
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO, cast

import structlog
from django.conf import settings
from django.utils import timezone

from checks.analysis import c2pa_sign
from checks.analysis.c2pa_sign import CannotBeMarked, Identity, Refusal
from checks.model import digital_source_types
from checks.model.finding import Route
from intake.core import enqueue
from intake.core.states import CLEARED
from intake.models import Blob, Decision, MarkedFile, Resource, Submission
from intake.models.leased_work import Status
from intake.readers import release_mapping
from intake.services.operations import self_tests
from intake.services.storage import blobs

log = structlog.get_logger(__name__)

#: Longer than marking the longest file can take: the child's own deadline, and writing the result down.
LEASE = dt.timedelta(minutes=6)
MAX_ATTEMPTS = 3

#: The assertion by which a manifest refers to the gate's decision.
ASSERTION = "release-intake-gate.decision"
_PACKAGE = "release-intake-gate"
_CHUNK = 1 << 20
_MAX_BECAUSE = 300

_Outcome = MarkedFile.Outcome


def is_signing_enabled() -> bool:
    """Whether the operator has given the gate a certificate to sign with."""
    return bool(settings.GATE_MARKING_CERTIFICATE)


def load_signing_identity() -> Identity:
    """The operator's certificate and key. Raises UnusableIdentity."""
    certificate, key = Path(settings.GATE_MARKING_CERTIFICATE), Path(settings.GATE_MARKING_KEY)
    return _cached_identity(certificate, key, _file_change_time(certificate), _file_change_time(key))


@functools.lru_cache(maxsize=1)
def _cached_identity(certificate: Path, key: Path, *_: int) -> Identity:
    return Identity.load(certificate, key)


def _file_change_time(path: Path) -> int:
    """When a file was last written: a renewed certificate counts from the next file on."""
    return path.stat().st_mtime_ns if path.is_file() else 0


def plan_signed_copies(submission: Submission, decision: Decision) -> None:
    """Note what a clearance gives to mark, in its own transaction, and ring. Nothing where marking is off."""
    if not is_signing_enabled():
        return
    by_track = _labels_by_track(submission, decision)
    tracks = submission.tracks.select_related("resource").filter(resource__kind=Resource.Kind.AUDIO)
    for track in tracks:
        labels = by_track[track.position]
        source_type = digital_source_types.of_labels((label["key"], label["value"]) for label in labels)
        if source_type is None:
            continue  # nothing is said of this one, and a manifest without a statement would be taken for one
        row, new = MarkedFile.objects.get_or_create(
            decision=decision,
            resource=track.resource,
            defaults={
                "submission": submission,
                "source_type": source_type,
                "labels": labels,
                "rung_at": timezone.now(),
            },
        )
        if new:
            enqueue.enqueue_task("intake.mark", str(row.pk))


def _labels_by_track(submission: Submission, decision: Decision) -> Mapping[int, list[dict[str, Any]]]:
    """The decision's labels of each track: those its findings propose, and those that no track's findings do."""
    rows = submission.findings.current().filter(route=Route.LABEL).values_list("subject", "labels")
    proposed: dict[tuple[str, str], set[str]] = defaultdict(set)
    for subject, labels in rows:
        for label in labels:
            proposed[label["key"], label["value"]].add(subject)
    decided: dict[int, list[dict[str, Any]]] = {}
    for position in submission.tracks.values_list("position", flat=True):
        decided[position] = [
            {name: item[name] for name in ("key", "value", "basis")}
            for item in decision.labels
            if (subjects := proposed.get((item["key"], item["value"]))) is None or f"track:{position}" in subjects
        ]
    return decided


def sign_copy(pk: str | uuid.UUID) -> None:
    """Write one marked file. May be asked twice, and be killed at any point: then nothing is left of the attempt."""
    row = MarkedFile.objects.select_related("submission", "decision", "resource__blob__analysis").get(pk=pk)
    if row.final or _given_up(row):
        return
    token = MarkedFile.objects.claim(row.pk, LEASE)
    if token is None:
        return
    try:
        values = _sign_and_store(row)
    except Exception as error:
        log.exception("marking failed", marked_file=str(row.pk))
        self_tests.give_back(MarkedFile.objects.all(), row.pk, token, error, MAX_ATTEMPTS)
        return
    MarkedFile.objects.finish(row.pk, token, error="", **values)


def _sign_and_store(row: MarkedFile) -> dict[str, Any]:
    """Do it. Raises what may be over when it is tried again: a full disk, a certificate that is missing."""
    if row.submission.state not in CLEARED or row.submission.decision != row.decision:
        return {"outcome": _Outcome.OVERTAKEN}
    blob, analysis = row.resource.blob, release_mapping.analysis_of(row.resource)
    container = ((analysis.facts if analysis else None) or {}).get("container")
    if blob is None or container not in c2pa_sign.CONTAINERS:
        return _refused_copy_values(CannotBeMarked(Refusal.CONTAINER, str(container or "")))
    try:
        marked, copy = _write_and_keep_copy(row, blob)
    except CannotBeMarked as refusal:
        log.warning("file cannot be marked", marked_file=str(row.pk), because=str(refusal)[:_MAX_BECAUSE])
        return _refused_copy_values(refusal)
    return {"outcome": _Outcome.MARKED, "blob": copy, "sound": marked.sound, "signer": marked.signer or ""}


def _refused_copy_values(refusal: CannotBeMarked) -> dict[str, Any]:
    return {"outcome": _Outcome.REFUSED, "because": str(refusal)[:_MAX_BECAUSE]}


def _write_and_keep_copy(row: MarkedFile, blob: Blob) -> tuple[c2pa_sign.Marked, Blob]:
    """A new file in the spool folder, verified, then kept under its SHA-256. Killed before, the tidying removes it."""
    with (
        blobs.local_copy(blob) as path,
        path.open("rb") as source,
        tempfile.NamedTemporaryFile(dir=blobs.spool_folder(), prefix="mark-") as named,
        blobs.Incoming() as incoming,
    ):
        target = cast(BinaryIO, named.file)
        marked = c2pa_sign.write_signed_copy(source, target, build_c2pa_manifest(row), load_signing_identity())
        target.seek(0)
        while chunk := target.read(_CHUNK):
            incoming.write(chunk)
        return marked, incoming.keep()


def build_c2pa_manifest(row: MarkedFile) -> dict[str, Any]:
    """What is signed: what the labels come to, and which decision they come from. No names of people."""
    decision = row.decision
    version = importlib.metadata.version(_PACKAGE)
    action = {
        "action": "c2pa.published",
        "digitalSourceType": f"{digital_source_types.IPTC}{row.source_type}",
        "when": decision.created_at.isoformat(timespec="seconds"),
        "description": "Cleared for delivery with these labels about AI.",
    }
    reference = {
        "submission": str(row.submission_id),
        "decision": str(decision.pk),
        "decided_at": decision.created_at.isoformat(timespec="seconds"),
        "verdict": decision.verdict,
        "policy": {"version": decision.policy_version, "digest": decision.policy_digest},
        "labels": row.labels,
        "source_sha256": row.resource.blob_id,
    }
    return {
        "claim_generator_info": [{"name": "Release intake gate", "version": version}],
        "title": row.resource.name,
        "assertions": [
            {"label": "c2pa.actions.v2", "data": {"actions": [action]}},
            {"label": ASSERTION, "data": reference},
        ],
    }


def _given_up(row: MarkedFile) -> bool:
    """Bury what killed its worker at every try."""
    now = timezone.now()
    if row.status != Status.RUNNING or row.attempts < MAX_ATTEMPTS or not row.lease_until or row.lease_until >= now:
        return False
    buried = MarkedFile.objects.filter(pk=row.pk, status=Status.RUNNING, lease_token=row.lease_token)
    return bool(buried.update(status=Status.DEAD, error="the worker died", finished_at=now, lease_token=None))
