"""Delivered bytes and resumable uploads."""
