"""Mail to people: invites and sign-in links, by one SMTP server."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from io import BytesIO
from typing import Any, Protocol, cast

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import HostnameEndpoint, wrapClientTLS
from twisted.internet.error import ConnectionClosed
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.protocol import Factory, connectionDone
from twisted.internet.ssl import optionsForClientTLS
from twisted.logger import Logger
from twisted.mail.smtp import (
    DNSNAME,
    CramMD5ClientAuthenticator,
    ESMTPClient,
    LOGINAuthenticator,
    PLAINAuthenticator,
    SMTPClientError,
)
from twisted.python.failure import Failure

from wingthing.errors import InvalidMessage, TemporarilyUnavailable
from wingthing.failures import error_words
from wingthing.web.sign_in_settings import Smtp
from wingthing.wire.account_limits import MAIL_SECONDS
from wingthing.wire.email_address import is_mailable

POLICY = SMTP.clone(linesep="\n")
"""Twisted's client makes the line ends, and doubles the dots."""


class Mailer(Protocol):
    """Sends mail."""

    async def send(self, to: str, subject: str, text: str, html: str = "") -> None:
        """Hand one letter to the mail server; `to` is one bare address.

        Raises TemporarilyUnavailable when the server does not take it, InvalidMessage when `to` is none that
        mail can be sent to.
        """


class SmtpMailer:
    """Implements Mailer. Every letter has a connection of its own, which has MAIL_SECONDS in all.

    `reactor` connects and tells the time. A server without STARTTLS gets nothing where that is asked for, and
    its certificate must be valid.
    """

    log = Logger()

    def __init__(self, reactor: Any, smtp: Smtp, randomness: Callable[[int], bytes] = os.urandom) -> None:
        self._reactor = reactor
        self._smtp = smtp
        self._randomness = randomness

    async def send(self, to: str, subject: str, text: str, html: str = "") -> None:
        letter = compose(
            self._smtp,
            to,
            subject,
            text,
            html,
            message_id=self._randomness(16).hex(),
            at=self._reactor.seconds(),
        )
        sent: Deferred[None] = Deferred.fromCoroutine(self._deliver(to, letter))
        sent.addTimeout(MAIL_SECONDS, self._reactor)
        try:
            await sent
        except Exception as why:
            # Not the error's text: it may quote what was said to the server.
            kind = f"{why.code}" if isinstance(why, SMTPClientError) and why.code > 0 else type(why).__name__
            if not isinstance(why, SMTPClientError):
                kind = f"{kind}, {error_words(why)}"
            self.log.warn("mail could not be sent through {host}: {why}", host=self._smtp.host, why=kind)
            raise TemporarilyUnavailable(
                "the mail could not be sent just now: try again in a few minutes"
            ) from None

    async def _deliver(self, to: str, letter: bytes) -> None:
        done: Deferred[None] = Deferred()
        sender = _Sender(self._smtp, to, letter, done)
        endpoint: IStreamClientEndpoint = HostnameEndpoint(
            self._reactor, self._smtp.host, self._smtp.port, timeout=MAIL_SECONDS
        )
        if self._smtp.security == "tls":
            endpoint = wrapClientTLS(optionsForClientTLS(self._smtp.host), endpoint)
        factory = Factory.forProtocol(lambda: sender)
        factory.noisy = False
        await endpoint.connect(factory)
        try:
            await done
        except BaseException:
            # A server that says nothing would not end it in good order either.
            cast(Any, sender.transport).abortConnection()
            raise
        cast(Any, sender.transport).loseConnection()


class _Sender(ESMTPClient):
    """One letter to one address. `done` fires once, when the server has taken it or will not."""

    debug = False
    """Else all that is said is kept, and quoted in errors: a password, too."""

    heloFallback = False
    """Every server knows EHLO; one that refused both would be asked again and again."""

    def __init__(self, smtp: Smtp, to: str, letter: bytes, done: Deferred[None]) -> None:
        secret = smtp.password.encode() if smtp.user else None
        context = optionsForClientTLS(smtp.host) if smtp.security == "starttls" else None
        super().__init__(secret, context, DNSNAME)
        self.requireTransportSecurity = smtp.security != "none"
        self.requireAuthentication = bool(smtp.user)
        for kind in (CramMD5ClientAuthenticator, LOGINAuthenticator, PLAINAuthenticator):
            self.registerAuthenticator(kind(smtp.user.encode()))
        self._sender = smtp.sender
        self._to: list[str] = [to]
        self._letter = letter
        self._done: Deferred[None] | None = done

    def getMailFrom(self) -> str | None:
        # Asked for again once the letter has gone: then None ends the dialogue.
        given, self._sender = self._sender, ""
        return given or None

    def getMailTo(self) -> list[str]:
        return self._to

    def getMailData(self) -> BytesIO:
        return BytesIO(self._letter)

    def esmtpState_starttls(self, code: int, resp: bytes) -> None:
        if self.clearLineBuffer():
            # Said before the handshake by whoever is on the way, to be believed after it (CVE-2011-0411).
            self.esmtpTLSFailed()
            return
        super().esmtpState_starttls(code, resp)

    def sentMail(self, code: int, resp: bytes, numOk: int, addresses: object, log: object) -> None:
        self.sendLine(b"QUIT")
        self._end(None if code == 250 and numOk else Failure(SMTPClientError(code, resp)))

    def sendError(self, exc: SMTPClientError) -> None:
        self._end(Failure(exc))
        super().sendError(exc)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        super().connectionLost(reason)
        self._end(reason if reason.check(ConnectionClosed) is None else Failure(ConnectionClosed()))

    def _end(self, failure: Failure | None) -> None:
        done, self._done = self._done, None
        if done is None:
            return
        if failure is None:
            done.callback(None)
        else:
            done.errback(failure)


def compose(
    smtp: Smtp, to: str, subject: str, text: str, html: str = "", *, message_id: str, at: float
) -> bytes:
    """One letter, with line ends of one character.

    Nothing in `to` or `subject` can become a header of its own: `to` must be a bare ASCII address
    (InvalidMessage else), control characters in the subject become spaces.
    """
    if not is_mailable(to):
        raise InvalidMessage("mail cannot be sent to this address")
    letter = EmailMessage(policy=POLICY)
    try:
        letter["To"] = Address(addr_spec=to)
    except (ValueError, MessageError, IndexError) as why:
        raise InvalidMessage("mail cannot be sent to this address") from why
    letter["From"] = Address(smtp.sender_name, addr_spec=smtp.sender)
    letter["Subject"] = " ".join("".join(c if c.isprintable() else " " for c in subject).split())
    letter["Date"] = format_datetime(datetime.fromtimestamp(at, UTC))
    letter["Message-ID"] = f"<{message_id}@{smtp.sender.rpartition('@')[2]}>"
    letter["Auto-Submitted"] = "auto-generated"
    letter.set_content(text, cte="quoted-printable")
    if html:
        letter.add_alternative(html, subtype="html", cte="quoted-printable")
    return letter.as_bytes()
