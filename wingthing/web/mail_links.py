"""`/auth/email`: sign-in by a link that is sent by mail.

The link opens a page with a button: programs that look at every link in a mail do not press it.
"""

from __future__ import annotations

import base64
from typing import Any

from klein import Klein
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.web.http import Request

from wingthing.errors import Forbidden, InvalidMessage, NotAuthenticated, PeerError
from wingthing.relay import limiting
from wingthing.relay.credentials import argument, cookie_of
from wingthing.relay.peers import Identity
from wingthing.store import sign_in, sign_ins
from wingthing.store.sign_in import Vouched
from wingthing.store.sign_ins import MailLink
from wingthing.web.answers import map_errors, page
from wingthing.web.auth import redirect
from wingthing.web.mail import Mailer
from wingthing.web.next_path import login_path, safe_next
from wingthing.web.providers import shown_name
from wingthing.web.sign_in import AFTER_LINKING, SECRET_BYTES, Ways, for_forms, login_page
from wingthing.wire.account_limits import MAIL_LINK_SECONDS, MAX_WAITING_LETTERS
from wingthing.wire.email_address import is_mailable, normal

MINUTES = MAIL_LINK_SECONDS // 60
SPENT = "This link has been used, or is older than 15 minutes, or a part of it is missing."

SIGN_IN = """\
Open this link to sign in to {url}:

{link}

It works once, within {minutes} minutes, in any browser.
If you have not asked for it, leave it alone: nobody gets in without it.
"""

LINK = """\
Open this link to sign in to {url} with {email} from now on:

{link}

It works once, within {minutes} minutes, in a browser that is signed in to the account that has asked for it.
If you have not asked for it, leave it alone.
"""


class LinkSender:
    """Sends links after the request that asked for one has been answered: what the answer says, and when,
    must not tell who may sign in."""

    log = Logger()

    def __init__(self, clock: Any, ways: Ways, mailer: Mailer) -> None:
        """`clock` provides IReactorTime."""
        self._clock = clock
        self._entrance = ways.entrance
        self._mailer = mailer
        self._waiting = 0

    def send(self, email: str, next_path: str, user_id: str = "") -> None:
        """Send a link to an address (in its normal form) that may sign in here; `user_id` is whose account it
        is to be linked to. Answers at once."""
        if self._waiting >= MAX_WAITING_LETTERS:
            self.log.error("a sign-in link is dropped: the mail server takes too long for the others")
            return
        self._waiting += 1
        self._clock.callLater(
            0, lambda: Deferred.fromCoroutine(self._send(email, next_path, user_id)).addBoth(self._sent)
        )

    def _sent(self, result: object) -> object:
        self._waiting -= 1
        return result

    async def _send(self, email: str, next_path: str, user_id: str) -> None:
        entrance = self._entrance
        if email not in entrance.allowed or not is_mailable(email):
            return
        token = base64.urlsafe_b64encode(entrance.randomness(SECRET_BYTES)).decode().rstrip("=")
        url = entrance.base_url()
        words = (LINK if user_id else SIGN_IN).format(
            url=url, link=f"{url}/auth/email/link?token={token}", minutes=MINUTES, email=email
        )
        host = url.partition("://")[2]
        try:
            await entrance.database.write(
                sign_ins.send_link,
                token=token,
                email=email,
                next_path=next_path,
                user_id=user_id,
                now=entrance.seconds(),
            )
            await self._mailer.send(email, f"Sign in to {host}", words)
        except PeerError as why:
            # The mailer has said in the log what is wrong.
            self.log.warn("a sign-in link could not be sent: {why}", why=str(why))
        except Exception:
            self.log.failure("a sign-in link could not be sent")


class MailLinks:
    """Klein app for `/auth/email`."""

    app = Klein()
    map_errors(app)

    def __init__(self, ways: Ways, sender: LinkSender) -> None:
        self._ways = ways
        self._entrance = ways.entrance
        self._sender = sender

    @app.route("/email", methods=["POST"])
    async def ask(self, request: Request) -> bytes:
        """Somebody asks for a link; the answer is the same for every address."""
        next_path = safe_next(argument(request, "next"))
        try:
            email = normal(argument(request, "email") or "")
        except InvalidMessage:
            problem = "This is no e-mail address that can be used here."
            return login_page(request, self._ways, next_path, problem=problem, status=400)
        limiting.check(request, "magic-link", subject=email)
        self._sender.send(email, next_path)
        return page(request, "mail_sent.html", title="Look into your mail", email=email, minutes=MINUTES)

    @app.route("/email/link", methods=["GET"])
    async def link_page(self, request: Request) -> bytes:
        """What the link opens. It changes nothing."""
        token = argument(request, "token") or ""
        found = await self._entrance.database.read(sign_ins.link, token, now=self._entrance.seconds())
        if found is None:
            return login_page(request, self._ways, safe_next(None), problem=SPENT, status=404)
        if found.user_id:
            identity = await self._identity(request)
            if identity is None:
                return redirect(request, login_path(request.uri.decode("latin-1")))
            self._must_be(identity, found)
        for_forms(request)
        title = "Add this address?" if found.user_id else "Sign in"
        return page(
            request,
            "mail_link.html",
            title=title,
            email=found.email,
            token=token,
            linking=bool(found.user_id),
        )

    @app.route("/email/link", methods=["POST"])
    async def use_link(self, request: Request) -> bytes:
        """The button."""
        limiting.check(request, "sign-in")
        token, now = argument(request, "token") or "", self._entrance.seconds()
        found = await self._entrance.database.read(sign_ins.link, token, now=now)
        identity = None
        if found is not None and found.user_id:
            # Asked before the link is spent.
            identity = await self._entrance.authenticator.viewer(cookie=cookie_of(request), token=None)
            self._must_be(identity, found)
        found = await self._entrance.database.write(sign_ins.spend_link, token, now=now)
        if found is None:
            return login_page(request, self._ways, safe_next(None), problem=SPENT, status=404)
        vouched = Vouched(sign_in.EMAIL, "", found.email, found.email, shown_name("", found.email))
        if identity is not None:
            await self._entrance.link(request, identity, vouched)
            return redirect(request, AFTER_LINKING)
        await self._entrance.enter(request, vouched)
        return redirect(request, found.next)

    async def _identity(self, request: Request) -> Identity | None:
        try:
            return await self._entrance.authenticator.viewer(cookie=cookie_of(request), token=None)
        except NotAuthenticated:
            return None

    def _must_be(self, identity: Identity, found: MailLink) -> None:
        """Raises Forbidden unless it is the account that has asked: else a link that somebody is sent could
        give their address to another's account."""
        if identity.user_id != found.user_id:
            raise Forbidden(
                "this link was asked for by another account: sign in with that, then open it again"
            )
