"""Every address the gate answers."""

from django.urls import URLPattern, URLResolver, include, path
from django.views.generic import RedirectView

from intake.admin import desk

urlpatterns: list[URLPattern | URLResolver] = [
    path("", RedirectView.as_view(url="/admin/")),
    path("admin/", desk.urls),
    path("", include("intake.api.urls")),
]
handler400 = "intake.api.problems.bad_request"
handler403 = "intake.api.problems.answer_forbidden"
handler404 = "intake.api.problems.not_found"
handler500 = "intake.api.problems.server_error"
