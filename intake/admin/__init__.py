"""The moderators' desk."""

from intake.admin import records, submissions
from intake.admin.site import desk

__all__ = ["desk", "records", "submissions"]
