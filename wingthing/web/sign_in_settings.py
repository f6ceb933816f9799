"""What an operator can configure of sign-in and mail. Loads no framework: the command line reads it, too."""

from __future__ import annotations

from typing import Literal

import attrs

Security = Literal["starttls", "tls", "none"]


@attrs.frozen
class Smtp:
    """The mail server of this node, and whom its letters are from."""

    host: str
    port: int
    security: Security
    sender: str
    """A bare address."""

    sender_name: str = ""
    user: str = ""
    password: str = attrs.field(default="", repr=False)


@attrs.frozen
class GitHubApp:
    """An OAuth app at GitHub, or at a GitHub Enterprise Server."""

    client_id: str
    client_secret: str = attrs.field(repr=False)
    url: str
    api_url: str


@attrs.frozen
class OidcClient:
    """A client of an OpenID Connect provider; `name` is what people call that."""

    client_id: str
    client_secret: str = attrs.field(repr=False)
    issuer: str
    name: str


@attrs.frozen
class Allowed:
    """Addresses and domains in the form of `wire.email_address`; with neither, everybody may sign in."""

    addresses: frozenset[str] = frozenset()
    domains: frozenset[str] = frozenset()

    def __contains__(self, email: str) -> bool:
        """Whether the owner of a verified address, in its normal form, may sign in."""
        if not self.addresses and not self.domains:
            return True
        return email in self.addresses or email.rpartition("@")[2] in self.domains


EVERYBODY = Allowed()


@attrs.frozen
class SignIn:
    """What is configured, at least one way. The order is that of the login page."""

    github: GitHubApp | None = None
    google: OidcClient | None = None
    oidc: OidcClient | None = None
    smtp: Smtp | None = None
    allowed: Allowed = EVERYBODY
