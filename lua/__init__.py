"""The scripts as they are shipped: ``manifest.json`` and the texts of ``v1``. Installed as ``sequere.lua``."""
