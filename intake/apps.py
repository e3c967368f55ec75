"""The one Django app: submissions, from the door to the decision."""

from django.apps import AppConfig
from django.conf import settings
from django.utils.module_loading import autodiscover_modules

from checks import analysis


class IntakeConfig(AppConfig):
    name = "intake"
    verbose_name = "Release intake"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        # The doorbell looks tasks up by name, so every process must know them; checks register by being imported.
        autodiscover_modules("tasks", "system_checks")
        level = analysis.Level.SYSCALLS if settings.PRODUCTION else analysis.Level.PROCESS
        analysis.demand_isolation(level, settings.GATE_SANDBOX_USER)
