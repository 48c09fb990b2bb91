"""Rendezvous hashing: every process ranks the same names alike, and a name that comes or goes moves nothing between the others."""

import hashlib
from collections.abc import Iterable


def ranked(names: Iterable[str], *of: str) -> list[str]:
    """The names, highest rank first. Each part is hashed by itself, so that no two lists of parts give the same bytes."""
    prefix = hashlib.sha256(b"".join(hashlib.sha256(part.encode()).digest() for part in of))

    def rank(name: str) -> bytes:
        hashed = prefix.copy()
        hashed.update(name.encode())
        return hashed.digest()

    return sorted(names, key=rank, reverse=True)
