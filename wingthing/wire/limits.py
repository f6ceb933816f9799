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

WRITE_BYTES: Final = 64 * 1024
"""Messages that a node writes to one socket together, at most, but for the last of them: as much as a
transport takes before it asks for a pause."""

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

AUDIT_LOG_SECONDS: Final = 400 * 24 * 3600
"""How long an entry of the audit log is kept, after the end of the account too."""

DEVICE_TOUCH_SECONDS: Final = 3600
"""How often the use of a wing's token is noted, at most."""

LOGIN_COOKIE_SECONDS: Final = 400 * 24 * 3600
"""How long a browser keeps the cookie, the longest that browsers allow. The server decides."""

MAX_WAITING_DEVICE_CODES: Final = 1000
"""Device codes that wait for their approval at one time."""

MAX_BODY_BYTES: Final = 64 * 1024
"""The body of one API request."""

MAX_DISPLAY_NAME_CHARS: Final = 64
"""What a user is called."""

MAX_LABEL_CHARS: Final = 64
"""The name that a user gives a wing."""

MAX_ORG_NAME_CHARS: Final = 64
"""The name of an organisation."""

MAX_ORGS_PER_USER: Final = 50
"""Organisations that one user is in."""

MAX_ORG_MEMBERS: Final = 1000
"""Members of one organisation, those who are invited included."""

MAX_INVITED_AT_ONCE: Final = 50
"""Addresses in one request for invites."""

INVITE_SECONDS: Final = 7 * 24 * 3600
"""How long the link of an invite may be used."""

INVITE_MAIL_SECONDS: Final = 5.0
"""How long the answer to whoever invites waits for the letters to be sent."""

INVITE_KEEP_SECONDS: Final = 30 * 24 * 3600
"""How much longer an invite is remembered, so that who comes late is told so."""

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

# -- plans ---------------------------------------------------------------------------------------------------

FREE_CAP_BYTES: Final = 1024 * 1024 * 1024
"""What the browsers of a user on the free plan are sent in a calendar month (UTC), at most, by all nodes
together. `WT_FREE_CAP_BYTES` sets another. No server without sign-in has a cap."""

CAP_STEPS: Final = 40
"""Nodes hear of a user's month in this many steps of the cap, from half of it on: as long as nobody has come
to the next step, they hear that nothing has changed."""

CAP_LOOK_BYTES: Final = 64 * 1024
"""How exactly a node finds the moment in which a user has used up the cap there, for each open browser."""

RATE_BITS: Final = 3_000_000
"""Bits per second that a user's browsers at one node may be sent, and may send, in the long run.
`WT_RATE_BITS` sets another, 0 none. No server without sign-in has one."""

RATE_BURST_BYTES: Final = 1024 * 1024
"""What may be sent at full speed before that."""

RATE_TICK_SECONDS: Final = 0.05
"""What the rate delays goes on this often: what has come together by then, in one go."""

PLAN_GRACE_SECONDS: Final = 3 * 24 * 3600
"""For so long a plan that was not cancelled goes on after its period, until the payment provider has told of
the next one."""

WEBHOOK_TOLERANCE_SECONDS: Final = 300
"""How old the signature of a payment provider's event may be."""

BILLING_EVENT_SECONDS: Final = 90 * 24 * 3600
"""For so long an event that was taken is remembered, so that it is not taken again."""

MAX_SEATS: Final = 10_000
"""Seats of one organisation."""

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
