"""DDEX messages that were taken in, and what covers measure."""

import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("intake", "0007_registry_carried_over")]
    operations = [
        migrations.CreateModel(
            "DdexMessage",
            fields=[
                (
                    "submission",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="message",
                        serialize=False,
                        to="intake.submission",
                    ),
                ),
                ("digest", models.CharField(help_text="SHA-256 of its sender and id.", max_length=64)),
                ("sender", models.CharField(max_length=100)),
                ("message_id", models.CharField(max_length=255)),
                ("version", models.CharField(help_text="Of ERN.", max_length=10)),
                ("received_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                (
                    "label",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="ddex_messages", to="intake.label"
                    ),
                ),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("label", "digest"), name="ddex_message_once")],
            },
        ),
        migrations.CreateModel(
            "ImageMeasurement",
            fields=[
                (
                    "blob",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="image",
                        serialize=False,
                        to="intake.blob",
                    ),
                ),
                ("version", models.PositiveSmallIntegerField(help_text="Of the measurement.")),
                ("facts", models.JSONField()),
                ("measured_at", models.DateTimeField(default=django.utils.timezone.now)),
            ],
        ),
        migrations.CreateModel(
            "ImageBand",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "band",
                    models.PositiveIntegerField(
                        help_text="Which fourth, and its 16 bits: 65,536 times the one plus the other."
                    ),
                ),
                (
                    "image",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="bands",
                        to="intake.imagemeasurement",
                    ),
                ),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("image", "band"), name="image_band_once")],
                "indexes": [models.Index(fields=["band"], name="image_band")],
            },
        ),
    ]
