"""The public functions, grouped by subject. Users import them from :mod:`sequere.models`."""
