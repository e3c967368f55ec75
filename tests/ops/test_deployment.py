"""The container files agree with each other and with the code; there need not be an engine to tell."""

import os
import re
import subprocess
import time
from pathlib import Path

import pytest
import yaml

from intake.management.commands.supervise import list_programs
from tests import versions

ROOT = Path(__file__).parents[2]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES = COMPOSE["services"]
OURS = {"web", "worker", "courier", "beat", "migrate"}
DOCKERFILE = (ROOT / "Dockerfile").read_text()


def test_every_program_of_the_supervisor_is_a_service_of_one_image():
    assert {program.name for program in list_programs()} | {"migrate"} == OURS
    assert {SERVICES[name]["image"] for name in OURS} == {"release-intake-gate:${GATE_VERSION:-latest}"}


def test_services_start_the_same_commands_as_the_supervisor():
    ours = {program.name: set(program.command) for program in list_programs()}
    for name in ("worker", "courier", "beat"):
        same = {
            word
            for word in SERVICES[name]["command"]
            if word.startswith(("--queues", "--pool", "--scheduler", "--app"))
        }
        assert same
        assert same <= ours[name]
    assert "--config=python:config.gunicorn" in ours["web"]
    assert '"--config=python:config.gunicorn"' in DOCKERFILE


@pytest.mark.parametrize("name", sorted(set(SERVICES) - {"migrate", "web"}))
def test_service_is_restarted_and_watched(name):
    assert SERVICES[name]["restart"] == "unless-stopped"
    assert SERVICES[name]["healthcheck"]["test"]


@pytest.mark.parametrize(
    ("said", "minutes_old", "answers", "healthy"),
    [
        ("ok\n", 0, True, True),
        ("sound: TypeError: open() got an unexpected keyword argument\n", 0, True, False),
        ("ok\n", 20, True, False),  # nobody tests any more
        (None, 0, True, False),
        ("ok\n", 0, False, False),  # Celery does not answer
    ],
)
def test_worker_is_healthy_where_its_host_can_measure(tmp_path, said, minutes_old, answers, healthy):
    (tmp_path / "celery").write_text(f"#!/bin/sh\nexit {0 if answers else 1}\n")
    (tmp_path / "celery").chmod(0o755)
    if said is not None:
        status = tmp_path / "self-test.here"
        status.write_text(said)
        os.utime(status, (time.time() - 60 * minutes_old,) * 2)
    kind, command = SERVICES["worker"]["healthcheck"]["test"]
    assert kind == "CMD-SHELL"
    command = command.replace("/var/lib/gate/tmp", str(tmp_path)).replace("$$", "$")
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "HOSTNAME": "here", "GATE_ROLE": "worker"}
    done = subprocess.run(["/bin/sh", "-c", command], env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode == 0) is healthy
    if said is not None:
        assert said.strip() in done.stdout  # the cause is what the engine shows


def test_web_is_watched_by_the_check_of_the_image():
    assert "HEALTHCHECK" in DOCKERFILE
    assert "/healthz" in DOCKERFILE
    assert "healthcheck" not in SERVICES["web"]


@pytest.mark.parametrize("name", sorted(OURS - {"migrate"}))
def test_our_services_wait_for_the_servers_and_the_migration(name):
    conditions = {other: how["condition"] for other, how in SERVICES[name]["depends_on"].items()}
    assert conditions.pop("migrate") == "service_completed_successfully"
    assert set(conditions) == {"postgres", "redis", "garage"}
    assert set(conditions.values()) == {"service_healthy"}


@pytest.mark.parametrize("name", sorted(OURS))
def test_our_services_run_without_privileges_in_production(name):
    service = SERVICES[name]
    assert service["environment"]["GATE_ENV"] == "production"
    assert service["cap_drop"] == ["ALL"]
    assert service["read_only"] is True
    assert "USER gate" in DOCKERFILE


def test_every_volume_and_configuration_that_is_used_is_declared():
    used = {
        volume.split(":")[0]
        for service in SERVICES.values()
        for volume in service.get("volumes", ())
        if isinstance(volume, str)
    }
    assert used == set(COMPOSE["volumes"])
    assert {item["source"] for service in SERVICES.values() for item in service.get("configs", ())} == set(
        COMPOSE["configs"]
    )


def test_example_environment_names_every_value_that_must_be_given():
    asked = set(re.findall(r"\$\{(\w+):\?", (ROOT / "docker-compose.yml").read_text()))
    example = (ROOT / ".env.example").read_text()
    assert asked == set(re.findall(r"^(\w+)=", example, re.M))
    secrets = [line for line in example.splitlines() if re.match(r"\w*(KEY|PASSWORD|SECRET)\w*=", line)]
    assert secrets
    assert all(line.endswith("=") for line in secrets), "no value that somebody could leave as it is"


def test_gate_and_store_agree_on_bucket_and_region():
    url = SERVICES["web"]["environment"]["STORAGE_URL"]
    assert url.endswith(
        f"@garage:3900/{SERVICES['garage']['environment']['GARAGE_DEFAULT_BUCKET']}?region=garage&tls=0"
    )
    assert 's3_region = "garage"' in COMPOSE["configs"]["garage"]["content"]


def test_image_copies_only_what_the_builder_is_given():
    given = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    runtime, tests = DOCKERFILE.split(" AS test\n")
    copied, copied_for_tests = sources(runtime), sources(tests)
    assert {source.split("/")[0] for source in copied} <= given
    assert not copied & {".", "tests", "docs", "benchmarks"}, "the image of production holds what runs and no more"
    assert "." in copied_for_tests, "the test stage has everything that is given"
    assert [path for path in given if not (ROOT / path).exists()] == []


def sources(stage: str) -> set[str]:
    """What a part of the Dockerfile copies from the project."""
    return {
        source
        for line in stage.splitlines()
        if line.startswith("COPY ") and "--from" not in line
        for source in line.split()[1:-1]
    }


def test_every_file_that_is_tested_on_other_versions_exists():
    assert [path for path in versions.TESTS if not (ROOT / path).exists()] == []
