"""Findings keep their fix for machines; known recordings are found by title."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("intake", "0004_desk_indexes")]
    operations = [
        migrations.AddField(
            "finding",
            "patch",
            models.JSONField(blank=True, default=list, help_text="The fix as RFC 6902 operations."),
        ),
        migrations.AddIndex("knownrecording", models.Index(fields=["title"], name="known_recording_titled")),
    ]
