"""What images measure, kept under their bytes."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from intake.models.files import Blob


class ImageMeasurement(models.Model):
    """What one image measures: once for its bytes, however often it is delivered."""

    blob = models.OneToOneField(Blob, primary_key=True, on_delete=models.CASCADE, related_name="image")
    version = models.PositiveSmallIntegerField(help_text="Of the measurement.")
    facts = models.JSONField()
    measured_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"image {self.pk}"


class ImageBand(models.Model):
    """A fourth of an image's perceptual hash: two images that look the same share at least one of them."""

    image = models.ForeignKey(ImageMeasurement, on_delete=models.CASCADE, related_name="bands")
    band = models.PositiveIntegerField(help_text="Which fourth, and its 16 bits: 65,536 times the one plus the other.")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["image", "band"], name="image_band_once")]
        indexes = [models.Index(fields=["band"], name="image_band")]

    def __str__(self) -> str:
        return f"{self.image_id} {self.band}"
