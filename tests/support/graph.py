"""Looks at a store from outside: everything in it, and whether it agrees with itself."""

from __future__ import annotations

from sequere.backends.redis import scripts

#: The identifiers that tests use, for audit.
IDENTIFIERS = ("user", "project", "country", "document", "place", "profile", "book")


#: Kind of a key -> the command that reads it, and what makes its reply comparable.
KINDS = {
    "string": (lambda pipeline, key: pipeline.get(key), lambda text: text.decode(errors="backslashreplace")),
    "zset": (
        lambda pipeline, key: pipeline.zrange(key, 0, -1, withscores=True),
        lambda entries: {uid.decode(): score for uid, score in entries},
    ),
    "set": (lambda pipeline, key: pipeline.smembers(key), lambda members: {member.decode() for member in members}),
    "hash": (lambda pipeline, key: pipeline.hgetall(key), lambda fields: _decoded(fields)),
    "stream": (
        lambda pipeline, key: pipeline.xrange(key),
        lambda entries: [_decoded(fields) for _, fields in entries],
    ),
    "list": (lambda pipeline, key: pipeline.lrange(key, 0, -1), lambda texts: texts),
}


def _decoded(fields):
    return {name.decode(): text.decode() for name, text in fields.items()}


def dump(client) -> dict[str, object]:
    """Every key and its value, in a form that compares; in three round trips."""
    keys = client.keys("*")
    with client.pipeline(transaction=False) as pipeline:
        for key in keys:
            pipeline.type(key)
        kinds = [kind.decode() for kind in pipeline.execute()]
        for key, kind in zip(keys, kinds, strict=True):
            KINDS[kind][0](pipeline, key)
        values = pipeline.execute()
    return {key.decode(): KINDS[kind][1](value) for key, kind, value in zip(keys, kinds, values, strict=True)}


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


def find_contradictions(edges) -> list[tuple]:
    """The edges, as (relation, from, to), that stand beside a block, and the requests beside a follow of their kind."""
    blocks = {tuple(ends) for relation, *ends in edges if relation == "block"}
    found = []
    for relation, one, other in edges:
        base, at, kind = relation.partition("@")
        is_barred = base in ("follow", "request", "archive") and not blocks.isdisjoint({(one, other), (other, one)})
        if is_barred or (base == "request" and (f"follow{at}{kind}", one, other) in edges):
            found.append((relation, one, other))
    return found
