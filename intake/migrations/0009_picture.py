"""The picture of a file's sound, by which copies at other speeds and pitches are found."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("intake", "0008_messages_and_images")]
    operations = [
        migrations.CreateModel(
            "Picture",
            fields=[
                (
                    "analysis",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="picture",
                        serialize=False,
                        to="intake.analysis",
                    ),
                ),
                ("content", models.BinaryField()),
            ],
        ),
    ]
