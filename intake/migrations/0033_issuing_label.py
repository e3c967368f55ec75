import django.db.models.deletion
from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor


def link_labels(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Link the keys that labels issued to the label of that name, where the label is older than the key.

    A younger label of the same name is another one; a key that no label is linked to is vouched for by nobody.
    """
    keys = apps.get_model("intake", "ArtistKey").objects.filter(issued_by__startswith="label:")
    labels = apps.get_model("intake", "Label").objects
    for name in set(keys.values_list("issued_by", flat=True)):
        if label := labels.filter(name=name.removeprefix("label:")).first():
            keys.filter(issued_by=name, created_at__gte=label.created_at).update(issuing_label=label)


class Migration(migrations.Migration):
    dependencies = [
        ("intake", "0032_catalogue_log"),
    ]

    operations = [
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
        migrations.AlterField(
            model_name="artistkey",
            name="issued_by",
            field=models.CharField(help_text="The actor who issued it, as named then.", max_length=200),
        ),
        migrations.RunPython(link_labels, migrations.RunPython.noop),
    ]
