-- Where this file begins, when the events before it lie in archives: the head that its first event continues, and the state that
-- everything up to there amounts to. One row, or none when the file begins with event 1.
CREATE TABLE opening (
    only        INTEGER PRIMARY KEY CHECK (only = 1),
    seq         INTEGER NOT NULL,
    digest      BLOB NOT NULL,
    owed_seq    INTEGER NOT NULL, -- the first event that folding from this state may still ask for
    layout      INTEGER NOT NULL,
    fingerprint TEXT NOT NULL,
    state       BLOB NOT NULL,    -- empty: it is not known
    checksum    BLOB NOT NULL     -- SHA-256 of all the others
) STRICT;

CREATE TRIGGER opening_is_never_changed BEFORE UPDATE ON opening
BEGIN
    SELECT RAISE(ABORT, 'a segment begins where it begins');
END;

CREATE TRIGGER opening_is_never_deleted BEFORE DELETE ON opening
BEGIN
    SELECT RAISE(ABORT, 'a segment begins where it begins');
END;
