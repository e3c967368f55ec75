"""All tables, and the groups of the desk with their rights.

The groups' rights stand here as they are at this version; ``intake.services.people.permissions`` holds the table in
force, and a test holds both together. A group that an operator has renamed or removed is left alone.
"""

import django.db.models.deletion
import django.utils.timezone
from django.apps import apps as installed
from django.apps.registry import Apps
from django.conf import settings
from django.contrib.auth.management import create_permissions
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

import intake.core.uuid7

READABLE = (
    "label", "partner", "apikey", "blob", "analysis", "submission", "resource", "track", "checkrun", "finding",
    "decision", "event", "knownrecording", "block", "protectedartist", "protectedname", "artistidentifier",
    "authorisation", "artistkey", "keyuse", "acceptedconsent", "note", "proposal", "appeal", "appealfile", "markedfile",
    "staydown", "trustroot", "endpoint", "delivery", "attempt",
)  # fmt: skip
GROUPS = {
    "moderators": ("listen_submission", "change_submission", "change_delivery"),
    "seniors": ("listen_submission", "change_submission", "change_delivery", "decide_escalated_submission"),
    "policy owners": ("switch_policy",),
    "operators": ("change_delivery", "change_apikey", "change_trustroot"),
    "auditors": ("view_viewing",),
}


def create_groups(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Create each group with its rights. Django writes permissions after all migrations; the groups need them now."""
    using = schema_editor.connection.alias
    create_permissions(installed.get_app_config("intake"), verbosity=0, using=using, apps=apps)
    permissions = apps.get_model("auth", "Permission").objects.using(using).filter(content_type__app_label="intake")
    for name, rights in GROUPS.items():
        group, _ = apps.get_model("auth", "Group").objects.using(using).get_or_create(name=name)
        group.permissions.set(permissions.filter(codename__in=[*rights, *(f"view_{model}" for model in READABLE)]))


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]

    operations = [
        migrations.CreateModel(
            name="Blob",
            fields=[
                ("sha256", models.CharField(max_length=64, primary_key=True, serialize=False)),
                ("size", models.PositiveBigIntegerField()),
                (
                    "touched_at",
                    models.DateTimeField(
                        default=django.utils.timezone.now, help_text="Last delivered; unused ones are tidied away."
                    ),
                ),
                ("stored_at", models.DateTimeField(blank=True, null=True)),
            ],
        ),
        migrations.CreateModel(
            name="Appeal",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=intake.core.uuid7.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("statement", models.TextField()),
                ("opened_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("due_at", models.DateTimeField()),
                ("decided_at", models.DateTimeField(blank=True, null=True)),
                (
                    "outcome",
                    models.CharField(
                        blank=True,
                        choices=[("confirmed", "Confirmed"), ("overturned", "Overturned"), ("withdrawn", "Withdrawn")],
                        default="",
                        max_length=10,
                    ),
                ),
            ],
            options={
                "ordering": ["opened_at", "pk"],
            },
        ),
        migrations.CreateModel(
            name="ArtistKey",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=intake.core.uuid7.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("prefix", models.CharField(max_length=16, unique=True)),
                ("digest", models.CharField(max_length=64)),
                ("issued_by", models.CharField(help_text="The actor who issued it, as named then.", max_length=200)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("revoked_at", models.DateTimeField(blank=True, null=True)),
                ("revoked_by", models.CharField(blank=True, default="", max_length=200)),
                ("uses", models.PositiveIntegerField(default=0, help_text="Decided submissions that carried it.")),
                ("last_used_at", models.DateTimeField(blank=True, null=True)),
            ],
        ),
        migrations.CreateModel(
            name="Submission",
            fields=[
                (
                    "rung_at",
                    models.DateTimeField(blank=True, help_text="When a message was last sent for it.", null=True),
                ),
                (
                    "enqueue_count",
                    models.PositiveSmallIntegerField(
                        db_default=0,
                        default=0,
                        help_text="How often a message was sent again while others waited in the queue.",
                    ),
                ),
                (
                    "id",
                    models.UUIDField(
                        default=intake.core.uuid7.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("draft", "draft"),
                            ("received", "received"),
                            ("checking", "checking"),
                            ("approved", "approved"),
                            ("labelled", "labelled"),
                            ("in_review", "in_review"),
                            ("rejected", "rejected"),
                            ("returned", "returned"),
                            ("withdrawn", "withdrawn"),
                        ],
                        default="draft",
                        max_length=12,
                    ),
                ),
                (
                    "verdict",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("approve", "approve"),
                            ("label", "label"),
                            ("review", "review"),
                            ("reject", "reject"),
                            ("return", "return"),
                        ],
                        default="",
                        max_length=8,
                    ),
                ),
                ("metadata", models.JSONField(help_text="The release as accepted.")),
                ("title", models.CharField(max_length=500)),
                ("artist", models.CharField(max_length=500)),
                ("upc", models.CharField(blank=True, db_index=True, default="", max_length=14)),
                ("release_date", models.DateField(blank=True, null=True)),
                (
                    "weight",
                    models.PositiveSmallIntegerField(
                        default=0,
                        help_text="0-100: the order in review; it decides nothing, and labels never see it.",
                    ),
                ),
                ("sequence", models.PositiveIntegerField(default=0, help_text="Number of its last event.")),
                (
                    "statement",
                    models.PositiveSmallIntegerField(
                        default=1, help_text="Number of the declaration about AI that stands."
                    ),
                ),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("received_at", models.DateTimeField(blank=True, null=True)),
                ("concluded_at", models.DateTimeField(blank=True, null=True)),
                ("due_at", models.DateTimeField(blank=True, null=True)),
                (
                    "snoozed_until",
                    models.DateTimeField(blank=True, help_text="Until then no moderator is handed it.", null=True),
                ),
                (
                    "escalated_at",
                    models.DateTimeField(
                        blank=True, help_text="Since then it waits for a senior moderator.", null=True
                    ),
                ),
                (
                    "supersedes",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="superseded_by",
                        to="intake.submission",
                    ),
                ),
            ],
            options={
                "permissions": [
                    ("listen_submission", "Can hear and see what was delivered"),
                    ("decide_escalated_submission", "Can decide what was escalated"),
                    ("switch_policy", "Can put another policy in force"),
                ],
            },
        ),
        migrations.CreateModel(
            name="Decision",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=intake.core.uuid7.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("number", models.PositiveSmallIntegerField()),
                (
                    "verdict",
                    models.CharField(
                        choices=[
                            ("approve", "approve"),
                            ("label", "label"),
                            ("review", "review"),
                            ("reject", "reject"),
                            ("return", "return"),
                        ],
                        max_length=8,
                    ),
                ),
                ("actor", models.CharField(help_text="The name as it was at the time.", max_length=200)),
                ("reasons", models.JSONField(default=list)),
                ("note", models.TextField(blank=True, default="")),
                ("labels", models.JSONField(default=list)),
                ("policy_version", models.CharField(max_length=40)),
                ("policy_digest", models.CharField(max_length=80)),
                (
                    "code",
                    models.CharField(
                        blank=True, default="", help_text="The policy's reason for a rejection.", max_length=40
                    ),
                ),
                (
                    "four_eyes",
                    models.BooleanField(default=False, help_text="The policy of the day asked for a second moderator."),
                ),
                (
                    "seconded_by",
                    models.CharField(blank=True, default="", help_text="The second moderator's name.", max_length=200),
                ),
                ("language", models.CharField(blank=True, default="", help_text="Of the reasons.", max_length=8)),
                (
                    "tracks",
                    models.JSONField(blank=True, default=dict, help_text="Verdicts by position, where tracks differ."),
                ),
                (
                    "to_fix",
                    models.JSONField(
                        blank=True, default=list, help_text="The findings that the label is asked to mend."
                    ),
                ),
                (
                    "offer",
                    models.JSONField(
                        blank=True, default=dict, help_text="The part that may go out: tracks, and their labels."
                    ),
                ),
                (
                    "due_at",
                    models.DateTimeField(
                        blank=True, help_text="When it was due, where it waited for a person.", null=True
                    ),
                ),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                (
                    "carries_on",
                    models.ForeignKey(
                        blank=True,
                        help_text="The decision on the whole release that holds for this part of it as well.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="carried_on_by",
                        to="intake.decision",
                    ),
                ),
                (
                    "moderator",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        help_text="The account of the moderator who gave it; the name may change.",
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "second_moderator",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        help_text="The account of the second moderator.",
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ["number"],
            },
        ),
        migrations.CreateModel(
            name="Delivery",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=intake.core.uuid7.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("type", models.CharField(max_length=40)),
                ("body", models.TextField()),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("pending", "Pending"),
                            ("delivered", "Delivered"),
                            ("failed", "Failed"),
                            ("cancelled", "Cancelled"),
                        ],
                        default="pending",
                        max_length=10,
                    ),
                ),
                ("attempts_made", models.PositiveSmallIntegerField(default=0)),
                ("next_attempt_at", models.DateTimeField(blank=True, null=True)),
                (
                    "held_until",
                    models.DateTimeField(
                        blank=True,
                        help_text="Until then its decision can be taken back, and nobody is told.",
                        null=True,
                    ),
                ),
                ("lease_token", models.UUIDField(blank=True, null=True)),
                ("lease_until", models.DateTimeField(blank=True, null=True)),
                (
                    "rung_at",
                    models.DateTimeField(blank=True, help_text="When a message was last sent for it.", null=True),
                ),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("delivered_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "verbose_name_plural": "deliveries",
            },
        ),
        migrations.CreateModel(
            name="Endpoint",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=intake.core.uuid7.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("url", models.URLField(max_length=500)),
                ("types", models.JSONField(default=list, help_text="Event types it subscribed to.")),
                ("secret", models.CharField(max_length=100)),
                ("previous_secret", models.CharField(blank=True, default="", max_length=100)),
                (
                    "previous_until",
                    models.DateTimeField(blank=True, help_text="Until then both secrets sign.", null=True),
                ),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                (
                    "subscribed_at",
                    models.DateTimeField(
                        default=django.utils.timezone.now, help_text="Since when it wants these types."
                    ),
                ),
                ("disabled_at", models.DateTimeField(blank=True, null=True)),
                ("disabled_because", models.CharField(blank=True, default="", max_length=200)),
                (
                    "failing_since",
                    models.DateTimeField(
                        blank=True, help_text="The first failure since it last took a delivery.", null=True
                    ),
                ),
                (
                    "last_failed_at",
                    models.DateTimeField(blank=True, help_text="The last failure, whatever came after it.", null=True),
                ),
                ("deleted_at", models.DateTimeField(blank=True, null=True)),
            ],
        ),
        migrations.CreateModel(
            name="ImageBand",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "band",
                    models.PositiveIntegerField(
                        help_text="Which fourth, and its 16 bits: 65,536 times the one plus the other."
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Label",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=intake.core.uuid7.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("name", models.CharField(max_length=200, unique=True)),
                (
                    "names",
                    models.JSONField(
                        blank=True, default=list, help_text="Imprints and former names it may deliver under."
                    ),
                ),
                (
                    "language",
                    models.CharField(
                        choices=[
                            ("en", "English"),
                            ("de", "German"),
                            ("fr", "French"),
                            ("es", "Spanish"),
                            ("pt", "Portuguese"),
                            ("it", "Italian"),
                            ("sv", "Swedish"),
                        ],
                        default="en",
                        help_text="In which moderators write to it.",
                        max_length=8,
                    ),
                ),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
            ],
        ),
        migrations.CreateModel(
            name="Partner",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=intake.core.uuid7.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("slug", models.SlugField(max_length=60, unique=True)),
                (
                    "profile",
                    models.CharField(default="default", help_text="Profile of the policy file.", max_length=60),
                ),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
            ],
        ),
        migrations.CreateModel(
            name="PolicyChange",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("version", models.CharField(max_length=40)),
                ("digest", models.CharField(max_length=80)),
                ("content", models.TextField(help_text="The whole file.")),
                ("actor", models.CharField(help_text='"file" where the file was changed by hand.', max_length=200)),
                ("reason", models.TextField(blank=True, default="")),
                ("at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
            ],
            options={
                "ordering": ["-pk"],
            },
        ),
        migrations.CreateModel(
            name="PolicyTrial",
            fields=[
                (
                    "rung_at",
                    models.DateTimeField(blank=True, help_text="When a message was last sent for it.", null=True),
                ),
                (
                    "enqueue_count",
                    models.PositiveSmallIntegerField(
                        db_default=0,
                        default=0,
                        help_text="How often a message was sent again while others waited in the queue.",
                    ),
                ),
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
                (
                    "next_attempt_at",
                    models.DateTimeField(
                        blank=True, help_text="Not before: what failed is to be repaired by the operator.", null=True
                    ),
                ),
                ("started_at", models.DateTimeField(blank=True, null=True)),
                ("finished_at", models.DateTimeField(blank=True, null=True)),
                ("error", models.TextField(blank=True, default="")),
                (
                    "id",
                    models.UUIDField(
                        default=intake.core.uuid7.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("version", models.CharField(max_length=40)),
                ("digest", models.CharField(max_length=80)),
                ("content", models.TextField()),
                ("days", models.PositiveSmallIntegerField()),
                ("asked_by", models.CharField(max_length=200)),
                ("result", models.JSONField(null=True)),
            ],
            options={
                "ordering": ["-id"],
            },
        ),
        migrations.CreateModel(
            name="SelfTest",
            fields=[
                ("host", models.CharField(max_length=255, primary_key=True, serialize=False)),
                ("ran_at", models.DateTimeField()),
                ("ok", models.BooleanField()),
                ("parts", models.JSONField(help_text="What was measured: name, ok, and the cause of a failure.")),
            ],
        ),
        migrations.CreateModel(
            name="SpeedTest",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("sha256", models.CharField(db_index=True, max_length=64)),
                ("asked_by", models.CharField(max_length=200)),
                ("asked_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("answer", models.JSONField()),
            ],
            options={
                "ordering": ["-id"],
            },
        ),
        migrations.CreateModel(
            name="Analysis",
            fields=[
                (
                    "rung_at",
                    models.DateTimeField(blank=True, help_text="When a message was last sent for it.", null=True),
                ),
                (
                    "enqueue_count",
                    models.PositiveSmallIntegerField(
                        db_default=0,
                        default=0,
                        help_text="How often a message was sent again while others waited in the queue.",
                    ),
                ),
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
                (
                    "next_attempt_at",
                    models.DateTimeField(
                        blank=True, help_text="Not before: what failed is to be repaired by the operator.", null=True
                    ),
                ),
                ("started_at", models.DateTimeField(blank=True, null=True)),
                ("finished_at", models.DateTimeField(blank=True, null=True)),
                ("error", models.TextField(blank=True, default="")),
                (
                    "blob",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="analysis",
                        serialize=False,
                        to="intake.blob",
                    ),
                ),
                ("name", models.CharField(help_text="The file's name when it was first delivered.", max_length=255)),
                ("version", models.PositiveSmallIntegerField(default=0, help_text="Of the measurement.")),
                ("facts", models.JSONField(blank=True, null=True)),
                ("fingerprint", models.BinaryField(blank=True, default=b"")),
            ],
            options={
                "verbose_name_plural": "analyses",
            },
        ),
        migrations.CreateModel(
            name="ImageMeasurement",
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
            name="Portrait",
            fields=[
                (
                    "blob",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="portrait",
                        serialize=False,
                        to="intake.blob",
                    ),
                ),
                ("version", models.PositiveSmallIntegerField(help_text="Of the drawing.")),
                ("duration", models.FloatField(default=0.0)),
                ("rate", models.PositiveIntegerField(default=0, help_text="Samples a second.")),
                ("rms_db", models.FloatField(help_text="Of what sounds, in dB below full scale.", null=True)),
                (
                    "peaks",
                    models.BinaryField(
                        default=b"", help_text="The loudest sample of each stretch, in steps of a 255th."
                    ),
                ),
                (
                    "spectrum",
                    models.BinaryField(
                        default=b"", help_text="The average level of each band up to half the rate, dB."
                    ),
                ),
                ("spectrogram", models.BinaryField(default=b"", help_text="A PNG.")),
                ("error", models.CharField(blank=True, default="", max_length=40)),
                ("made_at", models.DateTimeField(default=django.utils.timezone.now)),
            ],
        ),
        migrations.CreateModel(
            name="AppealFile",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=255)),
                (
                    "appeal",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="files", to="intake.appeal"
                    ),
                ),
                (
                    "blob",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="appeal_files", to="intake.blob"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Claim",
            fields=[
                (
                    "submission",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="claim",
                        serialize=False,
                        to="intake.submission",
                    ),
                ),
                ("until", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="DdexMessage",
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
            ],
        ),
        migrations.CreateModel(
            name="CheckRun",
            fields=[
                (
                    "rung_at",
                    models.DateTimeField(blank=True, help_text="When a message was last sent for it.", null=True),
                ),
                (
                    "enqueue_count",
                    models.PositiveSmallIntegerField(
                        db_default=0,
                        default=0,
                        help_text="How often a message was sent again while others waited in the queue.",
                    ),
                ),
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
                (
                    "next_attempt_at",
                    models.DateTimeField(
                        blank=True, help_text="Not before: what failed is to be repaired by the operator.", null=True
                    ),
                ),
                ("started_at", models.DateTimeField(blank=True, null=True)),
                ("finished_at", models.DateTimeField(blank=True, null=True)),
                ("error", models.TextField(blank=True, default="")),
                (
                    "id",
                    models.UUIDField(
                        default=intake.core.uuid7.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("name", models.CharField(max_length=40)),
                ("version", models.PositiveSmallIntegerField()),
                ("needs_audio", models.BooleanField()),
                (
                    "submission",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="check_runs", to="intake.submission"
                    ),
                ),
            ],
        ),
        migrations.AddField(
            model_name="appeal",
            name="submission",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="appeals", to="intake.submission"
            ),
        ),
        migrations.AddField(
            model_name="submission",
            name="accepts",
            field=models.OneToOneField(
                blank=True,
                help_text="The decision whose partial release the label took with this submission.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="accepted_by",
                to="intake.decision",
            ),
        ),
        migrations.AddField(
            model_name="decision",
            name="submission",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="decisions", to="intake.submission"
            ),
        ),
        migrations.AddField(
            model_name="decision",
            name="undoes",
            field=models.OneToOneField(
                blank=True,
                help_text="Taken back.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="undone_by",
                to="intake.decision",
            ),
        ),
        migrations.AddField(
            model_name="appeal",
            name="against",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="appeals", to="intake.decision"
            ),
        ),
        migrations.AddField(
            model_name="appeal",
            name="decision",
            field=models.OneToOneField(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="decided_appeal",
                to="intake.decision",
            ),
        ),
        migrations.CreateModel(
            name="AcceptedConsent",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("actor", models.CharField(help_text="Who looked at it and accepted it.", max_length=200)),
                ("name", models.CharField(help_text="Of the delivered file.", max_length=255)),
                ("sha256", models.CharField(db_index=True, max_length=64)),
                ("isrc", models.CharField(blank=True, default="", max_length=12)),
                (
                    "element",
                    models.CharField(help_text="The part that imitates, as the disclosure names it.", max_length=40),
                ),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                (
                    "submission",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="accepted_consents",
                        to="intake.submission",
                    ),
                ),
                (
                    "decision",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="accepted_consents",
                        to="intake.decision",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Attempt",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.PositiveSmallIntegerField()),
                ("at", models.DateTimeField(default=django.utils.timezone.now)),
                ("milliseconds", models.PositiveIntegerField(default=0)),
                ("status_code", models.PositiveSmallIntegerField(blank=True, null=True)),
                ("error", models.CharField(blank=True, default="", max_length=300)),
                ("response", models.TextField(blank=True, default="", help_text="The first kilobyte of the answer.")),
                (
                    "delivery",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="attempts", to="intake.delivery"
                    ),
                ),
            ],
            options={
                "ordering": ["number"],
            },
        ),
        migrations.AddField(
            model_name="delivery",
            name="endpoint",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="deliveries", to="intake.endpoint"
            ),
        ),
        migrations.CreateModel(
            name="Event",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=intake.core.uuid7.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("sequence", models.PositiveIntegerField()),
                ("type", models.CharField(max_length=40)),
                ("actor", models.CharField(max_length=200)),
                ("data", models.JSONField(default=dict)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("digest", models.CharField(max_length=64)),
                (
                    "submission",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="events", to="intake.submission"
                    ),
                ),
            ],
            options={
                "ordering": ["submission", "sequence"],
            },
        ),
        migrations.AddField(
            model_name="delivery",
            name="event",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="deliveries",
                to="intake.event",
            ),
        ),
        migrations.CreateModel(
            name="Finding",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("code", models.CharField(db_index=True, max_length=60)),
                ("severity", models.CharField(max_length=12)),
                ("subject", models.CharField(max_length=300)),
                ("message", models.TextField()),
                ("measured", models.JSONField(null=True)),
                ("threshold", models.JSONField(null=True)),
                ("evidence", models.JSONField(null=True)),
                ("fix", models.TextField(blank=True, default="")),
                ("labels", models.JSONField(default=list)),
                ("patch", models.JSONField(blank=True, default=list, help_text="The fix as RFC 6902 operations.")),
                ("route", models.CharField(help_text="What it asked for under the policy of the day.", max_length=8)),
                ("private", models.BooleanField(default=False, help_text="For moderators only.")),
                (
                    "ended_by",
                    models.PositiveSmallIntegerField(
                        blank=True,
                        help_text="Number of the later declaration that it does not speak of any more.",
                        null=True,
                    ),
                ),
                (
                    "check_run",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="findings", to="intake.checkrun"
                    ),
                ),
                (
                    "submission",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="findings", to="intake.submission"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="IdempotencyKey",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("principal", models.CharField(max_length=60)),
                ("key", models.CharField(max_length=255)),
                ("digest", models.CharField(max_length=64)),
                ("running_until", models.DateTimeField(blank=True, null=True)),
                ("status_code", models.PositiveSmallIntegerField(blank=True, null=True)),
                ("headers", models.JSONField(default=dict)),
                ("body", models.BinaryField(default=b"")),
                ("created_at", models.DateTimeField(db_index=True, default=django.utils.timezone.now)),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("principal", "key"), name="idempotency_key_once")],
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
                        on_delete=django.db.models.deletion.PROTECT, related_name="artist_keys", to="intake.submission"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="KnownRecording",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("sha256", models.CharField(blank=True, db_index=True, default="", max_length=64)),
                ("title", models.CharField(max_length=500)),
                ("artist", models.CharField(blank=True, default="", max_length=500)),
                ("isrc", models.CharField(blank=True, db_index=True, default="", max_length=12)),
                ("owner", models.CharField(blank=True, db_index=True, default="", max_length=200)),
                (
                    "source",
                    models.CharField(
                        choices=[
                            ("learned", "Learned"),
                            ("delivered", "Delivered"),
                            ("pending", "brought by a submission that is not decided"),
                            ("blocked", "known for being on the blocklist alone"),
                            ("rejected", "brought by a submission that was rejected on a ground that stays down"),
                        ],
                        default="learned",
                        max_length=10,
                    ),
                ),
                ("duration", models.FloatField(default=0.0)),
                ("fingerprint", models.BinaryField()),
                (
                    "fingerprint_digest",
                    models.CharField(blank=True, db_index=True, default="", editable=False, max_length=32),
                ),
                ("external_id", models.CharField(blank=True, db_index=True, default="", max_length=100)),
                ("learned_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("logged_at", models.DateTimeField(blank=True, editable=False, null=True)),
                ("forgotten_at", models.DateTimeField(blank=True, null=True)),
                (
                    "submission",
                    models.ForeignKey(
                        blank=True,
                        help_text="The one that brought it.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="known_recordings",
                        to="intake.submission",
                    ),
                ),
                (
                    "label",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="known_recordings",
                        to="intake.label",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="CatalogueChange",
            fields=[
                ("position", models.BigIntegerField(primary_key=True, serialize=False)),
                ("known", models.BooleanField(help_text="Learned; else forgotten.")),
                ("token", models.BigIntegerField()),
                ("count", models.BigIntegerField()),
                ("digest", models.BigIntegerField()),
                ("logged_at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "recording",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="changes", to="intake.knownrecording"
                    ),
                ),
            ],
        ),
        migrations.AddField(
            model_name="submission",
            name="label",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="submissions", to="intake.label"
            ),
        ),
        migrations.AddField(
            model_name="endpoint",
            name="label",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="endpoints",
                to="intake.label",
            ),
        ),
        migrations.CreateModel(
            name="Block",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=intake.core.uuid7.uuid7, editable=False, primary_key=True, serialize=False
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
                (
                    "recording",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="blocks",
                        to="intake.knownrecording",
                    ),
                ),
                (
                    "label",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="blocks",
                        to="intake.label",
                    ),
                ),
            ],
        ),
        migrations.AddField(
            model_name="artistkey",
            name="issuing_label",
            field=models.ForeignKey(
                blank=True,
                help_text="The label that issued it, whatever it is called today; none where an operator did.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="intake.label",
            ),
        ),
        migrations.CreateModel(
            name="LoginThrottle",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("scope", models.CharField(max_length=20)),
                (
                    "name",
                    models.CharField(
                        blank=True, help_text="The user name, folded; empty for all names.", max_length=200
                    ),
                ),
                (
                    "client",
                    models.CharField(
                        blank=True, help_text="Network address or known device; empty for all clients.", max_length=60
                    ),
                ),
                ("failures", models.PositiveIntegerField(default=0)),
                ("failed_at", models.DateTimeField(db_index=True, default=django.utils.timezone.now)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("scope", "name", "client"), name="login_throttle_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="Note",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("actor", models.CharField(max_length=200)),
                ("text", models.TextField()),
                ("public", models.BooleanField(default=False)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                (
                    "submission",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="notes", to="intake.submission"
                    ),
                ),
            ],
            options={
                "ordering": ["pk"],
            },
        ),
        migrations.AddField(
            model_name="endpoint",
            name="partner",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="endpoints",
                to="intake.partner",
            ),
        ),
        migrations.CreateModel(
            name="ApiKey",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=intake.core.uuid7.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("prefix", models.CharField(max_length=16, unique=True)),
                ("digest", models.CharField(max_length=64)),
                ("scopes", models.JSONField(default=list)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("expires_at", models.DateTimeField(blank=True, null=True)),
                ("revoked_at", models.DateTimeField(blank=True, null=True)),
                ("last_used_at", models.DateTimeField(blank=True, null=True)),
                (
                    "label",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="api_keys",
                        to="intake.label",
                    ),
                ),
                (
                    "partner",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="api_keys",
                        to="intake.partner",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Presence",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("seen_at", models.DateTimeField(db_index=True, default=django.utils.timezone.now)),
                (
                    "moderator",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "submission",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="watched_by", to="intake.submission"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Proposal",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("code", models.CharField(max_length=40)),
                ("reason", models.TextField()),
                ("note", models.TextField(blank=True, default="")),
                ("language", models.CharField(blank=True, default="", max_length=8)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
                (
                    "outcome",
                    models.CharField(
                        blank=True,
                        choices=[("seconded", "Seconded"), ("declined", "Declined"), ("overtaken", "Overtaken")],
                        default="",
                        max_length=10,
                    ),
                ),
                ("ended_by", models.CharField(blank=True, default="", max_length=200)),
                (
                    "moderator",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="proposals",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "submission",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="proposals", to="intake.submission"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="ProtectedArtist",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=intake.core.uuid7.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("name", models.CharField(max_length=200)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("retired_at", models.DateTimeField(blank=True, null=True)),
                ("retired_by", models.CharField(blank=True, default="", max_length=200)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("retired_at__isnull", True)), fields=("name",), name="protected_artist_once"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Authorisation",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("vouched_by", models.CharField(help_text="The actor on whose word it was given.", max_length=200)),
                ("vouched_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("ended_by", models.CharField(blank=True, default="", max_length=200)),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
                (
                    "label",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="authorisations", to="intake.label"
                    ),
                ),
                (
                    "artist",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="authorisations",
                        to="intake.protectedartist",
                    ),
                ),
            ],
        ),
        migrations.AddField(
            model_name="artistkey",
            name="artist",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="artist_keys", to="intake.protectedartist"
            ),
        ),
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
        ),
        migrations.CreateModel(
            name="ProtectedName",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=200)),
                (
                    "kind",
                    models.CharField(
                        choices=[("name", "Name"), ("alias", "Alias"), ("transliteration", "Transliteration")],
                        default="alias",
                        max_length=15,
                    ),
                ),
                (
                    "artist",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="protected_names",
                        to="intake.protectedartist",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="NameKey",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "key", "name_id", "sketch", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("key", models.BigIntegerField()),
                (
                    "sketch",
                    models.BigIntegerField(help_text="Of the picture that has this key; 0 where the key says enough."),
                ),
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
        migrations.CreateModel(
            name="Reason",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("artist", models.CharField(max_length=500)),
                ("code", models.CharField(max_length=60)),
                ("family", models.CharField(max_length=12)),
                (
                    "leads",
                    models.BooleanField(help_text="The first of its family, by which the submission is counted there."),
                ),
                ("waiting", models.BooleanField(default=True)),
                (
                    "outcome",
                    models.CharField(blank=True, default="", help_text="The verdict that a person gave.", max_length=8),
                ),
                ("decided_at", models.DateTimeField(blank=True, null=True)),
                (
                    "label",
                    models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="intake.label"),
                ),
                (
                    "submission",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="reasons", to="intake.submission"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="RecoveryCode",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("digest", models.CharField(max_length=64)),
                ("used_at", models.DateTimeField(blank=True, null=True)),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="recovery_codes",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Resource",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=255)),
                (
                    "kind",
                    models.CharField(
                        choices=[("audio", "Audio"), ("cover", "Cover"), ("document", "Document")], max_length=8
                    ),
                ),
                ("declared_sha256", models.CharField(blank=True, default="", max_length=64)),
                ("declared_size", models.PositiveBigIntegerField(blank=True, help_text="In bytes.", null=True)),
                (
                    "blob",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="resources",
                        to="intake.blob",
                    ),
                ),
                (
                    "submission",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="resources", to="intake.submission"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="MarkedFile",
            fields=[
                (
                    "rung_at",
                    models.DateTimeField(blank=True, help_text="When a message was last sent for it.", null=True),
                ),
                (
                    "enqueue_count",
                    models.PositiveSmallIntegerField(
                        db_default=0,
                        default=0,
                        help_text="How often a message was sent again while others waited in the queue.",
                    ),
                ),
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
                (
                    "next_attempt_at",
                    models.DateTimeField(
                        blank=True, help_text="Not before: what failed is to be repaired by the operator.", null=True
                    ),
                ),
                ("started_at", models.DateTimeField(blank=True, null=True)),
                ("finished_at", models.DateTimeField(blank=True, null=True)),
                ("error", models.TextField(blank=True, default="")),
                (
                    "id",
                    models.UUIDField(
                        default=intake.core.uuid7.uuid7, editable=False, primary_key=True, serialize=False
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
                    "submission",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="marked_files", to="intake.submission"
                    ),
                ),
                (
                    "resource",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="marked_files", to="intake.resource"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="SavedFilter",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=60)),
                (
                    "query",
                    models.CharField(help_text="As the address has it: family=match&label=Blue+Buoy.", max_length=1000),
                ),
                (
                    "moderator",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="filters", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "ordering": ["name"],
            },
        ),
        migrations.CreateModel(
            name="Statement",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("version", models.PositiveSmallIntegerField()),
                ("declared_by", models.CharField(max_length=200)),
                ("declared_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("content", models.JSONField(help_text="The disclosure of each track, and of the cover.")),
                ("confirmed", models.BooleanField(default=False, help_text="By confirming what the files say.")),
                (
                    "submission",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="statements", to="intake.submission"
                    ),
                ),
            ],
            options={
                "ordering": ["version"],
            },
        ),
        migrations.CreateModel(
            name="StayDown",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=intake.core.uuid7.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("ground", models.CharField(help_text="The policy's reason for the rejection.", max_length=40)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("recording", "recording, by its sound"),
                            ("file", "file (SHA-256)"),
                            ("isrc", "ISRC"),
                        ],
                        max_length=9,
                    ),
                ),
                (
                    "value",
                    models.CharField(
                        help_text="In canonical form; of a recording the SHA-256 of its file.", max_length=200
                    ),
                ),
                ("title", models.CharField(help_text="Of the track.", max_length=500)),
                ("artist", models.CharField(blank=True, default="", max_length=500)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("lifted_at", models.DateTimeField(blank=True, null=True)),
                ("lifted_by", models.CharField(blank=True, default="", max_length=200)),
                (
                    "decision",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="stay_downs", to="intake.decision"
                    ),
                ),
                (
                    "lifted_with",
                    models.ForeignKey(
                        blank=True,
                        help_text="The later decision that ended it.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="lifted_stay_downs",
                        to="intake.decision",
                    ),
                ),
                (
                    "recording",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="stay_downs",
                        to="intake.knownrecording",
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "stay-downs",
            },
        ),
        migrations.CreateModel(
            name="Track",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("position", models.PositiveSmallIntegerField()),
                ("title", models.CharField(max_length=500)),
                ("artist", models.CharField(max_length=500)),
                ("isrc", models.CharField(blank=True, db_index=True, default="", max_length=12)),
                ("verdict", models.CharField(blank=True, default="", max_length=8)),
                (
                    "resource",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="tracks", to="intake.resource"
                    ),
                ),
                (
                    "submission",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="tracks", to="intake.submission"
                    ),
                ),
            ],
            options={
                "ordering": ["position"],
            },
        ),
        migrations.CreateModel(
            name="TrustRoot",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=intake.core.uuid7.uuid7, editable=False, primary_key=True, serialize=False
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
        migrations.CreateModel(
            name="VerifiedRecording",
            fields=[
                ("sha256", models.CharField(max_length=64, primary_key=True, serialize=False)),
                (
                    "source",
                    models.CharField(
                        help_text="Whose it is: scores of one source resemble each other.", max_length=200
                    ),
                ),
                ("score", models.FloatField(help_text="The highest z of all rates.")),
                ("rate_hz", models.FloatField()),
                (
                    "feature_version",
                    models.CharField(db_index=True, help_text="Only scores of one version compare.", max_length=40),
                ),
                ("verified_by", models.CharField(max_length=200)),
                ("reason", models.TextField(help_text="How it is known.")),
                ("verified_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
            ],
            options={
                "indexes": [models.Index(fields=["feature_version", "score"], name="verified_recording_score")],
            },
        ),
        migrations.CreateModel(
            name="Viewing",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("actor", models.CharField(db_index=True, help_text="The name as it was at the time.", max_length=200)),
                (
                    "what",
                    models.CharField(
                        help_text='"audio 01.flac", "known recording 17", "spectrogram 02.flac".', max_length=300
                    ),
                ),
                ("at", models.DateTimeField(db_index=True, default=django.utils.timezone.now)),
                (
                    "submission",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="viewings",
                        to="intake.submission",
                    ),
                ),
                (
                    "viewer",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        help_text="The account that looked; the name may change.",
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Picture",
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
        migrations.AddIndex(
            model_name="analysis",
            index=models.Index(fields=["status", "lease_until"], name="analysis_open"),
        ),
        migrations.AddField(
            model_name="imageband",
            name="image",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="bands", to="intake.imagemeasurement"
            ),
        ),
        migrations.AddConstraint(
            model_name="appealfile",
            constraint=models.UniqueConstraint(fields=("appeal", "name"), name="appeal_file_once"),
        ),
        migrations.AddField(
            model_name="claim",
            name="moderator",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="claims", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="ddexmessage",
            name="label",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="ddex_messages", to="intake.label"
            ),
        ),
        migrations.AddIndex(
            model_name="checkrun",
            index=models.Index(fields=["status", "lease_until"], name="check_run_open"),
        ),
        migrations.AddConstraint(
            model_name="checkrun",
            constraint=models.UniqueConstraint(fields=("submission", "name"), name="check_run_once"),
        ),
        migrations.AddConstraint(
            model_name="decision",
            constraint=models.UniqueConstraint(fields=("submission", "number"), name="decision_once"),
        ),
        migrations.AddConstraint(
            model_name="appeal",
            constraint=models.UniqueConstraint(
                condition=models.Q(("decided_at__isnull", True)), fields=("submission",), name="appeal_open_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="acceptedconsent",
            constraint=models.UniqueConstraint(
                fields=("decision", "sha256", "isrc", "element"), name="accepted_consent_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="attempt",
            constraint=models.UniqueConstraint(fields=("delivery", "number"), name="attempt_once"),
        ),
        migrations.AddConstraint(
            model_name="event",
            constraint=models.UniqueConstraint(fields=("submission", "sequence"), name="event_once"),
        ),
        migrations.AddIndex(
            model_name="delivery",
            index=models.Index(fields=["status", "next_attempt_at"], name="delivery_due"),
        ),
        migrations.AddIndex(
            model_name="delivery",
            index=models.Index(fields=["endpoint", "status", "next_attempt_at"], name="delivery_of_endpoint"),
        ),
        migrations.AddIndex(
            model_name="delivery",
            index=models.Index(
                condition=models.Q(("lease_token__isnull", False)), fields=["endpoint"], name="delivery_held"
            ),
        ),
        migrations.AddConstraint(
            model_name="delivery",
            constraint=models.UniqueConstraint(
                condition=models.Q(("event__isnull", False)), fields=("event", "endpoint"), name="delivery_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="keyuse",
            constraint=models.UniqueConstraint(fields=("key", "submission"), name="key_use_once"),
        ),
        migrations.AddIndex(
            model_name="submission",
            index=models.Index(fields=["label", "-id"], name="submission_of_label"),
        ),
        migrations.AddIndex(
            model_name="submission",
            index=models.Index(fields=["state", "due_at", "release_date"], name="submission_urgent"),
        ),
        migrations.AddIndex(
            model_name="submission",
            index=models.Index(fields=["label", "state"], name="submission_label_state"),
        ),
        migrations.AddIndex(
            model_name="submission",
            index=models.Index(fields=["state", "-id"], name="submission_newest"),
        ),
        migrations.AddIndex(
            model_name="submission",
            index=models.Index(fields=["artist", "-id"], name="submission_of_artist"),
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
        migrations.AddIndex(
            model_name="knownrecording",
            index=models.Index(fields=["title"], name="known_recording_titled"),
        ),
        migrations.AddIndex(
            model_name="knownrecording",
            index=models.Index(fields=["artist"], name="known_recording_by"),
        ),
        migrations.AddConstraint(
            model_name="knownrecording",
            constraint=models.UniqueConstraint(
                condition=models.Q(
                    ("forgotten_at__isnull", True),
                    models.Q(("sha256", ""), _negated=True),
                    models.Q(("source__in", ("pending", "rejected")), _negated=True),
                ),
                fields=("sha256", "owner", "isrc"),
                name="known_recording_once",
            ),
        ),
        migrations.AddConstraint(
            model_name="knownrecording",
            constraint=models.UniqueConstraint(
                condition=models.Q(
                    ("forgotten_at__isnull", True), ("sha256", ""), models.Q(("fingerprint_digest", ""), _negated=True)
                ),
                fields=("fingerprint_digest", "owner", "isrc"),
                name="known_fingerprint_once",
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
        migrations.AddConstraint(
            model_name="knownrecording",
            constraint=models.UniqueConstraint(
                condition=models.Q(("forgotten_at__isnull", True), ("source", "rejected")),
                fields=("submission", "sha256", "isrc"),
                name="rejected_recording_once",
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
        migrations.AddConstraint(
            model_name="endpoint",
            constraint=models.CheckConstraint(
                condition=models.Q(("label__isnull", False), ("partner__isnull", False), _connector="XOR"),
                name="endpoint_has_one_owner",
            ),
        ),
        migrations.AddConstraint(
            model_name="apikey",
            constraint=models.CheckConstraint(
                condition=models.Q(("label__isnull", False), ("partner__isnull", False), _connector="XOR"),
                name="api_key_has_one_owner",
            ),
        ),
        migrations.AddConstraint(
            model_name="presence",
            constraint=models.UniqueConstraint(fields=("submission", "moderator"), name="presence_once"),
        ),
        migrations.AddConstraint(
            model_name="proposal",
            constraint=models.UniqueConstraint(
                condition=models.Q(("ended_at__isnull", True)), fields=("submission",), name="proposal_open_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="authorisation",
            constraint=models.UniqueConstraint(
                condition=models.Q(("ended_at__isnull", True)), fields=("artist", "label"), name="authorisation_once"
            ),
        ),
        migrations.AddIndex(
            model_name="artistidentifier",
            index=models.Index(fields=["scheme", "value"], name="artist_identifier"),
        ),
        migrations.AddConstraint(
            model_name="artistidentifier",
            constraint=models.UniqueConstraint(fields=("artist", "scheme", "value"), name="artist_identifier_once"),
        ),
        migrations.AddConstraint(
            model_name="protectedname",
            constraint=models.UniqueConstraint(fields=("artist", "name"), name="protected_name_once"),
        ),
        migrations.AddIndex(
            model_name="reason",
            index=models.Index(
                condition=models.Q(("leads", True), ("waiting", True)), fields=["family"], name="reason_queue"
            ),
        ),
        migrations.AddIndex(
            model_name="reason",
            index=models.Index(fields=["code", "outcome"], name="reason_like_cases"),
        ),
        migrations.AddIndex(
            model_name="reason",
            index=models.Index(fields=["code", "-decided_at"], name="reason_lately"),
        ),
        migrations.AddIndex(
            model_name="reason",
            index=models.Index(fields=["label", "code", "outcome"], name="reason_of_label"),
        ),
        migrations.AddConstraint(
            model_name="reason",
            constraint=models.UniqueConstraint(fields=("submission", "code"), name="reason_once"),
        ),
        migrations.AddConstraint(
            model_name="recoverycode",
            constraint=models.UniqueConstraint(fields=("user", "digest"), name="recovery_code_once"),
        ),
        migrations.AddConstraint(
            model_name="resource",
            constraint=models.UniqueConstraint(fields=("submission", "name"), name="resource_once"),
        ),
        migrations.AddIndex(
            model_name="markedfile",
            index=models.Index(fields=["status", "lease_until"], name="marked_file_open"),
        ),
        migrations.AddConstraint(
            model_name="markedfile",
            constraint=models.UniqueConstraint(fields=("decision", "resource"), name="marked_file_once"),
        ),
        migrations.AddConstraint(
            model_name="savedfilter",
            constraint=models.UniqueConstraint(fields=("moderator", "name"), name="saved_filter_once"),
        ),
        migrations.AddConstraint(
            model_name="statement",
            constraint=models.UniqueConstraint(fields=("submission", "version"), name="statement_once"),
        ),
        migrations.AddIndex(
            model_name="staydown",
            index=models.Index(
                condition=models.Q(("lifted_at__isnull", True)), fields=["kind", "value"], name="stay_down_standing"
            ),
        ),
        migrations.AddConstraint(
            model_name="staydown",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("kind", "recording"), ("recording__isnull", False)),
                    models.Q(models.Q(("kind", "recording"), _negated=True), ("recording", None)),
                    _connector="OR",
                ),
                name="stay_down_of_a_recording_names_it",
            ),
        ),
        migrations.AddConstraint(
            model_name="track",
            constraint=models.UniqueConstraint(fields=("submission", "position"), name="track_once"),
        ),
        migrations.AddIndex(
            model_name="imageband",
            index=models.Index(fields=["band"], name="image_band"),
        ),
        migrations.AddConstraint(
            model_name="imageband",
            constraint=models.UniqueConstraint(fields=("image", "band"), name="image_band_once"),
        ),
        migrations.AddConstraint(
            model_name="ddexmessage",
            constraint=models.UniqueConstraint(fields=("label", "digest"), name="ddex_message_once"),
        ),
        migrations.RunPython(create_groups, migrations.RunPython.noop),
    ]
