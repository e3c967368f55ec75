"""The documents of the API besides the delivery itself: what may be asked for, and what is answered."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from checks.model.finding import Basis, Severity
from checks.policy import Outcome, Verdict
from checks.rules.metadata.identifiers import canonical_isrc
from intake.core.document_schema import Items, Pick, ReleaseSerializer, Strict, Text, Truth, Written
from intake.core.states import State
from intake.models import Appeal, Block, Delivery, Language, Status
from intake.readers import webhook_payloads
from intake.services.review import appeals

URL_LENGTH = 500
NAME_LENGTH = 200
MAX_ALIASES = 50
#: With or without its hyphens, in either case.
ISRC = r"(?i)[A-Z]{2}-?[A-Z0-9]{3}-?[0-9]{2}-?[0-9]{5}|"


def _build_choice_field(choices: object, **options: object) -> serializers.ChoiceField:
    return serializers.ChoiceField(choices=[str(choice) for choice in choices], **options)  # type: ignore[attr-defined, arg-type]


# --- Asked --------------------------------------------------------------------------------------------------------


class NewEndpointSerializer(Strict):
    """A webhook endpoint to be."""

    url = Text(needed=True, max_length=URL_LENGTH)
    types = Items(child=Pick(choices=webhook_payloads.TYPES), allow_empty=False, max_length=len(webhook_payloads.TYPES))


class EndpointChangesSerializer(Strict):
    """What of an endpoint is to change."""

    url = Text(needed=True, required=False, max_length=URL_LENGTH)
    types = Items(
        child=Pick(choices=webhook_payloads.TYPES),
        allow_empty=False,
        max_length=len(webhook_payloads.TYPES),
        required=False,
    )
    enabled = Truth(required=False)


def _a_name(**options: Any) -> Written:
    return Written(r"(?s).*\S.*", "a name", needed=True, max_length=NAME_LENGTH, **options)


def _build_names_field(**options: Any) -> Items:
    return Items(child=_a_name(), max_length=MAX_ALIASES, required=False, allow_null=True, **options)


class IdentifierSerializer(Strict):
    """What the artist is called by a registry or a partner."""

    scheme = Text(needed=True, max_length=40, help_text='"isni", "ipi", or the partner whose profile it is.')
    value = Text(needed=True, max_length=NAME_LENGTH)


def _build_identifiers_field(**options: Any) -> Any:
    many: Any = IdentifierSerializer
    return many(many=True, max_length=MAX_ALIASES, required=False, allow_null=True, **options)


class NewArtistSerializer(Strict):
    """A name to protect, with the other names that the artist goes by."""

    name = _a_name()
    aliases = _build_names_field(default=list)
    transliterations = _build_names_field(default=list, help_text="The name as it is written in other scripts.")
    identifiers = _build_identifiers_field(default=list)


class ArtistChangesSerializer(Strict):
    """What of an artist is to change; a list that is given takes the place of the one before."""

    name = _a_name(required=False)
    aliases = _build_names_field()
    transliterations = _build_names_field()
    identifiers = _build_identifiers_field()


class RecordingWordsSerializer(Strict):
    """What is said of a recording that comes as a file."""

    title = Written(r"(?s).*\S.*", "a title", needed=True, max_length=500)
    artist = Text(max_length=500)
    isrc = Written(ISRC, "an ISRC, or an empty text", required=False, allow_blank=True, allow_null=True, default=None)
    owner = Text(max_length=NAME_LENGTH, help_text="Who controls it; without it, you.")

    def validate_isrc(self, value: str | None) -> str:
        """However it was hyphenated."""
        return canonical_isrc(value or "")


class NewRecordingSerializer(RecordingWordsSerializer):
    """A recording by its fingerprint alone."""

    fingerprint = Text(
        needed=True,
        max_length=400_000,
        help_text="Chromaprint, algorithm 2, in the compressed form of AcoustID and fpcalc.",
    )
    duration = serializers.FloatField(min_value=0, max_value=86_400, help_text="Seconds, of the whole recording.")


class NewBlockSerializer(Strict):
    """Something to put on the blocklist."""

    kind = Pick(choices=Block.Kind.values)
    value = Text(
        needed=True, help_text="An ISRC, a UPC, `isni:…` or `ipi:…`, a SHA-256, or the id of a known recording."
    )
    reason = Text(needed=True, max_length=500)
    expires_at = serializers.DateTimeField(required=False, allow_null=True, default=None)


class StatementSerializer(Strict):
    """Why the label objects, in its own words."""

    statement = Text(needed=True, max_length=appeals.STATEMENT_LENGTH)


# --- Answered -----------------------------------------------------------------------------------------------------


class FindingSerializer(serializers.Serializer):
    """One piece of evidence that a check reported."""

    code = serializers.CharField(help_text="Stable dotted id of the kind of finding; see docs/checks.md.")
    severity = _build_choice_field(Severity)
    subject = serializers.CharField(help_text='"release", "track:1" or "file:01.flac".')
    check = serializers.CharField()
    check_version = serializers.IntegerField()
    message = serializers.CharField()
    measured = serializers.JSONField()
    threshold = serializers.JSONField()
    evidence = serializers.DictField(allow_null=True)
    fix = serializers.CharField(allow_null=True)
    patch = serializers.ListField(
        child=serializers.DictField(),
        required=False,
        help_text="The fix as JSON Patch (RFC 6902) on the delivery document; only where it can be computed.",
    )


class MarkedFileSerializer(serializers.Serializer):
    """A copy of a delivered file with a signed manifest."""

    file = serializers.CharField(help_text="As it was delivered.")
    status = serializers.ChoiceField(
        ["pending", "marked", "refused", "overtaken", "failed"],
        help_text="refused: this file cannot be marked, and stays as it is; failed: the operator has to look.",
    )
    because = serializers.CharField(allow_null=True, help_text="Why it was refused.")
    source_type = serializers.CharField(help_text="IPTC digital source type that the labels come to.")
    labels = serializers.ListField(child=serializers.DictField(), help_text="What the manifest says.")
    decision = serializers.UUIDField()
    source_sha256 = serializers.CharField(help_text="Of the file as it was delivered.")
    sha256 = serializers.CharField(allow_null=True)
    size = serializers.IntegerField(allow_null=True)
    signer = serializers.CharField(allow_null=True)
    marked_at = serializers.DateTimeField(allow_null=True)
    url = serializers.URLField(allow_null=True)


class FaultSerializer(serializers.Serializer):
    """One place where a document is not as documented."""

    pointer = serializers.CharField(help_text="JSON pointer (RFC 6901).")
    code = serializers.CharField()
    detail = serializers.CharField()


class ProblemSerializer(serializers.Serializer):
    """An error (RFC 9457). ``findings`` where the release is at fault, ``errors`` where a document's shape is."""

    type = serializers.CharField(help_text="Stable id of the kind of problem; docs/api.md lists them.")
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField()
    instance = serializers.CharField()
    request_id = serializers.CharField()
    errors = FaultSerializer(many=True, required=False)  # type: ignore[assignment]
    findings = FindingSerializer(many=True, required=False)


class LabelSerializer(serializers.Serializer):
    """What partners must show."""

    key = serializers.CharField()
    value = serializers.CharField()
    basis = _build_choice_field(Basis)
    code = serializers.CharField()


class PolicySerializer(serializers.Serializer):
    """The policy under which the standing decision was given."""

    version = serializers.CharField()
    digest = serializers.CharField()


class CountsSerializer(serializers.Serializer):
    """Findings by severity."""

    critical = serializers.IntegerField()
    warning = serializers.IntegerField()
    information = serializers.IntegerField()


class CheckRunSerializer(serializers.Serializer):
    """One check on the submission."""

    name = serializers.CharField()
    version = serializers.IntegerField()
    status = _build_choice_field(Status.values)


class TrackResultSerializer(serializers.Serializer):
    """What became of one track."""

    position = serializers.IntegerField()
    isrc = serializers.CharField(allow_null=True)
    verdict = _build_choice_field(Verdict, allow_null=True)
    duration = serializers.FloatField(allow_null=True, help_text="Seconds, as decoded.")


class PartnerOutcomeSerializer(serializers.Serializer):
    """What one partner gets of a cleared release, and the labels because of which."""

    partner = serializers.CharField()
    outcome = _build_choice_field(Outcome)
    because = serializers.ListField(child=serializers.CharField())


class UploadSerializer(serializers.Serializer):
    """A file that a draft names, and where it is sent."""

    name = serializers.CharField()
    url = serializers.URLField()
    methods = serializers.ListField(child=serializers.CharField())
    received = serializers.BooleanField()


class ExplanationSerializer(serializers.Serializer):
    """What the moderator who decided says to the label."""

    text = serializers.CharField()
    language = _build_choice_field(Language.values)
    code = serializers.CharField(allow_null=True, help_text="The policy's reason for a rejection.")


class ToMendSerializer(serializers.Serializer):
    """A finding that the label is asked to mend."""

    code = serializers.CharField()
    subject = serializers.CharField()
    message = serializers.CharField()
    fix = serializers.CharField(allow_null=True)


class OfferSerializer(serializers.Serializer):
    """The part of a returned release that may go out: `POST …/accept-partial` takes it."""

    tracks = serializers.ListField(child=serializers.IntegerField(), help_text="Positions on the returned release.")
    labels = LabelSerializer(many=True)
    accepted = serializers.UUIDField(allow_null=True, help_text="The submission by which it was accepted.")


class AppealFileSerializer(serializers.Serializer):
    """A document that came with an appeal."""

    name = serializers.CharField()
    sha256 = serializers.CharField()
    size = serializers.IntegerField()


class AppealSerializer(serializers.Serializer):
    """An objection to a decision, and what came of it."""

    id = serializers.UUIDField()
    state = _build_choice_field(("open", *Appeal.Outcome.values))
    statement = serializers.CharField()
    files = AppealFileSerializer(many=True)
    opened_at = serializers.DateTimeField()
    due_at = serializers.DateTimeField(help_text="Another moderator than the first has decided by then.")
    against = _build_choice_field(Verdict, help_text="The verdict that is objected to.")
    decided_at = serializers.DateTimeField(allow_null=True)
    reasons = serializers.ListField(child=serializers.CharField(), help_text="Of the decision on the appeal.")


class AppealsSerializer(serializers.Serializer):
    """Every appeal of a submission, the first one first."""

    results = AppealSerializer(many=True)


class NoteSerializer(serializers.Serializer):
    """What a moderator wrote to the label."""

    text = serializers.CharField()
    at = serializers.DateTimeField()


class SubmissionSerializer(serializers.Serializer):
    """One delivery of one release by one label."""

    id = serializers.UUIDField()
    state = _build_choice_field(State)
    verdict = _build_choice_field(Verdict, allow_null=True)
    created_at = serializers.DateTimeField()
    concluded_at = serializers.DateTimeField(allow_null=True)
    due_at = serializers.DateTimeField(allow_null=True)
    labels = LabelSerializer(many=True)
    reasons = serializers.ListField(child=serializers.CharField())
    policy = PolicySerializer(allow_null=True)
    findings = CountsSerializer()
    checks = CheckRunSerializer(many=True)
    tracks = TrackResultSerializer(many=True)
    partners = PartnerOutcomeSerializer(many=True)
    release = ReleaseSerializer()
    supersedes = serializers.UUIDField(allow_null=True)
    explanation = ExplanationSerializer(allow_null=True, help_text="Where a person decided.")
    to_mend = ToMendSerializer(many=True, help_text="Where it was returned.")
    partial = OfferSerializer(  # type: ignore[assignment]
        allow_null=True, help_text="Where some tracks may go out, and others not."
    )
    appeal = AppealSerializer(allow_null=True, help_text="The last one.")
    notes = NoteSerializer(many=True)
    uploads = UploadSerializer(many=True, required=False, help_text="While it is a draft.")


class JudgementSerializer(serializers.Serializer):
    """What the door would say."""

    blocking = serializers.BooleanField()
    findings = FindingSerializer(many=True)
    release = ReleaseSerializer(required=False, help_text="With `apply`: the release with its fixes carried out.")
    applied = serializers.ListField(
        child=serializers.CharField(), required=False, help_text="With `apply`: the codes whose fixes were carried out."
    )


class StoredFileSerializer(serializers.Serializer):
    """A file that has arrived."""

    name = serializers.CharField()
    sha256 = serializers.CharField()
    size = serializers.IntegerField()


class EventSerializer(serializers.Serializer):
    """One thing that happened to a submission."""

    id = serializers.UUIDField()
    submission = serializers.UUIDField()
    sequence = serializers.IntegerField(help_text="Rises with every event of one submission.")
    type = serializers.CharField()
    actor = serializers.CharField()
    created_at = serializers.DateTimeField()
    reasons = serializers.ListField(child=serializers.CharField())


class EndpointSerializer(serializers.Serializer):
    """A URL that wants to hear of events."""

    id = serializers.UUIDField()
    url = serializers.CharField()
    types = serializers.ListField(child=serializers.CharField())
    enabled = serializers.BooleanField()
    disabled_because = serializers.CharField(allow_null=True)
    failing_since = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()


class EndpointWithSecretSerializer(EndpointSerializer):
    """The same, with the secret that is shown this once."""

    secret = serializers.CharField()


class AttemptSerializer(serializers.Serializer):
    """One try to send one delivery."""

    number = serializers.IntegerField()
    at = serializers.DateTimeField()
    milliseconds = serializers.IntegerField()
    status_code = serializers.IntegerField(allow_null=True)
    error = serializers.CharField(allow_null=True)
    response = serializers.CharField()


class DeliverySerializer(serializers.Serializer):
    """One event to one endpoint; its id is the ``webhook-id``."""

    id = serializers.UUIDField()
    endpoint = serializers.UUIDField()
    type = serializers.CharField()
    event = serializers.UUIDField(allow_null=True)
    status = _build_choice_field(Delivery.Status.values)
    next_attempt_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()
    delivered_at = serializers.DateTimeField(allow_null=True)
    attempts = AttemptSerializer(many=True)


class KnownAsSerializer(serializers.Serializer):
    """What the artist is called by a registry or a partner."""

    scheme = serializers.CharField()
    value = serializers.CharField()


class AuthorisationSerializer(serializers.Serializer):
    """Who vouched, and since when, that you may deliver for the artist."""

    vouched_by = serializers.CharField()
    vouched_at = serializers.DateTimeField()


class ArtistKeySerializer(serializers.Serializer):
    """A key that the artist gives to its distributors; of the key itself only its beginning."""

    id = serializers.UUIDField()
    prefix = serializers.CharField()
    issued_by = serializers.CharField()
    created_at = serializers.DateTimeField()
    revoked_at = serializers.DateTimeField(allow_null=True)
    uses = serializers.IntegerField(help_text="Decided submissions that carried it.")
    last_used_at = serializers.DateTimeField(allow_null=True)


class NewArtistKeySerializer(ArtistKeySerializer):
    """The same, with the key that is shown this once."""

    key = serializers.CharField(
        allow_null=True, help_text="Null in an answer that is replayed: the key is kept nowhere."
    )


class ProtectedArtistSerializer(serializers.Serializer):
    """An artist with an identity that the registry guards."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    aliases = serializers.ListField(child=serializers.CharField())
    transliterations = serializers.ListField(child=serializers.CharField())
    identifiers = KnownAsSerializer(many=True)
    yours = serializers.BooleanField(help_text="Whether you may deliver under this name.")
    authorised = AuthorisationSerializer(allow_null=True, help_text="On whose word, where it is yours.")
    keys = ArtistKeySerializer(many=True, help_text="The artist's keys, where it is yours.")
    created_at = serializers.DateTimeField()


class KnownRecordingSerializer(serializers.Serializer):
    """A recording that you have made known."""

    id = serializers.IntegerField()
    title = serializers.CharField()
    artist = serializers.CharField()
    isrc = serializers.CharField(allow_null=True)
    owner = serializers.CharField()
    duration = serializers.FloatField()
    learned_at = serializers.DateTimeField()


class BlockSerializer(serializers.Serializer):
    """An entry of the blocklist that you have made."""

    id = serializers.UUIDField()
    kind = serializers.CharField()
    value = serializers.CharField()
    reason = serializers.CharField()
    blocked_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField(allow_null=True)
    lifted_at = serializers.DateTimeField(allow_null=True)


class AppealedSerializer(serializers.Serializer):
    """Which appeal, and what came of it."""

    id = serializers.UUIDField()
    outcome = _build_choice_field(Appeal.Outcome.values, allow_null=True)


class WebhookDataSerializer(serializers.Serializer):
    """What happened, thinly: the rest is at ``url``."""

    id = serializers.UUIDField()
    state = _build_choice_field(State)
    verdict = _build_choice_field(Verdict, allow_null=True)
    labels = LabelSerializer(many=True)
    upc = serializers.CharField(allow_null=True)
    isrcs = serializers.ListField(child=serializers.CharField())
    url = serializers.URLField()
    sequence = serializers.IntegerField()
    appeal = AppealedSerializer(required=False, help_text="In `appeal.opened` and `appeal.decided`.")


class WebhookSerializer(serializers.Serializer):
    """The body of a webhook, signed as Standard Webhooks has it."""

    type = _build_choice_field(webhook_payloads.TYPES)
    timestamp = serializers.DateTimeField()
    data = WebhookDataSerializer()  # type: ignore[assignment]
