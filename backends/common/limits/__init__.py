"""Admission under limits, the same on every database."""
