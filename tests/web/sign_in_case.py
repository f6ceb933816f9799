"""A server with sign-in for unit tests: two providers and a mailer that do as they are told."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from urllib.parse import urlencode

import attrs
from klein import Klein

from tests.store.support import counting
from tests.web.support import URL, Answer, WebCase
from wingthing.errors import TemporarilyUnavailable
from wingthing.store.sign_in import Vouched
from wingthing.web import methods
from wingthing.web.entrance import Entrance
from wingthing.web.mail_links import LinkSender, MailLinks
from wingthing.web.methods import MethodsApi
from wingthing.web.providers import Attempt, SignInFailed
from wingthing.web.sign_in import SignInPages, Ways
from wingthing.web.sign_in_settings import Allowed

FORM = "application/x-www-form-urlencoded"
LINK = re.compile(r"https?://\S+(/auth/email/link\?token=(\S+))")


class FakeProvider:
    """Vouches for whoever `codes` says, by the code; for nobody else."""

    def __init__(self, id: str, name: str) -> None:
        self.id = id
        self.name = name
        self.codes: dict[str, Vouched] = {}
        self.attempts: list[Attempt] = []
        self.came_back: list[tuple[Attempt, str, str | None]] = []
        self.down = False

    def knows(self, email: str, code: str = "code", subject: str = "") -> None:
        issuer = f"https://{self.id}.example"
        self.codes[code] = Vouched(self.id, issuer, subject or f"subject of {email}", email, email.title())

    async def location(self, attempt: Attempt) -> str:
        if self.down:
            raise TemporarilyUnavailable(f"{self.name} does not answer")
        self.attempts.append(attempt)
        return f"https://{self.id}.example/authorize?a=1&state={attempt.state}"

    async def person(self, attempt: Attempt, code: str, issuer: str | None) -> Vouched:
        self.came_back.append((attempt, code, issuer))
        if code not in self.codes:
            raise SignInFailed(f"{self.name} could not sign you in")
        return self.codes[code]


@attrs.frozen
class Letter:
    to: str
    subject: str
    text: str

    @property
    def path(self) -> str:
        found = LINK.search(self.text)
        assert found is not None, self.text
        return found[1]

    @property
    def token(self) -> str:
        found = LINK.search(self.text)
        assert found is not None, self.text
        return found[2]


class FakeMailer:
    def __init__(self) -> None:
        self.letters: list[Letter] = []
        self.down = False

    async def send(self, to: str, subject: str, text: str, html: str = "") -> None:
        if self.down:
            raise TemporarilyUnavailable("the mail could not be sent")
        self.letters.append(Letter(to, subject, text))


class SignInCase(WebCase):
    """`jar` are the cookies of the browser that asks."""

    sign_in = True
    allowed = Allowed()
    by_mail = True

    def setUp(self) -> None:
        self.github = FakeProvider("github", "GitHub")
        self.oidc = FakeProvider("oidc", "Example")
        self.mailer = FakeMailer()
        self.jar: dict[str, str] = {}
        super().setUp()

    def auth_parts(self) -> Mapping[str, Klein]:
        entrance = Entrance(
            authenticator=self.authenticator,
            database=self.database,
            allowed=self.allowed,
            base_url=lambda: self.base_url or URL,
            seconds=self.clock.seconds,
            revoked=self._revoked,
            randomness=counting(),
        )
        self.ways = Ways(entrance, {"github": self.github, "oidc": self.oidc}, by_mail=self.by_mail)
        self.sender = LinkSender(self.clock, self.ways, self.mailer)
        pages = SignInPages(self.ways).app
        links = {"email": MailLinks(self.ways, self.sender).app} if self.by_mail else {}
        return {**dict.fromkeys(("login", "github", "oidc"), pages), **links}

    def parts(self) -> Mapping[str, Klein]:
        sender = self.sender if self.by_mail else None
        return dict.fromkeys(methods.PARTS, MethodsApi(self.ways, sender).app)

    # -- a browser -------------------------------------------------------------------------------------------

    def browse(
        self, method: str, path: str, body: object = None, headers: Mapping[str, str | None] | None = None
    ) -> Answer:
        """One request with the cookies of the jar, as a page of this server sends it."""
        origin = self.base_url or URL
        sent: dict[str, str | None] = {
            "Cookie": "; ".join(f"{name}={value}" for name, value in self.jar.items()) or None,
            "Origin": None if method in ("GET", "HEAD") else origin,
            "Host": origin.partition("://")[2],
        }
        answer = self.ask(method, path, body, {**sent, **(headers or {})})
        for name, value in answer.headers:
            if name == "set-cookie":
                cookie, _, rest = value.partition("=")
                self.jar[cookie] = rest.partition(";")[0]
                if not self.jar[cookie]:
                    del self.jar[cookie]
        return answer

    def form(self, path: str, **fields: str) -> Answer:
        return self.browse("POST", path, urlencode(fields), {"Content-Type": FORM})

    def start(self, kind: str = "github", next_path: str = "/app/") -> str:
        """Press a button: the state that the provider is given."""
        answer = self.form(f"/auth/{kind}/start", next=next_path)
        assert answer.status == 200, answer
        assert html.escape(f"https://{kind}.example/authorize?a=1&state=") in answer.text
        return {"github": self.github, "oidc": self.oidc}[kind].attempts[-1].state

    def back(self, state: str, kind: str = "github", code: str = "code", more: str = "") -> Answer:
        return self.browse("GET", f"/auth/{kind}/callback?code={code}&state={state}{more}")

    def enter(self, email: str, kind: str = "github", next_path: str = "/app/") -> Answer:
        """Sign in as the owner of an address."""
        {"github": self.github, "oidc": self.oidc}[kind].knows(email)
        return self.back(self.start(kind, next_path), kind)

    @property
    def who(self) -> str:
        """The address of who is logged in; empty when nobody is."""
        answer = self.browse("GET", "/api/app/me")
        return str(answer.json["email"]) if answer.status == 200 else ""

    def other_browser(self) -> dict[str, str]:
        """Go on in another browser; the jar of the one before."""
        before, self.jar = self.jar, {}
        return before
