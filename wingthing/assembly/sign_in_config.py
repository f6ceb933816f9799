"""How people sign in, from the environment: providers, mail, and who may."""

from __future__ import annotations

from collections.abc import Mapping
from email.utils import parseaddr

import hyperlink

from wingthing import names
from wingthing.errors import InvalidMessage, OperatorError
from wingthing.web.peer_user import is_loopback
from wingthing.web.sign_in_settings import EVERYBODY, Allowed, GitHubApp, OidcClient, Security, SignIn, Smtp
from wingthing.wire.email_address import is_mailable, normal, normal_domain

GITHUB_URL = "https://github.com"
GITHUB_API_URL = "https://api.github.com"
GOOGLE_ISSUER = "https://accounts.google.com"

PORTS: Mapping[Security, int] = {"starttls": 587, "tls": 465, "none": 25}


def sign_in(environment: Mapping[str, str]) -> SignIn | None:
    """What the environment says; None when it names no way to sign in.

    Raises OperatorError for half a configuration, and for what cannot be right.
    """
    configured = SignIn(
        github=_github(environment),
        google=_google(environment),
        oidc=_oidc(environment),
        smtp=_smtp(environment),
        allowed=_allowed(environment),
    )
    if not any((configured.github, configured.google, configured.oidc, configured.smtp)):
        if environment.get(names.ENV_ALLOWED_EMAILS):
            raise OperatorError(
                f"{names.ENV_ALLOWED_EMAILS} is set, but no way to sign in is: configure one "
                f"({names.ENV_GITHUB_CLIENT_ID}, {names.ENV_GOOGLE_CLIENT_ID}, {names.ENV_OIDC_ISSUER} or "
                f"{names.ENV_SMTP_HOST}), or unset it."
            )
        return None
    if names.ENV_ALLOWED_EMAILS in environment and configured.allowed == EVERYBODY:
        # Whoever sets it wants the server closed: a list that has come out empty must not open it.
        raise OperatorError(
            f"{names.ENV_ALLOWED_EMAILS} names nobody: write addresses and @domains, or unset it to let "
            "everybody sign in."
        )
    return configured


def _github(environment: Mapping[str, str]) -> GitHubApp | None:
    pair = _together(environment, names.ENV_GITHUB_CLIENT_ID, names.ENV_GITHUB_CLIENT_SECRET)
    if pair is None:
        return None
    url = _url(environment, names.ENV_GITHUB_URL) or GITHUB_URL
    usual = GITHUB_API_URL if url == GITHUB_URL else f"{url}/api/v3"
    return GitHubApp(pair[0], pair[1], url=url, api_url=_url(environment, names.ENV_GITHUB_API_URL) or usual)


def _google(environment: Mapping[str, str]) -> OidcClient | None:
    pair = _together(environment, names.ENV_GOOGLE_CLIENT_ID, names.ENV_GOOGLE_CLIENT_SECRET)
    if pair is None:
        return None
    issuer = _url(environment, names.ENV_GOOGLE_ISSUER) or GOOGLE_ISSUER
    return OidcClient(pair[0], pair[1], issuer=issuer, name="Google")


def _oidc(environment: Mapping[str, str]) -> OidcClient | None:
    found = _together(
        environment, names.ENV_OIDC_ISSUER, names.ENV_OIDC_CLIENT_ID, names.ENV_OIDC_CLIENT_SECRET
    )
    if found is None:
        return None
    # A slash at the end belongs to the name of some issuers: it is compared to the letter.
    issuer = _checked_url(found[0], names.ENV_OIDC_ISSUER)
    name = environment.get(names.ENV_OIDC_NAME, "").strip() or hyperlink.parse(issuer).host
    return OidcClient(found[1], found[2], issuer=issuer, name=name)


def _smtp(environment: Mapping[str, str]) -> Smtp | None:
    host = environment.get(names.ENV_SMTP_HOST, "").strip()
    others = [
        name
        for name in (names.ENV_SMTP_PORT, names.ENV_SMTP_USER, names.ENV_SMTP_PASSWORD, names.ENV_SMTP_FROM)
        if environment.get(name)
    ]
    if not host:
        if others:
            raise OperatorError(f"{others[0]} is set, but {names.ENV_SMTP_HOST} is not: set it, too.")
        return None
    local = host == "localhost" or is_loopback(host)
    security = _security(environment, "none" if local else "starttls")
    given_port = environment.get(names.ENV_SMTP_PORT) or str(PORTS[security])
    if not given_port.isdecimal() or not 0 < int(given_port) < 65536:
        raise OperatorError(f"{names.ENV_SMTP_PORT} is {given_port!r}: write a port number.")
    user, password = environment.get(names.ENV_SMTP_USER, ""), environment.get(names.ENV_SMTP_PASSWORD, "")
    if bool(user) != bool(password):
        raise OperatorError(f"Set both of {names.ENV_SMTP_USER} and {names.ENV_SMTP_PASSWORD}, or neither.")
    if user and security == "none" and not local:
        raise OperatorError(
            f"{names.ENV_SMTP_SECURITY} is none: the password for {host} would go there in clear text. "
            "Use starttls or tls."
        )
    given_sender = environment.get(names.ENV_SMTP_FROM, "")
    sender_name, sender = parseaddr(given_sender)
    if not is_mailable(sender) or not given_sender.isprintable():
        raise OperatorError(
            f"{names.ENV_SMTP_FROM} must say whom mail is from: wingthing@example.org, or "
            "Name <wingthing@example.org>."
        )
    return Smtp(
        host=host,
        port=int(given_port),
        security=security,
        sender=sender,
        sender_name=sender_name,
        user=user,
        password=password,
    )


def _security(environment: Mapping[str, str], usual: Security) -> Security:
    given = environment.get(names.ENV_SMTP_SECURITY) or usual
    for known in PORTS:
        if given == known:
            return known
    raise OperatorError(f"{names.ENV_SMTP_SECURITY} is {given!r}: write starttls, tls or none.")


def _allowed(environment: Mapping[str, str]) -> Allowed:
    addresses, domains = set(), set()
    for entry in filter(None, map(str.strip, environment.get(names.ENV_ALLOWED_EMAILS, "").split(","))):
        try:
            if entry.startswith("@"):
                domains.add(normal_domain(entry[1:]))
            else:
                addresses.add(normal(entry))
        except InvalidMessage:
            raise OperatorError(
                f"{names.ENV_ALLOWED_EMAILS}: {entry!r} is neither an address nor a domain such as "
                "@example.org."
            ) from None
    return Allowed(frozenset(addresses), frozenset(domains))


def _together(environment: Mapping[str, str], *wanted: str) -> tuple[str, ...] | None:
    """The values of variables that only make sense together; None when none of them is set."""
    values = tuple(environment.get(name, "").strip() for name in wanted)
    if not any(values):
        return None
    missing = [name for name, value in zip(wanted, values, strict=True) if not value]
    if missing:
        there = next(name for name, value in zip(wanted, values, strict=True) if value)
        raise OperatorError(f"{there} is set, but {missing[0]} is not: set both, or neither.")
    return values


def _url(environment: Mapping[str, str], name: str) -> str:
    given = environment.get(name, "").strip()
    return _checked_url(given, name).rstrip("/") if given else ""


def _checked_url(given: str, name: str) -> str:
    """Raises OperatorError when secrets could be read on the way there."""
    try:
        url = hyperlink.parse(given)
    except (hyperlink.URLParseError, ValueError) as why:
        raise OperatorError(f"{name} is {given!r}: write a URL.") from why
    near = url.host == "localhost" or is_loopback(url.host)
    if not url.host or not (url.scheme == "https" or (url.scheme == "http" and near)):
        raise OperatorError(f"{name} is {given!r}: write an https URL.")
    if url.query or url.fragment or any(url.userinfo):
        raise OperatorError(f"{name} is {given!r}: write it without user name, query and fragment.")
    return given
