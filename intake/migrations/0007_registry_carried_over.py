"""What the registry held before: who may deliver for whom, and the keys by which names are found."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

from checks.names import search_keys
from django.apps import apps as installed
from django.contrib.auth.management import create_permissions
from django.db import migrations
from django.db.models import F, Q

#: Names whose keys are written at once.
BATCH = 500


def carry_over(apps: Any, schema_editor: Any) -> None:
    """Keep who may deliver for whom, tell names from aliases, and write every name's keys anew."""
    using = schema_editor.connection.alias
    registry = {name: apps.get_model("intake", name) for name in ("ProtectedArtist", "ProtectedName", "NameKey")}
    rows = registry["ProtectedArtist"].labels.through.objects.using(using)
    authorisation = apps.get_model("intake", "Authorisation")
    authorisation.objects.using(using).bulk_create(
        authorisation(artist_id=artist, label_id=label, vouched_by="operator")
        for artist, label in rows.values_list("protectedartist_id", "label_id")
    )
    names = registry["ProtectedName"].objects.using(using)
    names.filter(name=F("artist__name")).update(kind="name")
    pairs = names.values_list("pk", "name").iterator(chunk_size=BATCH)
    while batch := list(islice(pairs, BATCH)):
        registry["NameKey"].objects.using(using).bulk_create(_keys(registry["NameKey"], batch), batch_size=BATCH)


def _keys(kind: Any, names: list[tuple[int, str]]) -> Iterator[Any]:
    return (kind(key=key, name_id=pk) for pk, name in names for key in search_keys(name))


def let_moderators_read(apps: Any, schema_editor: Any) -> None:
    """Moderators read the new rows as they read all others."""
    using = schema_editor.connection.alias
    create_permissions(installed.get_app_config("intake"), verbosity=0, using=using, apps=apps)
    new = Q(codename__in=[f"view_{name}" for name in ("artistidentifier", "artistkey", "authorisation", "keyuse")])
    permissions = apps.get_model("auth", "Permission").objects.using(using)
    group = apps.get_model("auth", "Group").objects.using(using).get(name="moderators")
    group.permissions.add(*permissions.filter(new, content_type__app_label="intake"))


class Migration(migrations.Migration):
    dependencies = [("intake", "0006_registry"), ("auth", "0012_alter_user_first_name_max_length")]
    operations = [
        migrations.RunPython(carry_over, migrations.RunPython.noop),
        migrations.RunPython(let_moderators_read, migrations.RunPython.noop),
        migrations.RemoveField("protectedartist", "labels"),
    ]
