"""The addresses of the API, and of those who look after the gate."""

from django.urls import path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from intake.api import monitoring_views
from intake.api.views import (
    appeals,
    ddex,
    disclosures,
    endpoints,
    files,
    known_recordings,
    registry,
    signed_copies,
    submissions,
)

V1 = "api/v1/"

urlpatterns = [
    path(f"{V1}submissions", submissions.Submissions.as_view(), name="submissions"),
    path(f"{V1}submissions/<uuid:pk>", submissions.One.as_view(), name="submission"),
    path(f"{V1}submissions/<uuid:pk>/files/<str:name>", files.File.as_view(), name="file"),
    path(f"{V1}submissions/<uuid:pk>/submit", submissions.Submit.as_view(), name="submit"),
    path(f"{V1}submissions/<uuid:pk>/withdraw", submissions.Withdraw.as_view(), name="withdraw"),
    path(f"{V1}submissions/<uuid:pk>/appeal", appeals.Appeal.as_view(), name="appeal"),
    path(f"{V1}submissions/<uuid:pk>/accept-partial", appeals.AcceptPartial.as_view(), name="accept-partial"),
    path(f"{V1}submissions/<uuid:pk>/findings", submissions.Findings.as_view(), name="findings"),
    path(f"{V1}submissions/<uuid:pk>/disclosure", disclosures.Disclosure.as_view(), name="disclosure"),
    path(f"{V1}submissions/<uuid:pk>/disclosure/confirm", disclosures.Confirm.as_view(), name="confirm-disclosure"),
    path(f"{V1}submissions/<uuid:pk>/ern", ddex.Message.as_view(), name="submission-ern"),
    path(f"{V1}submissions/<uuid:pk>/marked-files", signed_copies.MarkedFiles.as_view(), name="marked-files"),
    path(
        f"{V1}submissions/<uuid:pk>/marked-files/<str:name>", signed_copies.OneMarkedFile.as_view(), name="marked-file"
    ),
    path(f"{V1}ddex/ern", ddex.Ern.as_view(), name="ern"),
    path(f"{V1}submissions/<uuid:pk>/events", submissions.Events.as_view(), name="events"),
    path(f"{V1}validate", submissions.Validate.as_view(), name="validate"),
    path(f"{V1}events", submissions.Feed.as_view(), name="feed"),
    path(f"{V1}webhook-endpoints", endpoints.Endpoints.as_view(), name="endpoints"),
    path(f"{V1}webhook-endpoints/<uuid:pk>", endpoints.OneEndpoint.as_view(), name="endpoint"),
    path(f"{V1}webhook-endpoints/<uuid:pk>/rotate-secret", endpoints.RotateSecret.as_view(), name="rotate-secret"),
    path(f"{V1}webhook-endpoints/<uuid:pk>/test", endpoints.TestEndpoint.as_view(), name="test-endpoint"),
    path(f"{V1}webhook-endpoints/<uuid:pk>/deliveries", endpoints.Deliveries.as_view(), name="deliveries"),
    path(f"{V1}deliveries/<uuid:pk>/replay", endpoints.Replay.as_view(), name="replay"),
    path(f"{V1}protected-artists", registry.ProtectedArtists.as_view(), name="protected-artists"),
    path(f"{V1}protected-artists/<uuid:pk>", registry.OneArtist.as_view(), name="protected-artist"),
    path(f"{V1}protected-artists/<uuid:pk>/keys", registry.ArtistKeys.as_view(), name="artist-keys"),
    path(f"{V1}protected-artists/<uuid:pk>/keys/<uuid:key>", registry.OneKey.as_view(), name="artist-key"),
    path(f"{V1}known-recordings", known_recordings.KnownRecordings.as_view(), name="known-recordings"),
    path(f"{V1}known-recordings/<int:pk>", known_recordings.OneRecording.as_view(), name="known-recording"),
    path(f"{V1}blocklist", known_recordings.Blocklist.as_view(), name="blocklist"),
    path(f"{V1}blocklist/<uuid:pk>", known_recordings.OneBlock.as_view(), name="block"),
    path(f"{V1}schema", SpectacularAPIView.as_view(permission_classes=[], authentication_classes=[]), name="schema"),
    path(
        "api/docs",
        SpectacularSwaggerSplitView.as_view(permission_classes=[], authentication_classes=[], url_name="schema"),
        name="docs",
    ),
    path("healthz", monitoring_views.healthz, name="healthz"),
    path("readyz", monitoring_views.readyz, name="readyz"),
    path("metrics", monitoring_views.metrics, name="metrics"),
    path("transparency", monitoring_views.transparency, name="transparency"),
]
