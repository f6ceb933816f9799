"""Who uses a rehearsal in a test: its users, with cookies and tokens, over the public URLs of its regions."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import urllib.parse
from typing import Any

from tests.integration.fleet import Rehearsal
from tests.integration.peers import FieldBrowser, FieldWing, Socket
from tests.integration.program import DEADLINE_SECONDS, WT, environment
from wingthing.names import ENV_JWT_KEY

Answer = tuple[int, dict[str, str], bytes]


class People:
    """Requests to a rehearsal, and its operator's commands."""

    def __init__(self, fleet: Rehearsal) -> None:
        self.fleet = fleet
        self.urls = fleet.status().urls
        link = urllib.parse.urlsplit(fleet.login_link())
        region = next(iter(self.urls))
        status, headers, body = self.request(region, "GET", f"{link.path}?{link.query}")
        assert status == 303, (status, body)
        self.cookie = headers["set-cookie"].partition(";")[0]

    def request(
        self,
        region: str,
        method: str,
        path: str,
        headers: dict[str, str] | None = None,
        body: bytes | None = None,
    ) -> Answer:
        """One HTTP request that enters the fleet at a region: status, headers (lower case), body."""
        host = urllib.parse.urlsplit(self.urls[region]).netloc
        connection = http.client.HTTPConnection(host, timeout=DEADLINE_SECONDS)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()
        finally:
            connection.close()

    def api(self, region: str, path: str, method: str = "GET", body: object = None) -> Any:
        """One API request of the local user; fails unless the status is 2xx."""
        headers = {"Cookie": self.cookie, "Origin": self.urls[region], "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        status, _headers, answer = self.request(region, method, path, headers, data)
        assert status // 100 == 2, (status, answer)
        return json.loads(answer) if answer else None

    def operator(self, *words: str) -> str:
        """A `wt` command on the login node's volume; what it prints on stdout."""
        folder = self.fleet.folder
        told = subprocess.run(
            [*WT, *words, "--data-dir", str(folder.volume)],
            env=environment(folder.volume, **{ENV_JWT_KEY: folder.signing_key()})
            | {"PATH": os.environ["PATH"]},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert told.returncode == 0, told.stderr
        return told.stdout.strip()

    def token(self, user_id: str = "local") -> str:
        """A wing token of a user."""
        return self.operator("user", "token", user_id)

    def ws(self, region: str) -> str:
        """The address of a region for WebSockets."""
        return self.urls[region].replace("http", "ws", 1)

    def wing(self, region: str, token: str, wing_id: str | None = None) -> FieldWing:
        """A wing that enters at a region."""
        return FieldWing(self.ws(region), token, wing_id)

    def browser(self, region: str, wing_id: str = "", **options: Any) -> FieldBrowser:
        """A browser of the local user that enters at a region."""
        return FieldBrowser(self.ws(region), {"Cookie": self.cookie}, wing_id, **options)

    def dashboard(self, region: str) -> Socket:
        """The local user's dashboard events at a region."""
        return Socket(f"{self.ws(region)}/ws/app", {"Cookie": self.cookie})
