"""Letters, and how they get to the mail server; tests/integration/test_sign_in.py has a real one."""

from __future__ import annotations

import email
import email.policy
from email.message import EmailMessage
from typing import Any

import attrs
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.internet.error import ConnectionLost
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import TestCase

from wingthing.errors import InvalidMessage, TemporarilyUnavailable
from wingthing.web import mail
from wingthing.web.mail import SmtpMailer, compose
from wingthing.web.sign_in_settings import Smtp
from wingthing.wire.account_limits import MAIL_SECONDS

SMTP = Smtp("127.0.0.1", 2525, "none", "wing@example.org", "Wing & Co")
AT = 1_800_000_000.0


def parsed(letter: bytes) -> EmailMessage:
    message = email.message_from_bytes(letter, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    return message


def composed(to: str = "ann@example.org", subject: str = "Hi", text: str = "Text", html: str = "") -> bytes:
    return compose(SMTP, to, subject, text, html, message_id="1f", at=AT)


class ComposeTests(TestCase):
    def test_a_letter(self) -> None:
        message = parsed(
            composed(subject="Gr\u00fc\u00dfe", text="https://wt.example/?token=a=b\n.\nend \u2713\n")
        )
        self.assertEqual(
            {name: str(message[name]) for name in ("To", "From", "Subject", "Date", "Message-ID")},
            {
                "To": "ann@example.org",
                "From": "Wing & Co <wing@example.org>",
                "Subject": "Gr\u00fc\u00dfe",
                "Date": "Fri, 15 Jan 2027 08:00:00 +0000",
                "Message-ID": "<1f@example.org>",
            },
        )
        self.assertEqual(message["Auto-Submitted"], "auto-generated")
        self.assertEqual(message.get_content(), "https://wt.example/?token=a=b\n.\nend \u2713\n")

    def test_with_html(self) -> None:
        message = parsed(composed(html="<p>Hi</p>"))
        plain, rich = message.get_body(("plain",)), message.get_body(("html",))
        assert plain is not None
        assert rich is not None
        self.assertEqual((plain.get_content(), rich.get_content()), ("Text\n", "<p>Hi</p>\n"))

    @given(st.text(max_size=60))
    def test_no_subject_becomes_a_header_of_its_own(self, subject: str) -> None:
        for hostile in (subject, f"{subject}\r\nBcc: eve@example.org\r\n\r\nbody"):
            try:
                letter = composed(subject=hostile)
            except UnicodeEncodeError:
                # A lone surrogate: no JSON and no form brings one here.
                continue
            message = parsed(letter)
            self.assertIsNone(message["Bcc"])
            self.assertEqual(message.get_content(), "Text\n")
            self.assertEqual(len(message.keys()), 9)

    def test_no_address_does(self) -> None:
        for to in (
            "ann@example.org\nBcc: eve@example.org",
            "ann@example.org\r\n",
            "ann@example.org, eve@example.org",
            "Ann <ann@example.org>",
            "<ann@example.org>",
            "ann@example.org> SIZE=1",
            "\u00e9@example.org",
            "ann",
            "",
            "ann@",
        ):
            self.assertRaises(InvalidMessage, composed, to)


class SmtpCase(TestCase):
    """A mail server of lines."""

    smtp = SMTP

    def setUp(self) -> None:
        self.reactor = MemoryReactorClock()
        self.mailer = SmtpMailer(self.reactor, self.smtp, lambda size: b"\x01" * size)
        # Names would be looked up in a thread.
        self.patch(mail, "HostnameEndpoint", self._endpoint)
        self.transport = _Transport()

    def _endpoint(self, reactor: Any, host: str, port: int, timeout: float) -> Any:
        return TCP4ClientEndpoint(reactor, host, port, timeout=int(timeout))

    def send(self) -> Deferred[None]:
        sending: Deferred[None] = Deferred.fromCoroutine(
            self.mailer.send("ann@example.org", "Hi", "One\n.two\n")
        )
        sending.addErrback(lambda failure: failure)
        (host, port, factory, _timeout, _bind) = self.reactor.tcpClients[-1]
        self.assertEqual((host, port), ("127.0.0.1", 2525))
        self.client = factory.buildProtocol(None)
        self.client.makeConnection(self.transport)
        return sending

    def say(self, *lines: str) -> list[str]:
        """What the server says; what it hears then."""
        self.transport.clear()
        for line in lines:
            self.client.dataReceived(f"{line}\r\n".encode())
        return self.transport.value().decode().splitlines()


class _Transport(StringTransport):
    aborted = False
    started_tls = False

    def abortConnection(self) -> None:
        self.aborted = True

    def startTLS(self, context: object) -> None:
        self.started_tls = True


class PlainTests(SmtpCase):
    def test_the_dialogue(self) -> None:
        sending = self.send()
        self.assertTrue(self.say("220 mx")[0].startswith("EHLO "))
        self.assertEqual(self.say("250-mx", "250 SIZE 1000"), ["MAIL FROM:<wing@example.org>"])
        self.assertEqual(self.say("250 ok"), ["RCPT TO:<ann@example.org>"])
        self.assertEqual(self.say("250 ok"), ["DATA"])
        self.say("354 go")
        while self.transport.producer is not None:
            self.transport.producer.resumeProducing()
        sent = self.transport.value().decode().split("\r\n")
        self.assertIn("To: ann@example.org", sent)
        self.assertEqual(sent[-4:], ["One", "..two", ".", ""])
        self.assertEqual(self.say("250 taken")[0], "QUIT")
        self.successResultOf(sending)
        self.assertTrue(self.transport.disconnecting)

    def test_what_the_server_does_not_take(self) -> None:
        for lines in (
            ["554 no"],
            ["220 mx", "550 no"],
            ["220 mx", "250 mx", "550 no"],
            ["220 mx", "250 mx", "250", "550"],
        ):
            self.transport = _Transport()
            sending = self.send()
            for line in lines:
                self.say(line)
            self.failureResultOf(sending, TemporarilyUnavailable)

    def test_a_line_that_breaks(self) -> None:
        sending = self.send()
        self.say("220 mx")
        self.client.connectionLost(Failure(ConnectionLost()))
        self.failureResultOf(sending, TemporarilyUnavailable)

    def test_a_server_that_says_nothing(self) -> None:
        sending = self.send()
        self.reactor.advance(MAIL_SECONDS)
        self.failureResultOf(sending, TemporarilyUnavailable)
        self.assertTrue(self.transport.aborted)


class StartTlsTests(SmtpCase):
    smtp = attrs.evolve(SMTP, security="starttls", user="wing", password="s3cret")

    def test_nothing_is_said_before_it(self) -> None:
        sending = self.send()
        self.say("220 mx")
        self.assertEqual(self.say("250-mx", "250-AUTH PLAIN", "250 STARTTLS"), ["STARTTLS"])
        self.say("220 go")
        self.assertTrue(self.transport.started_tls)
        self.assertNoResult(sending)
        self.transport.loseConnection()
        self.reactor.advance(MAIL_SECONDS)
        self.failureResultOf(sending, TemporarilyUnavailable)

    def test_a_server_without_it_gets_nothing(self) -> None:
        sending = self.send()
        self.say("220 mx")
        heard = self.say("250-mx", "250 AUTH PLAIN LOGIN")
        self.failureResultOf(sending, TemporarilyUnavailable)
        self.assertNotIn("AUTH", " ".join(heard))
        self.assertNotIn("MAIL", " ".join(heard))

    def test_what_was_slipped_in_before_the_handshake(self) -> None:
        sending = self.send()
        self.say("220 mx")
        self.say("250-mx", "250 STARTTLS")
        self.client.dataReceived(b"220 go\r\n250-mx\r\n250 AUTH PLAIN\r\n")
        self.assertFalse(self.transport.started_tls)
        self.failureResultOf(sending, TemporarilyUnavailable)


class PasswordTests(SmtpCase):
    smtp = attrs.evolve(SMTP, user="wing", password="s3cret")

    def test_it_is_in_no_error_and_in_no_settings(self) -> None:
        sending = self.send()
        self.say("220 mx")
        self.assertTrue(self.say("250-mx", "250 AUTH PLAIN")[0].startswith("AUTH PLAIN "))
        self.say("535 no", "535 no")
        failure = self.failureResultOf(sending, TemporarilyUnavailable)
        self.assertIsNone(failure.value.__cause__)
        self.assertTrue(failure.value.__suppress_context__)
        self.assertNotIn("s3cret", repr(self.smtp))

    def test_a_server_that_wants_none_gets_nothing(self) -> None:
        sending = self.send()
        self.say("220 mx")
        self.say("250 mx")
        self.failureResultOf(sending, TemporarilyUnavailable)
