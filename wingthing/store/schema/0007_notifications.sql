-- Notifications: ntfy topics and Web Push subscriptions.
-- What is kept here as it is, is needed as it is: to send is to say the token, and to encrypt with the key.

-- `events` is a comma list of wingthing/relay/calls.py's EVENTS; a user without a row has not asked for any.
CREATE TABLE ntfy (
    user_id TEXT PRIMARY KEY REFERENCES users (id),
    topic   TEXT NOT NULL,
    token   TEXT NOT NULL DEFAULT '',
    events  TEXT NOT NULL
) STRICT;

CREATE TABLE push_events (
    user_id TEXT PRIMARY KEY REFERENCES users (id),
    events  TEXT NOT NULL
) STRICT;

-- One for each browser, for as long as it is logged in. The endpoint names the browser at its push service.
CREATE TABLE push_subscriptions (
    id           TEXT PRIMARY KEY,
    user_id      TEXT NOT NULL REFERENCES users (id),
    session_hash TEXT NOT NULL REFERENCES login_sessions (token_hash) ON DELETE CASCADE,
    endpoint     TEXT NOT NULL UNIQUE,
    p256dh       TEXT NOT NULL,
    auth         TEXT NOT NULL,
    agent        TEXT NOT NULL DEFAULT '',
    created_at   REAL NOT NULL
) STRICT;

CREATE INDEX push_subscriptions_user ON push_subscriptions (user_id, created_at);
CREATE INDEX push_subscriptions_session ON push_subscriptions (session_hash);

-- The key by which push services know this server (RFC 8292): every subscription is for it alone.
CREATE TABLE push_key (
    id  INTEGER PRIMARY KEY CHECK (id = 1),
    key TEXT NOT NULL
) STRICT;

-- What has been sent to whom, as a hash: the same call again, by whichever node, is not sent again.
CREATE TABLE notified (
    episode TEXT PRIMARY KEY,
    at      REAL NOT NULL
) STRICT;

CREATE INDEX notified_at ON notified (at);
