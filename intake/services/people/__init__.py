"""Accounts, log-in security, permissions and the access log."""
