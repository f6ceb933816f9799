"""`wt keygen`: a key that signs tokens."""

from __future__ import annotations

import click


@click.command()
def keygen() -> None:
    """Make a key that signs tokens.

    The private key (base64 of its SEC1 DER) goes to standard output, for WT_JWT_KEY; the public key (base64
    of its SPKI DER) to standard error, each alone on its line.
    """
    from wingthing.crypto.keys import dump_signing_key, dump_signing_public, new_signing_key

    key = new_signing_key()
    click.echo(dump_signing_key(key))
    click.echo(dump_signing_public(key.public_key()), err=True)
