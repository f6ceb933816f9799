"""E-mail addresses: one form for each, so that two that differ are never taken for one.

A person is recognised by the address that a provider has verified, so what is folded together here is one
account. Case in ASCII is (every mail server does so), and the spellings of one domain name are (DNS does so,
UTS 46). Everything else that only looks alike stays different, or is refused.
"""

from __future__ import annotations

import unicodedata

import idna

from wingthing.errors import InvalidMessage
from wingthing.wire.account_limits import MAX_EMAIL_CHARS

QUOTING = frozenset('",:;<>()[]\\@')
"""In the part before the @ these need quotes (RFC 5322 section 3.2.3), which nobody has."""

MAX_LOCAL_BYTES = 64


def normal(address: str) -> str:
    """The one form of an address: ASCII letters small, the domain as DNS has it.

    Raises InvalidMessage when it is none, or could be read as another: spaces, control and format characters,
    quotes, and characters that compatibility mappings (NFKC) turn into others before the @.
    """
    local, at, domain = address.strip(" ").rpartition("@")
    if (
        not at
        or not local
        or len(address) > MAX_EMAIL_CHARS
        or len(local.encode("utf-8", "replace")) > MAX_LOCAL_BYTES
    ):
        raise _none(address)
    if unicodedata.normalize("NFKC", local) != local or any(_is_foul(c) for c in local):
        raise _none(address)
    if local.startswith(".") or local.endswith(".") or ".." in local:
        raise _none(address)
    return f"{_lower_ascii(local)}@{normal_domain(domain)}"


def comparable(address: str) -> str:
    """The form in which an address that somebody has written into a list is compared with another: the normal
    one. What is no address differs from everything but itself, in whatever case of ASCII."""
    try:
        return normal(address)
    except InvalidMessage:
        return _lower_ascii(address)


def normal_domain(domain: str) -> str:
    """The one form of a domain name: as DNS has it (punycode), small letters. Raises InvalidMessage."""
    if any(_is_foul(c) for c in domain):
        raise _none(domain)
    try:
        name = idna.encode(domain, uts46=True, transitional=False).decode("ascii").lower()
    except (idna.IDNAError, UnicodeError, ValueError) as why:
        raise _none(domain) from why
    if not name or name.endswith(".") or name.rpartition(".")[2].isdigit():
        raise _none(domain)
    return name


def is_mailable(address: str) -> bool:
    """Whether an address can stand in an envelope: ASCII, and nothing in it that needs quotes."""
    local, _, domain = address.rpartition("@")
    return bool(local and domain) and address.isascii() and not any(_is_foul(c) for c in local + domain)


def _is_foul(character: str) -> bool:
    return character in QUOTING or character.isspace() or unicodedata.category(character)[0] in "CZ"


def _lower_ascii(text: str) -> str:
    # Not str.lower: it makes the Kelvin sign a k, and of a Turkish capital I two characters.
    return "".join(c.lower() if c.isascii() else c for c in text)


def _none(address: str) -> InvalidMessage:
    shown = address if address.isprintable() and len(address) <= MAX_EMAIL_CHARS else "this"
    return InvalidMessage(f"{shown} is no e-mail address that can be used here")
