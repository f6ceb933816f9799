"""What is kept, and told to other nodes, in place of a secret."""

from __future__ import annotations

import hashlib


def digest(secret: str) -> str:
    """The SHA-256 of a secret, in hex. Ours are random and long, so no salt is needed."""
    return hashlib.sha256(secret.encode()).hexdigest()
