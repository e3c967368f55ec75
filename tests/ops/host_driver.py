"""What a label and an operator do, in a process of its own: a JSON line in, a JSON line out."""

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import django


def deliver(label: str, title: str, number: int, seed: int) -> str:
    """Hand over a single with the piece of music of this seed; returns its id."""
    from intake.demo import sounds
    from intake.models import Label
    from intake.services.people import accounts
    from intake.services.submissions import submission_actions
    from tests.intake.factories import a_blob, a_cover, a_document

    account = Label.objects.filter(name=label).first() or accounts.create_label(label)[0]
    document = a_document(title, number)
    release = document["release"]
    with tempfile.TemporaryDirectory() as folder:
        path = sounds.encode_demo_audio(sounds.compose_demo_piece(seed, SECONDS), RATE, Path(folder) / "sound.flac")
        files = {
            release["tracks"][0]["file"]: a_blob(path.read_bytes()),
            release["cover"]["file"]: a_blob(a_cover(title)),
        }
    return str(submission_actions.submit_delivery(account, document, files).pk)


def outcome(submission: str) -> dict[str, Any]:
    """Where a submission stands, what was said of its sound, and by how many attempts."""
    from intake.models import CheckRun, Submission

    row = Submission.objects.get(pk=submission)
    run = CheckRun.objects.filter(submission=row, name="similarity").first()
    codes = row.findings.filter(code__startswith="similarity.").values_list("code", flat=True)
    return {"state": row.state, "codes": sorted(set(codes)), "attempts": run.attempts if run else 0}


def forget(submission: str) -> int:
    """Take what a submission brought out of the catalogue."""
    from intake.models import KnownRecording
    from intake.services.catalogue import known_recordings

    return known_recordings.forget_recordings(KnownRecording.objects.current().filter(submission=submission))


SECONDS, RATE = 30.0, 44100

if __name__ == "__main__":
    django.setup()
    for line in sys.stdin:
        name, arguments = json.loads(line)
        answer = {"deliver": deliver, "outcome": outcome, "forget": forget}[name](*arguments)
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
