"""What the published OpenAPI schema says of each operation, beyond what the code itself tells."""

from __future__ import annotations

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.settings import spectacular_settings
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import (
    OpenApiParameter,
    OpenApiResponse,
    OpenApiWebhook,
    extend_schema,
)

from checks.policy import Verdict
from intake.api import serializers
from intake.api.openapi_texts import BAD_QUERY as _BAD_QUERY
from intake.api.openapi_texts import NOT_THERE as _NOT_THERE
from intake.api.openapi_texts import PAGING as _PAGING
from intake.api.openapi_texts import RETRY as _RETRY
from intake.api.openapi_texts import describe_header as _header
from intake.api.openapi_texts import describe_operation as _operation
from intake.api.openapi_texts import describe_query_parameter as _query
from intake.api.openapi_texts import list_of as _list_of
from intake.core.document_schema import DeclarationSerializer, DocumentSerializer
from intake.core.states import State

_IF_MATCH = _header("If-Match", "The ETag that you read: 412 where the submission has moved on since.")
_LOCATION = OpenApiParameter("Location", OpenApiTypes.STR, OpenApiParameter.HEADER, response=[201, 202])
_ETAG = OpenApiParameter("ETag", OpenApiTypes.STR, OpenApiParameter.HEADER, response=[200, 304])
_RETRIED = {
    400: "The body or a header cannot be read.",
    409: "Not where this is possible, or the same request is still running.",
    408: "The body came too slowly.",
    411: "No Content-Length.",
    422: "Not as documented, or the Idempotency-Key was already used with a different request.",
}
#: What has to be read in the sandbox while the request waits.
_MEASURED = {503: "Files cannot be measured at the moment: nothing was judged or stored. Send the request again."}
_WITH_BODY = {**_RETRIED, 413: "Too large.", 415: "Not of a type that is taken here."}
_MULTIPART = {
    "type": "object",
    "properties": {"metadata": {"$ref": "#/components/schemas/Document"}},
    "required": ["metadata"],
    "additionalProperties": {"type": "string", "format": "binary"},
    "description": "The part `metadata`, and one part for each file, named as in the metadata.",
}

DELIVER = _operation(
    "Submissions",
    {201: serializers.SubmissionSerializer, 202: serializers.SubmissionSerializer},
    {**_WITH_BODY, 422: "The release has blocking findings, or not the documented shape; nothing was stored."},
    operation_id="submissions_create",
    summary="Deliver a release, or open a draft",
    description="Multipart: the whole delivery (202). JSON: a draft, whose files are sent to `uploads` (201).",
    request={"application/json": DocumentSerializer, "multipart/form-data": _MULTIPART},
    parameters=[*_RETRY, _LOCATION],
)
DELIVER_MESSAGE = _operation(
    "DDEX",
    {
        200: OpenApiResponse(serializers.JudgementSerializer, "A test message: judged, and nothing stored."),
        202: serializers.SubmissionSerializer,
    },
    {**_WITH_BODY, **_MEASURED, 422: "The message or its release has blocking findings; nothing was stored."},
    operation_id="ern_deliver",
    summary="Deliver a release as a DDEX message",
    description="The same delivery as `POST submissions`, as a NewReleaseMessage of ERN 3.8 to 4.3.2. Files are named "
    "by the last part of their URI. Each finding has the XPath and the line of what it speaks of under `evidence`.",
    request={
        "multipart/form-data": {
            "type": "object",
            "properties": {"message": {"type": "string", "format": "binary"}},
            "required": ["message"],
            "additionalProperties": {"type": "string", "format": "binary"},
        }
    },
    parameters=[*_RETRY, _LOCATION],
)
READ_MESSAGE = _operation(
    "DDEX",
    {(200, "application/xml"): OpenApiTypes.STR},
    {**_NOT_THERE, 409: "Not approved."},
    operation_id="submission_ern",
    summary="An approved release as a message of ERN 4.3.2",
)
READ_DISCLOSURE = _operation(
    "Disclosure",
    {(200, "application/xml"): OpenApiTypes.STR, (200, "application/json"): OpenApiTypes.OBJECT},
    {**_NOT_THERE, 400: "No form in which the disclosure is given."},
    operation_id="submission_disclosure",
    summary="The AI disclosure as partners take it",
    parameters=[
        _query(
            "format",
            "`ern`: the elements of ERN 4.3.2, in XML. `apple`: transparency tags. `spotify`: the roles that are fully "
            "generated. `c2pa`: the digital source type of each file. `record`: what you declared, version by version.",
            enum=["ern", "apple", "spotify", "c2pa", "record"],
        )
    ],
)
DECLARE = _operation(
    "Disclosure",
    {200: serializers.SubmissionSerializer},
    {
        **_WITH_BODY,
        **_NOT_THERE,
        409: "Neither a draft nor in review.",
        412: "Changed since you read it.",
        422: "Not as documented, no such track, or the release would have blocking findings; nothing was changed.",
    },
    operation_id="submission_declare",
    summary="Declare the use of AI anew",
    description="Changes a draft. What is in review gets another version of the declaration and is judged by it at "
    "once; where the machine alone held it and nothing holds it any more, it is concluded.",
    request=DeclarationSerializer,
    parameters=[_IF_MATCH],
)
CONFIRM = _operation(
    "Disclosure",
    {200: serializers.SubmissionSerializer},
    {**_RETRIED, **_NOT_THERE, 409: "Nothing is asked, or not in review.", 412: "Changed since you read it."},
    operation_id="submission_confirm_disclosure",
    summary="Confirm what the files say about AI",
    description="Carries out the `patch` of each finding that asks, as another version of the declaration.",
    request=None,
    parameters=[*_RETRY, _IF_MATCH],
)
LIST_SUBMISSIONS = _operation(
    "Submissions",
    {200: _list_of(serializers.SubmissionSerializer)},
    _BAD_QUERY,
    operation_id="submissions_list",
    summary="Your submissions, newest first",
    parameters=[
        *_PAGING,
        _query("state", "Where it stands.", enum=[str(item) for item in State]),
        _query("verdict", "The standing verdict.", enum=[str(entry) for entry in Verdict]),
        _query("created_after", "At or after this time.", OpenApiTypes.DATETIME),
        _query("created_before", "Before this time.", OpenApiTypes.DATETIME),
        _query("upc", "The release's UPC."),
        _query("isrc", "The ISRC of one of its tracks."),
    ],
)
VALIDATE = _operation(
    "Submissions",
    {200: serializers.JudgementSerializer},
    _WITH_BODY,
    operation_id="validate",
    summary="What the door would say; stores nothing",
    request=DocumentSerializer,
    parameters=[
        *_RETRY,
        _query(
            "apply",
            "Carry fixes out and answer the mended release: `safe` those that change nothing that is meant, `all` also "
            "those that only you can be sure of.",
            enum=["safe", "all"],
        ),
    ],
)
READ_SUBMISSION = _operation(
    "Submissions",
    {200: serializers.SubmissionSerializer, 304: OpenApiResponse(description="You have it.")},
    _NOT_THERE,
    operation_id="submission_read",
    summary="One submission",
    parameters=[_header("If-None-Match", "An ETag that you have."), _ETAG],
)
PUT_FILE = _operation(
    "Submissions",
    {201: serializers.StoredFileSerializer},
    {
        **_NOT_THERE,
        400: "Content-Range, or fewer bytes than were announced; nothing was kept.",
        409: "No longer a draft.",
        408: "The body came too slowly.",
        411: "No Content-Length.",
        412: "The draft has changed since you read it.",
        413: "Too large.",
        415: "A compressed body, or one that wraps the file.",
        422: "Not the SHA-256 or size that Content-Digest or the metadata names.",
        423: "Another request is sending this file.",
    },
    operation_id="file_put",
    summary="Send one file of a draft",
    request={"application/octet-stream": OpenApiTypes.BINARY},
    parameters=[_header("Content-Digest", "`sha-256=:<base64>:` (RFC 9530); verified where present."), _IF_MATCH],
)
CREATE_UPLOAD = _operation(
    "Submissions",
    {
        201: OpenApiResponse(description="The upload is created, empty; `Location` names this address."),
        204: OpenApiResponse(description="The answer to the method that `X-HTTP-Method-Override` names."),
    },
    {
        **_RETRIED,
        **_NOT_THERE,
        400: "The length is neither stated nor declared, or a header has no possible value.",
        412: "Not tus 1.0.0, or the draft has changed since you read it.",
        413: "Too large.",
        415: "There is a body; pieces are sent with PATCH.",
        422: "Another length than the metadata declares, or the Idempotency-Key was used with another request.",
        423: "Another request is sending this file.",
    },
    operation_id="file_create",
    summary="Create the upload of a draft's file (tus 1.0)",
    description="A draft has created its uploads already; this is for clients that always create one.",
    request=None,
    parameters=[
        *_RETRY,
        _header("Tus-Resumable", "`1.0.0`."),
        _header("Upload-Length", "How long the file will be."),
        _header("Upload-Defer-Length", "`1` where `Upload-Length` follows with a later piece."),
        _IF_MATCH,
    ],
)
PATCH_FILE = _operation(
    "Submissions",
    {204: OpenApiResponse(description="The piece is here; `Upload-Offset` says how far the file is.")},
    {
        **_NOT_THERE,
        400: "The length is neither stated nor declared, a header has no possible value, or fewer bytes came than were "
        "announced; what came is kept.",
        409: "Upload offset mismatch, or it is no longer a draft.",
        408: "The body came too slowly.",
        411: "No Content-Length.",
        412: "Not tus 1.0.0, or the draft has changed since you read it.",
        413: "The file would be longer than announced, or too large.",
        415: "Not application/offset+octet-stream.",
        422: "The whole file is not the one that the metadata declares; nothing of it is kept.",
        423: "Another request is sending this file.",
        460: "The piece has another checksum; nothing of it is kept.",
    },
    operation_id="file_patch",
    summary="Send the next piece of a draft's file (tus 1.0)",
    description="HEAD answers `Upload-Offset`: how far the file is. The length is the `size` that the metadata "
    "declares, or `Upload-Length` with the first piece. The piece that makes the file whole attaches it to the draft.",
    request={"application/offset+octet-stream": OpenApiTypes.BINARY},
    parameters=[
        _header("Tus-Resumable", "`1.0.0`."),
        _header("Upload-Offset", "Where the piece begins."),
        _header("Upload-Length", "How long the file will be."),
        _header("Upload-Checksum", "`sha256 <base64>` or `sha1 <base64>` of the piece."),
        _IF_MATCH,
    ],
)
DELETE_UPLOAD = _operation(
    "Submissions",
    {204: OpenApiResponse(description="The pieces that came are forgotten.")},
    {**_NOT_THERE, 409: "No longer a draft.", 412: "Not tus 1.0.0.", 423: "Another request is sending this file."},
    operation_id="file_delete",
    summary="Begin a file anew (tus 1.0)",
    parameters=[_header("Tus-Resumable", "`1.0.0`.")],
)
SUBMIT = _operation(
    "Submissions",
    {202: serializers.SubmissionSerializer},
    {**_RETRIED, **_NOT_THERE, 409: "Files are missing, or no longer a draft.", 412: "Changed since you read it."},
    operation_id="submission_submit",
    summary="Hand a draft over",
    request=None,
    parameters=[*_RETRY, _IF_MATCH, _LOCATION],
)
WITHDRAW = _operation(
    "Submissions",
    {200: serializers.SubmissionSerializer},
    {**_RETRIED, **_NOT_THERE, 412: "Changed since you read it."},
    operation_id="submission_withdraw",
    summary="Take a submission back before it is decided",
    request=None,
    parameters=[*_RETRY, _IF_MATCH],
)
APPEAL = _operation(
    "Submissions",
    {202: serializers.SubmissionSerializer},
    {**_WITH_BODY, **_NOT_THERE, 409: "Nothing to appeal against, or no longer.", 412: "Changed since you read it."},
    operation_id="submission_appeal",
    summary="Appeal against the decision that stands",
    description="In JSON, or as multipart with the part `statement` and files. It is in review again, and another "
    "moderator than the first decides it.",
    request={
        "application/json": serializers.StatementSerializer,
        "multipart/form-data": {
            "type": "object",
            "properties": {"statement": {"type": "string"}},
            "required": ["statement"],
            "additionalProperties": {"type": "string", "format": "binary"},
        },
    },
    parameters=[*_RETRY, _IF_MATCH, _LOCATION],
)
READ_APPEALS = _operation(
    "Submissions",
    {200: serializers.AppealsSerializer},
    _NOT_THERE,
    operation_id="submission_appeals_list",
    summary="The appeals against decisions on it, and what came of them",
)
ACCEPT_PARTIAL = _operation(
    "Submissions",
    {202: serializers.SubmissionSerializer},
    {
        **_RETRIED,
        **_NOT_THERE,
        409: "No part is offered, or it was accepted already.",
        412: "Changed since you read it.",
        422: "The part cannot stand alone: it has blocking findings.",
    },
    operation_id="submission_accept_partial",
    summary="Take the part of a returned release that may go out",
    description="A new submission of the tracks in `partial`, with the files that are here already; it supersedes this "
    "one and is checked like any other.",
    request=None,
    parameters=[*_RETRY, _IF_MATCH, _LOCATION],
)
READ_FINDINGS = _operation(
    "Submissions",
    {200: _list_of(serializers.FindingSerializer)},
    {**_BAD_QUERY, **_NOT_THERE},
    operation_id="findings_list",
    summary="What was found, with evidence",
    parameters=_PAGING,
)
READ_HISTORY = _operation(
    "Events",
    {200: _list_of(serializers.EventSerializer)},
    {**_BAD_QUERY, **_NOT_THERE},
    operation_id="submission_events_list",
    summary="The history of one submission, from its beginning",
    parameters=_PAGING,
)
READ_FEED = _operation(
    "Events",
    {200: _list_of(serializers.EventSerializer)},
    _BAD_QUERY,
    operation_id="events_list",
    summary="All your events, newest first; or those after one of them, oldest first",
    parameters=[*_PAGING, _query("after", "The id of the last event that you have seen.", OpenApiTypes.UUID)],
)
LIST_ENDPOINTS = _operation(
    "Webhooks",
    {200: _list_of(serializers.EndpointSerializer)},
    _BAD_QUERY,
    operation_id="endpoints_list",
    summary="Your webhook endpoints",
    parameters=_PAGING,
)
CREATE_ENDPOINT = _operation(
    "Webhooks",
    {201: serializers.EndpointWithSecretSerializer},
    _WITH_BODY,
    operation_id="endpoint_create",
    summary="Subscribe a URL to events; the secret is shown this once",
    request=serializers.NewEndpointSerializer,
    parameters=[*_RETRY, _LOCATION],
)
READ_ENDPOINT = _operation(
    "Webhooks",
    {200: serializers.EndpointSerializer},
    _NOT_THERE,
    operation_id="endpoint_read",
    summary="One endpoint",
)
CHANGE_ENDPOINT = _operation(
    "Webhooks",
    {200: serializers.EndpointSerializer},
    {**_WITH_BODY, **_NOT_THERE},
    operation_id="endpoint_change",
    summary="Change an endpoint, or enable it again",
    request=serializers.EndpointChangesSerializer,
)
DELETE_ENDPOINT = _operation(
    "Webhooks",
    {204: OpenApiResponse(description="Nothing is sent there any more.")},
    _NOT_THERE,
    operation_id="endpoint_delete",
    summary="Delete an endpoint",
)
ROTATE_SECRET = _operation(
    "Webhooks",
    {200: serializers.EndpointWithSecretSerializer},
    {**_RETRIED, **_NOT_THERE},
    operation_id="endpoint_rotate_secret",
    summary="Draw a new secret; for a day both sign",
    request=None,
    parameters=_RETRY,
)
TEST_ENDPOINT = _operation(
    "Webhooks",
    {202: serializers.DeliverySerializer},
    {**_RETRIED, **_NOT_THERE},
    operation_id="endpoint_test",
    summary="Send a test event",
    request=None,
    parameters=_RETRY,
)
LIST_DELIVERIES = _operation(
    "Webhooks",
    {200: _list_of(serializers.DeliverySerializer)},
    {**_BAD_QUERY, **_NOT_THERE},
    operation_id="deliveries_list",
    summary="What was sent to an endpoint, with every attempt",
    parameters=_PAGING,
)
REPLAY = _operation(
    "Webhooks",
    {202: serializers.DeliverySerializer},
    {**_RETRIED, **_NOT_THERE},
    operation_id="delivery_replay",
    summary="Send a delivery again: the same id, the same body",
    request=None,
    parameters=_RETRY,
)
LIST_ARTISTS = _operation(
    "Catalogue",
    {200: _list_of(serializers.ProtectedArtistSerializer)},
    _BAD_QUERY,
    operation_id="protected_artists_list",
    summary="Protected artists",
    parameters=_PAGING,
)
PROTECT_ARTIST = _operation(
    "Catalogue",
    {201: serializers.ProtectedArtistSerializer},
    _WITH_BODY,
    operation_id="protected_artist_create",
    summary="Guard an artist's name and aliases for yourself",
    request=serializers.NewArtistSerializer,
    parameters=_RETRY,
)

READ_ARTIST = _operation(
    "Catalogue",
    {200: serializers.ProtectedArtistSerializer},
    {404: "No such artist."},
    operation_id="protected_artist_read",
    summary="One protected artist",
)
CHANGE_ARTIST = _operation(
    "Catalogue",
    {200: serializers.ProtectedArtistSerializer},
    {**_WITH_BODY, **_NOT_THERE},
    operation_id="protected_artist_change",
    summary="Change the names and identifiers of an artist that you deliver for",
    request=serializers.ArtistChangesSerializer,
)
RETIRE_ARTIST = _operation(
    "Catalogue",
    {204: OpenApiResponse(description="The names are guarded no longer, and the artist's keys are revoked.")},
    _NOT_THERE,
    operation_id="protected_artist_delete",
    summary="Guard an artist no longer",
)
ISSUE_KEY = _operation(
    "Catalogue",
    {201: serializers.NewArtistKeySerializer},
    {**_RETRIED, **_NOT_THERE},
    operation_id="artist_key_create",
    summary="Draw a key for an artist that you deliver for; it is shown this once",
    description="The artist gives it to a distributor, who sends it as `artist_key` of a display artist. To rotate a "
    "key, draw a new one, hand it over, and revoke the old one.",
    request=None,
    parameters=_RETRY,
)
REVOKE_KEY = _operation(
    "Catalogue",
    {204: OpenApiResponse(description="It opens nothing any more.")},
    _NOT_THERE,
    operation_id="artist_key_delete",
    summary="Revoke an artist's key",
)

_RECORDING_PARTS = {
    "type": "object",
    "properties": {"metadata": {"$ref": "#/components/schemas/RecordingWords"}},
    "required": ["metadata"],
    "additionalProperties": {"type": "string", "format": "binary"},
    "description": "The part `metadata`, and the audio file.",
}
LIST_RECORDINGS = _operation(
    "Catalogue",
    {200: _list_of(serializers.KnownRecordingSerializer)},
    _BAD_QUERY,
    operation_id="known_recordings_list",
    summary="The recordings that you have made known, newest first",
    parameters=[*_PAGING, _query("isrc", "With this ISRC."), _query("owner", "Of this owner, as written.")],
)
LEARN_RECORDING = _operation(
    "Catalogue",
    {200: serializers.KnownRecordingSerializer, 201: serializers.KnownRecordingSerializer},
    {**_WITH_BODY, **_MEASURED, 422: "Not as documented, or its sound cannot be compared with anything."},
    operation_id="known_recording_create",
    summary="Make a recording known as your own, by its sound or its fingerprint",
    description="Multipart: the part `metadata` and one audio file. JSON: a fingerprint. 200 where you did so before.",
    request={"application/json": serializers.NewRecordingSerializer, "multipart/form-data": _RECORDING_PARTS},
    parameters=[*_RETRY, OpenApiParameter("Location", OpenApiTypes.STR, OpenApiParameter.HEADER, response=[201])],
)
READ_RECORDING = _operation(
    "Catalogue",
    {200: serializers.KnownRecordingSerializer},
    _NOT_THERE,
    operation_id="known_recording_read",
    summary="One of the recordings that you have made known",
)
FORGET_RECORDING = _operation(
    "Catalogue",
    {204: OpenApiResponse(description="Nothing is compared with it any more.")},
    {**_NOT_THERE, 409: "It is on the blocklist: lift its block first."},
    operation_id="known_recording_delete",
    summary="Have a recording forgotten that you have made known",
)
LIST_BLOCKS = _operation(
    "Catalogue",
    {200: _list_of(serializers.BlockSerializer)},
    _BAD_QUERY,
    operation_id="blocklist_list",
    summary="What you have put on the blocklist, newest first",
    parameters=_PAGING,
)
ADD_BLOCK = _operation(
    "Catalogue",
    {200: serializers.BlockSerializer, 201: serializers.BlockSerializer},
    {**_WITH_BODY, 409: "Somebody else has blocked it already, or the same request is still running."},
    operation_id="block_create",
    summary="Block an ISRC, a UPC, a party, a file, or a recording by its sound",
    description="A release with anything on the list is looked at by a person, whoever delivers it.",
    request=serializers.NewBlockSerializer,
    parameters=_RETRY,
)
LIFT_BLOCK = _operation(
    "Catalogue",
    {204: OpenApiResponse(description="It is on the list no more.")},
    _NOT_THERE,
    operation_id="block_delete",
    summary="Lift a block of yours",
)

#: What receivers of webhooks get.
EVENT = OpenApiWebhook(
    "event",
    extend_schema(
        tags=["Webhooks"],
        operation_id="event_received",
        summary="An event that an endpoint subscribed to",
        description="""Signed as Standard Webhooks has it: `webhook-id` stays the same over all attempts,
`webhook-timestamp` is the Unix time of this one, and `webhook-signature` holds, separated by spaces, `v1,` and the
base64 of HMAC-SHA256 over `id.timestamp.body` for each valid secret. Any 2xx answer means that it has arrived.""",
        request=serializers.WebhookSerializer,
        responses={(200, "text/plain"): OpenApiTypes.STR},
    ),
)


def complete_schema(result: dict[str, Any], generator: SchemaGenerator, **_: Any) -> dict[str, Any]:
    """Add what only webhooks speak of: the framework lists the components before it has read the webhooks."""
    known = generator.registry.build(spectacular_settings.APPEND_COMPONENTS)
    file = result["paths"]["/api/v1/submissions/{id}/files/{name}"]
    file["head"] = _describe_head_operation(file["delete"])  # which the framework leaves out
    return result | {"components": known}


def _describe_head_operation(like: dict[str, Any]) -> dict[str, Any]:
    """How far a file is, described as another operation of the same address is."""
    headers = {
        "Upload-Offset": "The bytes that are here.",
        "Upload-Length": "The bytes that there will be, where they were announced.",
        "Upload-Expires": "When the file begins anew unless more comes.",
    }
    problems = {status: like["responses"][status] for status in ("401", "403", "404", "423", "429")}
    told = {name: {"description": text, "schema": {"type": "string"}} for name, text in headers.items()}
    return like | {
        "operationId": "file_head",
        "summary": "How far a file is (tus 1.0)",
        "description": "How far a file is (tus 1.0).",
        "responses": {"200": {"description": "So far.", "headers": told}, **problems},
    }


class ApiKeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How a key is presented."""

    target_class = "intake.api.auth.ApiKeyAuthentication"
    name = "ApiKey"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:
        return {"type": "http", "scheme": "bearer", "bearerFormat": "rig_<prefix>_<secret>"}
