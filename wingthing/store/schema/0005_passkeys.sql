-- Passkeys of users. `credential_id` is base64url as in WebAuthn, `public_key` base64 of the 64 raw bytes X||Y.
CREATE TABLE passkeys (
    id            TEXT PRIMARY KEY,
    user_id       TEXT NOT NULL REFERENCES users (id),
    credential_id TEXT NOT NULL UNIQUE,
    public_key    TEXT NOT NULL,
    label         TEXT NOT NULL,
    transports    TEXT NOT NULL DEFAULT '',
    created_at    REAL NOT NULL
) STRICT;

CREATE INDEX passkeys_user ON passkeys (user_id);
