-- The event log: one table that is only ever appended to.
CREATE TABLE event (
    seq          INTEGER PRIMARY KEY,
    cause        INTEGER NOT NULL,
    at_ms        INTEGER NOT NULL,
    utc_ms       INTEGER NOT NULL,
    type         TEXT NOT NULL,
    version      INTEGER NOT NULL,
    connector_id INTEGER,
    payload      TEXT NOT NULL,
    digest       BLOB NOT NULL
) STRICT;

CREATE TRIGGER event_is_never_changed BEFORE UPDATE ON event
BEGIN
    SELECT RAISE(ABORT, 'the event log is append-only');
END;

CREATE TRIGGER event_is_never_deleted BEFORE DELETE ON event
BEGIN
    SELECT RAISE(ABORT, 'the event log is append-only');
END;

-- Facts about the file itself, such as the identity it was commissioned for.
CREATE TABLE meta (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- What was applied to this file. A version that knows at least number min_reader may open it.
CREATE TABLE migration (
    number     INTEGER PRIMARY KEY,
    name       TEXT NOT NULL,
    sha256     TEXT NOT NULL,
    min_reader INTEGER NOT NULL
) STRICT;

PRAGMA application_id = 1128419160; -- "CBOX"
