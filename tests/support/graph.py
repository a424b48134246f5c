"""Looks at a store from outside: everything in it, and whether it agrees with itself."""

from __future__ import annotations

from sequere.backends.redis import scripts

#: The identifiers that tests use, for audit.
IDENTIFIERS = ("user", "project", "country", "document", "place", "profile", "book")


def dump(client) -> dict[str, object]:
    """Every key and its value, in a form that compares."""
    found = {}
    for key in client.keys("*"):
        kind = client.type(key).decode()
        if kind == "string":
            value = client.get(key).decode(errors="backslashreplace")
        elif kind == "zset":
            value = {uid.decode(): score for uid, score in client.zrange(key, 0, -1, withscores=True)}
        elif kind == "hash":
            value = {name.decode(): text.decode() for name, text in client.hgetall(key).items()}
        elif kind == "stream":
            value = [
                {name.decode(): text.decode() for name, text in fields.items()} for _, fields in client.xrange(key)
            ]
        else:
            value = kind
        found[key.decode()] = value
    return found


def audit(client, prefix="sequere:", *, repair=False) -> list[tuple[str, str, str]]:
    """What audit finds in a whole graph, resource by resource."""
    script = scripts.catalogue()["audit"]
    findings = []
    for key in sorted(client.scan_iter(match=f"{prefix}uid::*", count=1000)):
        name = client.hmget(key, "identifier", "object_id")
        if None in name:
            findings.append(("mapping", key.decode(), "no name"))
            continue
        cursor = b""
        while True:
            keys = [2, prefix, f"{prefix}global:uid"]
            cursor, _, *fields = client.eval(script.text, *keys, *name, cursor, 50, int(repair), *IDENTIFIERS)
            texts = [field.decode() for field in fields]
            findings += zip(texts[::3], texts[1::3], texts[2::3], strict=True)
            if not cursor:
                break
    return findings
