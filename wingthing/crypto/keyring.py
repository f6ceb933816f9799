"""The signing keys of a node: the one that it signs with, and those whose signatures it accepts."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from cryptography.hazmat.primitives.asymmetric import ec

from wingthing.crypto.keys import load_signing_key
from wingthing.errors import OperatorError
from wingthing.names import ENV_JWT_KEY, ENV_JWT_KEY_ALSO


class KeyRing(msgspec.Struct, frozen=True):
    """`signing` is the private P-256 key; `accepted` the public keys, its own first."""

    signing: ec.EllipticCurvePrivateKey
    accepted: tuple[ec.EllipticCurvePublicKey, ...]

    @classmethod
    def of(cls, signing: ec.EllipticCurvePrivateKey, environment: Mapping[str, str]) -> KeyRing:
        """`signing` and what `WT_JWT_KEY_ALSO` adds. Raises OperatorError when that holds no P-256 key."""
        accepted = [signing.public_key()]
        also = environment.get(ENV_JWT_KEY_ALSO)
        if also:
            accepted.append(load_signing_key(also, source=ENV_JWT_KEY_ALSO).public_key())
        return cls(signing, tuple(accepted))

    @classmethod
    def of_fleet(cls, environment: Mapping[str, str]) -> KeyRing:
        """The keys of a node of a fleet, which all of its nodes share: from the environment alone.

        Raises OperatorError when `WT_JWT_KEY` is missing or holds no P-256 key.
        """
        given = environment.get(ENV_JWT_KEY)
        if not given:
            raise OperatorError(
                f"{ENV_JWT_KEY} is not set: every node of a fleet needs the same key. Make one, and set it "
                f"for all: fly secrets set {ENV_JWT_KEY}=$(wt keygen)"
            )
        return cls.of(load_signing_key(given, source=ENV_JWT_KEY), environment)
