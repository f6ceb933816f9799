"""File names, environment variables and defaults: the one place that spells them.

docs/configuration.md lists them for operators; a test compares the two.
"""

from __future__ import annotations

from typing import Final

# -- environment variables -------------------------------------------------------------------------

ENV_DIR: Final = "WINGTHING_DIR"
"""Directory of the wing and of a single node. Default: `~/.wingthing`."""

ENV_JWT_KEY: Final = "WT_JWT_KEY"
"""P-256 private key that signs tokens: base64 of SEC1 DER, or PEM (protocol.md section 2)."""

ENV_JWT_KEY_ALSO: Final = "WT_JWT_KEY_ALSO"
"""A second key whose tokens are accepted too, while the key is replaced; operations.md has the steps."""

ENV_NODE_ROLE: Final = "WT_NODE_ROLE"
"""`single`, `login` or `edge`: overrides the detected role (rehearsal, tests)."""

ENV_LOGIN_ADDR: Final = "WT_LOGIN_ADDR"
"""`HOST:PORT` of the login node, in place of `login.process.<FLY_APP_NAME>.internal:8080`."""

ENV_DNS: Final = "WT_DNS"
"""`HOST:PORT` of the DNS server that knows the `.internal` names, in place of the one in /etc/resolv.conf."""

ENV_FLY_MACHINE_ID: Final = "FLY_MACHINE_ID"
"""Set by Fly.io on each of its machines; its presence alone means: part of a fleet."""

ENV_FLY_APP_NAME: Final = "FLY_APP_NAME"
"""Set by Fly.io: the name that the `.internal` names of the fleet are made of."""

ENV_FLY_REGION: Final = "FLY_REGION"
"""Set by Fly.io: the region that the machine runs in, three letters."""

ENV_FLY_PRIVATE_IP: Final = "FLY_PRIVATE_IP"
"""Set by Fly.io: the machine's address in the private network (6PN)."""

ENV_BASE_URL: Final = "WT_BASE_URL"
"""Public URL of the server when it is not the address it listens on (a reverse proxy, a tunnel). In a fleet
the default is `https://<FLY_APP_NAME>.fly.dev`."""

ENV_GITHUB_CLIENT_ID: Final = "WT_GITHUB_CLIENT_ID"
"""Sign-in with GitHub: the client id of an OAuth app; accounts.md says how to get one. Any sign-in that is
configured ends the local mode: there is no user without sign-in, and no one-time link."""

ENV_GITHUB_CLIENT_SECRET: Final = "WT_GITHUB_CLIENT_SECRET"  # noqa: S105 - a name
"""The secret of that app."""

ENV_GITHUB_URL: Final = "WT_GITHUB_URL"
"""Address of a GitHub Enterprise Server, in place of `https://github.com`."""

ENV_GITHUB_API_URL: Final = "WT_GITHUB_API_URL"
"""Address of GitHub's API, in place of `https://api.github.com`, or of `<WT_GITHUB_URL>/api/v3`."""

ENV_GOOGLE_CLIENT_ID: Final = "WT_GOOGLE_CLIENT_ID"
"""Sign-in with Google: the client id."""

ENV_GOOGLE_CLIENT_SECRET: Final = "WT_GOOGLE_CLIENT_SECRET"  # noqa: S105 - a name
"""The client secret."""

ENV_GOOGLE_ISSUER: Final = "WT_GOOGLE_ISSUER"
"""In place of `https://accounts.google.com`, for tests."""

ENV_OIDC_ISSUER: Final = "WT_OIDC_ISSUER"
"""Sign-in with an OpenID Connect provider: its issuer address. Under it lies
`/.well-known/openid-configuration`."""

ENV_OIDC_CLIENT_ID: Final = "WT_OIDC_CLIENT_ID"
"""The client id at that provider."""

ENV_OIDC_CLIENT_SECRET: Final = "WT_OIDC_CLIENT_SECRET"  # noqa: S105 - a name
"""The client secret at that provider."""

ENV_OIDC_NAME: Final = "WT_OIDC_NAME"
"""What the button on the login page calls it. Default: the issuer's host name."""

ENV_SMTP_HOST: Final = "WT_SMTP_HOST"
"""Mail server, for sign-in links and invites by e-mail."""

ENV_SMTP_PORT: Final = "WT_SMTP_PORT"
"""Its port. Default: 587 for STARTTLS, 465 for TLS, 25 without either."""

ENV_SMTP_USER: Final = "WT_SMTP_USER"
"""User name at the mail server, where it wants one."""

ENV_SMTP_PASSWORD: Final = "WT_SMTP_PASSWORD"  # noqa: S105 - a name
"""Its password."""

ENV_SMTP_FROM: Final = "WT_SMTP_FROM"
"""Whom the mail is from: `wingthing@example.org`, or `Name <wingthing@example.org>`."""

ENV_SMTP_SECURITY: Final = "WT_SMTP_SECURITY"
"""`starttls`, `tls` (from the first byte) or `none`. Default: `starttls`, and `none` for a loopback address.
What is asked for is required: nothing is sent without it."""

ENV_NTFY_URL: Final = "WT_NTFY_URL"
"""The ntfy server that notifications are sent to. Default: `https://ntfy.sh`. notifications.md has more."""

ENV_ALLOWED_EMAILS: Final = "WT_ALLOWED_EMAILS"
"""Who may sign in, separated by commas: addresses, and domains as `@example.org`. Default: everybody whom a
provider vouches for."""

ENV_FREE_CAP_BYTES: Final = "WT_FREE_CAP_BYTES"
"""What the browsers of a user on the free plan are sent in a month, at most, in bytes; 0 for no cap. Default:
1 GiB. Login alone needs to know it; plans.md has more."""

ENV_RATE_BITS: Final = "WT_RATE_BITS"
"""Bits per second between a node and all browsers of one user there, each way; 0 for no limit. Default:
3,000,000. Login alone needs to know it."""

ENV_BILLING_WEBHOOK_SECRET: Final = "WT_BILLING_WEBHOOK_SECRET"  # noqa: S105 - a name
"""Signs what the payment provider says at `/billing/webhook` (Stripe: `whsec_...`)."""

ENV_BILLING_CHECKOUT_URL: Final = "WT_BILLING_CHECKOUT_URL"
"""A payment link: where people pay for the pro plan. With it an upgrade is not granted but sold."""

ENV_BILLING_PORTAL_URL: Final = "WT_BILLING_PORTAL_URL"
"""Where people see what they pay for, and cancel it."""

# -- the directory of a wing and of a single node (protocol.md section 6) ----------------------------

DEFAULT_DIR: Final = "~/.wingthing"
"""The directory when `WINGTHING_DIR` is not set."""

WING_ID_FILE: Final = "wing-id"
"""The machine id and a newline."""

WING_KEY_FILE: Final = "wing_key"
"""Base64 of the wing's 32 private X25519 bytes."""

DEVICE_TOKEN_FILE: Final = "device_token.yaml"  # noqa: S105 - a file's name
"""The wing's token, when it expires, and which server it is for."""

WING_CONFIG_FILE: Final = "wing.yaml"
"""The wing's settings; see wing.md."""

WING_PID_FILE: Final = "wing.pid"
"""Process id of the running wing, locked (flock) by it."""

WING_LOG_FILE: Final = "wing.log"
"""What a wing in the background logs."""

WING_STATUS_FILE: Final = "wing.status.json"
"""What `wt status` shows of the running wing."""

RELAY_KEY_FILE: Final = "relay_pub_key"
"""The key of the server that this wing was last connected to; a change is logged."""

EGGS_DIR: Final = "eggs"
"""One folder for each running terminal."""

HISTORY_DIR: Final = "history"
"""One folder for each finished terminal: its description and recordings."""

EGG_META_FILE: Final = "meta.json"
"""What a terminal is: its program, folder, owner, size, and how it ended."""

EGG_SOCKET_FILE: Final = "sock"
"""The Unix socket at which a terminal's process is reached."""

EGG_LOCK_FILE: Final = "lock"
"""Locked by a terminal's process for as long as it lives."""

EGG_LOG_FILE: Final = "egg.log"
"""What a terminal's process logs."""

PTY_RECORDING_FILE: Final = "pty.cast"
"""What a recorded terminal has shown (asciicast version 2)."""

KEY_RECORDING_FILE: Final = "keylog.cast"
"""What was typed into it."""

DATABASE_FILE: Final = "wingthing.db"
"""The server's SQLite database."""

JWT_KEY_FILE: Final = "jwt_key"
"""The signing key of a single node, made once; `WT_JWT_KEY` comes before it."""

LOCAL_KEY_FILE: Final = "local_key"
"""The secret of the next one-time link."""

SERVER_FILE: Final = "server.json"
"""Where a running single node writes its URL and process id, for `wt url` and a wing beside it."""

SERVER_LOCK_FILE: Final = "server.lock"
"""Locked (flock) while a server uses the directory."""

FLY_VOLUME: Final = "/data"
"""Where Fly.io mounts the volume of the login node."""

PROJECT_MARK: Final = "egg.yaml"
"""A child folder of a repository with this file is offered as a project of its own."""

# -- defaults ----------------------------------------------------------------------------------------

DEFAULT_ADDR: Final = "127.0.0.1:8080"
"""Where a server listens when nothing else is said."""

FLEET_ADDR: Final = ":8080"
"""Where a node of a fleet listens: one socket for the private network (IPv6) and for Fly's proxy (IPv4)."""

FLEET_PORT: Final = 8080
"""The port at which the nodes of a fleet reach each other."""

DEFAULT_NTFY_URL: Final = "https://ntfy.sh"
"""The public ntfy server."""

SESSION_COOKIE: Final = "wt_session"
"""The cookie of a login session."""

SIGN_IN_COOKIE: Final = "wt_sign_in"
"""The cookie of a browser that is at a provider's pages."""

LOCAL_USER_ID: Final = "local"
"""The one user of a server without sign-in."""


FILE_MODE: Final = 0o600
"""Of every file that is written: for its owner alone."""

DIR_MODE: Final = 0o700
"""Of every directory that is made."""
