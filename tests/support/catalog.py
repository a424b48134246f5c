"""Translations for a test."""

from __future__ import annotations

import struct

HEADER = "Content-Type: text/plain; charset=UTF-8\n"


def write_catalog(path, texts):
    """Write a catalog of gettext (``django.mo``) with these translations."""
    entries = sorted({"": HEADER, **texts}.items())
    tables, strings = [], b""
    start = 28 + 16 * len(entries)
    for side in (0, 1):
        for entry in entries:
            text = entry[side].encode()
            tables.append(struct.pack("<2I", len(text), start + len(strings)))
            strings += text + b"\0"
    path.parent.mkdir(parents=True)
    header = struct.pack("<7I", 0x950412DE, 0, len(entries), 28, 28 + 8 * len(entries), 0, 0)
    path.write_bytes(header + b"".join(tables) + strings)
