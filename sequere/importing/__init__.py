"""Imports edges into the configured backend: from a file, from other packages, from django-sequere 0.x.

The source is only read.
"""
