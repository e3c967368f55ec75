"""What a recording looks like: drawn once for its bytes."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from intake.models.files import Blob


class Portrait(models.Model):
    """Waveform, average spectrum and spectrogram of one file; empty where it could not be read."""

    blob = models.OneToOneField(Blob, primary_key=True, on_delete=models.CASCADE, related_name="portrait")
    version = models.PositiveSmallIntegerField(help_text="Of the drawing.")
    duration = models.FloatField(default=0.0)
    rate = models.PositiveIntegerField(default=0, help_text="Samples a second.")
    rms_db = models.FloatField(null=True, help_text="Of what sounds, in dB below full scale.")
    peaks = models.BinaryField(default=b"", help_text="The loudest sample of each stretch, in steps of a 255th.")
    spectrum = models.BinaryField(default=b"", help_text="The average level of each band up to half the rate, dB.")
    spectrogram = models.BinaryField(default=b"", help_text="A PNG.")
    error = models.CharField(max_length=40, blank=True, default="")
    made_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"Portrait of {self.blob_id}"
