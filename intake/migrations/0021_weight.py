"""What is looked at first in review."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("intake", "0020_figures"),
    ]

    operations = [
        migrations.AddField(
            model_name="submission",
            name="weight",
            field=models.PositiveSmallIntegerField(
                default=0,
                help_text="0-100: what is looked at first in review; it decides nothing, and labels never see it.",
            ),
        ),
    ]
