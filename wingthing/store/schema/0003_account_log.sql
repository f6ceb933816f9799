-- Where logins were made and from where things were done, for the pages of an account.

-- `address` and `agent` are of the latest use that was noted.
ALTER TABLE login_sessions ADD COLUMN address TEXT NOT NULL DEFAULT '';
ALTER TABLE login_sessions ADD COLUMN agent TEXT NOT NULL DEFAULT '';

-- The latest use that was noted; 0 when none was.
ALTER TABLE tokens ADD COLUMN used_at REAL NOT NULL DEFAULT 0;

-- `user_id` is whose account it is about. `actor` is who did it when that was somebody else: a user id, or
-- 'operator:' for the command line, which no user id can be.
ALTER TABLE audit_log ADD COLUMN org_id TEXT NOT NULL DEFAULT '';
ALTER TABLE audit_log ADD COLUMN actor TEXT NOT NULL DEFAULT '';

-- The log is read by id, the newest first: each of these ends in it.
DROP INDEX audit_log_user;
CREATE INDEX audit_log_user ON audit_log (user_id);
CREATE INDEX audit_log_actor ON audit_log (actor) WHERE actor <> '';
CREATE INDEX audit_log_org ON audit_log (org_id) WHERE org_id <> '';
CREATE INDEX audit_log_at ON audit_log (at);
