"""The moderators' desk."""

from intake.admin import blocks, records, submissions, trust
from intake.admin.site import desk

__all__ = ["blocks", "desk", "records", "submissions", "trust"]
