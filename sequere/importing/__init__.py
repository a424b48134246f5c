"""Follows of django-sequere 0.x become edges of the configured backend. The old data is only read."""
