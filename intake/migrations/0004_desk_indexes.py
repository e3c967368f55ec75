"""The counts and the tabs of the desk, without reading the submissions that they count."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("intake", "0003_moderators")]
    operations = [
        migrations.AddIndex("submission", models.Index(fields=["state", "-id"], name="submission_newest")),
        migrations.AddIndex("submission", models.Index(fields=["label", "state"], name="submission_label_state")),
    ]
