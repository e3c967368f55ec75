"""Recordings into the catalogue that every delivery is compared with."""

from __future__ import annotations

import csv
import hashlib
import json
import re
import sys
from argparse import BooleanOptionalAction
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from checks.analysis import Analyser, AnalysisError
from checks.model.release import AudioFacts
from checks.rules.metadata.identifiers import canonical_isrc
from intake.core import catalogue_files
from intake.management.measuring import count_measuring_workers, iterate_with_progress, measure_in_parallel
from intake.models import KnownRecording
from intake.services.catalogue import bulk_import, known_recordings
from intake.services.storage.blobs import Incoming

#: What is taken for audio in a folder. A file that is named itself is tried whatever it is called.
SUFFIXES = frozenset(
    {".aac", ".aif", ".aifc", ".aiff", ".caf", ".flac", ".m4a", ".mp3", ".oga", ".ogg", ".opus", ".wav", ".wma"}
)
COLUMNS = ("title", "artist", "isrc", "owner")
#: Lines of a file of fingerprints that are named one by one when they fail.
MOST_TOLD = 1000
_CHUNK = 1 << 20
_ISRC = re.compile(r"[A-Z]{2}[A-Z0-9]{3}[0-9]{7}")


@dataclass(frozen=True, slots=True)
class Entry:
    """One file to learn, and what is known of it."""

    path: Path
    title: str
    artist: str = ""
    isrc: str = ""
    owner: str = ""
    error: str = ""


@dataclass(frozen=True, slots=True)
class Job:
    """A file on its way: its bytes read, and whether anything is left to measure."""

    entry: Entry
    sha256: str = ""
    incoming: Incoming | None = None
    known: KnownRecording | None = None
    error: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a file."""

    file: str
    status: str  # learned | known | failed
    error: str = ""
    recording: int | None = None
    title: str = ""
    artist: str = ""
    isrc: str = ""
    owner: str = ""
    duration: float | None = None


class Command(BaseCommand):
    help = "Learn recordings: audio files, or folders of them. Learning a file again changes nothing."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("paths", nargs="*", type=Path, metavar="PATH", help="audio file or folder")
        parser.add_argument("--csv", type=Path, metavar="FILE", help="columns: file, title, artist, isrc, owner")
        parser.add_argument(
            "--fingerprints",
            type=Path,
            metavar="FILE",
            help="recordings without their audio, as CSV or JSON lines (.gz as well): fingerprint (compressed as "
            "fpcalc prints it, or its numbers), duration, title, artist, isrc, owner, external_id",
        )
        parser.add_argument(
            "--keep-audio",
            action=BooleanOptionalAction,
            default=True,
            help="store the bytes, so that moderators can listen to them",
        )
        parser.add_argument("--json", action="store_true", help="one JSON document on standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["fingerprints"]:
            if options["paths"] or options["csv"]:
                raise CommandError("--fingerprints stands alone: it names no audio")
            self._fingerprints(options["fingerprints"], options["json"])
            return
        entries = _list_learning_entries(options["paths"], options["csv"])
        outcomes = list(
            iterate_with_progress(_learn_all(entries, options["keep_audio"]), len(entries), "Learning", sys.stderr)
        )
        known_recordings.index_new_recordings()  # what is learned shall be found when the command ends
        count = Counter(outcome.status for outcome in outcomes)
        if options["json"]:
            document = {
                "files": [asdict(outcome) for outcome in outcomes],
                **{status: count[status] for status in ("learned", "known", "failed")},
            }
            self.stdout.write(json.dumps(document, ensure_ascii=False))
        else:
            for outcome in outcomes:
                words = outcome.error or " by ".join(filter(None, (outcome.title, outcome.artist)))
                self.stdout.write(f"{outcome.status:8} {outcome.file}: {words}")
            self.stdout.write(f"{count['learned']} learned, {count['known']} known already, {count['failed']} failed")
        if count["failed"]:
            raise CommandError(f"{count['failed']} of {len(outcomes)} files could not be learned", returncode=1)

    def _fingerprints(self, path: Path, as_json: bool) -> None:
        """Line by line, whatever the size: what went wrong is told at once, the rest is counted."""
        count: Counter[str] = Counter()
        failed: list[dict[str, Any]] = []
        try:
            learned = iterate_with_progress(
                bulk_import.learn_fingerprints(catalogue_files.read_catalogue_file(path)), None, "Learning", sys.stderr
            )
            for item in learned:
                count[item.status] += 1
                count["partial"] += item.status == "learned" and item.line.partial
                if item.error and len(failed) < MOST_TOLD:
                    failed.append({"line": item.line.number, "error": item.error})
                    if not as_json:
                        self.stdout.write(f"failed   line {item.line.number}: {item.error}")
        except OSError as error:
            raise CommandError(f"{path}: {error.strerror or error}") from error
        except catalogue_files.BadFile as error:
            raise CommandError(f"{path}: {error} ({count['learned']} were learned before)") from error
        totals = {status: count[status] for status in ("learned", "known", "failed", "partial")}
        if as_json:
            self.stdout.write(json.dumps({**totals, "errors": failed}, ensure_ascii=False))
        else:
            self.stdout.write("{learned} learned, {known} known already, {failed} failed".format(**totals))
            if count["partial"]:
                self.stdout.write(
                    f"{count['partial']} of the fingerprints end before their recordings: what comes after is not known"
                )
        if count["failed"]:
            raise CommandError(
                f"{count['failed']} of {count.total() - count['partial']} lines could not be learned", returncode=1
            )


def _learn_all(entries: Sequence[Entry], keep: bool) -> Iterator[Outcome]:
    jobs = (_prepare_learning_job(entry, keep) for entry in entries)
    for job, facts in measure_in_parallel(_measure_job, jobs, max(1, min(count_measuring_workers(), len(entries)))):
        try:
            yield _finish_job(job, facts)
        finally:
            if job.incoming:
                job.incoming.discard()


def _prepare_learning_job(entry: Entry, keep: bool) -> Job:
    """Read the bytes, and look whether they are known."""
    fault = entry.error or ("" if entry.path.is_file() else "there is no such file")
    if fault:
        return Job(entry, error=fault)
    try:
        sha256, incoming = _hash_and_spool(entry.path, keep)
    except OSError as error:
        return Job(entry, error=error.strerror or str(error))
    rows = KnownRecording.objects.settled().filter(sha256=sha256).defer("fingerprint")
    known = known_recordings.known_again(rows, entry.owner, entry.isrc)
    if known:  # what the table says now, and was not known before
        named = entry.title if known.title == entry.path.stem else ""
        known_recordings.complete_recording(known, named, artist=entry.artist, isrc=entry.isrc, owner=entry.owner)
    return Job(entry, sha256, incoming, known)


def _hash_and_spool(path: Path, keep: bool) -> tuple[str, Incoming | None]:
    """The SHA-256 of a file, and a spooled copy where one is wanted. Raises OSError."""
    with path.open("rb") as file:
        if not keep:
            return hashlib.file_digest(file, "sha256").hexdigest(), None
        incoming = Incoming()
        try:
            while chunk := file.read(_CHUNK):
                incoming.write(chunk)
        except OSError:
            incoming.discard()
            raise
        return incoming.sha256, incoming


def _measure_job(analyser: Analyser, job: Job) -> AudioFacts | str | None:
    """The facts, why there are none, or nothing where nothing was asked."""
    if job.error or job.known:
        return None
    try:
        return analyser.analyse(job.entry.path, job.sha256, name=job.entry.path.name, lattice=False)
    except (OSError, AnalysisError) as error:
        return str(error)


def _finish_job(job: Job, facts: AudioFacts | str | None) -> Outcome:
    entry, file = job.entry, str(job.entry.path)
    if job.known:
        return _build_outcome(file, "known", job.known)
    if not isinstance(facts, AudioFacts):
        return Outcome(file, "failed", job.error or facts or "")
    if job.incoming and facts.ok:
        job.incoming.keep()
    try:
        recording, new = known_recordings.learn_recording(
            facts, title=entry.title, artist=entry.artist, isrc=entry.isrc, owner=entry.owner, ring=False
        )
    except known_recordings.NothingToLearn as error:
        return Outcome(file, "failed", str(error))
    return _build_outcome(file, "learned" if new else "known", recording)


def _build_outcome(file: str, status: str, recording: KnownRecording) -> Outcome:
    return Outcome(
        file,
        status,
        "",
        recording.pk,
        recording.title,
        recording.artist,
        recording.isrc,
        recording.owner,
        round(recording.duration, 3),
    )


def _list_learning_entries(paths: Sequence[Path], table: Path | None) -> list[Entry]:
    """What to learn: the files of the paths, with what the table says of them, and the other files of the table."""
    if not paths and table is None:
        raise CommandError("name audio files, folders, or a CSV file with --csv")
    found = [file for path in paths for file in _iterate_audio_files(path)]
    rows = _read_learning_table(table, paths) if table else {}
    entries = {file: Entry(file, file.stem) for file in found}
    entries |= {file: row for file, row in rows.items() if not found or file in entries or row.error}
    return list(entries.values())


def _iterate_audio_files(path: Path) -> Iterator[Path]:
    if not path.is_dir():
        yield path
        return
    for file in sorted(path.rglob("*")):
        if file.suffix.lower() in SUFFIXES and file.is_file() and not file.name.startswith("."):
            yield file


def _read_learning_table(table: Path, paths: Sequence[Path]) -> dict[Path, Entry]:
    """The table's rows by file. A file is looked for among the paths, in their folders, and beside the table."""
    places = [path if path.is_dir() else path.parent for path in paths] + [table.parent]
    try:
        with table.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, restval="")
            if "file" not in (reader.fieldnames or ()):
                raise CommandError(f"{table}: there is no column 'file'")
            entries = [_build_learning_entry(row, places) for row in reader if row["file"]]
    except OSError as error:
        raise CommandError(f"{table}: {error.strerror}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise CommandError(f"{table}: {error}") from error
    return {entry.path: entry for entry in entries}


def _build_learning_entry(row: dict[str, str], places: Sequence[Path]) -> Entry:
    values = {column: (row.get(column) or "").strip() for column in COLUMNS}
    path = next((place / row["file"] for place in places if (place / row["file"]).exists()), Path(row["file"]))
    isrc = canonical_isrc(values["isrc"])
    error = "" if not isrc or _ISRC.fullmatch(isrc) else f"'{values['isrc']}' is not an ISRC"
    return Entry(path, values["title"] or path.stem, values["artist"], isrc, values["owner"][:200], error)
