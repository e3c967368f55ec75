"""Every address the gate answers."""

from django.urls import URLPattern, URLResolver, path

from intake.admin import desk

urlpatterns: list[URLPattern | URLResolver] = [
    path("admin/", desk.urls),
]
