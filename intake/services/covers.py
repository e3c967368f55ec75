"""Covers, measured once for their bytes."""

from __future__ import annotations

import contextlib
import dataclasses
import tempfile
from collections.abc import Iterator
from pathlib import Path

from django.db import transaction

from checks.analysis import imagery
from checks.release import ImageFacts
from intake import reference
from intake.models import Blob, ImageBand, ImageMeasurement, Resource, Submission
from intake.services import blobs


def measure(submission: Submission) -> None:
    """Measure the covers of a submission that were not measured yet.

    Raises OSError where the storage has lost one, or no process can be started to measure it.
    """
    for blob in _covers(submission):
        current = ImageMeasurement.objects.filter(pk=blob.pk, version=imagery.VERSION)
        if not current.exists():
            with blobs.local_copy(blob) as path:
                _keep(blob, facts_of(path, blob.pk))


def facts_of(path: Path, sha256: str) -> ImageFacts:
    """What one image file measures."""
    with path.open("rb") as file:
        return imagery.measured(file, sha256)


@contextlib.contextmanager
def bare_copy(blob: Blob) -> Iterator[Path | None]:
    """The cover as it is shown, for as long as the context lasts: without what a camera or an editor wrote into it.

    None where the file cannot be told apart from that. Raises FileNotFoundError where the storage has lost it.
    """
    with blobs.local_copy(blob) as path, path.open("rb") as file:
        content = imagery.bare(file)
    if content is None:
        yield None
        return
    with tempfile.NamedTemporaryFile(dir=blobs.spool_folder(), prefix="out-") as copy:
        copy.write(content)
        copy.flush()
        yield Path(copy.name)


def _covers(submission: Submission) -> Iterator[Blob]:
    for resource in submission.resources.filter(kind=Resource.Kind.COVER).select_related("blob"):
        if resource.blob:
            yield resource.blob


def _keep(blob: Blob, facts: ImageFacts) -> None:
    document = dataclasses.asdict(facts)
    with transaction.atomic():
        row, _ = ImageMeasurement.objects.update_or_create(
            blob=blob, defaults={"version": facts.version, "facts": document}
        )
        row.bands.all().delete()
        if facts.ok:
            ImageBand.objects.bulk_create(ImageBand(image=row, band=band) for band in reference.bands(facts.dhash))
