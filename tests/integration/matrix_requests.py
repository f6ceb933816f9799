"""What is sent for each row of the HTTP matrix, and how."""

from __future__ import annotations

import http.client
import json
import re
import secrets
import time
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote, urlencode, urlsplit

import attrs

from tests.integration.matrix import DEPUTY, MATE, STRANGER, Row, World
from tests.integration.program import DEADLINE_SECONDS
from tests.web.payments import encoded, event, signed
from wingthing.cluster.trust import Trust
from wingthing.crypto.keyring import KeyRing
from wingthing.crypto.node_tokens import Audience
from wingthing.names import SESSION_COOKIE
from wingthing.wire.internal import EDGE_HEADER, NODE_HEADER

QUERIES: Final[Mapping[str, str]] = {
    "GET /auth/email/link": "?token={link}",
    "GET /auth/email/link (to link an address)": "?token={linking}",
    "GET /auth/claim": "?code={code}",
    "GET /api/app/resolve-email": "?email={address}",
    "GET /ws/pty": "?wing_id={wing}",
    "GET /ws/relay": "?wing_id={wing}",
}

BODIES: Final[Mapping[str, Any]] = {
    "POST /auth/device": {"wing_id": "ab" * 12},
    "POST /auth/token": {"device_code": "{nonsense}"},
    "POST /auth/refresh": {"token": "{bearer}"},
    "PUT /api/app/wings/{wing}/label": {"label": "Desk"},
    "PUT /api/app/profile": {"display_name": "Another"},
    "POST /api/app/methods/{provider}/link": {},
    "POST /api/app/methods/{mail}/link": {"email": "{nonsense}@example.org"},
    "POST /api/app/passkey/register/finish": {"id": "a", "rawId": "a", "type": "public-key", "response": {}},
    "PUT /api/app/passkey/{passkey}": {"label": "Key"},
    "POST /api/app/ntfy": {"topic": "topic"},
    "POST /api/app/push": {
        "endpoint": "https://push.invalid/{nonsense}",
        "keys": {
            # RFC 8291, appendix A.
            "p256dh": "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcx"
            "aOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
            "auth": "BTBZMqHH6r4Tts7J_aSIgg",
        },
    },
    "PUT /api/app/push": {"events": "exit"},
    "DELETE /api/app/account": {"confirm": "{me}"},
    "POST /api/orgs": {"name": "Another"},
    "PUT /api/orgs/{org}": {"name": "Another"},
    "PUT /api/orgs/{org}/members/{mate}": {"role": "admin"},
    "PUT /api/orgs/{org}/members/{mate} (owner)": {"role": "owner"},
    "PUT /api/orgs/{org}/members/{deputy}": {"role": "member"},
    "PUT /api/orgs/{org}/members/{me}": {"role": "admin"},
    "POST /api/orgs/{org}/transfer": {"user_id": "{mate}"},
    "PUT /api/orgs/{other}/members/{mate}": {"role": "member"},
    "POST /api/orgs/{other}/transfer": {"user_id": "{mate}"},
    "POST /api/orgs/{org}/invite": {"emails": ["{nonsense}@example.org"], "role": "admin"},
    "POST /api/orgs/{org}/invite (an owner)": {"emails": ["{nonsense}@example.org"], "role": "owner"},
}

FORMS: Final[Mapping[str, Mapping[str, str]]] = {
    "POST /invite/{invite}": {},
    "POST /invite/{invite} (sign in as another)": {"do": "switch"},
    "POST /auth/{provider}/start": {},
    "POST /auth/email": {"email": "{nonsense}@example.org"},
    "POST /auth/email/link": {"token": "{link}"},
    "POST /auth/email/link (to link an address)": {"token": "{linking}"},
    "POST /auth/claim": {"user_code": "{code}"},
}

FIXED: Final[Mapping[str, str]] = {
    "provider": "github",
    "mail": "email",
    "file": "service-worker.js",
    "style": "icon.svg",
}
"""What does not belong to anybody."""


@attrs.frozen
class Answer:
    """`status` as in the table."""

    status: str
    body: bytes


@attrs.frozen
class Question:
    """A request that can be sent."""

    method: str
    path: str
    headers: dict[str, str]
    body: str | bytes | None


class Asker:
    """Puts the questions of one column at one region, over one connection from an address of its own: limits
    go by addresses too."""

    def __init__(self, url: str, column: str, keys: KeyRing, source: str) -> None:
        parts = urlsplit(url)
        assert parts.hostname is not None
        self._at = (parts.hostname, parts.port)
        # By its name, as passkeys need it.
        self.host = f"localhost:{parts.port}"
        self._column = column
        self._trust = Trust(keys, "matrix", time.time, lambda: secrets.token_hex(12))
        self._source = source
        self._connection = self._connect()

    def ask(self, row: Row, world: World, things: Mapping[str, str]) -> Answer:
        """The answer to a row's question about these things."""
        return self.send(self.question(row, world, things))

    def question(self, row: Row, world: World, things: Mapping[str, str]) -> Question:
        """A row's question."""
        headers = {"Host": self.host, "Origin": f"http://{self.host}", **self._credentials(world)}
        named = {
            **FIXED,
            **world.users,
            "address": f"owner-{world.mark}@example.org",
            "me": world.users.get(self._column, world.users[STRANGER]),
            "bearer": headers.get("Authorization", "").removeprefix("Bearer "),
            "nonsense": secrets.token_hex(12),
            **things,
        }

        def filled(value: Any) -> Any:
            if isinstance(value, str):
                return value.format_map(named)
            if isinstance(value, Mapping):
                return {key: filled(each) for key, each in value.items()}
            return [filled(each) for each in value]

        method, path = address_of(row)
        quoted = {key: quote(value, safe="") for key, value in named.items()}
        path = (path + QUERIES.get(row.what, "")).format_map(quoted)
        if path.startswith("/ws/"):
            headers |= {
                "Connection": "Upgrade",
                "Upgrade": "websocket",
                "Sec-WebSocket-Version": "13",
                "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
            }
        if row.what in BODIES:
            body = json.dumps(filled(BODIES[row.what]))
            return Question(method, path, headers | {"Content-Type": "application/json"}, body)
        if row.what in FORMS:
            form = {"Content-Type": "application/x-www-form-urlencoded"}
            return Question(method, path, headers | form, urlencode(filled(FORMS[row.what])))
        if row.what == "POST /billing/webhook (signed)":
            now = int(time.time())
            content = encoded(event("customer.created", {}, event_id=secrets.token_hex(8), created=now))
            return Question(method, path, headers | {"Stripe-Signature": signed(content, at=now)}, content)
        return Question(method, path, headers, None)

    def send(self, question: Question) -> Answer:
        """Put it. A socket is closed as soon as it is open."""
        opens = question.path.startswith("/ws/")
        connection = self._connect() if opens else self._connection
        connection.request(question.method, question.path, question.body, question.headers)
        answer = connection.getresponse()
        status, body = str(answer.status), b"" if answer.status == 101 else answer.read()
        if answer.status == 303 and (answer.getheader("Location") or "").startswith("/auth/login"):
            status = "login"
        if opens:
            connection.close()
        return Answer(status, body)

    def close(self) -> None:
        self._connection.close()

    def _connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(
            *self._at, timeout=DEADLINE_SECONDS, source_address=(self._source, 0)
        )

    def _credentials(self, world: World) -> dict[str, str]:
        if self._column in world.cookies:
            return {"Cookie": f"{SESSION_COOKIE}={world.cookies[self._column]}"}
        if self._column == "wing":
            return {"Authorization": f"Bearer {world.bearer}"}
        if self._column == "edge":
            token, _jti = self._trust.token(Audience.INTERNAL)
            standing = self._trust.standing_token(Audience.EDGE)
            return {"Authorization": f"Bearer {token}", NODE_HEADER: token, EDGE_HEADER: standing}
        assert self._column == "nobody", self._column
        return {}


def all_of(row: Row) -> str:
    """All that is sent for a row, with the names in it."""
    return f"{row.what} {QUERIES.get(row.what)} {BODIES.get(row.what)} {FORMS.get(row.what)}"


def address_of(row: Row) -> tuple[str, str]:
    """Method and path of a row, as they stand there."""
    method, path, *_note = row.what.split(" ", 2)
    return method, path


def absent(world: World) -> dict[str, str]:
    """Names for things that there are not, in the form of those of a world.

    The stranger's organisation stays: what is asked for in it is not there.
    """
    named = {**world.things, MATE: world.users[MATE], DEPUTY: world.users[DEPUTY]}
    others = {name: RANDOM.sub(_other, value) for name, value in named.items()}
    return others | {"other": world.things["other"]}


RANDOM: Final = re.compile(r"[-\w]{43}|[0-9a-f]{8,}")
"""The part of a name that is chosen by chance: a token, or hex digits."""


def _other(found: re.Match[str]) -> str:
    return secrets.token_hex(64)[: len(found[0])]
