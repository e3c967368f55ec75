"""Django's own checks of settings and models, under another name: ``check`` here is a question put to a release."""

from django.core.management.commands.check import Command

__all__ = ["Command"]
