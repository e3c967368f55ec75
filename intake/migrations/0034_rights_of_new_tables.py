"""Let the desk's groups read what earlier migrations added, and drop the rights to a table that is gone."""

from django.apps import apps as installed
from django.apps.registry import Apps
from django.contrib.auth.management import create_permissions
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

GROUPS = ("moderators", "seniors", "policy owners", "operators", "auditors")
READABLE = ("staydown", "acceptedconsent")
GONE = "signin"


def grant(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Permissions are written after all migrations; these groups need them now. A group that was removed stays so."""
    using = schema_editor.connection.alias
    create_permissions(installed.get_app_config("intake"), verbosity=0, using=using, apps=apps)
    permissions = apps.get_model("auth", "Permission").objects.using(using).filter(content_type__app_label="intake")
    permissions.filter(content_type__model=GONE).delete()
    apps.get_model("contenttypes", "ContentType").objects.using(using).filter(app_label="intake", model=GONE).delete()
    readable = permissions.filter(codename__in=[f"view_{model}" for model in READABLE])
    for group in apps.get_model("auth", "Group").objects.using(using).filter(name__in=GROUPS):
        group.permissions.add(*readable)


class Migration(migrations.Migration):
    dependencies = [
        ("intake", "0033_issuing_label"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]
    operations = [migrations.RunPython(grant, migrations.RunPython.noop)]
