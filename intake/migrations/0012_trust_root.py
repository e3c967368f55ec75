"""Whose signatures are trusted."""

from typing import Any

import django.utils.timezone
from django.apps import apps as installed
from django.contrib.auth.management import create_permissions
from django.db import migrations, models

import intake.models.ids


def let_moderators_read(apps: Any, schema_editor: Any) -> None:
    """Moderators read the trust list; changing it is another right."""
    using = schema_editor.connection.alias
    create_permissions(installed.get_app_config("intake"), verbosity=0, using=using, apps=apps)
    permissions = apps.get_model("auth", "Permission").objects.using(using)
    group = apps.get_model("auth", "Group").objects.using(using).get(name="moderators")
    group.permissions.add(*permissions.filter(codename="view_trustroot", content_type__app_label="intake"))


class Migration(migrations.Migration):
    dependencies = [("intake", "0011_name_sketches"), ("auth", "0012_alter_user_first_name_max_length")]

    operations = [
        migrations.CreateModel(
            name="TrustRoot",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=intake.models.uuid7.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "fingerprint",
                    models.CharField(editable=False, help_text="SHA-256 of the certificate.", max_length=64),
                ),
                ("subject", models.CharField(editable=False, max_length=500)),
                (
                    "pem",
                    models.TextField(
                        help_text="In PEM form: one block that begins with BEGIN CERTIFICATE.",
                        verbose_name="certificate",
                    ),
                ),
                ("not_before", models.DateTimeField(editable=False)),
                ("not_after", models.DateTimeField(editable=False)),
                (
                    "note",
                    models.CharField(
                        help_text="Whose root it is, where it was published, how it was verified.", max_length=500
                    ),
                ),
                ("added_by", models.CharField(editable=False, max_length=200)),
                ("added_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("withdrawn_by", models.CharField(blank=True, default="", editable=False, max_length=200)),
                ("withdrawn_at", models.DateTimeField(blank=True, editable=False, null=True)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("withdrawn_at__isnull", True)),
                        fields=("fingerprint",),
                        name="trust_root_once",
                    )
                ],
            },
        ),
        migrations.RunPython(let_moderators_read, migrations.RunPython.noop),
    ]
