"""The one Django app: submissions, from the door to the decision."""

from django.apps import AppConfig


class IntakeConfig(AppConfig):
    name = "intake"
    verbose_name = "Release intake"
    default_auto_field = "django.db.models.BigAutoField"
