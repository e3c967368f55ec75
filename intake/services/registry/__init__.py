"""The identity registry."""
