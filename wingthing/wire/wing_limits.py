"""Limits and times of a wing: its terminals, its lock, and its way to the node. See limits.py."""

from __future__ import annotations

from typing import Final

# -- the terminals of a wing ---------------------------------------------------------------------------------

SCROLLBACK_LINES: Final = 10_000
"""Lines above the screen that a re-attach brings back."""

SCROLLBACK_BYTES: Final = 64 * 1024 * 1024
"""Memory for them; less than that for 10,000 lines of up to 500 columns."""

MAX_ESCAPE_BYTES: Final = 64 * 1024
"""One OSC, DCS or APC string that a terminal keeps."""

MAX_HELD_ESCAPE_BYTES: Final = 4 * 1024
"""An unfinished escape sequence up to this long waits for its rest, so that no frame ends inside it."""

MAX_TITLE_CHARS: Final = 256
"""The title that a program gives its terminal; the rest is cut off."""

OUTPUT_INTERVAL_SECONDS: Final = 0.004
"""Output that follows output is gathered for this long; the first after a pause goes at once."""

MAX_OUTPUT_FRAME_BYTES: Final = 64 * 1024
"""Output in one message of a terminal's process to its wing."""

MAX_EGG_FRAME_BYTES: Final = 64 * 1024 * 1024
"""One frame between a wing and an egg; a snapshot of 10,000 lines with a colour per cell is the longest."""

EGG_OUTBOX_BYTES: Final = 1024 * 1024
"""Output that waits for the wing to read; over it, the program in the terminal waits."""

MAX_PENDING_INPUT_BYTES: Final = 1024 * 1024
"""Input that waits for the program to read; what comes over it is dropped."""

EGG_HOME_SECONDS: Final = 60.0
"""How often an egg looks whether its folder is still there."""

EGG_START_SECONDS: Final = 20.0
"""How long a terminal's process may take to be there."""

KILL_GRACE_SECONDS: Final = 3.0
"""From SIGHUP to SIGKILL."""

EXIT_DRAIN_SECONDS: Final = 0.5
"""How long output is still read after the program has ended, when a child of it keeps the terminal open."""

EXIT_LINGER_SECONDS: Final = 30.0
"""How long a finished egg waits for a wing that has not heard of its end."""

BELLS_FOR_ATTENTION: Final = 2
"""So many bells within the time below ask for attention."""

BELL_BURST_SECONDS: Final = 3.0
"""The time for them."""

QUERY_ANSWER_SECONDS: Final = 2.0
"""How long a browser may take to answer a program's query before the egg does."""

LATE_ANSWER_SECONDS: Final = 10.0
"""A browser's answer to a query that the egg has answered is dropped for this long."""

MAX_RECORDING_BYTES: Final = 256 * 1024 * 1024
"""Both recordings of one terminal; the recording then stops, the terminal does not."""

MAX_HISTORY_SESSIONS: Final = 500
"""Finished terminals that are kept; the oldest go first."""

MAX_HISTORY_RECORDINGS_BYTES: Final = 2 * 1024 * 1024 * 1024
"""All recordings together; those of the oldest terminals go first."""

MAX_TERMINALS: Final = 64
"""Terminals of one wing at a time."""

# -- the lock of a wing -------------------------------------------------------------------------------------

PASSKEY_ANSWER_SECONDS: Final = 60
"""How long a browser may take to answer a wing's challenge."""

MAX_PASSKEY_WAITS: Final = 64
"""Terminals that may wait at a time for a passkey before a wing opens them."""

MAX_PASSKEY_CHALLENGES: Final = 8
"""Challenges through the tunnel that count at a time for one user; the oldest are forgotten first."""

MAX_AUTH_TOKENS: Final = 64
"""Tokens that a wing has given for passkeys and still takes, for one user; the oldest are forgotten first."""

MAX_SPENT_CHALLENGES: Final = 4096
"""With `legacy_passkey`: challenges of browsers' own choice that a wing remembers, to take none twice."""

LOCK_WATCH_SECONDS: Final = 2.0
"""How often a wing looks whether its lock, or the list of who may come in, has been changed by hand."""

# -- the link, the tunnel and the folders of a wing ----------------------------------------------------------

HANDSHAKE_SECONDS: Final = 15.0
"""How long a server may take to answer a connection, an upgrade or a request."""

RESTART_SPREAD_SECONDS: Final = 1.0
"""After `relay.restart` wings come back at a random moment within this time, not all at once."""

LINK_PAUSE_BYTES: Final = 1024 * 1024
"""Output of a wing that waits for its server to read; over it, the terminals wait."""

LINK_RESUME_BYTES: Final = 256 * 1024
"""They go on once no more than this waits."""

COMPRESS_FROM_BYTES: Final = 1024
"""Output of at least this length is sent as a gzip stream when that is shorter."""

MAX_UNSENT_EXITS: Final = 256
"""Ends of terminals that a wing without a server remembers, to tell of them later."""

MAX_TUNNEL_REQUESTS: Final = 32
"""Tunnel requests that a wing works on at a time."""

MAX_TUNNEL_CHANGES: Final = 4096
"""Changes through the tunnel that a wing remembers until it restarts, to make none twice."""

MAX_TUNNEL_ANSWER_BYTES: Final = 360 * 1024
"""JSON of one answer inside the tunnel: encrypted and in base64 it fits a message."""

MAX_DIR_ENTRIES: Final = 2000
"""Entries in the listing of one folder."""

MAX_HISTORY_PAGE: Final = 200
"""Finished terminals in one answer."""

PROJECT_SCAN_SECONDS: Final = 60.0
"""How often projects are looked for."""

PROJECT_DEPTH: Final = 3
"""How deep under an allowed folder repositories are looked for."""

MAX_PROJECTS: Final = 500
"""Projects that are offered."""

MAX_SCANNED_FOLDERS: Final = 20_000
"""Folders that one search for projects looks into."""

MAX_SCAN_SECONDS: Final = 10.0
"""How long it may take."""

WING_LOG_BYTES: Final = 5 * 1024 * 1024
"""A wing's log is put aside at this size; three old ones are kept."""
