"""The wing beside a server without sign-in: its login, and for `wt roost` the wing itself."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any

import msgspec
from twisted.application.service import IService
from twisted.logger import Logger

from wingthing.assembly.config import Config
from wingthing.crypto import tokens as crypto_tokens
from wingthing.crypto.keyring import KeyRing
from wingthing.crypto.keys import public_text
from wingthing.crypto.tokens import WingToken
from wingthing.errors import NotAuthenticated
from wingthing.names import LOCAL_USER_ID
from wingthing.store import tokens
from wingthing.store.connection import connect, transaction
from wingthing.wing.home import DeviceToken, Home
from wingthing.wing.roost import Roost

log = Logger()


def provide_login(
    data_dir: Path, url: str, public_url: str, keys: KeyRing, database: Path, now: float
) -> Roost:
    """Write `device_token.yaml` for the wing that shares the data directory (protocol.md section 6).

    `url` is where this server listens, `public_url` what it calls itself to others. A login that works here
    is kept, and so is one for another server: then `roost` in wing.yaml names it. The port may be another
    than the last time, so what the login says of its server is put right.

    Answers the name of this server in the login. Raises OperatorError when a file of the wing is damaged.
    """
    home = Home(data_dir)
    wing_id, public = home.wing_id(), public_text(home.wing_key())
    named = home.config.read().roost
    here = not named or any(Roost.parse(named).is_same(Roost.parse(known)) for known in (url, public_url))
    roost = Roost.parse((named if here else "") or public_url)
    found = home.token()
    if found is not None:
        claims = _claims(found.device_token, keys, now)
        if claims is not None and claims.wing == wing_id and claims.pub == public:
            if not here:
                # It has been logged in to this very server by a name that only wing.yaml knows.
                return home.issuer(found) or roost
            if found.roost != roost.url:
                home.save_token(msgspec.structs.replace(found, roost=roost.url))
            return roost
    if not here:
        log.info("the wing of this directory belongs to {roost}: its login is left as it is", roost=named)
        return roost
    token, claims = crypto_tokens.mint(
        keys.signing, user_id=LOCAL_USER_ID, now=now, jti=secrets.token_hex(16), pub=public, wing=wing_id
    )
    connection = connect(database)
    try:
        with transaction(connection) as cursor:
            tokens.issued(cursor, claims)
    finally:
        connection.close()
    home.save_token(
        DeviceToken(
            device_token=token,
            expires_at=claims.expires_at,
            issued_at=claims.issued_at,
            device_id=wing_id,
            public_key=public,
            roost=roost.url,
        )
    )
    return roost


def wing_inside(reactor: Any, config: Config, directory: Path, url: str, known_as: Roost) -> IService:
    """The wing of `wt roost`. It dials `url`, the server that it lives in, which its login calls `known_as`.

    Raises OperatorError.
    """
    # The whole program of a wing: not for a server without one.
    from wingthing.wing.service import make_wing_service

    service: IService = make_wing_service(
        reactor,
        Home(directory),
        Roost.parse(url),
        paths=list(config.wing_paths) or None,
        inside_server=True,
        refused=lambda sentence: log.error("the wing inside has stopped: {why}", why=sentence),
        known_as=known_as,
    )
    return service


def _claims(token: str, keys: KeyRing, now: float) -> WingToken | None:
    try:
        return crypto_tokens.check(token, keys.accepted, now=now)
    except NotAuthenticated:
        return None
