"""What an account may do, and how often: each defined here once, in the unit its name says.

docs/configuration.md lists them for operators, with those of wire/limits.py.
"""

from __future__ import annotations

from typing import Final

# -- how often --------------------------------------------------------------------------------------------
#
# So many at once, and as many again, evenly, within the time that is named (relay/rates.py).

MAX_LIMITED_KEYS: Final = 10_000
"""Addresses, or accounts, that each limit counts one by one; over it, neighbours are counted together."""

SIGN_INS_PER_ADDRESS: Final = 100
"""Sign-ins that one address begins or ends, whatever comes of them."""

SIGN_IN_WINDOW_SECONDS: Final = 900
"""The time for them."""

LINKS_PER_CLIENT: Final = 30
"""Sign-in links that one address has sent to anybody by mail."""

LINKS_PER_MAILBOX: Final = 5
"""Sign-in links that are sent to one mailbox, whoever asks."""

LINK_WINDOW_SECONDS: Final = 3600
"""The time for both."""

ONE_TIME_LINKS_PER_ADDRESS: Final = 20
"""Wrong one-time links (`wt url`) that one address may try."""

ONE_TIME_LINK_WINDOW_SECONDS: Final = 900
"""The time for them."""

DEVICE_CODES_PER_ADDRESS: Final = 30
"""Device logins that one address begins."""

DEVICE_CODE_WINDOW_SECONDS: Final = 900
"""The time for them."""

DEVICE_POLLS_PER_ADDRESS: Final = 1200
"""How often the machines behind one address ask whether they have been approved."""

DEVICE_POLL_WINDOW_SECONDS: Final = 60
"""The time for that."""

CLAIM_ATTEMPTS: Final = 10
"""Wrong device codes that one account may type."""

CLAIM_ATTEMPTS_PER_ADDRESS: Final = 30
"""Wrong device codes that may come from one address, under whatever account."""

CLAIM_WINDOW_SECONDS: Final = 900
"""The time for both."""

INVITES_PER_ACCOUNT: Final = 50
"""Invites that one account sends."""

INVITES_PER_ORG: Final = 100
"""Invites that one organisation sends."""

INVITE_WINDOW_SECONDS: Final = 3600
"""The time for both."""

WRITES_PER_ACCOUNT: Final = 120
"""Changes through the API by one account."""

WRITES_PER_ADDRESS: Final = 600
"""Requests from one address that could change something, the API's and the pages'."""

WRITE_WINDOW_SECONDS: Final = 60
"""The time for both."""

LOOKUPS_PER_ACCOUNT: Final = 60
"""Addresses that one account asks for, whether somebody here has them."""

LOOKUP_WINDOW_SECONDS: Final = 600
"""The time for them."""

DOWNLOADS_PER_ACCOUNT: Final = 20
"""Exports and audit logs that one account has made as files."""

DOWNLOAD_WINDOW_SECONDS: Final = 600
"""The time for them."""

UPGRADES_PER_ACCOUNT: Final = 600
"""Sockets that one account opens, its wings' and its browsers'; each node counts for itself."""

UPGRADES_PER_ADDRESS: Final = 1200
"""Sockets that one address tries to open; each node counts for itself."""

UPGRADE_WINDOW_SECONDS: Final = 60
"""The time for both."""

REQUEST_SECONDS: Final = 30.0
"""How long a request may take to come, from its first line to the end of its body."""

# -- notifications -------------------------------------------------------------------------------------------

NOTIFICATION_SECONDS: Final = 10.0
"""How long a notification server may take to take one notification."""

MAX_WAITING_NOTIFICATIONS: Final = 1000
"""Calls of terminals that wait to be sent on; what comes over it is dropped."""

NOTIFICATION_WORKERS: Final = 8
"""Users whose notifications are sent at the same time."""

NOTIFICATIONS_PER_ACCOUNT: Final = 30
"""Notifications that one account is sent at once, and again within the time below; more are dropped."""

NOTIFICATION_WINDOW_SECONDS: Final = 600
"""The time for them."""

TEST_NOTIFICATIONS_PER_ACCOUNT: Final = 10
"""Test notifications that one account has sent within the same time."""

EXITS_PER_WING: Final = 60
"""Ends of terminals of one wing that a node tells the others of, within a minute."""

EPISODE_SECONDS: Final = 7 * 24 * 3600
"""How long it is remembered what a user has been told: the same again within this time is not sent."""

PUSH_TTL_SECONDS: Final = 4 * 3600
"""How long a push service keeps a notification for a browser that is away."""

MAX_PUSH_SUBSCRIPTIONS: Final = 20
"""Browsers of one account that get notifications."""

MAX_PUSH_ENDPOINT_CHARS: Final = 1024
"""The longest address of a push subscription."""

VAPID_TOKEN_SECONDS: Final = 12 * 3600
"""How long the token that names this server to a push service is valid; RFC 8292 allows a day."""

# -- sign-in and mail ----------------------------------------------------------------------------------------

MAIL_SECONDS: Final = 30.0
"""How long the mail server may take for one letter, from the connection to its word that it has it."""

MAX_WAITING_LETTERS: Final = 100
"""Sign-in links that are on their way to the mail server at one time; what comes over it is dropped."""

SIGN_IN_SECONDS: Final = 600
"""How long somebody may take at a provider's pages."""

MAX_WAITING_SIGN_INS: Final = 20_000
"""How many are remembered to be there at one time; the oldest are forgotten first."""

MAIL_LINK_SECONDS: Final = 900
"""How long a sign-in link that was sent by mail counts."""

PROVIDER_SECONDS: Final = 10.0
"""How long a sign-in provider may take to answer one request."""

MAX_PROVIDER_BYTES: Final = 1024 * 1024
"""The longest answer of a provider that is read."""

PROVIDER_KEYS_SECONDS: Final = 3600.0
"""How long a provider's addresses and keys are kept."""

PROVIDER_KEYS_AGAIN_SECONDS: Final = 60.0
"""An identity that is signed with an unknown key has the keys fetched anew, but not more often than this."""

PROVIDER_SKEW_SECONDS: Final = 60
"""How far a provider's clock may be from ours."""

MAX_EMAIL_CHARS: Final = 254
"""The longest e-mail address (RFC 5321)."""

MAX_NAME_CHARS: Final = 100
"""What is kept of a name that a provider tells."""

MAX_METHODS: Final = 20
"""Ways to sign in that one account has at most."""


# -- passkeys ------------------------------------------------------------------------------------------------

MAX_PASSKEYS: Final = 20
"""Passkeys that one user may register."""

PASSKEY_REGISTRATION_SECONDS: Final = 300
"""How long somebody may take to make a passkey for their account."""

MAX_PASSKEY_REGISTRATIONS: Final = 10_000
"""How many a server remembers to be under way at a time; the oldest are forgotten first."""
