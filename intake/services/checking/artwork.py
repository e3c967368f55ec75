"""Covers, measured once for their bytes."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

from django.db import transaction

from checks.analysis import artwork_client
from checks.analysis.image_header import read_image_header
from checks.model.finding import Finding
from checks.model.release import ImageFacts
from checks.rules import artwork
from checks.rules.delivered_files import DeliveredFile
from intake.models import Blob, ImageBand, ImageMeasurement, Resource, Submission
from intake.readers.delivery_history import split_hash_bands
from intake.services.storage import blobs


def measure_submission_artwork(submission: Submission) -> None:
    """Measure the covers of a submission that were not measured yet.

    Raises OSError where the storage has lost one, and AnalysisError where one was not measured for a reason of our own.
    """
    for blob in _iterate_unmeasured_artwork(submission):
        current = ImageMeasurement.objects.filter(pk=blob.pk, version=artwork_client.VERSION)
        if not current.exists():
            with blobs.local_copy(blob) as path:
                _store_artwork_facts(blob, facts_of(path, blob.pk))


def judge_before_storing(name: str, delivered: DeliveredFile) -> list[Finding]:
    """Findings about a cover that has just arrived, from its header alone.

    None where it is stored already, and was judged then; an empty file has a finding of its own.
    """
    if delivered.path is None or delivered.size == 0:
        return []
    return list(artwork.judge_header(name, read_image_header(delivered.path, delivered.sha256)))


def facts_of(path: Path, sha256: str) -> ImageFacts:
    """What one image file measures."""
    with path.open("rb") as file:
        return artwork_client.measure_artwork_file(file, sha256)


def _iterate_unmeasured_artwork(submission: Submission) -> Iterator[Blob]:
    for resource in submission.resources.filter(kind=Resource.Kind.COVER).select_related("blob"):
        if resource.blob:
            yield resource.blob


def _store_artwork_facts(blob: Blob, facts: ImageFacts) -> None:
    document = dataclasses.asdict(facts)
    with transaction.atomic():
        row, _ = ImageMeasurement.objects.update_or_create(
            blob=blob, defaults={"version": facts.version, "facts": document}
        )
        row.bands.all().delete()
        if facts.ok:
            ImageBand.objects.bulk_create(ImageBand(image=row, band=band) for band in split_hash_bands(facts.dhash))
