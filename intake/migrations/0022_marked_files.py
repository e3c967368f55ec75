"""Copies of cleared files that say what was decided about AI."""

from typing import Any

import django.db.models.deletion
import django.utils.timezone
from django.apps import apps as installed
from django.contrib.auth.management import create_permissions
from django.db import migrations, models

import intake.models.ids


def let_people_in(apps: Any, schema_editor: Any) -> None:
    """Everybody at the desk sees what was marked; operators keep the trust list."""
    using = schema_editor.connection.alias
    create_permissions(installed.get_app_config("intake"), verbosity=0, using=using, apps=apps)
    permissions = apps.get_model("auth", "Permission").objects.using(using).filter(content_type__app_label="intake")
    groups = apps.get_model("auth", "Group").objects.using(using)
    for name in ("moderators", "seniors", "policy owners", "operators", "auditors"):
        groups.get(name=name).permissions.add(*permissions.filter(codename="view_markedfile"))
    groups.get(name="operators").permissions.add(*permissions.filter(codename="change_trustroot"))


class Migration(migrations.Migration):
    dependencies = [("intake", "0021_weight"), ("auth", "0012_alter_user_first_name_max_length")]

    operations = [
        migrations.CreateModel(
            name="MarkedFile",
            fields=[
                (
                    "status",
                    models.CharField(
                        choices=[("pending", "Pending"), ("running", "Running"), ("done", "Done"), ("dead", "Dead")],
                        default="pending",
                        max_length=10,
                    ),
                ),
                ("attempts", models.PositiveSmallIntegerField(default=0)),
                ("lease_token", models.UUIDField(blank=True, null=True)),
                ("lease_until", models.DateTimeField(blank=True, null=True)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("rung_at", models.DateTimeField(blank=True, help_text="When the sweep last rang for it.", null=True)),
                ("started_at", models.DateTimeField(blank=True, null=True)),
                ("finished_at", models.DateTimeField(blank=True, null=True)),
                ("error", models.TextField(blank=True, default="")),
                (
                    "id",
                    models.UUIDField(
                        default=intake.models.uuid7.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "source_type",
                    models.CharField(help_text="IPTC digital source type that the labels come to.", max_length=60),
                ),
                ("labels", models.JSONField(default=list)),
                (
                    "outcome",
                    models.CharField(
                        blank=True,
                        choices=[("marked", "Marked"), ("refused", "Refused"), ("overtaken", "Overtaken")],
                        default="",
                        max_length=10,
                    ),
                ),
                ("because", models.CharField(blank=True, default="", max_length=300)),
                (
                    "sound",
                    models.CharField(
                        blank=True,
                        default="",
                        help_text="SHA-256 of the coded sound, in the original and in this copy.",
                        max_length=64,
                    ),
                ),
                ("signer", models.CharField(blank=True, default="", max_length=500)),
                (
                    "blob",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="marked_files",
                        to="intake.blob",
                    ),
                ),
                (
                    "decision",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="marked_files", to="intake.decision"
                    ),
                ),
                (
                    "resource",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="marked_files", to="intake.resource"
                    ),
                ),
                (
                    "submission",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="marked_files", to="intake.submission"
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["status", "lease_until"], name="marked_file_open")],
                "constraints": [models.UniqueConstraint(fields=("decision", "resource"), name="marked_file_once")],
            },
        ),
        migrations.RunPython(let_people_in, migrations.RunPython.noop),
    ]
