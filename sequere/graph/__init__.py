"""The public functions, by family; :mod:`sequere.models` is where users import them from."""
