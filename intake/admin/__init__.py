"""The moderators' desk."""

from intake.admin import blocklist_admin, read_only_admins, submission_admin, trust_root_admin
from intake.admin.site import desk

__all__ = ["blocklist_admin", "desk", "read_only_admins", "submission_admin", "trust_root_admin"]
