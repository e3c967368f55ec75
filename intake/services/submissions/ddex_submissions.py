"""A release that comes as a DDEX message: the same door and the same submission, with its findings in the message."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.utils import timezone

from checks.model.finding import Finding
from checks.rules.delivered_files import DeliveredFile
from intake.core import document_schema
from intake.ddex import codes
from intake.ddex.messages import Message
from intake.models import Blob, CheckRun, DdexMessage, Label, Submission
from intake.models.leased_work import Status
from intake.services.checking import pipeline
from intake.services.submissions import admission, submission_actions

#: Under this name the findings about the message itself are kept beside those of the checks.
CHECK, VERSION = "ddex", 1


def admit_ern_message(label: Label, message: Message, delivered: Mapping[str, DeliveredFile] | None) -> dict[str, Any]:
    """The delivery document of a message that may come in.

    ``delivered``: the files that arrived, by name; None for a test message, which needs none.
    Raises door.Refused with every blocking finding, each with XPath and line.
    """
    own = [*message.findings, *_find_replayed_message(label, message)]
    document: dict[str, Any] | None = None
    found: list[Finding] = []
    if message.document is not None:
        try:
            document = document_schema.parse_document(message.document)
            admission.admit_release(label, document, delivered)
        except document_schema.ShapeError as error:
            found = [fault.finding() for fault in error.faults]
        except admission.Refused as error:
            found = list(error.findings)
    blocked = admission.select_blocking_findings([*own, *message.located(found)])
    if blocked or document is None:
        raise admission.Refused(blocked)
    return document


def take_in(label: Label, message: Message, document: Mapping[str, Any], files: Mapping[str, Blob]) -> Submission:
    """Store what ``admit`` has let in, and what was found in the message. Raises door.Refused where it came before."""
    with transaction.atomic():
        submission = submission_actions.take_in(label, document, files)
        _, new = DdexMessage.objects.get_or_create(
            label=label,
            digest=_digest_message(message),
            defaults={
                "submission": submission,
                "sender": (message.sender or "")[:100],
                "message_id": (message.message_id or "")[:255],
                "version": message.version,
            },
        )
        if not new:
            raise admission.Refused(_find_replayed_message(label, message))
        run = CheckRun.objects.create(
            submission=submission,
            name=CHECK,
            version=VERSION,
            needs_audio=False,
            status=Status.DONE,
            finished_at=timezone.now(),
        )
        pipeline.store_check_findings(run, message.findings)
    return submission


def judge_test_message(label: Label, message: Message) -> list[Finding]:
    """What the label is told of a test message that ``admit`` would let in; nothing is stored."""
    document = document_schema.parse_document(message.document)
    found = message.located(admission.list_admission_findings(label, document))
    test = Finding(codes.TEST_MESSAGE, "release", "This is a test message: it was judged, and nothing was stored.")
    return [item for item in (test, *message.findings, *found) if admission.is_shown_to_label(item)]


def _find_replayed_message(label: Label, message: Message) -> list[Finding]:
    if not message.message_id or not DdexMessage.objects.filter(label=label, digest=_digest_message(message)).exists():
        return []
    finding = Finding(
        codes.MESSAGE_REPLAYED,
        "release",
        f"The message {message.message_id[:80]} was delivered before.",
        evidence={"xpath": "/NewReleaseMessage/MessageHeader[1]/MessageId[1]", "line": None},
        fix="Give every message an id of its own, a correction as well.",
    )
    return [finding]


def _digest_message(message: Message) -> str:
    return hashlib.sha256(f"{message.sender}\0{message.message_id}".encode(errors="replace")).hexdigest()
