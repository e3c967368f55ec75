"""A label with a key, a caller that holds every answer against the published schema, and small real deliveries."""

from __future__ import annotations

import functools
import io
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from django.test import Client
from django.urls import Resolver404


@functools.cache
def published() -> dict[str, Any]:
    """The schema as the gate publishes it."""
    from drf_spectacular.generators import SchemaGenerator

    return SchemaGenerator().get_schema(request=None, public=True)


def schema_path(response) -> str | None:
    """The address of an answer as the schema writes it."""
    try:
        route = response.resolver_match.route
    except Resolver404:
        return None
    return "/" + re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", route).replace("{pk}", "{id}")


def check_against_schema(method: str, response) -> None:
    """The status is documented for this operation, and the body has the documented form."""
    path = schema_path(response)
    operation = published()["paths"].get(path, {}).get(method.lower())
    if operation is None:
        return
    documented = operation["responses"].get(str(response.status_code))
    assert documented, f"{method} {path} answers {response.status_code}, which the schema does not know"
    content = documented.get("content", {})
    if not content or method == "HEAD":
        assert response.content == b""
        return
    media_type = response.headers["Content-Type"].partition(";")[0]
    assert media_type in content, f"{method} {path} answers {media_type}"
    if media_type in ("application/xml", "application/octet-stream"):
        return
    whole = {**content[media_type]["schema"], "components": published()["components"]}
    jsonschema.Draft202012Validator(whole).validate(response.json())


class Caller:
    """A client with one API key; every answer is held against the published schema."""

    def __init__(self, key: str | None) -> None:
        self.key = key
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self.client = Client(headers=headers)

    def call(self, method: str, path: str, **options: Any):
        """One request. ``path`` below /api/v1/ unless it begins with a slash; ``json=`` for a JSON body."""
        if "json" in options:
            options |= {"data": json.dumps(options.pop("json")), "content_type": "application/json"}
        path = path if path.startswith(("/", "http")) else f"/api/v1/{path}"
        response = self.client.generic(method, path, **options)
        check_against_schema(method, response)
        if response.status_code >= 400 and method != "HEAD":
            assert response.headers["Content-Type"] == "application/problem+json"
            assert response.json()["status"] == response.status_code
            if "Idempotency-Replayed" not in response.headers:  # the stored answer has the id of its own request
                assert response.json()["request_id"] == response.headers["X-Request-Id"]
        return response

    def get(self, path: str, **options: Any):
        return self.call("GET", path, **options)

    def post(self, path: str, **options: Any):
        return self.call("POST", path, **options)

    def put(self, path: str, **options: Any):
        return self.call("PUT", path, **options)


def multipart(parts: list[tuple[str, str | None, bytes]], boundary: str = "limes") -> dict[str, Any]:
    """Options of a request with these parts: (name, file name or None for a field, content), in this order."""
    body = b""
    for name, filename, content in parts:
        suffix = f'; filename="{filename}"' if filename is not None else ""
        body += f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"{suffix}\r\n\r\n'.encode()
        body += content + b"\r\n"
    body += f"--{boundary}--\r\n".encode()
    return {"data": body, "content_type": f"multipart/form-data; boundary={boundary}"}


def broken_off(came: bytes, announced: int) -> dict[str, Any]:
    """Options of a request whose connection ends early."""
    return {"wsgi.input": io.BytesIO(came), "CONTENT_LENGTH": str(announced)}


def delivery_parts(document: Any, files: Mapping[str, bytes]) -> list[tuple[str, str | None, bytes]]:
    """The parts of a whole delivery."""
    metadata = json.dumps(document).encode()
    return [("metadata", None, metadata), *((name, name, content) for name, content in files.items())]


def post_release(caller: Caller, document: Any, files: Mapping[str, bytes] | None = None, **options: Any):
    """Deliver a release in one request; without ``files``, small made-up bytes for every file that it names."""
    from tests.intake.factories import files_of

    files = files_of(document) if files is None else files
    return caller.post("submissions", **multipart(delivery_parts(document, files)), **options)


def stored() -> dict[str, int]:
    """Everything that a delivery could leave behind: rows, and files on their way."""
    from intake import models
    from intake.services.storage.blobs import spool_folder

    kinds = (
        models.Submission, models.Track, models.Resource, models.Blob, models.Event, models.Delivery, models.CheckRun,
    )  # fmt: skip
    counts = {kind.__name__: kind.objects.count() for kind in kinds}
    return counts | {"spool": len(list(spool_folder().iterdir())), "files": len(list(blob_files()))}


def blob_files() -> list[Path]:
    """The files in the content-addressed storage."""
    from django.core.files.storage import default_storage

    return [path for path in Path(default_storage.path("blob")).rglob("*") if path.is_file()]


@pytest.fixture(autouse=True)
def _own_data(tmp_path, settings):
    """Files, spool and counters of this test alone."""
    settings.GATE_DATA = tmp_path
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": str(tmp_path / "files")},
        },
    }


@pytest.fixture(autouse=True)
def _quiet(rung):
    """Nothing here is about the work that follows; nobody is rung for it."""


@pytest.fixture
def label(db):
    from intake.services.people import accounts

    return accounts.create_label("Harbour Records")[0]


def a_caller(owner, *scopes: str) -> Caller:
    """A caller with a fresh key of a label or partner."""
    from intake.services.people import accounts

    return Caller(accounts.issue_key(owner, scopes or accounts.SCOPES))


@pytest.fixture
def caller(label) -> Caller:
    """The label's caller, with every scope."""
    return a_caller(label)


@pytest.fixture
def stranger(db) -> Caller:
    """Another label's caller, with every scope."""
    from intake.services.people import accounts

    return a_caller(accounts.create_label("North Pier Music")[0])
