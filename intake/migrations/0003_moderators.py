"""The moderators' group, so that an installation has it from its first day."""

from typing import Any

from django.apps import apps as installed
from django.contrib.auth.management import create_permissions
from django.db import migrations
from django.db.models import Q


def make_group(apps: Any, schema_editor: Any) -> None:
    """Permissions are written after all migrations; this group needs them now."""
    using = schema_editor.connection.alias
    create_permissions(installed.get_app_config("intake"), verbosity=0, using=using, apps=apps)
    rights = Q(codename__startswith="view_") | Q(codename__in=("change_submission", "change_delivery"))
    unread = ("view_idempotencykey", "view_claim", "view_namekey")
    permissions = apps.get_model("auth", "Permission").objects.using(using)
    group, _ = apps.get_model("auth", "Group").objects.using(using).get_or_create(name="moderators")
    group.permissions.set(permissions.filter(rights, content_type__app_label="intake").exclude(codename__in=unread))


class Migration(migrations.Migration):
    dependencies = [
        ("intake", "0002_delivery_bells"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]
    operations = [migrations.RunPython(make_group, migrations.RunPython.noop)]
