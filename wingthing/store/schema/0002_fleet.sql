-- What a fleet shares: what has been revoked, what each user may do, and what each has been sent.

-- Events for nodes that cannot look into the tables above; `kind` is one of wire/gossip.py's RevokedKind.
CREATE TABLE revocations (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    kind    TEXT NOT NULL,
    subject TEXT NOT NULL,
    at      REAL NOT NULL,
    until   REAL NOT NULL
) STRICT;

CREATE INDEX revocations_subject ON revocations (subject, kind);

CREATE TABLE entitlements (
    user_id    TEXT PRIMARY KEY REFERENCES users (id),
    tier       TEXT NOT NULL CHECK (tier IN ('free', 'pro')),
    changed_at REAL NOT NULL
) STRICT;

-- Bytes relayed to a user's browsers by day (UTC, YYYY-MM-DD), summed over all nodes.
CREATE TABLE usage_days (
    user_id TEXT NOT NULL,
    day     TEXT NOT NULL,
    bytes   INTEGER NOT NULL,
    PRIMARY KEY (user_id, day)
) STRICT;

-- The latest total of each run of a node, so that what it reports again is not counted again.
CREATE TABLE usage_reports (
    machine     TEXT NOT NULL,
    boot        TEXT NOT NULL,
    user_id     TEXT NOT NULL,
    bytes       INTEGER NOT NULL,
    reported_at REAL NOT NULL,
    PRIMARY KEY (machine, boot, user_id)
) STRICT;
