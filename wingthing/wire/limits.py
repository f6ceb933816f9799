"""Limits and intervals of the protocol and of a node: each defined here once, in the unit its name says.

docs/configuration.md lists them for operators.
"""

from __future__ import annotations

from typing import Final

# -- protocol.md section 2 -----------------------------------------------------------------------------

MAX_MESSAGE_BYTES: Final = 512 * 1024
"""One WebSocket message, every socket; more closes it with 1009."""

REGISTER_TIMEOUT_SECONDS: Final = 10.0
"""The first message of a wing must be `wing.register` within this time."""

DEVICE_CODE_SECONDS: Final = 900
DEVICE_POLL_SECONDS: Final = 5
DEVICE_POLL_LOCAL_SECONDS: Final = 1
USER_CODE_ALPHABET: Final = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
USER_CODE_LENGTH: Final = 6
TOKEN_LIFETIME_SECONDS: Final = 365 * 24 * 3600

# -- protocol.md sections 3 and 5 ------------------------------------------------------------------------

HEARTBEAT_SECONDS: Final = 30.0
RECONNECT_FIRST_SECONDS: Final = 1.0
RECONNECT_MOST_SECONDS: Final = 10.0
MAX_CHUNK_BYTES: Final = 128 * 1024
"""Plaintext of one `pty.output`."""

# -- this node ---------------------------------------------------------------------------------------------

PING_SECONDS: Final = 25.0
"""WebSocket pings, against NATs that forget an idle connection."""

PING_TIMEOUT_SECONDS: Final = 20.0
OUTBOX_BYTES: Final = 4 * 1024 * 1024
"""What waits for one socket's peer to read, at most."""

OUTBOX_RESUME_BYTES: Final = 1024 * 1024
"""A wing's outbox that paused its browsers lets them go on once it has shrunk to this."""

WING_OUTBOX_BYTES: Final = 8 * 1024 * 1024
"""What waits for a wing, at most: browsers that are not held yet may take its outbox past its limit."""

CLOSE_HANDSHAKE_SECONDS: Final = 5.0
"""How long a peer may take to answer a close frame before the line is cut."""

DRAIN_SECONDS: Final = 8.0
"""SIGTERM or SIGINT: how long open sockets may take to leave after `relay.restart`."""

LOGIN_SESSION_SECONDS: Final = 30 * 24 * 3600
ACCOUNT_CHECK_SECONDS: Final = 10.0
"""How soon the open sockets of a removed user are closed, at most."""

LOGIN_TOUCH_SECONDS: Final = 3600
"""How often the use of a login session is noted, at most."""

LOGIN_COOKIE_SECONDS: Final = 400 * 24 * 3600
"""How long a browser keeps the cookie, the longest that browsers allow. The server decides."""

CLAIM_ATTEMPTS: Final = 10
CLAIM_WINDOW_SECONDS: Final = 900
"""A user who has typed that many wrong device codes within this time has to wait."""

MAX_WAITING_DEVICE_CODES: Final = 1000
MAX_BODY_BYTES: Final = 64 * 1024
"""The body of one API request."""

MAX_LABEL_CHARS: Final = 64
MAX_ID_CHARS: Final = 64
"""Longest `wing_id`, `session_id`, `request_id` that a node keeps in its tables."""

MAX_SESSIONS_PER_VIEWER: Final = 256
"""Terminal sessions bound to one browser socket at a time."""

MAX_SPECTATORS_PER_SESSION: Final = 64
MAX_PENDING_REQUESTS_PER_VIEWER: Final = 256
"""`tunnel.req` without an answer yet, of one browser socket."""

MAX_COLS: Final = 1000
MAX_ROWS: Final = 1000

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
OUTPUT_INTERVAL_SECONDS: Final = 0.004
"""Output that follows output is gathered for this long; the first after a pause goes at once."""

MAX_OUTPUT_FRAME_BYTES: Final = 64 * 1024
MAX_EGG_FRAME_BYTES: Final = 64 * 1024 * 1024
"""One frame between a wing and an egg; a snapshot of 10,000 lines with a colour per cell is the longest."""

EGG_OUTBOX_BYTES: Final = 1024 * 1024
"""Output that waits for the wing to read; over it, the program in the terminal waits."""

MAX_PENDING_INPUT_BYTES: Final = 1024 * 1024
"""Input that waits for the program to read; what comes over it is dropped."""

EGG_HOME_SECONDS: Final = 60.0
"""How often an egg looks whether its folder is still there."""

EGG_START_SECONDS: Final = 20.0
KILL_GRACE_SECONDS: Final = 3.0
"""From SIGHUP to SIGKILL."""

EXIT_DRAIN_SECONDS: Final = 0.5
"""How long output is still read after the program has ended, when a child of it keeps the terminal open."""

EXIT_LINGER_SECONDS: Final = 30.0
"""How long a finished egg waits for a wing that has not heard of its end."""

BELLS_FOR_ATTENTION: Final = 2
BELL_BURST_SECONDS: Final = 3.0
QUERY_ANSWER_SECONDS: Final = 2.0
"""How long a browser may take to answer a program's query before the egg does."""

LATE_ANSWER_SECONDS: Final = 10.0
"""A browser's answer to a query that the egg has answered is dropped for this long."""

MAX_RECORDING_BYTES: Final = 256 * 1024 * 1024
MAX_HISTORY_SESSIONS: Final = 500
MAX_HISTORY_RECORDINGS_BYTES: Final = 2 * 1024 * 1024 * 1024
MAX_TERMINALS: Final = 64
"""Terminals of one wing at a time."""

# -- the link, the tunnel and the folders of a wing ----------------------------------------------------------

HANDSHAKE_SECONDS: Final = 15.0
"""How long a server may take to answer a connection, an upgrade or a request."""

RESTART_SPREAD_SECONDS: Final = 1.0
"""After `relay.restart` wings come back at a random moment within this time, not all at once."""

LINK_PAUSE_BYTES: Final = 1024 * 1024
"""Output of a wing that waits for its server to read; over it, the terminals wait."""

LINK_RESUME_BYTES: Final = 256 * 1024
COMPRESS_FROM_BYTES: Final = 1024
"""Output of at least this length is sent as a gzip stream when that is shorter."""

MAX_UNSENT_EXITS: Final = 256
"""Ends of terminals that a wing without a server remembers, to tell of them later."""

MAX_TUNNEL_REQUESTS: Final = 32
"""Tunnel requests that a wing works on at a time."""

MAX_TUNNEL_ANSWER_BYTES: Final = 360 * 1024
"""JSON of one answer inside the tunnel: encrypted and in base64 it fits a message."""

MAX_DIR_ENTRIES: Final = 2000
MAX_HISTORY_PAGE: Final = 200
PROJECT_SCAN_SECONDS: Final = 60.0
PROJECT_DEPTH: Final = 3
"""How deep under an allowed folder repositories are looked for."""

MAX_PROJECTS: Final = 500
MAX_SCANNED_FOLDERS: Final = 20_000
MAX_SCAN_SECONDS: Final = 10.0
WING_LOG_BYTES: Final = 5 * 1024 * 1024
"""A wing's log is put aside at this size; three old ones are kept."""
