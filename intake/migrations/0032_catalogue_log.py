"""The log of the catalogue, from which every host keeps its index.

Recordings that are known already are written to it by the gate itself, at its first start: nothing is copied here.
"""

import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("intake", "0031_accounts_of_moderators"),
    ]

    operations = [
        migrations.CreateModel(
            name="CatalogueChange",
            fields=[
                ("position", models.BigIntegerField(primary_key=True, serialize=False)),
                ("known", models.BooleanField(help_text="Learned; else forgotten.")),
                ("token", models.BigIntegerField()),
                ("count", models.BigIntegerField()),
                ("digest", models.BigIntegerField()),
                ("logged_at", models.DateTimeField(default=django.utils.timezone.now)),
            ],
        ),
        migrations.RemoveField(
            model_name="knownrecording",
            name="indexed_at",
        ),
        migrations.AddField(
            model_name="knownrecording",
            name="logged_at",
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
        migrations.AddIndex(
            model_name="knownrecording",
            index=models.Index(
                condition=models.Q(("forgotten_at__isnull", True), ("logged_at__isnull", True)),
                fields=["id"],
                name="known_recording_learned_new",
            ),
        ),
        migrations.AddIndex(
            model_name="knownrecording",
            index=models.Index(
                condition=models.Q(("forgotten_at__isnull", False), ("logged_at__isnull", False)),
                fields=["id"],
                name="known_recording_forgotten_new",
            ),
        ),
        migrations.AddField(
            model_name="cataloguechange",
            name="recording",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="changes", to="intake.knownrecording"
            ),
        ),
    ]
