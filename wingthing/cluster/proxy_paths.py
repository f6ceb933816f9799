"""Which addresses an edge serves itself, and which never get to login, however they are spelled.

Login serves `/internal`, `/metrics` and `/ws` as well, and refuses strangers there because a request through
Fly's proxy carries Fly's headers. The edge takes those headers away, so nothing that login might read as one
of these addresses may pass: not as it stands, not decoded, not with its dots resolved.
"""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import unquote_to_bytes

from wingthing.errors import NotFound, PeerError

LOCAL_PAGES = frozenset({b"/health", b"/ready", b"/metrics", b"/favicon.ico", b"/ws", b"/internal", b"*"})
LOCAL_FOLDERS = (b"/ws/", b"/internal/", b"/static/")
RESERVED = frozenset({b"internal", b"metrics", b"ws"})
"""First segments of addresses that are not for login."""


def is_local(path: bytes) -> bool:
    """Whether an edge serves this path itself. The path is as it came: `/%69nternal` is nobody's."""
    return path in LOCAL_PAGES or path.startswith(LOCAL_FOLDERS)


def check_target(method: bytes, target: bytes) -> None:
    """Whether a request for `target`, which is not local, may go to login.

    Raises NotFound when it may not: it names something reserved, or is no path (RFC 9112 section 3.2 has
    three other forms, which are for proxies that the client has chosen). Raises PeerError (400) when it has
    characters that no address has.
    """
    if method == b"CONNECT" or not target.startswith(b"/"):
        raise NotFound("not found")
    if not target.isascii() or not target.decode("ascii").isprintable():
        raise PeerError("the address has characters that must be percent-encoded")
    path = target.partition(b"?")[0]
    # Once is what login does; twice is for whoever may come to stand between.
    once = unquote_to_bytes(path)
    if any(_is_reserved(spelling) for spelling in (path, once, unquote_to_bytes(once))):
        raise NotFound("not found")


def _is_reserved(path: bytes) -> bool:
    """Whether the first segment is reserved, with `..` left out or with `..` resolved."""
    plain = next((segment for segment in _segments(path) if segment != b".."), b"")
    resolved: list[bytes] = []
    for segment in _segments(path):
        if segment != b"..":
            resolved.append(segment)
        elif resolved:
            resolved.pop()
    return plain in RESERVED or bool(resolved and resolved[0] in RESERVED)


def _segments(path: bytes) -> Iterator[bytes]:
    """The segments that say something: in lower case, without parameters."""
    for part in path.replace(b"\\", b"/").lower().split(b"/"):
        segment = part.partition(b";")[0]
        if segment not in (b"", b"."):
            yield segment
