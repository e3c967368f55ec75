"""The published schema is complete, and its page loads nothing from outside."""

import io
import re

import jsonschema
import pytest
import yaml
from django.core.management import call_command
from django.test import Client

from intake.core import document_schema
from intake.models import Event
from tests.intake.api.conftest import Caller, published
from tests.intake.api.test_tenancy import addresses
from tests.intake.factories import a_document, a_submission

pytestmark = pytest.mark.django_db


def test_schema_is_made_without_a_warning():
    call_command("spectacular", validate=True, fail_on_warn=True, stdout=io.StringIO())


def test_every_address_is_in_the_schema():
    in_code = {
        ("/" + re.sub(r"<\w+:(\w+)>", r"{\1}", route).replace("{pk}", "{id}"), method.lower())
        for route, method in addresses()
    }
    documented = {(path, method) for path, item in published()["paths"].items() for method in item}
    assert documented - {("/api/v1/schema", "get")} == in_code


def test_every_operation_says_who_may_come_and_what_can_go_wrong():
    for path, item in published()["paths"].items():
        for operation in item.values():
            assert operation["security"] == [{"ApiKey": []}], path
            assert {"401", "403", "429"} <= set(operation["responses"])
            for status, answer in operation["responses"].items():
                if status >= "400":
                    assert list(answer["content"]) == ["application/problem+json"]


def test_every_post_documents_its_retry():
    for item in published()["paths"].values():
        if "post" in item:
            assert "Idempotency-Key" in {entry["name"] for entry in item["post"]["parameters"]}


def test_schema_knows_the_documents_that_the_gate_takes():
    schema = {"$ref": "#/components/schemas/Document", "components": published()["components"]}
    validator = jsonschema.Draft202012Validator(schema)
    assert validator.is_valid(a_document(tracks=2))
    assert validator.is_valid(document_schema.parse_document(a_document(tracks=2)))
    assert not validator.is_valid({"release": {"title": 5, "type": "single", "tracks": []}})


def test_schema_knows_the_webhooks_that_the_gate_sends(label):
    from intake.readers import webhook_payloads

    submission = a_submission(label)
    event = Event.objects.get()
    body = yaml.safe_load(webhook_payloads.build_webhook_body(submission, event))
    schema = {"$ref": "#/components/schemas/Webhook", "components": published()["components"]}
    jsonschema.Draft202012Validator(schema).validate(body)
    assert "event" in published()["webhooks"]


@pytest.mark.parametrize(
    ("accept", "read"), [("application/json", yaml.safe_load), ("application/yaml", yaml.safe_load)]
)
def test_schema_is_served_in_both_forms_to_everybody(accept, read):
    answer = Client().get("/api/v1/schema", headers={"Accept": accept})
    assert answer.status_code == 200
    document = read(answer.content)
    assert document["openapi"].startswith("3.1")
    assert "/api/v1/submissions" in document["paths"]


def test_documentation_page_loads_nothing_from_outside():
    page = Client().get("/api/docs")
    script = Client().get("/api/docs?script=")
    assert page.status_code == script.status_code == 200
    text = page.content.decode() + script.content.decode()
    assert re.findall(r"""(?:src|href)=["']([^"']+)""", page.content.decode())
    assert not re.findall(r"""(?:https?:)?//[\w.]+""", text.replace("http://testserver", ""))
    assert '"validatorUrl": null' in text
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "http" not in policy


def test_documentation_page_needs_no_script_inside_the_page():
    page = Client().get("/api/docs").content.decode()
    assert re.findall(r"<script[^>]*>\s*</script>", page)
    assert not re.findall(r"<script[^>]*>[^<]*\S[^<]*</script>", page)


def test_documentation_scripts_are_served_by_the_gate():
    page = Client().get("/api/docs").content.decode()
    for path in re.findall(r'(?:src|href)="(/static/[^"]+)"', page):
        assert Client().get(path).status_code == 200


def test_no_key_is_needed_to_read_about_the_api_only():
    assert Caller(None).get("/api/v1/submissions").status_code == 401
