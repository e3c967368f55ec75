"""Recordings that wait with their submission, and the blocklist."""

from typing import Any

import django.db.models.deletion
import django.utils.timezone
from django.apps import apps as installed
from django.contrib.auth.management import create_permissions
from django.db import migrations, models

import intake.models.ids


def moderators_may_read(apps: Any, schema_editor: Any) -> None:
    """The blocklist is there to be read at the desk."""
    using = schema_editor.connection.alias
    create_permissions(installed.get_app_config("intake"), verbosity=0, using=using, apps=apps)
    group, _ = apps.get_model("auth", "Group").objects.using(using).get_or_create(name="moderators")
    permissions = apps.get_model("auth", "Permission").objects.using(using)
    group.permissions.add(*permissions.filter(codename="view_block", content_type__app_label="intake"))


class Migration(migrations.Migration):
    dependencies = [
        ("intake", "0016_foreign_fingerprints"),
    ]

    operations = [
        migrations.CreateModel(
            name="Block",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=intake.models.uuid7.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("isrc", "ISRC"),
                            ("upc", "UPC"),
                            ("party", "party"),
                            ("file", "file (SHA-256)"),
                            ("recording", "recording, by its sound"),
                        ],
                        max_length=9,
                    ),
                ),
                (
                    "value",
                    models.CharField(
                        help_text="In canonical form; a recording's number in the catalogue.", max_length=200
                    ),
                ),
                ("reason", models.CharField(help_text="For moderators alone.", max_length=500)),
                ("blocked_by", models.CharField(max_length=200)),
                ("blocked_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("expires_at", models.DateTimeField(blank=True, null=True)),
                ("lifted_by", models.CharField(blank=True, default="", max_length=200)),
                ("lifted_at", models.DateTimeField(blank=True, null=True)),
            ],
        ),
        migrations.RemoveConstraint(
            model_name="knownrecording",
            name="known_recording_once",
        ),
        migrations.AddField(
            model_name="knownrecording",
            name="submission",
            field=models.ForeignKey(
                blank=True,
                help_text="The one that brought it.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="known_recordings",
                to="intake.submission",
            ),
        ),
        migrations.AlterField(
            model_name="knownrecording",
            name="source",
            field=models.CharField(
                choices=[
                    ("learned", "Learned"),
                    ("delivered", "Delivered"),
                    ("pending", "brought by a submission that is not decided"),
                    ("blocked", "known for being on the blocklist alone"),
                ],
                default="learned",
                max_length=10,
            ),
        ),
        migrations.AddConstraint(
            model_name="knownrecording",
            constraint=models.UniqueConstraint(
                condition=models.Q(
                    ("forgotten_at__isnull", True),
                    models.Q(("sha256", ""), _negated=True),
                    models.Q(("source", "pending"), _negated=True),
                ),
                fields=("sha256", "owner", "isrc"),
                name="known_recording_once",
            ),
        ),
        migrations.AddConstraint(
            model_name="knownrecording",
            constraint=models.UniqueConstraint(
                condition=models.Q(("forgotten_at__isnull", True), ("source", "pending")),
                fields=("submission", "sha256", "isrc"),
                name="pending_recording_once",
            ),
        ),
        migrations.AddField(
            model_name="block",
            name="label",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="blocks",
                to="intake.label",
            ),
        ),
        migrations.AddField(
            model_name="block",
            name="recording",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="blocks",
                to="intake.knownrecording",
            ),
        ),
        migrations.AddConstraint(
            model_name="block",
            constraint=models.UniqueConstraint(
                condition=models.Q(("lifted_at__isnull", True)), fields=("kind", "value"), name="block_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="block",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("kind", "recording"), ("recording__isnull", False)),
                    models.Q(models.Q(("kind", "recording"), _negated=True), ("recording", None)),
                    _connector="OR",
                ),
                name="block_of_a_recording_names_it",
            ),
        ),
        migrations.RunPython(moderators_may_read, migrations.RunPython.noop),
    ]
