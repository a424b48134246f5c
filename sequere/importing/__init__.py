"""Imports follows of django-sequere 0.x into the configured backend. The old data is only read."""
