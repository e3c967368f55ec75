"""Health, the reaper, invariants and self-tests."""
