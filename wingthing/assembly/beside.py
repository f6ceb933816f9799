"""The wing beside a server without sign-in: its login, and for `wt roost` the wing itself."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from twisted.application.service import IService
from twisted.logger import Logger

from wingthing.assembly.config import Config
from wingthing.crypto import tokens as crypto_tokens
from wingthing.crypto.keys import public_text
from wingthing.crypto.tokens import WingToken
from wingthing.errors import NotAuthenticated
from wingthing.names import LOCAL_USER_ID
from wingthing.store import tokens
from wingthing.store.connection import connect, transaction
from wingthing.wing.home import DeviceToken, Home
from wingthing.wing.roost import Roost
from wingthing.wing.service import make_wing_service

log = Logger()


def provide_login(
    data_dir: Path, url: str, key: ec.EllipticCurvePrivateKey, database: Path, now: float
) -> None:
    """Write `device_token.yaml` for the wing that shares the data directory (protocol.md section 6).

    A login that works here is kept, and so is one for another server: then `roost` in wing.yaml names it.
    Raises OperatorError when a file of the wing is damaged.
    """
    home = Home(data_dir)
    wing_id, public = home.wing_id(), public_text(home.wing_key())
    found = home.token()
    if found is not None:
        claims = _claims(found.device_token, key, now)
        if claims is not None and claims.wing == wing_id and claims.pub == public:
            return
    elsewhere = home.config.read().roost
    if elsewhere and Roost.parse(elsewhere).url != Roost.parse(url).url:
        log.info("the wing of this directory belongs to {roost}: its login is left as it is", roost=elsewhere)
        return
    token, claims = crypto_tokens.mint(
        key, user_id=LOCAL_USER_ID, now=now, jti=secrets.token_hex(16), pub=public, wing=wing_id
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
        )
    )


def wing_inside(reactor: Any, config: Config, url: str) -> IService:
    """The wing of `wt roost`, dialling the server that it lives in. Raises OperatorError."""
    service: IService = make_wing_service(
        reactor,
        Home(config.data_dir),
        Roost.parse(url),
        paths=list(config.wing_paths) or None,
        inside_server=True,
        refused=lambda sentence: log.error("the wing inside has stopped: {why}", why=sentence),
    )
    return service


def _claims(token: str, key: ec.EllipticCurvePrivateKey, now: float) -> WingToken | None:
    try:
        return crypto_tokens.check(token, key.public_key(), now=now)
    except NotAuthenticated:
        return None
