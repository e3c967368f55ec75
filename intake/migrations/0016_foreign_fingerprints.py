"""Recordings learned from fingerprints alone: their number elsewhere, and the digest by which one is known again."""

import hashlib
from typing import Any

from django.db import migrations, models


def digests(apps: Any, schema_editor: Any) -> None:
    """Give those that are there their digests, some at a time: a catalogue may be large."""
    rows = apps.get_model("intake", "KnownRecording").objects
    last = 0
    while some := list(rows.filter(pk__gt=last).order_by("pk").only("fingerprint")[:1000]):
        for row in some:
            row.fingerprint_digest = hashlib.blake2b(bytes(row.fingerprint), digest_size=16).hexdigest()
        rows.bulk_update(some, ["fingerprint_digest"])
        last = some[-1].pk


class Migration(migrations.Migration):
    dependencies = [("intake", "0015_statements")]
    operations = [
        migrations.AddField(
            "knownrecording", "external_id", models.CharField(blank=True, db_index=True, default="", max_length=100)
        ),
        migrations.AddField(
            "knownrecording",
            "fingerprint_digest",
            models.CharField(blank=True, db_index=True, default="", editable=False, max_length=32),
        ),
        migrations.RunPython(digests, migrations.RunPython.noop),
        migrations.AddConstraint(
            "knownrecording",
            models.UniqueConstraint(
                condition=models.Q(forgotten_at__isnull=True) & models.Q(sha256="") & ~models.Q(fingerprint_digest=""),
                fields=("fingerprint_digest", "owner", "isrc"),
                name="known_fingerprint_once",
            ),
        ),
    ]
