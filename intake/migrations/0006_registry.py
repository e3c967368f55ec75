"""The registry learns kinds of names, identifiers, who vouched for whom, and artists' keys; search keys are numbers."""

import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models
from django.db.models import Q

import intake.models.ids


class Migration(migrations.Migration):
    dependencies = [("intake", "0005_finding_patch")]
    operations = [
        migrations.CreateModel(
            name="ArtistIdentifier",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "scheme",
                    models.CharField(help_text='"isni", "ipi", or the partner whose profile it is.', max_length=40),
                ),
                ("value", models.CharField(max_length=200)),
                (
                    "artist",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="identifiers",
                        to="intake.protectedartist",
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["scheme", "value"], name="artist_identifier")],
                "constraints": [
                    models.UniqueConstraint(fields=("artist", "scheme", "value"), name="artist_identifier_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="ArtistKey",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=intake.models.uuid7.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("prefix", models.CharField(max_length=16, unique=True)),
                ("digest", models.CharField(max_length=64)),
                ("issued_by", models.CharField(max_length=200)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("revoked_at", models.DateTimeField(blank=True, null=True)),
                ("revoked_by", models.CharField(blank=True, default="", max_length=200)),
                ("uses", models.PositiveIntegerField(default=0, help_text="Decided submissions that carried it.")),
                ("last_used_at", models.DateTimeField(blank=True, null=True)),
                (
                    "artist",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="artist_keys",
                        to="intake.protectedartist",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Authorisation",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "vouched_by",
                    models.CharField(help_text="The actor on whose word it was given.", max_length=200),
                ),
                ("vouched_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("ended_by", models.CharField(blank=True, default="", max_length=200)),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
                (
                    "artist",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="authorisations",
                        to="intake.protectedartist",
                    ),
                ),
                (
                    "label",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="authorisations", to="intake.label"
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        condition=Q(ended_at__isnull=True), fields=("artist", "label"), name="authorisation_once"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="KeyUse",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("presented_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                (
                    "counted_at",
                    models.DateTimeField(blank=True, help_text="When the submission was decided.", null=True),
                ),
                (
                    "key",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="presented", to="intake.artistkey"
                    ),
                ),
                (
                    "submission",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="artist_keys",
                        to="intake.submission",
                    ),
                ),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("key", "submission"), name="key_use_once")],
            },
        ),
        migrations.DeleteModel("NameKey"),
        migrations.CreateModel(
            name="NameKey",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "key", "name_id", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("key", models.BigIntegerField()),
                (
                    "name",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="keys",
                        to="intake.protectedname",
                    ),
                ),
            ],
        ),
        migrations.AddField("protectedartist", "retired_at", models.DateTimeField(blank=True, null=True)),
        migrations.AddField("protectedartist", "retired_by", models.CharField(blank=True, default="", max_length=200)),
        migrations.AlterField("protectedartist", "name", models.CharField(max_length=200)),
        migrations.AddConstraint(
            "protectedartist",
            models.UniqueConstraint(
                condition=Q(retired_at__isnull=True), fields=("name",), name="protected_artist_once"
            ),
        ),
        migrations.AddField(
            "protectedname",
            "kind",
            models.CharField(
                choices=[("name", "Name"), ("alias", "Alias"), ("transliteration", "Transliteration")],
                default="alias",
                max_length=15,
            ),
        ),
        migrations.AlterField(
            "protectedname",
            "artist",
            models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="protected_names",
                to="intake.protectedartist",
            ),
        ),
    ]
