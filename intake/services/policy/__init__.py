"""Policy versions and replay."""
