-- How users sign in: accounts of providers and addresses, and what is under way.
-- Times are Unix seconds. Secrets are stored as the SHA-256 of what the client holds.

-- `issuer` and `subject` name an account at a provider for ever; for `email` the issuer is empty and the subject
-- the address. `email` is what the provider has verified last.
CREATE TABLE sign_in_methods (
    id        TEXT PRIMARY KEY,
    user_id   TEXT NOT NULL REFERENCES users (id),
    provider  TEXT NOT NULL,
    issuer    TEXT NOT NULL,
    subject   TEXT NOT NULL,
    email     TEXT NOT NULL,
    name      TEXT NOT NULL DEFAULT '',
    linked_at REAL NOT NULL,
    used_at   REAL NOT NULL,
    UNIQUE (provider, issuer, subject)
) STRICT;

CREATE INDEX sign_in_methods_user ON sign_in_methods (user_id);

-- Browsers that are at a provider's pages. `link_login` is the digest of the login cookie of the session that a
-- method is to be linked in; empty when somebody signs in.
CREATE TABLE sign_ins (
    state_hash   TEXT PRIMARY KEY,
    browser_hash TEXT NOT NULL,
    provider     TEXT NOT NULL,
    next         TEXT NOT NULL,
    link_login   TEXT NOT NULL DEFAULT '',
    expires_at   REAL NOT NULL
) STRICT;

CREATE INDEX sign_ins_expiry ON sign_ins (expires_at);

-- Links that were sent by mail. `user_id` is whose account the address is to be linked to; empty when somebody
-- signs in.
CREATE TABLE mail_links (
    token_hash TEXT PRIMARY KEY,
    email      TEXT NOT NULL,
    next       TEXT NOT NULL,
    user_id    TEXT NOT NULL DEFAULT '',
    expires_at REAL NOT NULL
) STRICT;

CREATE INDEX mail_links_email ON mail_links (email);
CREATE INDEX mail_links_expiry ON mail_links (expires_at);
