-- Plans: who pays for whom, and what has been granted. Whoever has no row here is on the free plan.

-- What was granted (by the operator, or taken where nothing has to be paid) has no reference. What is paid for
-- has the provider's id of the subscription, and no holder until a checkout has told whose it is.
CREATE TABLE subscriptions (
    id            INTEGER PRIMARY KEY,
    kind          TEXT NOT NULL CHECK (kind IN ('', 'user', 'org')),
    holder        TEXT NOT NULL,
    source        TEXT NOT NULL CHECK (source IN ('operator', 'self', 'payment')),
    reference     TEXT NOT NULL DEFAULT '',
    customer      TEXT NOT NULL DEFAULT '',
    status        TEXT NOT NULL CHECK (status IN ('pending', 'active', 'past_due', 'ended')),
    seats         INTEGER NOT NULL DEFAULT 1 CHECK (seats >= 1),
    period_end    REAL,
    cancel_at_end INTEGER NOT NULL DEFAULT 0,
    created_at    REAL NOT NULL,
    changed_at    REAL NOT NULL,
    -- Of the provider's event that this row is as of; an older one that comes later changes nothing.
    event_at      REAL NOT NULL DEFAULT 0,
    event_rank    INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE UNIQUE INDEX subscriptions_granted ON subscriptions (kind, holder, source) WHERE reference = '';
CREATE UNIQUE INDEX subscriptions_paid ON subscriptions (reference) WHERE reference <> '';
CREATE INDEX subscriptions_holder ON subscriptions (kind, holder);

INSERT INTO subscriptions (kind, holder, source, status, created_at, changed_at)
SELECT 'user', user_id, 'operator', 'active', changed_at, changed_at FROM entitlements WHERE tier = 'pro';

DROP TABLE entitlements;

-- Events of the payment provider that have been taken.
CREATE TABLE billing_events (
    id       TEXT PRIMARY KEY,
    taken_at REAL NOT NULL
) STRICT;

CREATE INDEX billing_events_taken ON billing_events (taken_at);
