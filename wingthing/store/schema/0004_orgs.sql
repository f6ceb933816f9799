-- Organisations, their members, and invites.

-- An id begins with 'org_': no slug has that character, so that the two cannot be taken for each other.
CREATE TABLE orgs (
    id         TEXT PRIMARY KEY,
    slug       TEXT NOT NULL UNIQUE,
    name       TEXT NOT NULL,
    created_at REAL NOT NULL
) STRICT;

CREATE TABLE org_members (
    org_id    TEXT NOT NULL REFERENCES orgs (id) ON DELETE CASCADE,
    user_id   TEXT NOT NULL REFERENCES users (id),
    role      TEXT NOT NULL CHECK (role IN ('owner', 'admin', 'member')),
    joined_at REAL NOT NULL,
    PRIMARY KEY (org_id, user_id)
) STRICT;

CREATE INDEX org_members_user ON org_members (user_id);

-- `ended` is empty for one that waits: 'accepted' or 'withdrawn' say why a link works no more.
CREATE TABLE org_invites (
    id         TEXT PRIMARY KEY,
    token_hash TEXT NOT NULL UNIQUE,
    org_id     TEXT NOT NULL REFERENCES orgs (id) ON DELETE CASCADE,
    email      TEXT NOT NULL,
    role       TEXT NOT NULL CHECK (role IN ('owner', 'admin', 'member')),
    invited_by TEXT NOT NULL REFERENCES users (id),
    created_at REAL NOT NULL,
    expires_at REAL NOT NULL,
    ended      TEXT NOT NULL DEFAULT '' CHECK (ended IN ('', 'accepted', 'withdrawn'))
) STRICT;

CREATE UNIQUE INDEX org_invites_waiting ON org_invites (org_id, email) WHERE ended = '';
CREATE INDEX org_invites_by ON org_invites (invited_by);

-- One row for each organisation that there is or was, with the number of its latest change: for a server that
-- has them in memory, and for what `wt` changes beside it.
CREATE TABLE org_changes (
    id     INTEGER PRIMARY KEY AUTOINCREMENT,
    org_id TEXT NOT NULL UNIQUE
) STRICT;
