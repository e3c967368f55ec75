"""What an operator sets decides what runs, and production starts only when it is safe."""

import json
import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PRODUCTION = {
    "GATE_ENV": "production",
    "GATE_SECRET_KEY": "only-for-this-test-" * 5,
    "GATE_PUBLIC_URL": "https://gate.example",
    "GATE_ALLOWED_HOSTS": "gate.example",
    "DATABASE_URL": "postgres://gate:secret@db.example:5432/gate",
    "REDIS_URL": "redis://redis.example:6379/0",
    "STORAGE_URL": "s3://GK1:s%2Fcret@s3.example:3900/gate?region=garage&tls=0",
}


def python(code, folder, **environment):
    clean = {name: value for name, value in os.environ.items() if not re.match(r"GATE_|DATABASE_URL|REDIS_URL", name)}
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**clean, "GATE_DATA": str(folder), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def values(names, folder, **environment):
    """Those settings as a process with that environment sees them."""
    code = (
        "import json; from config import settings;"
        f"print(json.dumps([getattr(settings, name) for name in {names!r}], default=str))"
    )
    run = python(code, folder, **environment)
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


def test_embedded_default_keeps_everything_below_one_folder(tmp_path):
    databases, storages, broker, options = values(
        ["DATABASES", "STORAGES", "CELERY_BROKER_URL", "CELERY_BROKER_TRANSPORT_OPTIONS"], tmp_path
    )
    assert databases["default"]["NAME"] == str(tmp_path / "gate.sqlite3")
    assert storages["default"]["OPTIONS"]["location"] == str(tmp_path / "files")
    assert (broker, options["path"]) == ("gatesql://", str(tmp_path / "broker.sqlite3"))


def test_development_draws_one_secret_key_that_only_its_owner_reads(tmp_path):
    (first,), (second,) = (values(["SECRET_KEY"], tmp_path) for _ in range(2))
    kept = tmp_path / "secret_key"
    assert first == second == kept.read_text()
    assert len(first) >= 50
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert list(tmp_path.glob("secret_key.*")) == []


def test_production_without_a_secret_key_does_not_start(tmp_path):
    run = python("import config.settings", tmp_path, **{**PRODUCTION, "GATE_SECRET_KEY": ""})
    assert run.returncode != 0
    assert "GATE_SECRET_KEY" in run.stderr
    assert not (tmp_path / "secret_key").exists()


def test_unknown_environment_is_refused_by_name(tmp_path):
    run = python("import config.settings", tmp_path, GATE_ENV="staging")
    assert run.returncode != 0
    assert "'staging'" in run.stderr


def test_production_uses_the_servers_it_is_given(tmp_path):
    databases, storages, options, local = values(
        ["DATABASES", "STORAGES", "CELERY_BROKER_TRANSPORT_OPTIONS", "GATE_WEBHOOKS_ALLOW_LOCAL"],
        tmp_path,
        **PRODUCTION,
    )
    assert databases["default"]["CONN_HEALTH_CHECKS"] is True
    s3 = storages["default"]["OPTIONS"]
    assert (s3["endpoint_url"], s3["bucket_name"]) == ("http://s3.example:3900", "gate")
    assert (s3["access_key"], s3["secret_key"], s3["region_name"]) == ("GK1", "s/cret", "garage")
    assert options["unacked_restore_throttle"] == 1
    assert local is False


def test_production_settings_pass_the_deployment_check(tmp_path):
    code = (
        "import django; django.setup();"
        "from django.core.management import call_command;"
        "call_command('check', deploy=True, fail_level='WARNING')"
    )
    run = python(code, tmp_path, DJANGO_SETTINGS_MODULE="config.settings", **PRODUCTION)
    assert run.returncode == 0, run.stderr


@pytest.mark.parametrize("broker", ["gatesql://", "redis://redis.example:6379/0"])
def test_no_task_may_outlive_its_message(tmp_path, broker):
    limit, options = values(
        ["CELERY_TASK_TIME_LIMIT", "CELERY_BROKER_TRANSPORT_OPTIONS"], tmp_path, CELERY_BROKER_URL=broker
    )
    assert limit < options["visibility_timeout"]


def test_unknown_storage_is_refused_by_name(tmp_path):
    run = python("import config.settings", tmp_path, STORAGE_URL="ftp://files.example/")
    assert run.returncode != 0
    assert "ftp://" in run.stderr


def test_storage_address_opens_a_bucket_that_keeps_files(monkeypatch):
    moto = pytest.importorskip("moto", reason="comes with the developers' packages")
    import boto3
    from django.core.files.base import ContentFile
    from django.core.files.storage import storages

    from config.settings import _parse_storage_url

    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    with moto.mock_aws():
        boto3.client("s3", region_name="us-east-1").create_bucket(Bucket="gate")
        storage = storages.create_storage(_parse_storage_url("s3:///gate?region=us-east-1"))
        assert storage.save("blob/ab/abc", ContentFile(b"sound")) == "blob/ab/abc"
        assert storage.exists("blob/ab/abc")
        assert storage.open("blob/ab/abc").read() == b"sound"
