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
"""How long the code of `wt login` may be approved."""

DEVICE_POLL_SECONDS: Final = 5
"""How often a machine that waits for its approval asks."""

DEVICE_POLL_LOCAL_SECONDS: Final = 1
"""The same where the approval is there at once."""

USER_CODE_ALPHABET: Final = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
"""The characters of the code that a person types: none that is easily taken for another."""

USER_CODE_LENGTH: Final = 6
"""How many of them."""

TOKEN_LIFETIME_SECONDS: Final = 365 * 24 * 3600
"""How long a wing's token is valid; it is renewed after half of that."""


# -- protocol.md sections 3 and 5 ------------------------------------------------------------------------

HEARTBEAT_SECONDS: Final = 30.0
"""How often a wing says that it lives."""

RECONNECT_FIRST_SECONDS: Final = 1.0
"""The first pause of a wing that has lost its server; each is twice as long as the one before."""

RECONNECT_MOST_SECONDS: Final = 10.0
"""The longest."""

MAX_CHUNK_BYTES: Final = 128 * 1024
"""Plaintext of one `pty.output`."""

# -- this node ---------------------------------------------------------------------------------------------

PING_SECONDS: Final = 25.0
"""WebSocket pings, against NATs that forget an idle connection."""

PING_TIMEOUT_SECONDS: Final = 20.0
"""A peer that has not answered a ping for so long is gone."""

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

READY_SECONDS: Final = 1.0
"""How long the database may take to answer when `/ready` is asked for."""

FEW_OPEN_FILES: Final = 4096
"""A server that may have fewer files open than this says so in its log; each wing and browser is one."""

LOGIN_SESSION_SECONDS: Final = 30 * 24 * 3600
"""A browser that has not been used for so long is logged out."""

REVOCATION_SECONDS: Final = 2.0
"""How often a node with the database looks for what `wt user` has revoked: open sockets end so soon."""

LOGIN_TOUCH_SECONDS: Final = 3600
"""How often the use of a login session is noted, at most."""

LOGIN_COOKIE_SECONDS: Final = 400 * 24 * 3600
"""How long a browser keeps the cookie, the longest that browsers allow. The server decides."""

CLAIM_ATTEMPTS: Final = 10
"""Wrong device codes that a user may type within the time below."""

CLAIM_WINDOW_SECONDS: Final = 900
"""A user who has typed that many wrong device codes within this time has to wait."""

MAX_WAITING_DEVICE_CODES: Final = 1000
"""Device codes that wait for their approval at one time."""

MAX_BODY_BYTES: Final = 64 * 1024
"""The body of one API request."""

MAX_LABEL_CHARS: Final = 64
"""The name that a user gives a wing."""

MAX_ID_CHARS: Final = 64
"""Longest `wing_id`, `session_id`, `request_id` that a node keeps in its tables."""

MAX_SESSIONS_PER_VIEWER: Final = 256
"""Terminal sessions bound to one browser socket at a time."""

MAX_SPECTATORS_PER_SESSION: Final = 64
"""Who watches one terminal at a time."""

MAX_PENDING_REQUESTS_PER_VIEWER: Final = 256
"""`tunnel.req` without an answer yet, of one browser socket."""

MAX_HELD_BYTES: Final = 256 * 1024
"""What a browser may say to a terminal between its `pty.attach` and the wing's answer."""

MAX_COLS: Final = 1000
"""The widest terminal."""

MAX_ROWS: Final = 1000
"""The highest."""


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

# -- the fleet -----------------------------------------------------------------------------------------------

GOSSIP_SECONDS: Final = 2.0
"""Login tells each edge what is new this often, when nothing happens that makes it do so at once."""

GOSSIP_COALESCE_SECONDS: Final = 0.05
"""What happens within this time goes out together."""

NUDGE_COALESCE_SECONDS: Final = 0.01
"""An edge with news tells login so after this time, so that what comes with it is fetched with it."""

GOSSIP_TIMEOUT_SECONDS: Final = 2.0
"""How long an edge may take to answer a round."""

SUSPECT_ROUNDS: Final = 3
"""An edge that has missed so many rounds in a row is suspect."""

EDGE_DEAD_SECONDS: Final = 10.0
"""The wings of an edge that has not answered for so long are offline."""

DIRECTORY_STALE_SECONDS: Final = 30.0
"""An edge that has not heard of login for so long marks its directory as stale, and goes on serving."""

MAX_GOSSIP_EVENTS: Final = 10_000
"""Events that a node keeps for peers that have not acknowledged them; who is behind them gets a snapshot."""

MAX_GOSSIP_BYTES: Final = 64 * 1024 * 1024
"""One round or its answer, which are cut to far less."""

MAX_ROUND_ENTRIES: Final = 2_000
"""Events, or wings of a snapshot, in one round or answer, some 650 KB; the rest comes with the next ones."""

GOSSIP_ROUNDS_PER_SECOND: Final = 200
"""Rounds that login begins because of news, at most: with many edges, one edge hears of them less often."""

DISCOVERY_SECONDS: Final = 5.0
"""How often login looks for edges in DNS: Fly's records live as long."""

INTERNAL_TOKEN_SECONDS: Final = 60
"""How long a node's token for another node is valid."""

CLOCK_SKEW_SECONDS: Final = 30
"""How far the clocks of two nodes may be apart."""

INTERNAL_TIMEOUT_SECONDS: Final = 3.0
"""How long login may take to answer a question of an edge."""

ENTITLEMENTS_SECONDS: Final = 60.0
"""How often an edge asks login what each user may do."""

ENTITLEMENTS_AGE_SECONDS: Final = 2.0
"""How old the answer may be: edges that ask at about the same time get the same one."""

LAST_WORD_SECONDS: Final = 1.5
"""How long an edge that ends waits for login to fetch its last news."""

SESSION_CACHE_SECONDS: Final = 300.0
"""How long an edge believes what login said of a login session."""

SESSION_GRACE_SECONDS: Final = 300.0
"""For so much longer when login cannot be asked: who was logged in when it went away can open terminals."""

SESSION_NEGATIVE_SECONDS: Final = 10.0
"""How long it believes that there is none."""

MAX_CACHED_SESSIONS: Final = 50_000
"""Login sessions that an edge remembers; the ones asked for longest ago are forgotten first."""

WING_WAIT_SECONDS: Final = 5.0
"""How long a browser's upgrade waits for the wing that it names to appear somewhere in the fleet."""

MAX_WAITING_UPGRADES: Final = 1000
"""Upgrades that wait for a wing at one time; over it they are answered at once."""

REPLAY_TIMEOUT_SECONDS: Final = 5
"""How long Fly's proxy may try to reach the machine that it is sent to."""

USAGE_COUNT_SECONDS: Final = 1.0
"""How old an edge's count of what it has sent to its users may be when it tells login."""

USAGE_FLUSH_SECONDS: Final = 10.0
"""How often login writes down what the edges have counted."""

# -- the edge's reverse proxy --------------------------------------------------------------------------------

PROXY_MAX_REQUESTS: Final = 512
"""Requests that an edge has with login at one time; one more is told to come back."""

PROXY_CONNECT_SECONDS: Final = 3.0
"""How long finding login's address, and then connecting to it, may take each."""

PROXY_HEADERS_SECONDS: Final = 30.0
"""How long login may take to begin its answer once it has the whole request."""

PROXY_SILENT_SECONDS: Final = 3.0
"""The same while login has missed its rounds: then the edge is cut off from it, more likely than not."""

PROXY_IDLE_SECONDS: Final = 60.0
"""A request or an answer of which nothing moves for so long is broken off."""

PROXY_LINGER_SECONDS: Final = 30.0
"""How long an edge still reads a request whose answer came before its end, so that the answer is read."""

PROXY_RETRY_SECONDS: Final = 2
"""`Retry-After` of the edge's own 503 when login is away."""

PROXY_KEPT_CONNECTIONS: Final = 64
"""Idle connections to login that an edge keeps."""

PROXY_KEEP_SECONDS: Final = 30
"""For how long. Login closes an idle connection after 60 s, and a request must not meet that moment."""

PROXY_HELD_BYTES: Final = 256 * 1024
"""Of a request that login does not take: more than this is dropped once login has begun its answer."""
