"""A group for each role, so that an installation has them from its first day."""

from typing import Any

from django.apps import apps as installed
from django.contrib.auth.management import create_permissions
from django.db import migrations
from django.db.models import Q

#: As of this migration; ``intake.services.people.permissions`` holds the table, and a test holds both together.
ROLES = {
    "moderators": ("listen_submission", "change_submission", "change_delivery"),
    "seniors": ("listen_submission", "change_submission", "change_delivery", "decide_escalated_submission"),
    "policy owners": ("switch_policy",),
    "operators": ("change_delivery", "change_apikey"),
    "auditors": ("view_viewing",),
}
UNREAD = (
    "idempotencykey", "claim", "namekey", "ddexmessage", "imagemeasurement", "imageband", "picture", "signin",
    "recoverycode", "viewing", "reason", "presence", "savedfilter", "portrait",
    "verifiedrecording", "speedtest", "statement",
)  # fmt: skip


def make_groups(apps: Any, schema_editor: Any) -> None:
    """Permissions are written after all migrations; these groups need them now."""
    using = schema_editor.connection.alias
    create_permissions(installed.get_app_config("intake"), verbosity=0, using=using, apps=apps)
    read = Q(codename__startswith="view_") & ~Q(codename__in=[f"view_{name}" for name in UNREAD])
    permissions = apps.get_model("auth", "Permission").objects.using(using).filter(content_type__app_label="intake")
    for name, does in ROLES.items():
        group, _ = apps.get_model("auth", "Group").objects.using(using).get_or_create(name=name)
        group.permissions.set(permissions.filter(read | Q(codename__in=does)))


class Migration(migrations.Migration):
    dependencies = [("intake", "0018_decisions"), ("auth", "0012_alter_user_first_name_max_length")]
    operations = [migrations.RunPython(make_groups, migrations.RunPython.noop)]
