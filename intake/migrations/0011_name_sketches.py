"""Each key of a protected name says what picture it is of, so that most names that share one need not be read."""

from itertools import islice
from typing import Any

import django.db.models.deletion
from checks.names import entries
from django.db import migrations, models

#: Names whose keys are written at once.
BATCH = 500


def index(apps: Any, schema_editor: Any) -> None:
    """Write the keys of every name that is guarded anew: they say nothing that the names do not."""
    using = schema_editor.connection.alias
    kept = apps.get_model("intake", "NameKey")
    names = apps.get_model("intake", "ProtectedName").objects.using(using).filter(artist__retired_at__isnull=True)
    pairs = names.values_list("pk", "name").iterator(chunk_size=BATCH)
    while batch := list(islice(pairs, BATCH)):
        rows = {(entry.key, pk, entry.sketch) for pk, name in batch for entry in entries(name)}
        kept.objects.using(using).bulk_create(
            (kept(key=key, name_id=pk, sketch=sketch) for key, pk, sketch in sorted(rows)), batch_size=BATCH
        )


class Migration(migrations.Migration):
    dependencies = [("intake", "0010_viewings")]
    operations = [
        migrations.DeleteModel("NameKey"),
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
        migrations.RunPython(index, migrations.RunPython.noop),
    ]
