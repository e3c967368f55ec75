"""Releases as DDEX messages: ERN XML in, delivery documents out, and back."""
