-- Users, their logins and tokens, what they named, and who did what.
-- Times are Unix seconds. Secrets are stored as the SHA-256 of what the client holds.

CREATE TABLE users (
    id           TEXT PRIMARY KEY,
    display_name TEXT NOT NULL DEFAULT '',
    email        TEXT NOT NULL DEFAULT '',
    provider     TEXT NOT NULL DEFAULT '',
    avatar_url   TEXT NOT NULL DEFAULT '',
    created_at   REAL NOT NULL,
    removed_at   REAL
) STRICT;

CREATE UNIQUE INDEX users_email ON users (email) WHERE email <> '' AND removed_at IS NULL;

CREATE TABLE login_sessions (
    token_hash TEXT PRIMARY KEY,
    user_id    TEXT NOT NULL REFERENCES users (id),
    created_at REAL NOT NULL,
    used_at    REAL NOT NULL
) STRICT;

CREATE INDEX login_sessions_user ON login_sessions (user_id);

CREATE TABLE device_codes (
    device_hash TEXT PRIMARY KEY,
    user_code   TEXT NOT NULL UNIQUE,
    wing_id     TEXT NOT NULL,
    public_key  TEXT NOT NULL DEFAULT '',
    user_id     TEXT REFERENCES users (id),
    created_at  REAL NOT NULL,
    expires_at  REAL NOT NULL,
    polled_at   REAL,
    spent       INTEGER NOT NULL DEFAULT 0
) STRICT;

-- No reference to users: a token that another node has signed may be for a user whom this one does not know,
-- and its successor is noted here.
CREATE TABLE tokens (
    jti        TEXT PRIMARY KEY,
    user_id    TEXT NOT NULL,
    wing_id    TEXT NOT NULL DEFAULT '',
    issued_at  REAL NOT NULL,
    expires_at REAL NOT NULL,
    revoked_at REAL
) STRICT;

CREATE INDEX tokens_user ON tokens (user_id);

CREATE TABLE labels (
    user_id TEXT NOT NULL REFERENCES users (id),
    wing_id TEXT NOT NULL,
    label   TEXT NOT NULL,
    PRIMARY KEY (user_id, wing_id)
) STRICT;

CREATE TABLE audit_log (
    id       INTEGER PRIMARY KEY,
    at       REAL NOT NULL,
    user_id  TEXT NOT NULL,
    action   TEXT NOT NULL,
    subject  TEXT NOT NULL DEFAULT '',
    address  TEXT NOT NULL DEFAULT ''
) STRICT;

CREATE INDEX audit_log_user ON audit_log (user_id, at);
