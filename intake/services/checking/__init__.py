"""Measure, run checks, conclude."""
