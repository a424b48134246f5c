"""What ``python -m sequere demo`` runs: a small Django project with one application, which is this package."""
