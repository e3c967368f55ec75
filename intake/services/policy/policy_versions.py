"""The policy as something that people put in force, with a reason; and candidates that are tried on the past first."""

from __future__ import annotations

import datetime as dt
import os
import tempfile
import uuid
from pathlib import Path

from django.db import transaction
from django.utils import timezone

import checks
from checks.policy import Policy, PolicyError, load_policy_file
from intake.core import enqueue
from intake.models import PolicyChange, PolicyTrial
from intake.models.leased_work import Status
from intake.services.policy import replay
from intake.services.submissions import admission

#: A trial that is not renewed for so long was abandoned.
LEASE = dt.timedelta(minutes=10)
MAX_ATTEMPTS = 3
#: The actor of a change that was not made here.
BY_HAND = "file"
MOST_BYTES = 256 * 1024


class NoReason(ValueError):
    """A policy is put in force for a reason that others can read."""


class NotWritable(Exception):
    """The policy file cannot be written here: it belongs to the image, or to another user."""


def parse_policy_candidate(content: str) -> Policy:
    """A candidate, read as strictly as the policy file. Raises PolicyError."""
    if len(content.encode()) > MOST_BYTES:
        raise PolicyError(f"a policy has at most {MOST_BYTES} bytes")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "candidate.toml"
        path.write_text(content, encoding="utf-8", newline="")
        try:
            return load_policy_file(
                path, known_codes=checks.CODES, known_checks=[check.name for check in checks.CHECKS]
            )
        except PolicyError as error:
            raise PolicyError(str(error).removeprefix(f"{path}: ")) from error


def adopt_policy(content: str, actor: str, reason: str) -> PolicyChange:
    """Put a policy in force, from the next decision on, and write down who did and why.

    What is in force already is not put in force again. Raises PolicyError, NoReason or NotWritable; nothing has
    changed then.
    """
    if not reason.strip():
        raise NoReason("say why: others will ask")
    rules = parse_policy_candidate(content)
    record_changed_policy()
    with transaction.atomic():
        PolicyChange.objects.select_for_update().first()  # one after the other: the last row is the file
        change = PolicyChange.objects.create(
            version=rules.version, digest=rules.digest, content=content, actor=actor, reason=reason.strip()
        )
        _write_policy_file(
            admission.policy_home(), content.encode()
        )  # last: if it fails, nothing says that it was done
    return change


def _write_policy_file(path: Path, content: bytes) -> None:
    """There whole or not at all, whatever happens."""
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise NotWritable(f"{path}: {error.strerror}") from error


def record_changed_policy() -> PolicyChange | None:
    """Write down that the file was changed by hand, where that is not done yet; a broken file is not in force."""
    last = PolicyChange.objects.first()
    try:
        rules = admission.read_policy()
        content = admission.policy_path().read_text(encoding="utf-8")
    except (PolicyError, OSError):
        return None
    if last is not None and last.digest == rules.digest:
        return None
    return PolicyChange.objects.create(
        version=rules.version,
        digest=rules.digest,
        content=content,
        actor=BY_HAND,
        reason="" if last else "the policy that this installation began with",
    )


def try_out(content: str, days: int, actor: str) -> PolicyTrial:
    """Hold a candidate against the last days, in a worker. Raises PolicyError."""
    rules = parse_policy_candidate(content)
    trial = PolicyTrial.objects.create(
        version=rules.version, digest=rules.digest, content=content, days=days, asked_by=actor, rung_at=timezone.now()
    )
    transaction.on_commit(lambda: enqueue.enqueue_task("intake.try_policy", str(trial.pk)), robust=True)
    return trial


def run_trial(trial_id: str | uuid.UUID) -> None:
    """Carry a trial out, unless another process does or has."""
    trial = PolicyTrial.objects.get(pk=trial_id)
    token = PolicyTrial.objects.claim(trial.pk, LEASE)
    if token is None:
        return
    try:
        since = timezone.now() - dt.timedelta(days=trial.days)
        past = replay.list_judged_submissions(since)
        result = replay.replay_submissions(
            past.iterator(chunk_size=200), past.count(), since, parse_policy_candidate(trial.content)
        )
        result["more"] = max(0, len(result["flips"]) - replay.MOST_TOLD)
        result["flips"] = sorted(result["flips"], key=lambda row: not row["contradicts"])[: replay.MOST_TOLD]
        PolicyTrial.objects.finish(trial.pk, token, result=result, error="")
    except PolicyError as error:  # the catalogue of codes has changed since it was asked for
        PolicyTrial.objects.finish(trial.pk, token, status=Status.DEAD, error=str(error))
