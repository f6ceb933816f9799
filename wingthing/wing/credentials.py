"""What the wing connects with: its login, renewed in good time and checked to be this machine's own."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import UNSET
from treq.client import HTTPClient
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from wingthing.errors import NotAuthenticated, OperatorError, TemporarilyUnavailable
from wingthing.wing.config import WingConfig
from wingthing.wing.device import DeviceLogin, claims_of, half_spent, renewed
from wingthing.wing.home import DeviceToken, Home
from wingthing.wing.link import Login
from wingthing.wing.roost import Roost
from wingthing.wire.messages import WingRegister
from wingthing.wire.node_messages import PtyDetached

FEATURES = [str(PtyDetached.__struct_config__.tag)]


class Credentials:
    """The login of one wing. `owner` is the user id behind it, once it has been used.

    `known_as` is what the login calls the server when that is dialled at another address (`wt roost`).
    """

    log = Logger()

    def __init__(
        self,
        home: Home,
        find_roost: Callable[[], Roost],
        http: HTTPClient,
        clock: IReactorTime,
        wing_id: str,
        public_key: str,
        known_as: Roost | None = None,
    ) -> None:
        self._home = home
        self._find_roost = find_roost
        self._http = http
        self.roost = find_roost()
        """The server of the last attempt to connect."""

        self._clock = clock
        self._wing_id = wing_id
        self._public_key = public_key
        self._known_as = known_as
        self._doubted = False
        self.owner = ""
        self.registered_lock = (False, 0)
        """`locked` and `allowed_count` of the last registration."""

    async def login(self, config: WingConfig) -> Login:
        """What the next attempt to connect needs.

        Raises OperatorError when there is no login that could work, TemporarilyUnavailable when the server
        must be asked and does not answer.
        """
        self.roost = self._find_roost()
        token = self._own_login()
        if half_spent(token, self._clock.seconds()):
            token = await self._renew(token)
        claims = claims_of(token.device_token)
        if claims.public_key not in ("", self._public_key):
            raise OperatorError("This machine's key is not the one that it logged in with: run 'wt login'.")
        if claims.wing_id not in ("", self._wing_id):
            raise OperatorError("This machine's id is not the one that it logged in with: run 'wt login'.")
        self.owner = claims.user_id or await self._ask_owner(token)
        self.registered_lock = (config.locked, len(config.allow_keys))
        # Host name, folders, agents and labels are the business of those who hold a key, not of the node.
        register = WingRegister(
            wing_id=self._wing_id,
            agents=[],
            skills=[],
            labels=[],
            identities=[],
            org_slug=config.org or UNSET,
            public_key=self._public_key,
            locked=config.locked,
            allowed_count=len(config.allow_keys),
            features=FEATURES,
        )
        return Login(self.roost, token.device_token, register)

    def _own_login(self) -> DeviceToken:
        server = self._known_as or self.roost
        token = self._home.token()
        other = token is not None and not self._home.login_is_for(token, server)
        if other and not self._doubted:
            # `wt login` and a server that starts beside the wing write two files, one after the other.
            self._doubted = True
            raise TemporarilyUnavailable(f"the login is not for {server.url}")
        self._doubted = False
        return self._home.login_at(server)

    def _server(self) -> DeviceLogin:
        return DeviceLogin(self._clock, self._http, self.roost)

    async def _renew(self, token: DeviceToken) -> DeviceToken:
        try:
            grant = await self._server().refresh(token.device_token)
        except (OperatorError, NotAuthenticated) as why:
            # The old one is good for as long again; whether it is accepted, the connection will show.
            self.log.info("the login was not renewed: {why}", why=why)
            return token
        fresh = renewed(token, grant, self._clock.seconds(), (self._known_as or self.roost).url)
        self._home.save_token(fresh)
        return fresh

    async def _ask_owner(self, token: DeviceToken) -> str:
        try:
            return (await self._server().check(token.device_token)).user_id
        except NotAuthenticated as why:
            raise OperatorError(
                f"{self.roost.url} does not accept this machine's login: run 'wt login'."
            ) from why
        except OperatorError as why:
            raise TemporarilyUnavailable(str(why)) from why
