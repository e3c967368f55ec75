"""The moderators' desk."""

from intake.admin import records, submissions, trust
from intake.admin.site import desk

__all__ = ["desk", "records", "submissions", "trust"]
